import type { WholeFrames, WholeRule } from "./frame-checks.js";
import { sumOf } from "./frame-checksum.js";
import type { Length } from "./frame-length.js";

/**
 * How frames are cut, as the native side reads it (`crates/frames/src/record.rs`): numbers of eight bytes, and bytes and lists
 * with the number of what follows in front; each byte a character.
 */
export function framesRecord(frames: WholeFrames, maxFraming: number): string {
	const writer = new Writer();
	const flags =
		(frames.ignoreEmpty ? 1 : 0) |
		(frames.send === "raw" ? 2 : 0) |
		(frames.onTooLong === "discard" ? 4 : 0) |
		(frames.onNoise === "discard" ? 8 : 0) |
		(frames.text ? 16 : 0);
	writer.numbers(
		maxFraming,
		flags,
		frames.maxMessageBytes,
		frames.maxSkipBytes,
	);
	writer.marks(frames.start);
	writeRule(writer, frames.rule);
	writer.numbers(frames.first === undefined ? 0 : 1);
	if (frames.first !== undefined) writeRule(writer, frames.first);
	writer.numbers(frames.cases.length);
	for (const it of frames.cases) {
		writer.numbers(it.at);
		writer.bytes(it.mask);
		writer.bytes(it.equals);
		writeRule(writer, it);
	}
	return writer.text();
}

function writeRule(writer: Writer, rule: WholeRule): void {
	const { fixed, length, escape: escaping, checksum } = rule;
	if (fixed > 0) writer.numbers(1, fixed);
	else if (length !== undefined) writeLength(writer, length);
	else {
		const kind = escaping === undefined ? 0 : ESCAPES.indexOf(escaping.kind);
		writer.numbers(0, kind, escaping?.byte ?? 0, escaping?.xor ?? 0);
		writer.bytes(escaping?.bytes ?? NOTHING);
	}
	writer.marks(rule.end);
	writer.numbers(checksum === undefined ? 0 : 1);
	if (checksum !== undefined) {
		const { after, digits, order, width, onBad } = checksum;
		writer.numbers(...sumOf(checksum.as), rule.from);
		writer.bytes(after);
		const isLittle = digits === "binary" && order === "little";
		writer.numbers(isLittle ? 1 : DIGITS.indexOf(digits), width);
		writer.numbers(["close", "discard", "deliver"].indexOf(onBad));
		const { at = -1, itself } = checksum;
		writer.numbers(at + 1, itself === "zeros" ? 1 : 0);
	}
	const { strip, stripEnd } = rule.deliver;
	if (strip < 0) writer.numbers(-1);
	else writer.numbers(strip, stripEnd);
}

function writeLength(writer: Writer, { counts, add, fields }: Length): void {
	writer.numbers(
		2,
		["rest", "self", "frame"].indexOf(counts),
		add,
		fields.length,
	);
	for (const { at, after, form, size, mask, shift, unit } of fields) {
		writer.numbers(at ?? 0);
		writer.bytes(after);
		writer.numbers(form, size, mask === 0 ? -1 : mask, shift, unit);
	}
}

class Writer {
	readonly #parts: Uint8Array[] = [];

	numbers(...numbers: readonly number[]): void {
		for (const number of numbers) {
			const bytes = Buffer.alloc(8);
			bytes.writeBigInt64LE(BigInt(number));
			this.#parts.push(bytes);
		}
	}

	bytes(bytes: Uint8Array): void {
		this.numbers(bytes.length);
		this.#parts.push(bytes);
	}

	marks(marks: readonly Uint8Array[]): void {
		this.numbers(marks.length);
		for (const mark of marks) this.bytes(mark);
	}

	text(): string {
		return Buffer.concat(this.#parts).toString("latin1");
	}
}

const ESCAPES = ["none", "pairs", "xor", "cobs", "sequences"];

/** By their numbers, but for 1, which is "binary" with the lowest byte first. */
const DIGITS = ["binary", "", "hex", "decimal"];

const NOTHING = new Uint8Array(0);
