import { boolean } from "../base/option-table.js";
import type { FrameRule } from "../framing/frames-options.js";
import { PresetOptions, presetOf, type TextOrBytes } from "./preset.js";

/** Settings of {@link nmea}. */
export class NmeaOptions extends PresetOptions {
	/**
	 * Sentences are text, handed over as strings; what is no UTF-8 is a malformed frame. False: they are Buffers.
	 *
	 * @defaultValue true
	 */
	text?: boolean = boolean({ default: true });
	/**
	 * Sentences have a checksum, which is checked, and written behind what is sent. False: it is not looked at, and a part of the
	 * message where there is one.
	 *
	 * @defaultValue true
	 */
	checksum?: boolean = boolean({ default: true });
}

/**
 * NMEA 0183: sentences of GPS receivers and other instruments (`$`), and of AIS (`!`). A message is a sentence with its first
 * character, without checksum and CRLF, which `send` writes behind what it is given. Sentences with a wrong checksum, and what
 * is between sentences, are left out and told to `onFrameError`.
 *
 * ```text
 *   $ GPGLL,5057.970,N,00146.110,E,142451,A  * 2  7  CR LF
 *   24 47 50 47 4c 4c ...                    2a 32 37 0d 0a
 * ```
 * NMEA 0183, section 5.3; IEC 61162-1. Up to 1024 bytes: the document allows for 82, to which many instruments do not keep.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { nmea, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, sentence) {
 * 			const [kind, time, latitude, north, longitude, east] = sentence.split(",");
 * 			if (kind.endsWith("GGA")) console.log(time, latitude, north, longitude, east);
 * 		},
 * 	},
 * 	{ port: 10110, protocol: nmea() },
 * );
 * await server.start();
 * ```
 */
export const nmea = presetOf("nmea()", NmeaOptions, ({ checksum }) => ({
	start: ["$", "!"],
	end: "\r\n",
	...(checksum ? CHECKED : { deliver: { stripEnd: 2 } }),
	onNoise: "discard",
	maxMessageBytes: 1024,
})) as TextOrBytes<NmeaOptions>;

const CHECKED: FrameRule = {
	checksum: { as: "xor8", digits: "hex", after: "*", onBad: "discard" },
	deliver: { stripEnd: 5 },
};
