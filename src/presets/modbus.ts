import { oneOf } from "../base/option-table.js";
import type { FrameRule, FramesOptions } from "../framing/frames-options.js";
import { type BytesPreset, PresetOptions, presetOf } from "./preset.js";

/** Settings of {@link modbus}. */
export class ModbusOptions extends PresetOptions {
	/**
	 * Modbus TCP, whose header has a length, or the frames of a serial line sent over TCP as they are, which end with a CRC.
	 *
	 * @defaultValue "tcp"
	 */
	mode?: "tcp" | "rtu" = oneOf(["tcp", "rtu"], { default: "tcp" });
}

/**
 * Modbus, for servers: requests come, responses are sent. In the mode `"tcp"` a message is a whole frame, and `send` takes the
 * same:
 *
 * ```text
 *   transaction  protocol  length  unit  function  data
 *   00 01        00 00     00 06   11    03        00 6b 00 03
 * ```
 * In the mode `"rtu"` it is a frame without its CRC, which `send` writes too. How long a request is depends on its function code:
 * those of the document are known, others close the connection.
 *
 * ```text
 *   unit  function  data         CRC
 *   11    03        00 6b 00 03  76 87
 * ```
 * Modbus Messaging on TCP/IP 1.0b, section 3.1.3 (up to 260 bytes); Modbus over serial line 1.02, section 2.5.1 (up to 254
 * without CRC); Modbus application protocol 1.1b3, section 6, for the lengths of requests.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * import { modbus, Server } from "gev";
 *
 * const server = new Server(
 * 	{
 * 		onMessage(_, request) {
 * 			// Read holding registers: each has the number of its place.
 * 			if (request[7] !== 3) return;
 * 			const [from, count] = [request.readUInt16BE(8), request.readUInt16BE(10)];
 * 			const answer = Buffer.alloc(9 + 2 * count);
 * 			request.copy(answer, 0, 0, 8);
 * 			answer.writeUInt16BE(3 + 2 * count, 4);
 * 			answer[8] = 2 * count;
 * 			for (let n = 0; n < count; n++) answer.writeUInt16BE(from + n, 9 + 2 * n);
 * 			return answer;
 * 		},
 * 	},
 * 	{ port: 502, protocol: modbus() },
 * );
 * await server.start();
 * ```
 */
export const modbus = presetOf("modbus()", ModbusOptions, ({ mode }) =>
	mode === "tcp" ? TCP : RTU,
) as BytesPreset<ModbusOptions>;

const TCP: FramesOptions = {
	length: { at: 4, as: "u16" },
	maxMessageBytes: 260,
};

const withCrc = (rule: FrameRule): FrameRule => ({
	...rule,
	checksum: { as: "crc16-modbus", order: "little" },
	deliver: { stripEnd: 2 },
});

/** How long a request is as a whole, by its function code. */
const FIXED: Readonly<Record<number, number>> = {
	1: 8,
	2: 8,
	3: 8,
	4: 8,
	5: 8,
	6: 8,
	7: 4,
	8: 8,
	11: 4,
	12: 4,
	17: 4,
	22: 10,
	24: 6,
	43: 7,
};

/** Where a request says how many bytes come between that and the CRC, by its function code. */
const COUNTED: Readonly<Record<number, number>> = { 20: 2, 21: 2, 23: 10 };

/** Of writing several coils and registers, and of everything that is sent. */
const OTHERS = withCrc({ length: { at: 6, as: "u8", add: 2 } });

const RTU: FramesOptions = {
	...OTHERS,
	cases: [
		...Object.entries(FIXED).map(([code, fixed]) => ({
			...withCrc({ fixed }),
			...{ at: 1, equals: Number(code) },
		})),
		...Object.entries(COUNTED).map(([code, at]) => ({
			...withCrc({ length: { at, as: "u8", add: 2 } }),
			...{ at: 1, equals: Number(code) },
		})),
	],
	maxMessageBytes: 254,
};
