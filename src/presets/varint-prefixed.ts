import { integer } from "../base/option-table.js";
import { type BytesPreset, PresetOptions, presetOf } from "./preset.js";

/** Settings of {@link varintPrefixed}. */
export class VarintPrefixedOptions extends PresetOptions {
	/**
	 * Most bytes of the length, 1 to 10.
	 *
	 * @defaultValue 5
	 */
	maxBytes?: number = integer({ min: 1, max: 10, default: 5 });
}

/**
 * A length of seven bits a byte, the lowest ones first, and so many bytes: protobuf's delimited messages (`encodeDelimited`,
 * `writeDelimitedTo`). A message is these bytes, and `send` takes the same.
 *
 * ```text
 *   length  message
 *   03      08 96 01
 *   ac 02   ... 300 bytes
 * ```
 * protobuf.dev, Techniques, "Streaming Multiple Messages", and Encoding, "Base 128 Varints". Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { Server, varintPrefixed } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		// What protobufjs or protobuf-es decode and encode.
 * 		onMessage: (_, message) => message,
 * 	},
 * 	{ port: 4000, protocol: varintPrefixed() },
 * );
 * await server.start();
 * ```
 */
export const varintPrefixed = presetOf(
	"varintPrefixed()",
	VarintPrefixedOptions,
	({ maxBytes }) => ({ length: { as: { varint: maxBytes } } }),
) as BytesPreset<VarintPrefixedOptions>;
