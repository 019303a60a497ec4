import { textPreset } from "./preset.js";

/**
 * Netstrings: a length in decimal digits, a colon, so many bytes and a comma, which is checked. A message is these bytes, and
 * `send` takes the same.
 *
 * ```text
 *   length :  message                             ,
 *   31 32  3a 68 65 6c 6c 6f 20 77 6f 72 6c 64 21 2c       12:hello world!,
 * ```
 * D. J. Bernstein, Netstrings (cr.yp.to/proto/netstrings.txt). Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { netstring, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, message) => `you said ${message}`,
 * 	},
 * 	{ port: 4000, protocol: netstring({ text: true }) },
 * );
 * await server.start();
 * ```
 */
export const netstring = textPreset("netstring()", {
	length: { as: { decimalUntil: ":" }, add: 1 },
	end: ",",
});
