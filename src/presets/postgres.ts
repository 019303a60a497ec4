import { preset } from "./preset.js";

/**
 * PostgreSQL's protocol 3, for servers. A message is a whole one as it comes: StartupMessage, SSLRequest, GSSENCRequest and
 * CancelRequest, which begin with their length, the first byte of which is 0, and all others, which begin with a letter. `send`
 * takes whole messages, or the one byte that answers an SSLRequest.
 *
 * ```text
 *   length       code
 *   00 00 00 08  04 d2 16 2f                  SSLRequest
 *   type  length       content
 *   51    00 00 00 0d  53 45 4c ... 00        Query
 * ```
 * PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats". Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { postgres, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(connection, message) {
 * 			if (message[0] !== 0) return void console.log(String.fromCharCode(message[0]));
 * 			const code = message.readUInt32BE(4);
 * 			if (code === 80877103) return "N"; // SSLRequest: no
 * 			return Buffer.concat([
 * 				Buffer.of(0x52, 0, 0, 0, 8, 0, 0, 0, 0), // AuthenticationOk
 * 				Buffer.of(0x5a, 0, 0, 0, 5, 0x49), // ReadyForQuery
 * 			]);
 * 		},
 * 	},
 * 	{ port: 5432, protocol: postgres() },
 * );
 * await server.start();
 * ```
 */
export const postgres = preset("postgres()", {
	length: { at: 1, as: "u32", counts: "self" },
	cases: [
		{ equals: 0, length: { as: "u32", counts: "self" }, deliver: "frame" },
	],
});
