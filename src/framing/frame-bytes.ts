import { bytesOf, copyOf, isBytes } from "../base/bytes.js";
import * as check from "../base/check.js";

/** Some bytes of a protocol: text stands for its bytes in UTF-8, a number from 0 to 255 for one byte. */
export type FrameBytes = string | number | Uint8Array;

/** The bytes that somebody has given in one way or another: at least one, and at most so many. */
export function frameBytes(
	name: string,
	value: unknown,
	most = 8,
): Uint8Array<ArrayBufferLike> {
	if (typeof value === "number") {
		return Uint8Array.of(check.integer(name, value, 0, 255));
	}
	const expected = `text or 1 to ${most} bytes, or a number from 0 to 255`;
	if (typeof value !== "string" && !isBytes(value)) {
		throw check.wrong(name, expected, value);
	}
	const bytes =
		typeof value === "string" ? Buffer.from(value) : copyOf(bytesOf(value));
	if (bytes.length === 0 || bytes.length > most) {
		throw check.wrong(name, expected, value);
	}
	return bytes;
}

/** One of them, or several in an array. */
export function frameMarks(name: string, value: unknown): Uint8Array[] {
	if (!Array.isArray(value)) return [frameBytes(name, value)];
	if (value.length === 0) {
		throw check.wrong(name, "an array that is not empty", value);
	}
	return value.map((item, at) => frameBytes(`${name}[${at}]`, item));
}

/** One byte. */
export function frameByte(name: string, value: unknown): number {
	return frameBytes(name, value, 1)[0] as number;
}

/** Shortest and longest. */
export function lengthsOf(marks: readonly Uint8Array[]): [number, number] {
	const lengths = marks.map(({ length }) => length);
	return lengths.length === 0
		? [0, 0]
		: [Math.min(...lengths), Math.max(...lengths)];
}

/** True when `bytes` have `part` at `at`. */
export function hasAt(
	bytes: Uint8Array,
	at: number,
	part: Uint8Array,
): boolean {
	for (let place = 0; place < part.length; place++) {
		if (bytes[at + place] !== part[place]) return false;
	}
	return true;
}
