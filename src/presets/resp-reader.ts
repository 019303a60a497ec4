import { FastBuffer } from "../base/fast-buffer.js";
import { NotAMessage } from "../flow/packing.js";
import {
	RespAttributed,
	RespError,
	RespPush,
	type RespValue,
	RespVerbatim,
} from "./resp-values.js";

/** What has been cut is a whole value, or a request, whose lines, lengths and counts are right: the loop has seen to that. */

/** The words of a request that is text, of ASCII; `undefined` for one without any. */
export function requestOfText(text: string): string[] | undefined {
	if (text.charCodeAt(0) !== STAR) return inline(text);
	const words: string[] = [];
	let at = 1;
	let count = 0;
	for (let digit = 0; ; count = count * 10 + digit - ZERO) {
		digit = text.charCodeAt(at++);
		if (digit < ZERO) break;
	}
	for (at++; count > 0; count--) {
		let length = 0;
		// Behind the dollar.
		at++;
		for (let digit = 0; ; length = length * 10 + digit - ZERO) {
			digit = text.charCodeAt(at++);
			if (digit < ZERO) break;
		}
		words.push(text.slice(at + 1, at + 1 + length));
		at += length + 3;
	}
	return words.length > 0 ? words : undefined;
}

/** The words of a request, as bytes. */
export function requestOfBytes(cut: Buffer): Buffer[] | undefined {
	if (cut[0] !== STAR) {
		const words = inline(cut.toString("latin1"));
		return words?.map((word) => Buffer.from(word, "latin1"));
	}
	const words: Buffer[] = [];
	const memory = cut.buffer;
	const offset = cut.byteOffset;
	eachBulk(cut, (from, length) => {
		words.push(new FastBuffer(memory, offset + from, length));
	});
	return words.length > 0 ? words : undefined;
}

/** As {@link requestOfText}, of bytes that are not all ASCII, or are many. */
export function requestOfUtf8(cut: Buffer): string[] | undefined {
	if (cut[0] !== STAR) return inline(cut.toString());
	const words: string[] = [];
	eachBulk(cut, (from, length) => {
		words.push(cut.toString("utf8", from, from + length));
	});
	return words.length > 0 ? words : undefined;
}

/** Calls `take` for each bulk string of a request. */
function eachBulk(
	cut: Buffer,
	take: (from: number, length: number) => void,
): void {
	let at = 1;
	let count = 0;
	for (let digit = 0; ; count = count * 10 + digit - ZERO) {
		digit = cut[at++] as number;
		if (digit < ZERO) break;
	}
	for (at++; count > 0; count--) {
		let length = 0;
		at++;
		for (let digit = 0; ; length = length * 10 + digit - ZERO) {
			digit = cut[at++] as number;
			if (digit < ZERO) break;
		}
		take(at + 1, length);
		at += length + 3;
	}
}

/** Any value. */
export class RespReader<Text extends string | Buffer> {
	readonly #bytes: Buffer;
	/** What bulk strings are. */
	readonly #text: (bytes: Buffer, from: number, to: number) => Text;
	#at = 0;

	constructor(
		bytes: Buffer,
		text: (bytes: Buffer, from: number, to: number) => Text,
	) {
		this.#bytes = bytes;
		this.#text = text;
	}

