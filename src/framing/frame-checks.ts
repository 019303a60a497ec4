import { GevError } from "../base/errors.js";
import { hasAt, lengthsOf } from "./frame-bytes.js";
import { type Checksum, placesOf } from "./frame-checksum.js";
import { type Length, longest, MAX_HEAD, shortest } from "./frame-length.js";
import { sequencesFault } from "./frame-sequences.js";
import type { Case, Delivery, Escape, Frames, Rule } from "./frames-options.js";

/**
 * What cannot be in the options of frames although each of them is right: nobody could tell where such frames end, or what
 * is sent would be no frame. The same stands in `crates/frames/src/check.rs`, for configurations that are made there.
 */

/** A rule without options that are left out. */
export interface WholeRule {
	readonly fixed: number;
	readonly length: Length | undefined;
	readonly end: readonly Uint8Array[];
	readonly escape: Escape | undefined;
	readonly checksum: Rule["checksum"];
	/** Where the checksum begins to count. */
	readonly from: number;
	readonly deliver: Delivery;
}

/** Frames with such rules. */
export interface WholeFrames
	extends Omit<Frames, keyof Rule | "first" | "cases" | "start"> {
	readonly start: readonly Uint8Array[];
	readonly rule: WholeRule;
	readonly first: WholeRule | undefined;
	readonly cases: readonly (WholeRule & Pick<Case, "at" | "equals" | "mask">)[];
}

/** @throws {@link GevError} `ERR_GEV_OPTION`, with what cannot be and why. */
export function checkFrames(frames: Frames): WholeFrames {
	const start = frames.start ?? [];
	checkMarks("start", start);
	const most = frames.maxMessageBytes || Number.MAX_SAFE_INTEGER;
	const rule = checkRule("", frames, start, most);
	const cases = frames.cases.map((it, number) => ({
		...checkRule(`cases[${number}].`, it, start, most),
		...{ at: it.at, equals: it.equals, mask: it.mask },
	}));
	const first =
		frames.first === undefined
			? undefined
			: checkRule("first.", frames.first, [], most);
	checkFlag(start, rule, cases.length);
	const rules =
		first === undefined ? [rule, ...cases] : [rule, first, ...cases];
	const said = Math.max(...rules.map(mostSaid));
	const isGiven = frames.maxMessageBytes !== DEFAULT_MAX_MESSAGE_BYTES;
	if (isGiven && said > 0 && most > said && frames.maxMessageBytes !== 0) {
		cannot(
			`maxMessageBytes: ${most} is more than the length can say, which is at most ${said}`,
		);
	}
	const isFound = ({ fixed, length }: WholeRule) => fixed === 0 && !length;
	if (
		frames.onNoise === "discard" &&
		start.length === 0 &&
		!rules.every(isFound)
	) {
		cannot(
			'onNoise: "discard" has to find the next frame: frames need a start for that, or an end instead of a length',
		);
	}
	if (frames.text && rules.some((it) => it.checksum?.onBad === "deliver")) {
		cannot(
			'text: frames with a wrong checksum may be no text, so that they cannot be delivered; "close" or "discard" them',
		);
	}
	return { ...frames, start, rule, first, cases };
}

/**
 * Most that the length of a rule can say: 0 where frames say nothing, as all are of the same one; without bound where several
 * numbers say it, or an end.
 */
function mostSaid({ length, fixed }: WholeRule): number {
	if (fixed > 0) return 0;
	const [field, ...more] = length?.fields ?? [];
	return field === undefined || more.length > 0
		? Number.POSITIVE_INFINITY
		: field.most;
}

function cannot(why: string): never {
	throw new GevError("ERR_GEV_OPTION", `frames(): ${why}`);
}

function checkMarks(name: string, marks: readonly Uint8Array[]): void {
	for (const mark of marks) {
		const begins = (other: Uint8Array) =>
			other !== mark && other.length >= mark.length && hasAt(other, 0, mark);
		if (marks.some(begins)) {
			cannot(
				`${name}: one of them begins with another one, so that only what comes later could say which of them it is`,
			);
		}
	}
}

/** A frame whose length is known ends with one of these, and nobody may wonder with which. */
function checkEnds(name: string, ends: readonly Uint8Array[]): void {
	for (const end of ends) {
		const endsWith = (other: Uint8Array) =>
			other !== end &&
			other.length >= end.length &&
			hasAt(other, other.length - end.length, end);
		if (ends.some(endsWith)) {
			cannot(
				`${name}: one of them ends with another one, so that nobody can say which of them it is`,
			);
		}
	}
}

