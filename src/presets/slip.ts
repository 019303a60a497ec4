import { preset } from "./preset.js";

/**
 * SLIP. A message is a packet without escapes, and `send` takes the same. Nothing between two ends is no message.
 *
 * ```text
 *   packet (c0 as db dc, db as db dd)  END
 *   61 db dc 62                        c0          61 c0 62
 * ```
 * RFC 1055. Up to 65,535 bytes, as IP packets have.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { Server, slip } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, packet) => packet,
 * 	},
 * 	{ port: 4000, protocol: slip() },
 * );
 * await server.start();
 * ```
 */
export const slip = preset("slip()", {
	end: 0xc0,
	escape: { byte: 0xdb, map: { 220: 0xc0, 221: 0xdb } },
	ignoreEmpty: true,
	maxMessageBytes: 65_535,
});
