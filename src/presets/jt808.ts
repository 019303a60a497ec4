import { preset } from "./preset.js";

/**
 * JT/T 808, what vehicles in China speak, of 2011, 2013 and 2019. A message is the header and the body, without escapes, check
 * byte and flags, all of which `send` writes too. Frames with a wrong check byte, and what is between frames, are left out and
 * told to `onFrameError`.
 *
 * ```text
 *   flag  header, body (7e as 7d 02, 7d as 7d 01)          xor  flag
 *   7e    00 02  00 00  01 23 45 67 89 01  00 0a           80   7e
 *         id     size   phone              serial number
 * ```
 * JT/T 808-2019, section 4.4. Up to 1044 bytes: 21 of the longest header, and a body of 1023.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { jt808, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			// The platform's general answer (8001), for the phone, the serial number and the id of the message.
 * 			const [id, phone] = [message.subarray(0, 2), message.subarray(4, 10)];
 * 			const serial = message.subarray(10, 12);
 * 			const head = Buffer.concat([Buffer.of(0x80, 1, 0, 5), phone, serial]);
 * 			return Buffer.concat([head, serial, id, Buffer.of(0)]);
 * 		},
 * 	},
 * 	{ port: 8080, protocol: jt808() },
 * );
 * await server.start();
 * ```
 */
export const jt808 = preset("jt808()", {
	start: 0x7e,
	end: 0x7e,
	escape: { byte: 0x7d, map: { 1: 0x7d, 2: 0x7e } },
	checksum: { as: "xor8", onBad: "discard" },
	onNoise: "discard",
	maxMessageBytes: 1044,
});
