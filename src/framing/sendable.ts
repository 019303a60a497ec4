import { GevError } from "../base/errors.js";
import { hasAt } from "./frame-bytes.js";
import type { WholeFrames, WholeRule } from "./frame-checks.js";
import { placesOf } from "./frame-checksum.js";
import {
	type Length,
	type LengthField,
	longest,
	shortest,
} from "./frame-length.js";

/** What framing writes around what is sent, and what it cannot be written around. */
export interface Sendable {
	/** Most bytes that are written, escapes aside. */
	readonly framing: number;
	/**
	 * Throws what is wrong with what is to be sent: text, or so many bytes. `undefined` where everything can be sent.
	 *
	 * @throws {@link GevError} `ERR_GEV_DATA`.
	 */
	readonly check: SendCheck | undefined;
}

/** See {@link Sendable.check}. */
export type SendCheck = (data: string | Uint8Array, length: number) => void;

/** What can be sent as frames. */
export function sendableOf(frames: WholeFrames): Sendable {
	if (frames.send === "raw") return { framing: 0, check: undefined };
	const { start, rule } = frames;
	const around = aroundOf(start, rule);
	if (around === undefined) {
		const why =
			"what is stripped of frames is not known, so that none can be made of it";
		const check = () => {
			throw refusal(`${why}: deliver "body" or "frame", or send "raw"`);
		};
		return { framing: 0, check };
	}
	const range = rangeOf(rule, around, frames.maxMessageBytes);
	const checks = [lengthCheck(range), endCheck(rule, around)];
	const [one, other] = checks.filter((it) => it !== undefined);
	return {
		framing: around.front + around.number + around.back,
		check:
			one !== undefined && other !== undefined
				? (data, length) => {
						one(data, length);
						other(data, length);
					}
				: one,
	};
}

/** Bytes that are written around a message. */
interface Around {
	/** Of the start. */
	readonly front: number;
	/** Of the length: most. */
	readonly number: number;
	/** Of checksum and end, wherever that is. */
	readonly back: number;
	readonly length: Length | undefined;
	readonly end: boolean;
}

function aroundOf(
	start: readonly Uint8Array[],
	rule: WholeRule,
): Around | undefined {
	const { length, checksum, deliver } = rule;
	const mark = start[0]?.length ?? 0;
	const [tail, inside] = placesOf(checksum);
	const end = rule.end[0]?.length ?? 0;
	const field = length?.fields[0] as LengthField;
	const number = length === undefined ? 0 : longest(field.form, field.size);
	const isFixed =
		length !== undefined && shortest(field.form, field.size) === number;
	const isOwn =
		length?.fields.length === 1 &&
		field.at === mark &&
		field.after.length === 0;
	const { strip, stripEnd } = deliver;
	// The last one of each: what is written of the checksum.
	const head = mark + number;
	const fronts = [
		[0, 0, 0, 0],
		[mark, mark, 0, 0],
		...(isOwn && isFixed ? [[head, mark, number, 0]] : []),
		...(inside > 0 &&
		checksum?.at === head &&
		(length === undefined || (isOwn && isFixed))
			? [[head + inside, mark, number, inside]]
			: []),
	];
	const backs = [
		[0, 0],
		[end, end],
		[tail + end, tail + end],
	];
	const front =
		strip < 0
			? [-1, mark, number, inside]
			: fronts.find(([cut]) => cut === strip);
	const back =
		stripEnd < 0 ? [-1, tail + end] : backs.find(([cut]) => cut === stripEnd);
	if (front === undefined || back === undefined) return undefined;
	const isWritten = (front[2] as number) > 0;
	const countsItself = length !== undefined && length.counts !== "rest";
	if (isWritten && countsItself && !isFixed && field.unit !== 1)
		return undefined;
	return {
		front: front[1] as number,
		number: front[2] as number,
		back: (back[1] as number) + (front[3] as number),
		length: isWritten ? length : undefined,
		end: (back[1] as number) > 0,
	};
}

interface Range {
	readonly min: number;
	readonly max: number;
	/** What is announced is counted in so many bytes, of the message's own and `constant`. */
	readonly unit: number;
	readonly constant: number;
}

function rangeOf(rule: WholeRule, around: Around, limit: number): Range {
	const most = limit === 0 ? Number.POSITIVE_INFINITY : limit;
	const { front, number, back, length } = around;
	if (length !== undefined) {
		const field = length.fields[0] as LengthField;
		const own = { rest: 0, self: number, frame: front + number }[length.counts];
		// A number that counts itself is as long as it has to be.
		const spare = own === 0 ? 0 : number - shortest(field.form, field.size);
		const constant = back + own - length.add;
		return {
			min: Math.max(0, spare - constant),
			max: Math.min(most, field.most - constant),
			unit: field.unit,
			constant,
		};
	}
	if (rule.fixed > 0) {
		const only = rule.fixed - front - back;
		return { min: only, max: only, unit: 1, constant: 0 };
	}
	return { min: 0, max: most, unit: 1, constant: 0 };
}

