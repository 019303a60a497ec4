import { preset } from "./preset.js";

/**
 * GT06 and the many trackers that speak like it. A message is what is between the length and the CRC: the protocol number, the
 * content and the serial number; `send` takes the same, and writes start, length, CRC and end around up to 253 bytes. Frames
 * with a wrong CRC, and what is between frames, are left out and told to `onFrameError`.
 *
 * ```text
 *   start  length      number  content          serial  CRC    end
 *   78 78  0d          01      IMEI in 8 bytes  00 01   8c dd  0d 0a
 *   79 79  00 xx       (longer ones)
 * ```
 * GT06 GPS tracker communication protocol 1.02, section 4. As long as its length can say.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { gt06, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			const isAnswered = message[0] === 0x01 || message[0] === 0x13; // login, heartbeat
 * 			if (!isAnswered) return;
 * 			return Buffer.concat([message.subarray(0, 1), message.subarray(-2)]);
 * 		},
 * 	},
 * 	{ port: 5023, protocol: gt06() },
 * );
 * await server.start();
 * ```
 */
export const gt06 = preset("gt06()", {
	start: ["xx", "yy"],
	length: { at: 2, as: "u8", add: 2 },
	end: "\r\n",
	checksum: { as: "crc16-x25", onBad: "discard" },
	deliver: "body",
	cases: [
		{
			equals: "yy",
			length: { at: 2, as: "u16", add: 2 },
			end: "\r\n",
			checksum: { as: "crc16-x25", onBad: "discard" },
			deliver: "body",
		},
	],
	onNoise: "discard",
});
