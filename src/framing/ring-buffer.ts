import { bytesOf, lengthOf, viewOf } from "../base/bytes.js";
import * as check from "../base/check.js";
import { GevError, shown } from "../base/errors.js";
import { FastBuffer } from "../base/fast-buffer.js";
import { workerThreads } from "../base/node-modules.js";

/**
 * Puts bytes, whose memory is the buffer's from now on, behind those that are there, whatever the maximum: without a copy
 * of what need not be joined, so that what is read of them is not copied either. Follow it by {@link settle}.
 */
export let appendTo: (buffer: RingBuffer, bytes: Buffer) => void;

/** What is left stays for long: it gets memory of its own and no more than it needs, none if it is nothing. */
export let settle: (buffer: RingBuffer) => void;

/**
 * Bytes in the order in which they have come, to be looked at, read, and read ahead: what a protocol in TypeScript cuts
 * messages from (`CustomProtocol`). Made by a server for each connection, or by whoever cuts messages elsewhere.
 *
 * Numbers are big-endian, as nearly all protocols have them. `peek...` looks at what comes next and takes nothing;
 * `read...` and `retrieve...` take it out. A second cursor reads ahead: {@link RingBuffer.virtualRead | virtualRead} goes on
 * where it stopped before, {@link RingBuffer.virtualFlush | virtualFlush} takes out what it has read, and
 * {@link RingBuffer.virtualRevert | virtualRevert} goes back, so that a message that is not there as a whole can be left for
 * the next time. Whatever takes bytes out in another way puts that cursor back to the front.
 *
 * ```text
 *   | c d e . . . . . a b |      length 5, capacity 10; what is written next follows e
 *           ^ written ^ read     (the contents wrap: a b c d e)
 * ```
 *
 * It has no memory while nothing was written, and grows by doubling, up to its maximum.
 *
 * @example
 * ```ts
 * // A frame is its length, in four bytes, and its body.
 * const length = buffer.peekUint32();
 * if (length === undefined || buffer.length < 4 + length) return undefined;
 * buffer.retrieve(4);
 * return buffer.read(length);
 * ```
 */
export class RingBuffer {
	/** Its length is the capacity. */
	#storage: Buffer = NOTHING;
	/** Where the first byte is. */
	#at = 0;
	#length = 0;
	/** How many of the bytes have been read ahead. */
	#ahead = 0;
	/** Memory of a storage that was lent: what is taken out of it is not copied, and it is given up instead of written to. */
	#lent: ArrayBufferLike | undefined = undefined;
	/** Most bytes that may be written; 0 for no limit. */
	readonly #maxBytes: number;

	/**
	 * An empty buffer.
	 *
	 * @param maxBytes - most bytes that it may hold; 0 means no limit. Default 1 MiB.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong maximum.
	 */
	constructor(maxBytes = 1024 * 1024) {
		const most = Number.MAX_SAFE_INTEGER;
		this.#maxBytes = check.integer("maxBytes", maxBytes, 0, most);
	}

	/** How many bytes are there. */
	get length(): number {
		return this.#length;
	}

	/** For how many bytes there is memory now. */
	get capacity(): number {
		return this.#storage.length;
	}

	/** True when no byte is there. */
	get isEmpty(): boolean {
		return this.#length === 0;
	}

	/** True when its memory is full: the next byte that is written makes it grow, or is refused at the maximum. */
	get isFull(): boolean {
		return this.#length > 0 && this.#length === this.#storage.length;
	}

	/**
	 * The next `count` bytes, or as many as there are, without taking them out, and without a copy: in two runs, the second of
	 * which is empty unless they wrap. Both are good until something is written or taken out.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	peek(count: number): readonly [first: Buffer, end: Buffer] {
		return this.#runs(0, Math.min(whole("count", count), this.#length));
	}

	/** All bytes, as {@link peek} has them. */
	peekAll(): readonly [first: Buffer, end: Buffer] {
		return this.#runs(0, this.#length);
	}

