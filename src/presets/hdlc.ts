import * as check from "../base/check.js";
import { boolean, option } from "../base/option-table.js";
import { type BytesPreset, PresetOptions, presetOf } from "./preset.js";

/** Settings of {@link hdlc}. */
export class HdlcOptions extends PresetOptions {
	/**
	 * Bits of the frame check sequence: 16, or 32.
	 *
	 * @defaultValue 16
	 */
	fcs?: 16 | 32 = option<16 | 32>((value, name) => {
		if (value === 16 || value === 32) return value;
		throw check.wrong(name, "16 or 32", value);
	}, 16);
	/**
	 * Control characters (00 to 1f) are escaped too in what is sent, as peers want it that have agreed on no map of them (ACCM).
	 *
	 * @defaultValue false
	 */
	escapeControls?: boolean = boolean({ default: false });
}

/**
 * HDLC-like framing, as PPP and many devices use it. A message is what is between the flags, without escapes and frame check
 * sequence, which `send` writes too. Frames with a wrong one, and what is between frames, are left out and told to
 * `onFrameError`.
 *
 * ```text
 *   flag  address, control, data (7e as 7d 5e, 7d as 7d 5d)  FCS    flag
 *   7e    31 32 33 34 35 36 37 38 39                         6e 90  7e
 * ```
 * RFC 1662, section 4 and appendix C (FCS). Up to 64 KiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { hdlc, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, packet) => packet,
 * 	},
 * 	{ port: 4000, protocol: hdlc({ fcs: 16 }) },
 * );
 * await server.start();
 * ```
 */
export const hdlc = presetOf(
	"hdlc()",
	HdlcOptions,
	({ fcs, escapeControls }) => ({
		start: 0x7e,
		end: 0x7e,
		escape: {
			byte: 0x7d,
			xor: 0x20,
			...(escapeControls && { also: CONTROLS }),
		},
		checksum: {
			as: fcs === 16 ? "crc16-x25" : "crc32",
			order: "little",
			onBad: "discard",
		},
		onNoise: "discard",
		maxMessageBytes: 64 * 1024,
	}),
) as BytesPreset<HdlcOptions>;

const CONTROLS = Uint8Array.from({ length: 32 }, (_, byte) => byte);
