import { boolean } from "../base/option-table.js";
import type { FrameBytes } from "../framing/frame-bytes.js";
import {
	type BytesOrText,
	passed,
	presetOf,
	TextPresetOptions,
} from "./preset.js";

/** Settings of {@link delimited}. */
export class DelimitedOptions extends TextPresetOptions {
	/** What messages end with, or an array of what they may end with; the first one is what is sent. Has to be given. */
	end: FrameBytes | readonly FrameBytes[] = passed(undefined) as never;
	/**
	 * What they begin with, or an array of what they may begin with; the first one is what is sent.
	 *
	 * @defaultValue none
	 */
	start?: FrameBytes | readonly FrameBytes[] | undefined = passed(undefined);
	/**
	 * What becomes of bytes that begin none, where they have a start: see {@link FramesOptions.onNoise}.
	 *
	 * @defaultValue "close"
	 */
	onNoise?: "close" | "discard" = passed("close");
	/**
	 * What is empty is no message.
	 *
	 * @defaultValue false
	 */
	ignoreEmpty?: boolean = boolean({ default: false });
}

/**
 * Messages up to a delimiter, such as the NUL of GELF, or between two. A message is what is between them, and `send` takes
 * the same; one that holds an end is refused with `ERR_GEV_DATA`.
 *
 * ```text
 *   [ start ] message  end
 *             7b 7d    00       { end: 0 }
 * ```
 * No document: as most programs do. Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { delimited, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(connection, message) {
 * 			const { short_message } = JSON.parse(message);
 * 			console.log(connection.remoteAddress, short_message);
 * 		},
 * 	},
 * 	{ port: 12201, protocol: delimited({ end: 0, text: true }) },
 * );
 * await server.start();
 * ```
 */
export const delimited = presetOf(
	"delimited()",
	DelimitedOptions,
	({ end, start, onNoise, ignoreEmpty }) => ({
		...{ end, start, onNoise, ignoreEmpty },
	}),
) as BytesOrText<DelimitedOptions>;
