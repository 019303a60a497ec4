import { preset } from "./preset.js";

/**
 * Kafka's protocol. A message is a request (or a response, of which there may be all kinds) without its length, which `send`
 * writes.
 *
 * ```text
 *   length       key    version  correlation  client id
 *   00 00 00 0e  00 12  00 00    00 00 00 01  00 04 74 65 73 74
 * ```
 * Apache Kafka protocol guide, "Protocol Primitive Types" and "Requests". Up to 1 MiB, as producers send by default; brokers let in 100 MiB
 * (`socket.request.max.bytes`).
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { kafka, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, request) {
 * 			const [key, version] = [request.readInt16BE(0), request.readInt16BE(2)];
 * 			console.log(`request ${key} of version ${version}`);
 * 			const unsupported = Buffer.of(0, 35);
 * 			return Buffer.concat([request.subarray(4, 8), unsupported, Buffer.alloc(4)]);
 * 		},
 * 	},
 * 	{ port: 9092, protocol: kafka() },
 * );
 * await server.start();
 * ```
 */
export const kafka = preset("kafka()", {
	length: "u32",
});
