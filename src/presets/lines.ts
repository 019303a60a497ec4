import { boolean, oneOf } from "../base/option-table.js";
import { PresetOptions, presetOf, type TextOrBytes } from "./preset.js";

/** Settings of {@link lines}. */
export class LinesOptions extends PresetOptions {
	/**
	 * Lines are text in UTF-8, handed over as strings; what is none is a malformed frame. False: they are Buffers.
	 *
	 * @defaultValue true
	 */
	text?: boolean = boolean({ default: true });
	/**
	 * What is written behind a line that is sent. Both end one that comes.
	 *
	 * @defaultValue "\n"
	 */
	newline?: "\n" | "\r\n" = oneOf(["\n", "\r\n"], { default: "\n" });
	/**
	 * Empty lines are no messages.
	 *
	 * @defaultValue false
	 */
	ignoreEmpty?: boolean = boolean({ default: false });
}

/**
 * Lines, which end with LF or CRLF: NDJSON, IRC, SMTP, Redis' inline commands and most that one can type by hand. A
 * message is a line without its end, and `send` takes the same; one that holds an end is refused with `ERR_GEV_DATA`.
 *
 * ```text
 *   h  e  l  l  o  LF
 *   68 65 6c 6c 6f 0a       "hello"
 * ```
 * No document: as most programs do. Up to 1 MiB.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { lines, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage: (_, line) => line.toUpperCase(),
 * 	},
 * 	{ port: 4000, protocol: lines() },
 * );
 * await server.start();
 * ```
 */
export const lines = presetOf(
	"lines()",
	LinesOptions,
	({ newline, ignoreEmpty }) => ({
		end: newline === "\n" ? ["\n", "\r\n"] : ["\r\n", "\n"],
		ignoreEmpty,
	}),
) as TextOrBytes<LinesOptions>;
