import { preset } from "./preset.js";

/**
 * SMPP 3.3, 3.4 and 5.0. A message is a whole PDU, with its length, as libraries take it, and `send` takes the same.
 *
 * ```text
 *   length       command      status       sequence     body
 *   00 00 00 10  00 00 00 15  00 00 00 00  00 00 00 01           enquire_link
 * ```
 * SMPP 3.4, section 3.2. Up to 128 KiB: the longest parameter, message_payload, has 64 KiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export const smpp = preset("smpp()", {
	length: { as: "u32", counts: "frame" },
	deliver: "frame",
	maxMessageBytes: 128 * 1024,
});
