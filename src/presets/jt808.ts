import { preset } from "./preset.js";

/**
 * JT/T 808, what vehicles in China speak, of 2011, 2013 and 2019. A message is the header and the body, without escapes, check
 * byte and flags, all of which `send` writes too. Frames with a wrong check byte, and what is between frames, are left out and
 * told to `onFrameError`.
 *
 * ```text
 *   flag  header, body (7e as 7d 02, 7d as 7d 01)          xor  flag
 *   7e    00 02  00 00  01 23 45 67 89 01  00 0a           80   7e
 *         id     size   phone              serial number
 * ```
 * JT/T 808-2019, section 4.4. Up to 1044 bytes: 21 of the longest header, and a body of 1023.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export const jt808 = preset("jt808()", {
	start: 0x7e,
	end: 0x7e,
	escape: { byte: 0x7d, map: { 1: 0x7d, 2: 0x7e } },
	checksum: { as: "xor8", onBad: "discard" },
	onNoise: "discard",
	maxMessageBytes: 1044,
});
