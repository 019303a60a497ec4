import type { FrameNumber } from "../framing/frame-length.js";
import {
	type BytesOrText,
	passed,
	presetOf,
	TextPresetOptions,
} from "./preset.js";

/** Settings of {@link lengthPrefixed}, with the meaning that they have in {@link FrameLengthOptions}. */
export class LengthPrefixedOptions extends TextPresetOptions {
	/**
	 * How the length is written.
	 *
	 * @defaultValue "u32"
	 */
	as?: FrameNumber = passed<FrameNumber>("u32");
	/**
	 * Which of its bytes comes first.
	 *
	 * @defaultValue "big"
	 */
	order?: "big" | "little" = passed("big");
	/**
	 * What it counts: the message, or itself and the message.
	 *
	 * @defaultValue "rest"
	 */
	counts?: "rest" | "self" | "frame" = passed("rest");
	/**
	 * What is added to it.
	 *
	 * @defaultValue 0
	 */
	add?: number = passed(0);
}

/**
 * A length and so many bytes. A message is these bytes, and `send` takes the same. It is what Erlang calls `packet`, and Netty
 * does with `LengthFieldBasedFrameDecoder` and `LengthFieldPrepender`.
 *
 * ```text
 *   length       message
 *   00 00 00 02  68 69
 * ```
 * No document: as most programs do. Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { lengthPrefixed, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, message) => `${message.length} bytes`,
 * 	},
 * 	{ port: 4000, protocol: lengthPrefixed({ as: "u32" }) },
 * );
 * await server.start();
 * ```
 */
export const lengthPrefixed = presetOf(
	"lengthPrefixed()",
	LengthPrefixedOptions,
	({ as, order, counts, add }) => ({
		length: { as, order, counts, add },
	}),
) as BytesOrText<LengthPrefixedOptions>;
