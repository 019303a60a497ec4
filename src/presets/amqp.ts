import { preset } from "./preset.js";

/**
 * AMQP 0-9-1, for servers. The first message of a connection is the protocol header of eight bytes; then each is a whole frame,
 * the end of which is checked; `send` takes the same.
 *
 * ```text
 *   41 4d 51 50 00 00 09 01                              the first one
 *   type  channel  length       payload      end
 *   08    00 00    00 00 00 00               ce          heartbeat
 * ```
 * AMQP 0-9-1, sections 4.2.2 and 4.2.3. Up to 128 KiB, which is what brokers agree on (`frame-max`).
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { amqp, Server } from "gev";
 *
 * // connection.start: version 0-9, no properties, PLAIN, en_US.
 * const start = "000a000a0009000000000000" + "0005504c41494e" + "00000005656e5f5553";
 * const head = Buffer.of(1, 0, 0, 0, 0, 0, start.length / 2);
 * const START = Buffer.concat([head, Buffer.from(start, "hex"), Buffer.of(0xce)]);
 *
 * const server = new Server(
 * 	{
 * 		onMessage(connection, frame) {
 * 			if (frame.subarray(0, 4).toString() === "AMQP") return START;
 * 			console.log(`frame of type ${frame[0]} on channel ${frame.readUInt16BE(1)}`);
 * 		},
 * 	},
 * 	{ port: 5672, protocol: amqp() },
 * );
 * await server.start();
 * ```
 */
export const amqp = preset("amqp()", {
	first: { fixed: 8 },
	length: { at: 3, as: "u32", add: 1 },
	end: 0xce,
	maxMessageBytes: 128 * 1024,
});
