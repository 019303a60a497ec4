import { bytesOf, lengthOf } from "../base/bytes.js";
import { shown } from "../base/errors.js";
import { refused } from "./refused.js";

/** Types of values of RESP that JavaScript has none for. */

/**
 * A simple string, such as `+OK`: a line of text. Of those that come a `string` is made.
 *
 * @example
 * ```ts
 * const ok = new RespSimple("OK");
 * new Server({ onMessage: () => ok }, { protocol: resp() });
 * ```
 */
export class RespSimple {
	/** The text. */
	readonly text: string;
	/** @internal What goes out. */
	readonly line: string;

	/** @throws {@link GevError} `ERR_GEV_DATA` for a text with CR or LF, which would be the end of it and the beginning of something else. */
	constructor(text: string) {
		this.text = text;
		this.line = lineOf("+", text);
	}
}

/**
 * An error as a value: a line of text, whose first word is a code by custom. It is not thrown by anybody.
 *
 * @example
 * ```ts
 * return new RespError("ERR unknown command");
 * ```
 */
export class RespError extends Error {
	override readonly name = "RespError";

	/** The first word of the message, such as `"ERR"` or `"WRONGTYPE"`. */
	get code(): string {
		return /^\S*/.exec(this.message)?.[0] ?? "";
	}
}

/** Text with its format (RESP3). */
export class RespVerbatim {
	/** Three characters, such as `"txt"` or `"mkd"`. */
	readonly format: string;
	/** The text. */
	readonly text: string;

	/** @throws {@link GevError} `ERR_GEV_DATA` for a format that has not three characters of ASCII. */
	constructor(text: string, format = "txt") {
		if (!/^[\x21-\x7e]{3}$/.test(format)) {
			throw refused(`the format of a verbatim text is ${shown(format)}`);
		}
		this.format = format;
		this.text = text;
	}
}

/**
 * What is told without having been asked for (RESP3), such as a message of a channel.
 *
 * @typeParam Value - of what is told: see {@link RespValue} and {@link RespReply}.
 */
export class RespPush<Value = RespReply> {
	/** The first one says what kind it is. */
	readonly values: readonly Value[];

	constructor(values: readonly Value[]) {
		this.values = values;
	}
}

/** A value with attributes (RESP3), which say something about it. See {@link RespPush} for the types. */
export class RespAttributed<Value = RespReply> {
	readonly value: Value;
	readonly attributes: ReadonlyMap<Value, Value>;

	constructor(value: Value, attributes: ReadonlyMap<Value, Value>) {
		this.value = value;
		this.attributes = attributes;
	}
}

/**
 * What can be sent: a `string` or bytes as a bulk string, `null`, whole numbers, and so on. Of what RESP2 has not, it gets what
 * Redis sends instead: see {@link RespOptions.version}.
 */
export type RespReply =
	| string
	| NodeJS.ArrayBufferView
	| ArrayBuffer
	| number
	| bigint
	| boolean
	| null
	| RespSimple
	| RespError
	| RespVerbatim
	| RespPush
	| RespAttributed
	| readonly RespReply[]
	| ReadonlyMap<RespReply, RespReply>
	| ReadonlySet<RespReply>;

/**
 * What comes, where it need not be a request: simple strings as `string`, bulk strings as `Text`, numbers as `number` or, where
 * that would not be exact, as `bigint`, and so are big numbers; null in all of its forms is `null`.
 *
 * @typeParam Text - what bulk strings are: `Buffer`, or with the option `text` `string`.
 */
export type RespValue<Text = Buffer> =
	| Text
	| string
	| number
	| bigint
	| boolean
	| null
	| RespError
	| RespVerbatim
	| RespPush<RespValue<Text>>
	| RespAttributed<RespValue<Text>>
	| RespValue<Text>[]
	| Map<RespValue<Text>, RespValue<Text>>
	| Set<RespValue<Text>>;

/** What goes out for a value: text where that is all, else bytes. */
export function packResp(value: unknown, version: 2 | 3): string | Buffer {
	// The replies that there are most of.
	if (value instanceof RespSimple) return value.line;
	if (typeof value === "string") return bulkOfText(value);
	if (ArrayBuffer.isView(value)) return bulkOfBytes(value);
	const packer = new Packer(version);
	packer.add(value);
	return packer.packed();
}

class Packer {
	/** What comes behind the pieces. */
	#text = "";
	readonly #pieces: (string | Uint8Array)[] = [];
	readonly #version: 2 | 3;

	constructor(version: 2 | 3) {
		this.#version = version;
	}

