import { preset } from "./preset.js";

/**
 * Teltonika's trackers, with the codecs 8, 8 extended, 12 and others of the same frame. The first message of a connection is
 * the IMEI in digits; then each is what is between the length and the CRC, and begins with the codec's number; a ping is the
 * one byte ff. `send` sends everything as it is: 01 for an IMEI that is known, the number of records in four bytes, or a whole
 * frame of codec 12.
 *
 * ```text
 *   00 0f  IMEI                                                  the first one
 *   00 00 00 00  length (4 bytes)  codec, data  00 00 CRC        the others
 *   ff                                                           a ping
 * ```
 * Teltonika data sending protocols (wiki.teltonika-gps.com), "Codec 8" and "Communication with server". Up to 4096 bytes: packets
 * have 1280 at most, and answers of codec 12 may be longer.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { Server, teltonika } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			if (message[0] === 0xff) return; // a ping
 * 			if (message[0] >= 0x30 && message[0] <= 0x39) return Buffer.of(1); // the IMEI, in digits: accepted
 * 			const records = Buffer.alloc(4);
 * 			records.writeUInt32BE(message[1]);
 * 			return records;
 * 		},
 * 	},
 * 	{ port: 5027, protocol: teltonika() },
 * );
 * await server.start();
 * ```
 */
export const teltonika = preset("teltonika()", {
	first: { length: "u16" },
	length: { at: 4, as: "u32", add: 4 },
	checksum: { as: "crc16-arc", from: 8, width: 4 },
	deliver: { strip: 8, stripEnd: 4 },
	cases: [{ equals: 0xff, fixed: 1 }],
	send: "raw",
	maxMessageBytes: 4096,
});
