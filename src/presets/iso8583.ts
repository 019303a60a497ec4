import { oneOf } from "../base/option-table.js";
import type { FrameNumber } from "../framing/frame-length.js";
import { type BytesPreset, PresetOptions, passed, presetOf } from "./preset.js";

/** Settings of {@link iso8583}. */
export class Iso8583Options extends PresetOptions {
	/**
	 * How the length is written: most networks use two bytes, four decimal digits (`{ decimal: 4 }`), or four decimal digits
	 * in two bytes (`{ bcd: 2 }`).
	 *
	 * @defaultValue "u16"
	 */
	length?: FrameNumber = passed<FrameNumber>("u16");
	/**
	 * What it counts: the message, or itself too.
	 *
	 * @defaultValue "rest"
	 */
	counts?: "rest" | "self" = oneOf(["rest", "self"], { default: "rest" });
}

/**
 * ISO 8583, what card terminals and banks speak, behind a length, about which each network has its own opinion. A message is
 * what is behind it: a header, if the network has one, and the message type and all the rest; `send` takes the same.
 *
 * ```text
 *   length       type         bitmap                   fields
 *   00 0c        30 38 30 30  80 00 00 00 00 00 00 00                "u16"
 *   30 30 31 32  ...                                                 { decimal: 4 }
 *   00 12        ...                                                 { bcd: 2 }
 * ```
 * ISO 8583 says nothing of framing; these are the ones of jPOS: `NACChannel`, `ASCIIChannel`, `BCDChannel`. As long as the
 * length can say.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { iso8583, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			// The answer to 0800 is 0810.
 * 			const answer = Buffer.from(message);
 * 			answer[2] = 0x31;
 * 			return answer;
 * 		},
 * 	},
 * 	{ port: 8583, protocol: iso8583({ length: "u16" }) },
 * );
 * await server.start();
 * ```
 */
export const iso8583 = presetOf(
	"iso8583()",
	Iso8583Options,
	({ length, counts }) => ({ length: { as: length, counts } }),
) as BytesPreset<Iso8583Options>;
