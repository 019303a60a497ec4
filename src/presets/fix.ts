import { textPreset } from "./preset.js";

/**
 * FIX tag=value, of any version (4.0 to 5.0 with FIXT). A message is a whole one, from `8=` to the SOH behind its checksum, as
 * libraries take it, and `send` takes the same. Body length and checksum are checked; messages with a wrong checksum, and what
 * is between messages, are left out and told to `onFrameError`, as the document wants it of garbled messages.
 *
 * ```text
 *   8=FIX.4.4 SOH  9=length SOH  35=... SOH ...  10=checksum SOH
 * ```
 * FIX Trading Community: FIX TagValue Encoding (BodyLength, CheckSum), FIX Session Layer (garbled messages). Up to 1 MiB. Fields
 * may be in any character set, which is why messages are bytes unless `text` is set.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { fix, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			const fields = message.split("\x01").map((field) => field.split("="));
 * 			console.log(Object.fromEntries(fields));
 * 		},
 * 	},
 * 	{ port: 9878, protocol: fix({ text: true }) },
 * );
 * await server.start();
 * ```
 */
export const fix = textPreset("fix()", {
	start: "8=FIX",
	length: { at: { after: "\x019=" }, as: { decimalUntil: 1 }, add: 7 },
	checksum: {
		as: "sum8",
		from: 0,
		after: "10=",
		digits: "decimal",
		onBad: "discard",
	},
	end: 1,
	onNoise: "discard",
});
