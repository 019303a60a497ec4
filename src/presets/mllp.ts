import { textPreset } from "./preset.js";

/**
 * HL7 version 2 over MLLP. A message is what is between the start block and the end block, and `send` takes the same. What comes
 * between two blocks, such as the line feeds of some senders, is left out and told to `onFrameError`.
 *
 * ```text
 *   VT  message       FS CR
 *   0b  4d 53 48 ...  1c 0d
 * ```
 * HL7 2.5.1, appendix C.4 (minimal lower layer protocol). Up to 1 MiB. Messages name their character set themselves (MSH-18),
 * which is why they are bytes unless `text` is set.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { mllp, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			const [header] = message.toString("latin1").split("\r");
 * 			const [, , , , , , , , , id] = header.split("|");
 * 			return `MSH|^~\\&|gev||||||ACK|1|P|2.5\rMSA|AA|${id}\r`;
 * 		},
 * 	},
 * 	{ port: 2575, protocol: mllp() },
 * );
 * await server.start();
 * ```
 */
export const mllp = textPreset("mllp()", {
	start: 0x0b,
	end: Uint8Array.of(0x1c, 0x0d),
	onNoise: "discard",
});
