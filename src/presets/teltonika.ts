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
