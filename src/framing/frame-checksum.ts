import * as check from "../base/check.js";
import {
	type Checked,
	OptionTable,
	oneOf,
	option,
} from "../base/option-table.js";
import { type FrameBytes, frameBytes } from "./frame-bytes.js";
import { MAX_HEAD } from "./frame-length.js";

/**
 * How a checksum is computed: all bytes combined with exclusive or; their sum, of which 8 or 16 bits count; that of 8 bits
 * negated; or a cyclic redundancy check, by the names that catalogues have for them: MODBUS, ARC (also IBM), IBM-SDLC (also
 * X-25), IBM-3740 (also CCITT-FALSE), XMODEM, ISO-HDLC (which is what most call CRC-32) and ISCSI.
 */
export type FrameSum =
	| "xor8"
	| "sum8"
	| "lrc"
	| "sum16"
	| "crc16-modbus"
	| "crc16-arc"
	| "crc16-x25"
	| "crc16-ccitt"
	| "crc16-xmodem"
	| "crc32"
	| "crc32c";

/** As {@link sumOf} says. */
const SUMS: Record<FrameSum, readonly number[]> = {
	xor8: [0, 8, 0, 0, 0, 0],
	sum8: [1, 8, 0, 0, 0, 0],
	lrc: [2, 8, 0, 0, 0, 0],
	sum16: [3, 16, 0, 0, 0, 0],
	"crc16-modbus": [4, 16, 0x8005, 0xffff, 1, 0],
	"crc16-arc": [4, 16, 0x8005, 0, 1, 0],
	"crc16-x25": [4, 16, 0x1021, 0xffff, 1, 0xffff],
	"crc16-ccitt": [4, 16, 0x1021, 0xffff, 0, 0],
	"crc16-xmodem": [4, 16, 0x1021, 0, 0, 0],
	crc32: [4, 32, 0x04c11db7, 0xffffffff, 1, 0xffffffff],
	crc32c: [4, 32, 0x1edc6f41, 0xffffffff, 1, 0xffffffff],
};

/** The checksum of a frame. It stands behind everything but the frame's end, or at a place of its own. */
export class FrameChecksumOptions {
	/**
	 * How it is computed.
	 *
	 * @defaultValue "xor8"
	 */
	as?: FrameSum = oneOf(Object.keys(SUMS) as FrameSum[], { default: "xor8" });
	/**
	 * Where what it is computed from begins: so many bytes behind the first byte of the frame. It goes up to `after`, or to
	 * the checksum itself; with `at`, up to the frame's end.
	 *
	 * @defaultValue right behind the start; with `at`, right behind the checksum
	 */
	from?: number | undefined = option(
		(value, name) => check.integer(name, value, 0, MAX_HEAD),
		undefined,
	);
	/**
	 * Where it stands, if that is not in front of the end: so many bytes behind the first byte of the frame. Right behind
	 * the start, or behind a length there that always has as many bytes, it is no part of the body; what is
	 * sent waits for all of its message then.
	 *
	 * @defaultValue none, which is in front of the end
	 */
	at?: number | undefined = option(
		(value, name) => check.integer(name, value, 0, MAX_HEAD),
		undefined,
	);
	/**
	 * What its own bytes count as, where they are in the middle of what it is computed from: as many zeros, or nothing.
	 *
	 * @defaultValue "zeros"
	 */
	itself?: "zeros" | "nothing" = oneOf(["zeros", "nothing"], {
		default: "zeros",
	});
	/**
	 * Bytes that stand in front of it, and that it does not cover, such as `"*"` in NMEA.
	 *
	 * @defaultValue none
	 */
	after?: FrameBytes | undefined = option<FrameBytes | undefined>(
		(value, name) => frameBytes(name, value),
		undefined,
	);
	/**
	 * How it is written: as bytes, or in hexadecimal or decimal digits. Hexadecimal digits of either case are read, and
	 * capitals written.
	 *
	 * @defaultValue "binary"
	 */
	digits?: "binary" | "hex" | "decimal" = oneOf(["binary", "hex", "decimal"], {
		default: "binary",
	});
	/**
	 * Which of its bytes comes first: the highest one, or the lowest one.
	 *
	 * @defaultValue "big"
	 */
	order?: "big" | "little" = oneOf(["big", "little"], { default: "big" });
	/**
	 * How many bytes or digits it has.
	 *
	 * @defaultValue as many as it needs
	 */
	width?: number | undefined = option(
		(value, name, { as, digits }: Checked<FrameChecksumOptions>) =>
			check.integer(name, value, widthOf(as, digits), 10),
		({ as, digits }: Checked<FrameChecksumOptions>) => widthOf(as, digits),
	);
	/**
	 * What becomes of a frame whose checksum is wrong: the connection is closed for it, it is left out, or it is a message all
	 * the same. `onFrameError` is told in each case.
	 *
	 * @defaultValue "close"
	 */
	onBad?: "close" | "discard" | "deliver" = oneOf(
		["close", "discard", "deliver"],
		{ default: "close" },
	);
}

/** A checksum, as it has been checked. */
export interface Checksum {
	readonly as: FrameSum;
	readonly from: number | undefined;
	readonly at: number | undefined;
	readonly itself: "zeros" | "nothing";
	readonly after: Uint8Array;
	readonly digits: "binary" | "hex" | "decimal";
	readonly order: "big" | "little";
	readonly width: number;
	readonly onBad: "close" | "discard" | "deliver";
}

/** A checksum that is given in short, or as a whole. */
export function frameChecksum(value: unknown, name: string): Checksum {
	const given = typeof value === "string" ? { as: value } : value;
	const checked = checksumTable.check(given, name);
	return {
		...checked,
		width: checked.width as number,
		after: (checked.after ?? new Uint8Array(0)) as Uint8Array,
	};
}

/** What there is to know of a sum, as a record has it: kind, bits, polynomial, begin, reflected, and last combination. */
export function sumOf(as: FrameSum): readonly number[] {
	return SUMS[as];
}

/** Bytes of a checksum in front of the end, and at a place of its own. */
export function placesOf(
	checksum: Checksum | undefined,
): [behind: number, inside: number] {
	if (checksum === undefined) return [0, 0];
	const { at, after, width } = checksum;
	return at === undefined ? [after.length + width, 0] : [0, width];
}

function widthOf(as: FrameSum, digits: "binary" | "hex" | "decimal"): number {
	const bits = SUMS[as][1] as number;
	if (digits === "binary") return bits / 8;
	return digits === "hex" ? bits / 4 : ({ 8: 3, 16: 5 }[bits] ?? 10);
}

// Made here, where everything is there that rows use.
const checksumTable = new OptionTable("checksum", FrameChecksumOptions);