	/**
	 * The byte that `at` others come before, without taking it out; `undefined` when it is not there yet.
	 *
	 * @param at - default 0, which is the next one.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	peekUint8(at = 0): number | undefined {
		return this.#number(whole("at", at), 1);
	}

	/** The two bytes from `at` on as a number, big-endian; `undefined` when not both are there. Otherwise as {@link peekUint8}. */
	peekUint16(at = 0): number | undefined {
		return this.#number(whole("at", at), 2);
	}

	/** The four bytes from `at` on as a number, big-endian; `undefined` when not all are there. Otherwise as {@link peekUint8}. */
	peekUint32(at = 0): number | undefined {
		return this.#number(whole("at", at), 4);
	}

	/** The eight bytes from `at` on as a number, big-endian; `undefined` when not all are there. Otherwise as {@link peekUint8}. */
	peekUint64(at = 0): bigint | undefined {
		const high = this.#number(whole("at", at), 4);
		const low = this.#number(at + 4, 4);
		if (high === undefined || low === undefined) return undefined;
		return (BigInt(high) << 32n) | BigInt(low);
	}

	/**
	 * How many bytes come before the first one that is `byte`, or -1 if there is none.
	 *
	 * @param from - where the search begins: what has been searched before need not be again. Default 0.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a `byte` or `from` that is none.
	 */
	indexOf(byte: number, from = 0): number {
		check.integer("byte", byte, 0, 0xff);
		const start = Math.min(whole("from", from), this.#length);
		const [first, end] = this.#runs(start, this.#length - start);
		const inFirst = first.indexOf(byte);
		if (inFirst >= 0) return start + inFirst;
		const inEnd = end.indexOf(byte);
		return inEnd < 0 ? -1 : start + first.length + inEnd;
	}

	/**
	 * Drops the next `count` bytes, or as many as there are.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	retrieve(count: number): void {
		if (whole("count", count) >= this.#length) this.retrieveAll();
		else this.#drop(count);
	}

	/** Drops all bytes. The memory stays. */
	retrieveAll(): void {
		this.#at = 0;
		this.#length = 0;
		this.#ahead = 0;
	}

	/**
	 * Takes out the next `count` bytes, or as many as there are. They are the caller's: nobody else writes to them. A few of them
	 * may share their `buffer` with others, as Node's pooled Buffers do.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	read(count: number): Buffer;
	/**
	 * Takes out as many bytes as there are and `target` has room for, and puts them there.
	 *
	 * @returns how many; 0 when none is there.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what is no bytes.
	 */
	read(target: Uint8Array): number;
	read(wanted: number | Uint8Array): Buffer | number {
		if (typeof wanted !== "number") {
			const count = this.#copyTo(wanted, 0);
			this.#drop(count);
			return count;
		}
		const count = Math.min(whole("count", wanted), this.#length);
		const end = this.#at + count;
		const lent = this.#lent;
		const isView =
			lent !== undefined && count < OWN_BYTES && end <= this.#storage.length;
		const bytes = isView
			? new FastBuffer(lent, this.#storage.byteOffset + this.#at, count)
			: this.#copy(0, count);
		this.#drop(count);
		return bytes;
	}

	/** Takes out the next byte; `undefined` when none is there. */
	readByte(): number | undefined {
		if (this.#length === 0) return undefined;
		const byte = this.#storage[this.#at];
		this.#drop(1);
		return byte;
	}

	/**
	 * Puts bytes behind those that are there, and takes all the memory that this needs.
	 *
	 * @throws {@link GevError} `ERR_GEV_FULL` when there would be more than the maximum, `ERR_GEV_DATA` for what is no bytes:
	 * then nothing is written.
	 */
	write(data: Uint8Array): void {
		const bytes = bytesOf(data);
		const count = lengthOf(bytes);
		this.#admit(count);
		this.#put(bytes, count);
	}

	/**
	 * Puts one byte behind those that are there.
	 *
	 * @throws {@link GevError} `ERR_GEV_FULL` as {@link write}, `ERR_GEV_OPTION` for what is no byte.
	 */
	writeByte(byte: number): void {
		check.integer("byte", byte, 0, 0xff);
		this.#admit(1);
		this.#makeRoom(1);
		this.#storage[this.#place(this.#length)] = byte;
		this.#length++;
	}

	/** As {@link write}, of text in UTF-8; `ERR_GEV_DATA` for what is no string. */
	writeString(text: string): void {
		if (typeof text !== "string") {
			throw new GevError("ERR_GEV_DATA", `not a string, but ${shown(text)}`);
		}
		this.write(Buffer.from(text));
	}

	/**
	 * A copy of the next `count` bytes that have not been read ahead, or of as many as there are: they are read ahead now, and
	 * still there.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	virtualRead(count: number): Buffer;
	/**
	 * Copies as many of them to `target` as it has room for.
	 *
	 * @returns how many; 0 when all have been read ahead.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what is no bytes.
	 */
	virtualRead(target: Uint8Array): number;
	virtualRead(wanted: number | Uint8Array): Buffer | number {
		if (typeof wanted !== "number") {
			const count = this.#copyTo(wanted, this.#ahead);
			this.#ahead += count;
			return count;
		}
		const count = Math.min(whole("count", wanted), this.virtualLength);
		const bytes = this.#copy(this.#ahead, count);
		this.#ahead += count;
		return bytes;
	}

	/** How many bytes have not been read ahead. */
	get virtualLength(): number {
		return this.#length - this.#ahead;
	}

	/** Takes out what has been read ahead. */
	virtualFlush(): void {
		this.#drop(this.#ahead);
	}

	/** Forgets that anything was read ahead: {@link virtualRead} begins at the front again. */
	virtualRevert(): void {
		this.#ahead = 0;
	}

	/** A copy of all bytes. */
	bytes(): Buffer {
		return this.#copy(0, this.#length);
	}

	/** Drops all bytes, and gives the memory back. */
	reset(): void {
		this.retrieveAll();
		this.#storage = NOTHING;
		this.#lent = undefined;
	}

	/** The place of the byte that so many others come before, or of the one that is written behind so many. */
	#place(offset: number): number {
		const place = this.#at + offset;
		const capacity = this.#storage.length;
		return place >= capacity ? place - capacity : place;
	}

	#number(at: number, count: number): number | undefined {
		if (at + count > this.#length) return undefined;
		const storage = this.#storage;
		let place = this.#place(at);
		let value = 0;
		for (let n = 0; n < count; n++) {
			value = value * 256 + (storage[place] as number);
			if (++place === storage.length) place = 0;
		}
		return value;
	}

	/** Takes out bytes, of which there must be as many. */
	#drop(count: number): void {
		this.#at = this.#place(count);
		this.#length -= count;
		this.#ahead = 0;
	}

	/** Bytes, of which there must be as many, where they are. */
	#runs(offset: number, count: number): [Buffer, Buffer] {
		if (count === 0) return [NOTHING, NOTHING];
		const storage = this.#storage;
		const from = this.#place(offset);
		const end = from + count;
		if (end <= storage.length) return [storage.subarray(from, end), NOTHING];
		return [storage.subarray(from), storage.subarray(0, end - storage.length)];
	}

	#copy(offset: number, count: number): Buffer {
		const copy = Buffer.allocUnsafe(count);
		this.#copyOut(copy, offset, count);
		return copy;
	}