function checkRule(
	of: string,
	rule: Rule,
	start: readonly Uint8Array[],
	most: number,
): WholeRule {
	const { length, escape: escaping, checksum } = rule;
	const end = rule.end ?? [];
	checkMarks(`${of}end`, end);
	if (rule.fixed !== undefined && length !== undefined) {
		cannot(`${of}fixed: a frame has either that or a length`);
	}
	if (rule.fixed === undefined && length === undefined && end.length === 0) {
		cannot(`${of}end: a frame needs one, or a length, or to be fixed`);
	}
	const isDelimited = rule.fixed === undefined && length === undefined;
	if (escaping !== undefined && !isDelimited) {
		cannot(
			`${of}escape: nothing is escaped in frames whose length is known otherwise than by their end`,
		);
	}
	const [shortestStart, startLength] = lengthsOf(start);
	const inside = placesOf(checksum)[1];
	const at = checksum?.at ?? 0;
	if (inside > 0) {
		if ((checksum as Checksum).after.length > 0) {
			cannot(`${of}checksum.after: is for a checksum in front of the end`);
		}
		if (shortestStart !== startLength || at < startLength) {
			cannot(
				`${of}checksum.at: ${at} is not behind the start, or not behind each, as these have different lengths`,
			);
		}
		if (at + inside > MAX_HEAD) {
			cannot(
				`${of}checksum.at: the checksum has to be in the first ${MAX_HEAD} bytes`,
			);
		}
	}
	const isOwnHead = length === undefined || isOwnLength(length, start);
	const isOwn = isOwnHead && isBehindHead(rule, startLength);
	const whole = {
		fixed: rule.fixed ?? 0,
		...{ end, escape: escaping, checksum },
		length: length && placed(of, length, startLength),
		from: checksum?.from ?? (inside === 0 ? startLength : at + inside),
		deliver: rule.deliver ?? (isOwn ? BODY : FRAME),
	};
	if (
		whole.deliver.strip < 0 &&
		!(isOwn && (isDelimited || shortestStart === startLength))
	) {
		cannot(
			`${of}deliver: "body" would lose what stands in front of it besides start, length and checksum, and could not be sent; deliver "frame" or { strip, stripEnd }`,
		);
	}
	if (isDelimited) checkDelimited(of, whole, start, most);
	else checkEnds(`${of}end`, end);
	if (rule.fixed !== undefined) checkFixed(of, whole, startLength, most);
	return whole;
}

/** Nothing but start and length is in front of the checksum, if that does not stand in front of the end. */
function isBehindHead({ length, checksum }: Rule, start: number): boolean {
	if (checksum?.at === undefined) return true;
	const field = length?.fields[0];
	if (field === undefined) return checksum.at === start;
	const most = longest(field.form, field.size);
	return (
		shortest(field.form, field.size) === most && checksum.at === start + most
	);
}

/** Nothing but the start is in front of the length. */
function isOwnLength(
	{ fields }: Length,
	start: readonly Uint8Array[],
): boolean {
	const [least, most] = lengthsOf(start);
	const at = fields[0]?.at ?? most;
	return (
		fields.length === 1 &&
		fields[0]?.after.length === 0 &&
		least === most &&
		at === most
	);
}

/** A length, the numbers of which know their places. */
function placed(of: string, length: Length, start: number): Length {
	let behind: number | undefined = start;
	const fields = length.fields.map((field, number) => {
		const { form, size, after } = field;
		const at = field.at ?? behind;
		if (at === undefined) {
			cannot(
				`${of}length[${number}].at: has to be given, as nobody knows before where the number in front of it ends`,
			);
		}
		const most = longest(form, size);
		const isKnown = after.length === 0 && shortest(form, size) === most;
		behind = isKnown ? at + most : undefined;
		return { ...field, at };
	});
	return { ...length, fields };
}

function checkFixed(
	of: string,
	{ fixed, checksum, end, deliver }: WholeRule,
	start: number,
	most: number,
): void {
	const [tail, inside] = placesOf(checksum);
	const own =
		Math.max(start, checksum?.at ?? 0) + inside + tail + lengthsOf(end)[1];
	const { strip, stripEnd } = deliver;
	const cut = strip < 0 ? own : strip + stripEnd;
	if (fixed < Math.max(own, cut)) {
		cannot(
			`${of}fixed: ${fixed} is less than start, checksum and end have, or than deliver strips`,
		);
	}
	if (fixed - cut > most) {
		cannot(
			`maxMessageBytes: ${most} is less than every message of ${fixed - cut} bytes`,
		);
	}
}

