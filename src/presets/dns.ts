import { preset } from "./preset.js";

/**
 * DNS over TCP. A message is a query or an answer as it is sent by UDP, without the length in front, which `send` writes.
 *
 * ```text
 *   length  id     flags  counts                   questions ...
 *   00 1d   aa aa  01 00  00 01 00 00 00 00 00 00  07 65 78 61 6d ...
 * ```
 * RFC 1035, section 4.2.2; RFC 7766, section 8. Up to 65,535 bytes, as the length can say. Resolvers keep connections open for
 * some seconds at least; see the option `timeouts.idleMs` of the server.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { dns, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, query) {
 * 			const answer = Buffer.from(query);
 * 			answer[2] |= 0x80; // an answer:
 * 			answer[3] = 3; // there is no such name
 * 			return answer;
 * 		},
 * 	},
 * 	{ port: 53, protocol: dns() },
 * );
 * await server.start();
 * ```
 */
export const dns = preset("dns()", {
	length: "u16",
	maxMessageBytes: 65_535,
});