	/** Copies what is there from `offset` on and fits; returns how much. */
	#copyTo(target: Uint8Array, offset: number): number {
		const bytes = bytesOf(target);
		const count = Math.min(lengthOf(bytes), this.#length - offset);
		this.#copyOut(viewOf(bytes, 0, count), offset, count);
		return count;
	}

	#copyOut(target: Uint8Array, offset: number, count: number): void {
		if (count <= SHORT_BYTES) {
			const storage = this.#storage;
			let place = this.#place(offset);
			for (let n = 0; n < count; n++) {
				target[n] = storage[place] as number;
				if (++place === storage.length) place = 0;
			}
			return;
		}
		const [first, end] = this.#runs(offset, count);
		target.set(first);
		if (end.length > 0) target.set(end, first.length);
	}

	/** Throws if so many bytes more are too many. */
	#admit(count: number): void {
		const most = this.#maxBytes;
		if (most === 0 || count <= most - this.#length) return;
		throw new GevError(
			"ERR_GEV_FULL",
			`${count} bytes behind ${this.#length} are more than the ${most} that the buffer may hold`,
		);
	}

	#put(bytes: Uint8Array, count: number): void {
		if (count === 0) return;
		this.#makeRoom(count);
		const storage = this.#storage;
		const from = this.#place(this.#length);
		const room = storage.length - from;
		if (count <= room) storage.set(bytes, from);
		else {
			storage.set(viewOf(bytes, 0, room), from);
			storage.set(viewOf(bytes, room, count));
		}
		this.#length += count;
	}

	/** Sees to it that so many bytes can be written. */
	#makeRoom(count: number): void {
		const needed = this.#length + count;
		const capacity = this.#storage.length;
		if (needed <= capacity && this.#lent === undefined) return;
		const most = this.#maxBytes || Number.POSITIVE_INFINITY;
		const ample = Math.min(Math.max(2 * capacity, LEAST_BYTES), most);
		this.#move(Math.max(needed, ample));
	}

	/** Moves what is there to memory of its own. */
	#move(capacity: number): void {
		const storage = Buffer.allocUnsafeSlow(capacity);
		this.#copyOut(storage, 0, this.#length);
		this.#storage = storage;
		this.#at = 0;
		this.#lent = undefined;
	}

	/** See {@link appendTo}. */
	#append(bytes: Buffer): void {
		const rest = this.#length;
		if (bytes.length === 0) return;
		if (rest === 0) {
			this.#lend(bytes);
		} else if (rest <= bytes.length) {
			const joined = Buffer.allocUnsafe(rest + bytes.length);
			this.#copyOut(joined, 0, rest);
			joined.set(bytes, rest);
			this.#lend(joined);
		} else {
			this.#put(bytes, bytes.length);
		}
	}

	#lend(storage: Buffer): void {
		// Who transfers a message must not take what comes behind it. What is shorter shares memory that is marked already.
		if (storage.length >= OWN_BYTES) {
			workerThreads().markAsUntransferable(storage.buffer);
		}
		this.#storage = storage;
		this.#at = 0;
		this.#length = storage.length;
		this.#lent = storage.buffer;
	}

	/** See {@link settle}. */
	#settle(): void {
		const length = this.#length;
		const capacity = this.#storage.length;
		const isLarge = capacity > LEAST_BYTES && length <= capacity >> 2;
		if (length === 0) this.reset();
		else if (this.#lent !== undefined || isLarge)
			this.#move(Math.max(LEAST_BYTES, length));
	}

	static {
		appendTo = (buffer, bytes) => buffer.#append(bytes);
		settle = (buffer) => buffer.#settle();
	}
}

function whole(name: string, value: number): number {
	if (Number.isInteger(value) && value >= 0) return value;
	throw check.wrong(name, "a whole number from 0", value);
}

const NOTHING = Buffer.alloc(0);
/** Memory of a buffer that has any. */
const LEAST_BYTES = 64;
/** Up to this length a loop is faster than the calls that copy bytes. */
const SHORT_BYTES = 48;
/** From this length on what is read has memory of its own. Below half of `Buffer.poolSize` Node's Buffers share theirs. */
const OWN_BYTES = 4096;
