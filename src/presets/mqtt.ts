import { preset } from "./preset.js";

/**
 * Control packets of MQTT 3.1.1 and 5. A message is a whole packet, with its first byte and its length, as packet libraries
 * take it, and `send` takes the same.
 *
 * ```text
 *   type, flags  length (1 to 4 bytes)  rest
 *   c0           00                                 PINGREQ
 *   30           05                     00 01 61 68 69
 * ```
 * MQTT 3.1.1, section 2.2 (fixed header), MQTT 5, section 2.1. Up to 1 MiB; the protocol allows for 256 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { mqtt, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(connection, packet) {
 * 			const type = packet[0] >> 4;
 * 			if (type === 1) return Buffer.of(0x20, 2, 0, 0); // CONNECT: CONNACK of MQTT 3.1.1
 * 			if (type === 12) return Buffer.of(0xd0, 0); // PINGREQ: PINGRESP
 * 			if (type === 14) connection.close(); // DISCONNECT
 * 		},
 * 	},
 * 	{ port: 1883, protocol: mqtt() },
 * );
 * await server.start();
 * ```
 */
export const mqtt = preset("mqtt()", {
	length: { at: 1, as: { varint: 4 } },
});