function lengthCheck(range: Range): SendCheck | undefined {
	const { min, max, unit, constant } = range;
	if (min === 0 && max === Number.POSITIVE_INFINITY && unit === 1) {
		return undefined;
	}
	return (data, length) => {
		if (typeof data === "string") {
			// No character takes more than three bytes.
			if (min === 0 && unit === 1 && data.length * 3 <= max) return;
			length = Buffer.byteLength(data);
		}
		if (length > max) {
			throw refusal(
				`${length} bytes are more than the ${max} that a frame takes`,
			);
		}
		if (length < min) {
			throw refusal(
				`${length} bytes are less than the ${min} that a frame takes`,
			);
		}
		if ((length + constant) % unit !== 0) {
			throw refusal(
				`the length of a frame with ${length} bytes is none that can be told in units of ${unit}`,
			);
		}
	};
}

/** Where nothing is escaped, what is sent must not hold what ends a frame, nor make one with the end that follows it. */
function endCheck(
	rule: WholeRule,
	{ end: isWritten }: Around,
): SendCheck | undefined {
	const { fixed, length, end, checksum } = rule;
	if (
		fixed > 0 ||
		length !== undefined ||
		rule.escape !== undefined ||
		!isWritten
	) {
		return undefined;
	}
	const held = end.filter((it) => !end.some((other) => holds(it, other)));
	const isBehind = placesOf(checksum)[0] === 0;
	const heads = headsOf(end, end[0] as Uint8Array, isBehind);
	const check = bytesCheck(held, heads);
	const isAscii = end.every((bytes) => bytes.every((byte) => byte < 128));
	// A text is searched as such where its characters are the bytes that are looked for.
	const checkText = isAscii ? textCheck(held, heads) : undefined;
	return (data, length) => {
		if (typeof data !== "string") return check(data, length);
		if (checkText !== undefined) return checkText(data);
		const bytes = Buffer.from(data);
		check(bytes, bytes.length);
	};
}

/** True when what holds `it` holds the shorter `other` anyway. */
function holds(it: Uint8Array, other: Uint8Array): boolean {
	return other.length < it.length && indexOf(it, other) >= 0;
}

/** What a message must not end with, as it makes an end with the one that is written behind it. */
function headsOf(
	ends: readonly Uint8Array[],
	written: Uint8Array,
	isBehind: boolean,
): Uint8Array[] {
	if (!isBehind) return [];
	return ends.flatMap((end) => {
		const cuts = Array.from(end.keys()).slice(1);
		return cuts
			.filter((at) => hasAt(written, 0, end.subarray(at)))
			.map((at) => end.subarray(0, at));
	});
}

function textCheck(
	ends: readonly Uint8Array[],
	heads: readonly Uint8Array[],
): (text: string) => void {
	const texts = ends.map(latin1);
	const lasts = heads.map(latin1);
	return (text) => {
		for (const end of texts) if (text.includes(end)) throw refusal(HOLDS_END);
		for (const head of lasts) if (text.endsWith(head)) throw refusal(MAKES_END);
	};
}

function bytesCheck(
	ends: readonly Uint8Array[],
	heads: readonly Uint8Array[],
): (bytes: Uint8Array, length: number) => void {
	// One byte is found faster as a number.
	const parts = ends.map((end) =>
		end.length === 1 ? (end[0] as number) : end,
	);
	return (bytes, length) => {
		for (const part of parts) {
			if (indexOf(bytes, part) >= 0) throw refusal(HOLDS_END);
		}
		for (const head of heads) {
			const at = length - head.length;
			if (at >= 0 && hasAt(bytes, at, head)) throw refusal(MAKES_END);
		}
	};
}

function latin1(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString("latin1");
}

function refusal(why: string): GevError {
	return new GevError("ERR_GEV_DATA", `cannot be sent: ${why}`);
}

const HOLDS_END = "it holds what ends a frame, so that it would be two";
const MAKES_END =
	"with its end it makes another one, so that it would be cut short";

/** Of the engine's own, whatever the bytes say of themselves. */
const indexOf = Function.prototype.call.bind(Buffer.prototype.indexOf) as (
	bytes: Uint8Array,
	part: Uint8Array | number,
) => number;
