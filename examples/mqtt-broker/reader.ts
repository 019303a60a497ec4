// The data types of MQTT 3.1.1 and 5 (section 1.5 of both), read from one packet.

import { isUtf8 } from "node:buffer";

/** What is wrong with what a client has sent, by a reason code of MQTT 5 (section 2.4). */
export class Refusal extends Error {
	readonly reason: number;
	constructor(reason: number, message: string) {
		super(message);
		this.reason = reason;
	}
}

export const MALFORMED = 0x81;
export const PROTOCOL_ERROR = 0x82;

/** The properties of a packet by their numbers: as they were sent, number included, those of the same number in a row. */
export type Properties = Map<number, Buffer[]>;

export class Reader {
	readonly #bytes: Buffer;
	#at = 0;

	constructor(bytes: Buffer) {
		this.#bytes = bytes;
	}

	get isAtEnd(): boolean {
		return this.#at === this.#bytes.length;
	}

	byte(): number {
		return this.#take(1).readUInt8();
	}

	uint16(): number {
		return this.#take(2).readUInt16BE();
	}

	/** Seven bits a byte, the low ones first; at most four bytes. */
	varint(): number {
		let value = 0;
		for (let shift = 0; shift < 28; shift += 7) {
			const byte = this.byte();
			value |= (byte & 0x7f) << shift;
			if (byte < 0x80) return value;
		}
		throw new Refusal(MALFORMED, "a number is too long");
	}

	bytes(): Buffer {
		return this.#take(this.uint16());
	}

	text(): string {
		const bytes = this.bytes();
		if (isUtf8(bytes) && !bytes.includes(0)) return bytes.toString();
		throw new Refusal(MALFORMED, "a text is no UTF-8");
	}

	rest(): Buffer {
		return this.#take(this.#bytes.length - this.#at);
	}

	properties(): Properties {
		const reader = new Reader(this.#take(this.varint()));
		const properties: Properties = new Map();
		while (!reader.isAtEnd) {
			const [number, bytes] = reader.#property();
			const before = properties.get(number) ?? [];
			if (before.length > 0 && number !== USER_PROPERTY) {
				throw new Refusal(PROTOCOL_ERROR, `property ${number} comes twice`);
			}
			properties.set(number, [...before, bytes]);
		}
		return properties;
	}

	#property(): [number: number, bytes: Buffer] {
		const start = this.#at;
		const number = this.varint();
		const kind = KINDS.find(([, numbers]) => numbers.includes(number))?.[0];
		if (kind === undefined) {
			throw new Refusal(MALFORMED, `there is no property ${number}`);
		}
		if (kind === "pair") this.text();
		if (kind === "pair" || kind === "text") this.text();
		else if (kind === "bytes") this.bytes();
		else if (kind === "varint") this.varint();
		else this.#take(kind);
		return [number, this.#bytes.subarray(start, this.#at)];
	}

	#take(count: number): Buffer {
		const end = this.#at + count;
		if (end > this.#bytes.length) {
			throw new Refusal(MALFORMED, "a packet is shorter than it says");
		}
		const bytes = this.#bytes.subarray(this.#at, end);
		this.#at = end;
		return bytes;
	}
}

export const USER_PROPERTY = 38;

/** What the values of properties are (MQTT 5, table 2-4); a number is for so many bytes. */
const KINDS: [number | "text" | "bytes" | "varint" | "pair", number[]][] = [
	[1, [1, 23, 25, 36, 37, 40, 41, 42]],
	[2, [19, 33, 34, 35]],
	[4, [2, 17, 24, 39]],
	["text", [3, 8, 18, 21, 26, 28, 31]],
	["bytes", [9, 22]],
	["varint", [11]],
	["pair", [USER_PROPERTY]],
];
