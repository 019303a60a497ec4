import { preset } from "./preset.js";

/**
 * TPKT, which carries ISO transport over TCP: S7, RDP, H.323, X.400. A message is a TPDU, without the header, which `send`
 * writes.
 *
 * ```text
 *   version  reserved  length  TPDU
 *   03       00        00 0b   06 e0 00 00 00 00 00          connection request
 * ```
 * RFC 1006, section 6; RFC 2126. Up to 65,531 bytes, as the length can say.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { Server, tpkt } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, tpdu) {
 * 			if (tpdu[1] !== 0xe0) return;
 * 			// A connection request is answered by a connection confirm, with its source as destination.
 * 			const confirm = Buffer.from(tpdu);
 * 			confirm[1] = 0xd0;
 * 			tpdu.copy(confirm, 2, 4, 6);
 * 			return confirm;
 * 		},
 * 	},
 * 	{ port: 102, protocol: tpkt() },
 * );
 * await server.start();
 * ```
 */
export const tpkt = preset("tpkt()", {
	start: Uint8Array.of(3, 0),
	length: { at: 2, as: "u16", counts: "frame" },
	maxMessageBytes: 65_531,
});
