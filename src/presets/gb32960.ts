import { preset } from "./preset.js";

/**
 * GB/T 32960, what electric vehicles in China speak. A message is all between the start and the check byte, and `send` takes
 * the same, with the right length in it. Frames with a wrong check byte, and what is between frames, are left out and told to
 * `onFrameError`.
 *
 * ```text
 *   start  command  response  VIN (17 bytes)  encryption  length  data  xor
 *   23 23  01       fe        4c 53 56 ...    01          00 1e   ...   c6
 * ```
 * GB/T 32960.3-2016, section 6. As long as its length can say.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { gb32960, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, message) {
 * 			// Answered by the same header, without data: 01 for success.
 * 			const answer = Buffer.from(message.subarray(0, 22));
 * 			answer[1] = 1;
 * 			answer.writeUInt16BE(0, 20);
 * 			return answer;
 * 		},
 * 	},
 * 	{ port: 32960, protocol: gb32960() },
 * );
 * await server.start();
 * ```
 */
export const gb32960 = preset("gb32960()", {
	start: "##",
	length: { at: 22, as: "u16", add: 1 },
	checksum: { as: "xor8", onBad: "discard" },
	deliver: { strip: 2, stripEnd: 1 },
	onNoise: "discard",
});
