import { preset } from "./preset.js";

/**
 * Consistent overhead byte stuffing, with a zero behind each packet. A message is a packet as it was before, and `send` takes
 * the same. Nothing between two zeros is no message, nor is an empty packet.
 *
 * ```text
 *   packet          zero
 *   03 11 22 02 33  00          11 22 00 33
 * ```
 * S. Cheshire, M. Baker, Consistent Overhead Byte Stuffing (IEEE/ACM Transactions on Networking 7, 1999), section 3. Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { cobs, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, packet) => packet,
 * 	},
 * 	{ port: 4000, protocol: cobs() },
 * );
 * await server.start();
 * ```
 */
export const cobs = preset("cobs()", {
	end: 0,
	escape: "cobs",
	ignoreEmpty: true,
});