	packed(): string | Buffer {
		if (this.#pieces.length === 0) return this.#text;
		const pieces = [...this.#pieces, this.#text];
		let length = 0;
		for (const piece of pieces) length += bytesIn(piece);
		const bytes = Buffer.allocUnsafe(length);
		let at = 0;
		for (const piece of pieces) {
			if (typeof piece === "string") at += writeText(bytes, piece, at);
			else {
				bytes.set(piece, at);
				at += lengthOf(piece);
			}
		}
		return bytes;
	}

	add(value: unknown): void {
		switch (typeof value) {
			case "string":
				this.#text += bulkOfText(value);
				break;
			case "number":
				this.#addNumber(value);
				break;
			case "bigint":
				this.#addBigint(value);
				break;
			case "boolean":
				if (this.#version === 3) this.#text += value ? "#t\r\n" : "#f\r\n";
				else this.#text += value ? ":1\r\n" : ":0\r\n";
				break;
			case "object":
				this.#addObject(value);
				break;
			default:
				throw refused(`no value of RESP, but ${shown(value)}`);
		}
	}

	#addNumber(value: number): void {
		if (Number.isSafeInteger(value)) {
			this.#text += `:${value}\r\n`;
			return;
		}
		const text = Number.isNaN(value)
			? "nan"
			: String(value).replace("Infinity", "inf");
		this.#text += this.#version === 3 ? `,${text}\r\n` : bulkOfText(text);
	}

	#addBigint(value: bigint): void {
		if (BigInt.asIntN(64, value) === value) this.#text += `:${value}\r\n`;
		else if (this.#version === 3) this.#text += `(${value}\r\n`;
		else this.#text += bulkOfText(String(value));
	}

	#addObject(value: object | null): void {
		if (value === null) this.#text += this.#version === 3 ? "_\r\n" : "$-1\r\n";
		else if (Array.isArray(value)) this.#addAll("*", value);
		else if (value instanceof RespSimple) this.#text += value.line;
		else if (value instanceof RespError) {
			this.#text += lineOf("-", value.message);
		} else if (value instanceof Map) this.#addMap("%", value);
		else if (value instanceof Set) this.#addAll(this.#as("~"), [...value]);
		else if (value instanceof RespPush) {
			this.#addAll(this.#as(">"), value.values);
		} else if (value instanceof RespVerbatim) this.#addVerbatim(value);
		else if (value instanceof RespAttributed) {
			// Of RESP2 there is nothing like it.
			if (this.#version === 3) this.#addMap("|", value.attributes);
			this.add(value.value);
		} else this.#addBytes(value);
	}

	#addAll(type: string, values: readonly unknown[]): void {
		this.#text += `${type}${values.length}\r\n`;
		for (const value of values) this.add(value);
	}

	#addMap(type: "%" | "|", map: ReadonlyMap<unknown, unknown>): void {
		const isMap = this.#version === 3;
		this.#text += isMap ? `${type}${map.size}\r\n` : `*${2 * map.size}\r\n`;
		for (const [key, value] of map) {
			this.add(key);
			this.add(value);
		}
	}

	#addVerbatim({ format, text }: RespVerbatim): void {
		const isVerbatim = this.#version === 3;
		this.#text += isVerbatim
			? bulkOfText(`${format}:${text}`).replace("$", "=")
			: bulkOfText(text);
	}

	#addBytes(value: object): void {
		const bytes = bytesOf(value);
		this.#pieces.push(`${this.#text}$${lengthOf(bytes)}\r\n`, bytes);
		this.#text = "\r\n";
	}

	/** What stands for a type that RESP2 has not. */
	#as(type: string): string {
		return this.#version === 3 ? type : "*";
	}
}

function bytesIn(piece: string | Uint8Array): number {
	return typeof piece === "string" ? byteLength(piece) : lengthOf(piece);
}

function bulkOfText(text: string): string {
	return `$${byteLength(text)}\r\n${text}\r\n`;
}

/** At once, as most replies that are bytes are one bulk string. */
function bulkOfBytes(value: object): Buffer {
	const bytes = bytesOf(value);
	const length = lengthOf(bytes);
	const head = `$${length}\r\n`;
	const front = head.length;
	const packed = Buffer.allocUnsafe(front + length + 2);
	writeText(packed, head, 0);
	packed.set(bytes, front);
	packed[front + length] = 0x0d;
	packed[front + length + 1] = 0x0a;
	return packed;
}

/** Writes a text, without a call if it is short; returns how many bytes that took. */
function writeText(bytes: Buffer, text: string, at: number): number {
	const { length } = text;
	if (length > SHORT_LENGTH) return bytes.write(text, at);
	for (let index = 0; index < length; index++) {
		const code = text.charCodeAt(index);
		if (code > 0x7f) return bytes.write(text, at);
		bytes[at + index] = code;
	}
	return length;
}

/** Of a short text without a call. */
function byteLength(text: string): number {
	const { length } = text;
	if (length > SHORT_LENGTH) return Buffer.byteLength(text);
	for (let at = 0; at < length; at++) {
		if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text);
	}
	return length;
}

function lineOf(type: string, text: unknown): string {
	if (typeof text !== "string" || /[\r\n]/.test(text)) {
		const why = "with CR or LF in it, it would be more than one value";
		throw refused(`the line ${shown(text)} is none: ${why}`);
	}
	return `${type}${text}\r\n`;
}

const SHORT_LENGTH = 32;
