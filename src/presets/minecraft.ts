import { preset } from "./preset.js";

/**
 * Minecraft, Java Edition, before compression and encryption are agreed on: status, pings, login. A message is a packet without its length,
 * which `send` writes.
 *
 * ```text
 *   length (1 to 3 bytes)  id  data
 *   10                     00  ff 05 09 6c 6f 63 ...          handshake
 *   01                     00                                 status request
 * ```
 * minecraft.wiki, "Java Edition protocol/Packets", packet format. Up to 2,097,151 bytes, as the length can say.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { minecraft, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, packet) {
 * 			if (packet[0] === 1) return packet; // a ping
 * 			if (packet.length > 1) return; // a handshake
 * 			const status = JSON.stringify({
 * 				version: { name: "gev", protocol: 767 },
 * 				players: { max: 20, online: 0 },
 * 				description: { text: "hello" },
 * 			});
 * 			return Buffer.concat([Buffer.of(0, status.length), Buffer.from(status)]);
 * 		},
 * 	},
 * 	{ port: 25565, protocol: minecraft() },
 * );
 * await server.start();
 * ```
 */
export const minecraft = preset("minecraft()", {
	length: { as: { varint: 3 } },
	maxMessageBytes: 2_097_151,
});
