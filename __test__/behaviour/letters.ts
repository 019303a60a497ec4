import { crc32 } from "node:zlib";
import type { Random } from "../kit/random.js";

/*
 * What clients and the server of the behavioural suite say to each other, by either protocol. A letter is text whose
 * first word says what it is:
 *
 *   H id                  the client's name, its first letter: comes back
 *   E number crc body     comes back at once
 *   A number crc body     comes back from a promise
 *   Q number crc body     does not come back
 *   S number crc body     does not come back, and is handled when all that wait are released
 *   P count size          asks for so many letters like the next one, as fast as onDrain allows, and then "D count"
 *   P number crc body     one of those
 *   F count size          asks for so many "P number crc body" in one go, whatever send() says; another one goes on counting
 *   C code reason         asks the server to close
 *   N                     nothing: makes the socket say something
 *
 * A WebSocket carries each in a message, of text if its number is odd. Over raw TCP four bytes with its length go before.
 */

/** A letter that carries a body. */
export interface Letter {
	verb: string;
	number: number;
	/** False when the body is not the one that was sent. */
	intact: boolean;
}

/** Writes letters, with bodies that a seed decides. */
export class Writer {
	readonly #random: Random;
	#sheet: Buffer | undefined;

	constructor(random: Random) {
		this.#random = random;
	}

	/** A letter whose body has `size` bytes. */
	letter(verb: string, number: number, size: number): Buffer {
		const body = this.#body(size);
		return Buffer.concat([headOf(verb, number, body), body]);
	}

	/**
	 * The same as raw TCP carries it, with its length before it, on a sheet that every other one is written on too: for a
	 * process whose memory is looked at. Letters with memory of their own are V8's to collect, which it does when it likes:
	 * since Node.js 24 when they have come to 64 MiB.
	 */
	onSheet(verb: string, number: number, size: number): Buffer {
		const body = this.#body(size);
		const head = headOf(verb, number, body);
		const length = head.length + size;
		this.#sheet ??= Buffer.alloc(4 + MOST_HEAD + MOST_BYTES);
		this.#sheet.writeUInt32BE(length);
		head.copy(this.#sheet, 4);
		body.copy(this.#sheet, 4 + head.length);
		return this.#sheet.subarray(0, 4 + length);
	}

	/** A letter whose body has from 1 to `most` bytes. */
	letterUpTo(verb: string, number: number, most: number): Buffer {
		return this.letter(verb, number, this.#random.size(most));
	}

	#body(size: number): Buffer {
		const from = this.#random.below(pool.length - size + 1);
		return pool.subarray(from, from + size);
	}
}

/** Of a letter that carries a body. */
function headOf(verb: string, number: number, body: Buffer): Buffer {
	return Buffer.from(`${verb} ${number} ${crc32(body)} `);
}

/** A letter with this body. */
export function sealed(verb: string, number: number, body: Buffer): Buffer {
	return Buffer.concat([headOf(verb, number, body), body]);
}

/** Reads a letter that carries a body. */
export function read(letter: Buffer): Letter {
	const head = letter.subarray(0, MOST_HEAD).toString("latin1");
	const [verb = "", number = "", crc = ""] = head.split(" ", 3);
	const body = letter.subarray(`${verb} ${number} ${crc} `.length);
	return { verb, number: Number(number), intact: crc32(body) === Number(crc) };
}

/** The words of a letter that carries none. */
export function words(letter: Buffer): string[] {
	return letter.toString("latin1").split(" ");
}

/** A letter as raw TCP carries it. */
export function framed(letter: Uint8Array): Buffer {
	const length = Buffer.alloc(4);
	length.writeUInt32BE(letter.length);
	return Buffer.concat([length, letter]);
}

/** Bytes that come in pieces and are taken in others. */
export class Pieces {
	#pieces: Buffer[] = [];
	length = 0;

	push(piece: Buffer): void {
		this.#pieces.push(piece);
		this.length += piece.length;
	}

	/** The next bytes, which stay; `undefined` if there are not so many. */
	peek(count: number): Buffer | undefined {
		if (this.length < count) return undefined;
		if ((this.#pieces[0]?.length ?? 0) < count) {
			this.#pieces = [Buffer.concat(this.#pieces)];
		}
		return this.#pieces[0]?.subarray(0, count) ?? Buffer.alloc(0);
	}

	/** The next bytes; `undefined` if there are not so many. */
	take(count: number): Buffer | undefined {
		const bytes = this.peek(count);
		if (bytes === undefined || count === 0) return bytes;
		const rest = (this.#pieces[0] as Buffer).subarray(count);
		if (rest.length > 0) this.#pieces[0] = rest;
		else this.#pieces.shift();
		this.length -= count;
		return bytes;
	}

	/** The next letter of raw TCP, if it is complete. */
	takeLetter(): Buffer | undefined {
		const length = this.peek(4)?.readUInt32BE();
		if (length === undefined || this.length < 4 + length) return undefined;
		this.take(4);
		return this.take(length);
	}
}

/** ASCII, so that every part of it is text too, and hardly ever the same at two places. */
const pool = Buffer.from(
	Buffer.from(
		Uint32Array.from({ length: 100_000 }, (_, at) =>
			Math.imul(at ^ (at >>> 3), 0x9e3779b1),
		).buffer,
	).toString("base64"),
);

/** The largest body. */
export const MOST_BYTES = pool.length;

/** The longest head. */
const MOST_HEAD = 32;
