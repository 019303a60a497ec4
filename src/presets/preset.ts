import {
	boolean,
	type Checked,
	OptionTable,
	option,
} from "../base/option-table.js";
import type { FramesOptions } from "../framing/frames-options.js";
import { frames, type StreamProtocol } from "../protocol.js";

/**
 * Presets: each is one configuration of {@link frames} under the name of its protocol, with the few options that its users
 * need. What an option may be is checked by `frames()` itself, which gets it as it is given.
 */

/** Settings that all presets have, with the meaning that they have in {@link FramesOptions}. */
export class PresetOptions {
	/**
	 * Longest message in bytes, as it is handed over. 0 means no limit.
	 *
	 * @defaultValue the one of the preset
	 */
	maxMessageBytes?: number | undefined = passed(undefined);
	/**
	 * What becomes of a longer one: the connection is closed, or it is left out.
	 *
	 * @defaultValue "close"
	 */
	onTooLong?: "close" | "discard" = passed("close");
	/**
	 * How long a frame may take that has begun, in milliseconds. 0 means for ever.
	 *
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number = passed(0);
}

/** Settings of presets whose messages may be text. */
export class TextPresetOptions extends PresetOptions {
	/**
	 * Messages are text in UTF-8, handed over as strings; what is none is a malformed frame.
	 *
	 * @defaultValue false
	 */
	text?: boolean = boolean({ default: false });
}

/** Makes a protocol whose messages are bytes. */
export type BytesPreset<Options = PresetOptions> = (
	...options: PresetArguments<Options>
) => StreamProtocol<"frames">;

/** Makes a protocol whose messages are bytes, or with `text: true` strings. */
export interface BytesOrText<Options = TextPresetOptions> {
	(options: Options & { text: true }): StreamProtocol<"textFrames">;
	(
		...options: PresetArguments<Options & { text?: false | undefined }>
	): StreamProtocol<"frames">;
	(
		...options: PresetArguments<Options>
	): StreamProtocol<"frames" | "textFrames">;
}

/** Makes a protocol whose messages are strings, or with `text: false` bytes. */
export interface TextOrBytes<Options> {
	(options: Options & { text: false }): StreamProtocol<"frames">;
	(
		...options: PresetArguments<Options & { text?: true | undefined }>
	): StreamProtocol<"textFrames">;
	(
		...options: PresetArguments<Options>
	): StreamProtocol<"frames" | "textFrames">;
}

/** An option that `frames()` has too, and checks. */
export function passed<Value>(fallback: Value): Value {
	return option<Value>((value) => value as Value, fallback);
}

/** A preset without options of its own: this configuration. */
export function preset(name: string, config: FramesOptions): BytesPreset {
	return presetOf(name, PresetOptions, () => config) as BytesPreset;
}

/** As {@link preset}, for messages that may be text. */
export function textPreset(name: string, config: FramesOptions): BytesOrText {
	return presetOf(name, TextPresetOptions, () => config) as BytesOrText;
}

/** A preset whose configuration depends on options of its own. */
export function presetOf<Options extends PresetOptions>(
	name: string,
	Rows: new () => Options,
	configure: (options: Checked<Options>) => FramesOptions,
): (options?: object) => unknown {
	const table = new OptionTable(name, Rows);
	return (options) => {
		const checked = table.check(options);
		const { maxMessageBytes, onTooLong, frameTimeoutMs, text } =
			checked as TextPresetOptions & Required<Pick<PresetOptions, Always>>;
		return frames({
			...configure(checked),
			...{ onTooLong, frameTimeoutMs },
			...(maxMessageBytes !== undefined && { maxMessageBytes }),
			...(text !== undefined && { text }),
		});
	};
}

/** Options that are there once they have been checked. */
type Always = "onTooLong" | "frameTimeoutMs";

/** What a preset is called with: its options, which may be left out if none of them has to be given. */
export type PresetArguments<Options> = object extends Options
	? [options?: Options]
	: [options: Options];