function checkDelimited(
	of: string,
	rule: WholeRule,
	start: readonly Uint8Array[],
	most: number,
): void {
	const { end, escape: escaping, checksum } = rule;
	const { strip, stripEnd } = rule.deliver;
	const isWhole = (cut: number, [min, max]: [number, number]) =>
		cut <= 0 || (min === max && cut >= max);
	const [ofStart, ofEnd] = [lengthsOf(start), lengthsOf(end)];
	if (!isWhole(strip, ofStart) || !isWhole(stripEnd, ofEnd)) {
		cannot(
			`${of}deliver: a start or an end cannot be stripped in part, nor one of several that are not of the same length`,
		);
	}
	const kept = (strip === 0 ? ofStart[1] : 0) + (stripEnd === 0 ? ofEnd[1] : 0);
	if (kept > most) {
		cannot(
			`maxMessageBytes: ${most} is less than start and end, which are delivered`,
		);
	}
	if (escaping !== undefined) {
		if ((strip === 0 && start.length > 0) || stripEnd === 0) {
			cannot(
				`${of}deliver: where bytes are escaped, start and end cannot be delivered with what is between them; deliver "body"`,
			);
		}
		checkEscape(of, escaping, start, end);
	} else if (checksum !== undefined) {
		const isDigit = (byte: number) =>
			/[0-9a-f]/i.test(String.fromCharCode(byte)) ||
			checksum.after.includes(byte);
		if (
			checksum.digits === "binary" ||
			end.some(([byte]) => isDigit(byte as number))
		) {
			cannot(
				`${of}checksum: nothing is escaped, so that some of it may look like the end; it has to be in digits, and the end must not begin with one`,
			);
		}
	}
}

function checkEscape(
	of: string,
	escaping: Escape,
	start: readonly Uint8Array[],
	end: readonly Uint8Array[],
): void {
	if (escaping.kind === "cobs") {
		if (end.length === 1 && end[0]?.length === 1 && end[0][0] === 0) return;
		cannot(
			`${of}escape: "cobs" leaves 0 free: end has to be that, and nothing else`,
		);
	}
	if (escaping.sequences !== undefined) {
		const fault = sequencesFault(escaping.sequences, end);
		if (fault !== undefined) cannot(`${of}escape: ${fault}`);
		return;
	}
	const codes = codesOf(escaping, start, end);
	const name = (byte: number) => `0x${byte.toString(16).padStart(2, "0")}`;
	if (!codes.has(escaping.byte)) {
		cannot(`${of}escape: has no code for its own byte, ${name(escaping.byte)}`);
	}
	for (const mark of end) {
		const first = mark[0] as number;
		const isStuffed = first === escaping.byte;
		if (
			isStuffed !== (end[0]?.[0] === escaping.byte) ||
			(isStuffed && mark.length < 2)
		) {
			cannot(
				`${of}escape: an end that begins with ${name(escaping.byte)} has to have another byte, as all ends then`,
			);
		}
		if (!codes.has(first)) {
			cannot(
				`${of}escape: has no code for ${name(first)}, which an end begins with`,
			);
		}
		const next = mark[isStuffed ? 1 : 0] as number;
		if ([...codes.values()].includes(next)) {
			cannot(
				`${of}escape: the code ${name(next)} is what makes an end, so that an escape would look like one`,
			);
		}
	}
}

/** The code of each value that is escaped. */
export function codesOf(
	{ kind, byte, xor, bytes }: Escape,
	start: readonly Uint8Array[],
	end: readonly Uint8Array[],
): Map<number, number> {
	const codes = new Map<number, number>();
	if (kind === "xor") {
		const marks = [...start, ...end].map((mark) => mark[0] as number);
		for (const value of [byte, ...bytes, ...marks])
			codes.set(value, value ^ xor);
	} else {
		for (let at = 0; at < bytes.length; at += 2) {
			const [code, value] = [bytes[at] as number, bytes[at + 1] as number];
			if (!codes.has(value)) codes.set(value, code);
		}
	}
	return codes;
}

/** Where frames begin with what they end with, one of both may be between two of them. */
function checkFlag(
	start: readonly Uint8Array[],
	{ fixed, length, end, deliver }: WholeRule,
	cases: number,
): void {
	const same = ([a = EMPTY, b = EMPTY]: readonly Uint8Array[]) =>
		a.length === b.length && hasAt(a, 0, b);
	const isDelimited = fixed === 0 && length === undefined;
	if (!isDelimited || !start.some((a) => end.some((b) => same([a, b])))) return;
	const isByte = start.length === 1 && end.length === 1 && end[0]?.length === 1;
	if (isByte && cases === 0 && deliver.strip !== 0 && deliver.stripEnd !== 0)
		return;
	cannot(
		"end: frames that begin with what they end with need one byte for both, which is not delivered, and no cases",
	);
}

const DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024;
const EMPTY = new Uint8Array(0);
const BODY: Delivery = { strip: -1, stripEnd: -1 };
const FRAME: Delivery = { strip: 0, stripEnd: 0 };
