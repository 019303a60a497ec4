import { type BytesPreset, PresetOptions, passed, presetOf } from "./preset.js";

/** Settings of {@link fixedLength}. */
export class FixedLengthOptions extends PresetOptions {
	/** How many bytes each message has. Has to be given. */
	bytes: number = passed(undefined) as never;
}

/**
 * Messages that all have the same number of bytes. `send` takes just as many, and refuses others with `ERR_GEV_DATA`.
 *
 * ```text
 *   message      message
 *   01 02 03 04  05 06 07 08     { bytes: 4 }
 * ```
 * No document: as most programs do.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { fixedLength, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, sample) => console.log(sample.readFloatBE()),
 * 	},
 * 	{ port: 4000, protocol: fixedLength({ bytes: 4 }) },
 * );
 * await server.start();
 * ```
 */
export const fixedLength = presetOf(
	"fixedLength()",
	FixedLengthOptions,
	({ bytes }) => ({ fixed: bytes }),
) as BytesPreset<FixedLengthOptions>;
