import * as check from "../base/check.js";
import { type FrameBytes, frameBytes } from "./frame-bytes.js";

/** Sequences that stand for others, as texts whose characters are bytes. */
export interface Sequences {
	/** What is meant, and what is written for it. */
	readonly list: readonly (readonly [raw: string, escaped: string])[];
	readonly behind: string;
}

/** Those that somebody has given. */
export function frameSequences(
	list: unknown,
	behind: unknown,
	name: string,
): Sequences {
	const expected = "an array of 1 to 16 pairs: what is meant, what is written";
	if (!Array.isArray(list) || list.length < 1 || list.length > 16) {
		throw check.wrong(`${name}.sequences`, expected, list);
	}
	const latin1 = (of: string, value: unknown) =>
		Buffer.from(frameBytes(of, value as FrameBytes)).toString("latin1");
	const pairs = list.map((pair: unknown, at) => {
		const of = `${name}.sequences[${at}]`;
		if (!Array.isArray(pair) || pair.length !== 2) {
			throw check.wrong(of, "a pair: what is meant, what is written", pair);
		}
		return [latin1(of, pair[0]), latin1(of, pair[1])] as const;
	});
	const front = behind === undefined ? "" : latin1(`${name}.behind`, behind);
	return { list: pairs, behind: front };
}

/** As a record has them: each with its length in front. */
export function sequencesRecord({ list, behind }: Sequences): Uint8Array {
	const parts = [behind, ...list.flat()];
	const part = (it: string) => String.fromCharCode(it.length) + it;
	return Buffer.from(parts.map(part).join(""), "latin1");
}

/** What cannot be in them, in frames that end so; `undefined` if all can. */
export function sequencesFault(
	{ list, behind }: Sequences,
	ends: readonly Uint8Array[],
): string | undefined {
	for (const [raw, escaped] of list) {
		if (escaped.length < raw.length) {
			return `what is written for ${shown(raw)} is shorter than that`;
		}
		const [a, b] = [raw, escaped].map((it) => behindOf(it, behind));
		if (behind !== "" && (a === undefined) !== (b === undefined)) {
			return `of ${shown(raw)} and ${shown(escaped)}, only one goes on behind ${shown(behind)}`;
		}
	}
	const marks = ends.map((end) => Buffer.from(end).toString("latin1"));
	const pairs = list.map(([raw, escaped]) => ({ from: raw, to: escaped }));
	const write = rulesOf(pairs, behind);
	const read = rulesOf(
		[
			...list.map(([raw, escaped]) => ({ from: escaped, to: raw })),
			...marks.map((from) => ({ from, to: undefined })),
		],
		behind,
	);
	for (const rules of [write, read]) {
		for (const { from } of rules) {
			const longer = rules.filter((it) => it.from.startsWith(from));
			if (longer.length > 1) {
				return `${shown(from)} begins two of what is replaced or ends, so that nobody can say which of them it is`;
			}
		}
	}
	const lost = lostMessage(write, read, marks[0] as string);
	return lost === undefined
		? undefined
		: `a message with ${shown(lost)} would not be read as it was written`;
}

/** What is replaced, and by what; or what ends a frame. */
interface Replacement {
	readonly from: string;
	readonly to: string | undefined;
	/** It counts at the beginning of content only. */
	readonly isFirst?: boolean;
}

function rulesOf(
	rules: readonly Replacement[],
	behind: string,
): readonly Replacement[] {
	const first = rules.flatMap(({ from, to }) => {
		const rest = behindOf(from, behind);
		const by = to === undefined ? undefined : behindOf(to, behind);
		return rest === undefined ? [] : [{ from: rest, to: by, isFirst: true }];
	});
	return [...rules, ...first];
}

/** What is left of `text` behind what comes before content. */
function behindOf(text: string, behind: string): string | undefined {
	const isLonger = behind !== "" && text.length > behind.length;
	return isLonger && text.startsWith(behind)
		? text.slice(behind.length)
		: undefined;
}

/** How far content has been replaced: what may be the beginning of something, and whether anything came before. */
interface Place {
	readonly held: string;
	readonly hasBegun: boolean;
}

interface Replaced extends Place {
	readonly out: string;
	readonly isEnd: boolean;
}

function replaced(
	rules: readonly Replacement[],
	place: Place,
	more: string,
	isLast: boolean,
): Replaced {
	let { held, hasBegun } = place;
	held += more;
	let out = "";
	while (held !== "") {
		const known = rules.filter((it) => !(it.isFirst && hasBegun));
		const rule = known.find((it) => held.startsWith(it.from));
		if (rule === undefined && !isLast) {
			if (known.some((it) => it.from.startsWith(held))) break;
		}
		const length = rule?.from.length ?? 1;
		const by = rule === undefined ? held.slice(0, 1) : rule.to;
		held = held.slice(length);
		hasBegun = true;
		if (by === undefined) return { held, hasBegun, out, isEnd: true };
		out += by;
	}
	return { held, hasBegun, out, isEnd: false };
}

/**
 * A message that does not come back from what is written for it; `undefined` if there is none. All messages are tried that
 * bring writer and reader to a place where they have not been; places are as many as there are beginnings of sequences.
 */
function lostMessage(
	write: readonly Replacement[],
	read: readonly Replacement[],
	end: string,
): string | undefined {
	const start = { held: "", hasBegun: false };
	const places = [{ message: "", writer: start, reader: start, lag: "" }];
	const seen = new Set<string>();
	const symbols = symbolsOf([...write, ...read]);
	for (const { message, writer, reader, lag } of places) {
		const last = replaced(write, writer, "", true);
		const all = replaced(read, reader, last.out + end, false);
		if (!all.isEnd || all.held !== "" || all.out !== lag) return message;
		for (const symbol of symbols) {
			const written = replaced(write, writer, symbol, false);
			const got = replaced(read, reader, written.out, false);
			const sent = lag + symbol;
			const next = message + symbol;
			if (got.isEnd || !sent.startsWith(got.out)) return next;
			const rest = sent.slice(got.out.length);
			const key = `${written.held}\u0100${got.held}\u0100${rest}\u0100${written.hasBegun}${got.hasBegun}`;
			// What is held back is less than one sequence on either side.
			if (rest.length > MOST_HELD) return next;
			if (seen.has(key)) continue;
			seen.add(key);
			places.push({ message: next, writer: written, reader: got, lag: rest });
		}
	}
	return undefined;
}

/** The bytes that mean something, and one that means nothing. */
function symbolsOf(rules: readonly Replacement[]): string[] {
	const symbols = new Set(
		rules.flatMap(({ from, to = "" }) => [...from, ...to]),
	);
	for (let byte = 0; byte < 256; byte++) {
		const other = String.fromCharCode(byte);
		if (!symbols.has(other)) return [...symbols, other];
	}
	return [...symbols];
}

function shown(bytes: string): string {
	const escaped = JSON.stringify(bytes).replace(
		/[\u007f-\u00ff]/g,
		(it) => `\\u00${it.charCodeAt(0).toString(16)}`,
	);
	return escaped;
}

const MOST_HELD = 16;