	/** @throws {@link NotAMessage} */
	value(): RespValue<Text> {
		const type = String.fromCharCode(this.#bytes[this.#at++] as number);
		switch (type) {
			case "$": {
				const bulk = this.#bulk();
				return bulk && this.#text(this.#bytes, ...bulk);
			}
			case "!":
				return new RespError(this.#blob());
			case "=":
				return this.#verbatim();
			case "*":
				return this.#values();
			case "~":
				return new Set(this.#values());
			case ">":
				return new RespPush(this.#values() ?? []);
			case "%":
				return this.#map();
			case "|": {
				const attributes = this.#map();
				return new RespAttributed(this.value(), attributes);
			}
			default:
				return ofLine(type, this.#line());
		}
	}

	#line(): string {
		const end = this.#bytes.indexOf("\r", this.#at);
		const line = this.#bytes.toString("utf8", this.#at, end);
		this.#at = end + 2;
		return line;
	}

	/** Where the bytes of a bulk string are; `null` for null. */
	#bulk(): [from: number, to: number] | null {
		const length = Number(this.#line());
		if (length < 0) return null;
		const from = this.#at;
		this.#at += length + 2;
		return [from, from + length];
	}

	#blob(): string {
		const [from, to] = this.#bulk() as [number, number];
		return this.#bytes.toString("utf8", from, to);
	}

	#verbatim(): RespVerbatim {
		const blob = this.#blob();
		const [, format, text] = /^([\x21-\x7e]{3}):(.*)$/s.exec(blob) ?? [];
		if (text === undefined) throw new NotAMessage();
		return new RespVerbatim(text, format);
	}

	#values(): RespValue<Text>[] | null;
	#values(): RespValue<Text>[] | null {
		const count = Number(this.#line());
		if (count < 0) return null;
		const values: RespValue<Text>[] = [];
		for (let n = 0; n < count; n++) values.push(this.value());
		return values;
	}

	#map(): Map<RespValue<Text>, RespValue<Text>> {
		const count = Number(this.#line());
		const map = new Map<RespValue<Text>, RespValue<Text>>();
		for (let n = 0; n < count; n++) {
			const key = this.value();
			map.set(key, this.value());
		}
		return map;
	}
}

/** A value that is one line. */
function ofLine(
	type: string,
	line: string,
): string | number | bigint | boolean | null | RespError {
	switch (type) {
		case "+":
			return line;
		case "-":
			return new RespError(line);
		case ":":
		case "(":
			return whole(line);
		case ",":
			return double(line);
		case "#":
			if (line !== "t" && line !== "f") throw new NotAMessage();
			return line === "t";
		default:
			if (line !== "") throw new NotAMessage();
			return null;
	}
}

function whole(line: string): number | bigint {
	if (!/^[+-]?\d+$/.test(line) || line.length > MOST_DIGITS) {
		throw new NotAMessage();
	}
	const number = Number(line);
	// BigInt knows no plus.
	return Number.isSafeInteger(number) ? number : BigInt(line.replace("+", ""));
}

function double(line: string): number {
	const special: Record<string, number> = {
		...{ inf: Infinity, "+inf": Infinity, "-inf": -Infinity },
		nan: Number.NaN,
	};
	const value = special[line.toLowerCase()];
	if (value !== undefined) return value;
	if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(line)) return Number(line);
	throw new NotAMessage();
}

/**
 * Words of a line, as Redis reads it: between white space, or in quotes, where double ones have escapes. `undefined` for a line
 * without any.
 */
function inline(line: string): string[] | undefined {
	const words: string[] = [];
	// White space is that of ASCII: other kinds have bytes that characters have too.
	const word =
		/[ \t-\r]*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^ \t-\r"']+))(?=[ \t-\r]|$)[ \t-\r]*/sy;
	while (word.lastIndex < line.length) {
		const { lastIndex } = word;
		const found = word.exec(line);
		if (found === null) {
			if (/^[ \t-\r]*$/.test(line.slice(lastIndex))) break;
			throw new NotAMessage();
		}
		const [, double, single, plain] = found;
		if (double !== undefined) words.push(unescaped(double));
		else if (single !== undefined) words.push(single.replaceAll("\\'", "'"));
		else words.push(plain as string);
	}
	return words.length > 0 ? words : undefined;
}

function unescaped(text: string): string {
	return text.replace(
		/\\(?:x([0-9a-fA-F]{2})|(.))/gs,
		(_, code: string | undefined, letter: string) =>
			code === undefined
				? (ESCAPES[letter] ?? letter)
				: String.fromCharCode(Number.parseInt(code, 16)),
	);
}

const ESCAPES: Record<string, string> = {
	...{ n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" },
};

const STAR = 0x2a;
/** The first digit: in front of it are CR and the minus of what is null. */
const ZERO = 0x30;
/** Of a big number: to make one of more takes too long. */
const MOST_DIGITS = 1000;
