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
 *
 * @example
 * ```ts
 * import { Server, smpp } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, pdu) {
 * 			// The head of the response to each request: its command with the highest bit set, and no error.
 * 			const answer = Buffer.from(pdu.subarray(0, 16));
 * 			answer.writeUInt32BE(16, 0);
 * 			answer[4] = 0x80;
 * 			return answer;
 * 		},
 * 	},
 * 	{ port: 2775, protocol: smpp() },
 * );
 * await server.start();
 * ```
 */
export const smpp = preset("smpp()", {
	length: { as: "u32", counts: "frame" },
	deliver: "frame",
	maxMessageBytes: 128 * 1024,
});
