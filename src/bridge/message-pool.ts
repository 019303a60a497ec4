import { FastBuffer } from "../base/fast-buffer.js";
import { workerThreads } from "../base/node-modules.js";
import { FLAG_ASCII, FLAG_MORE, FLAG_TEXT } from "./records.js";
import type { SharedBuffer } from "./shared-buffer.js";
import { trimWhenQuiet } from "./trim.js";
import { Unfinished } from "./unfinished.js";

/**
 * Turns payloads in the event queue into messages of the handler's own.
 *
 * Short binary messages share slabs, as with Node's own pool of buffers: a slab lives as long as any message in it, and is
 * not to be transferred, as that would take it from all others. Whoever does so all the same (there are ways) has taken
 * messages that are out already; the next one gets a new slab.
 */
export class MessagePool {
	readonly #words: Int32Array;
	readonly #bytes: SharedBuffer;
	#slab = newSlab();
	#slabMemory = this.#slab.buffer;
	#slabWords = new Int32Array(this.#slabMemory);
	/** First unused byte of the slab; a multiple of eight. */
	#used = 0;

	constructor(words: Int32Array, bytes: SharedBuffer) {
		this.#words = words;
		this.#bytes = bytes;
	}

	/** A copy of the `length` bytes at `at`, a place where a payload begins. */
	copy(at: number, length: number): Buffer {
		if (length > SLAB_BYTES / 4) return this.#ownCopy(at, length);
		// A slab that somebody has detached has no bytes, and so no room for any message, not even for an empty one.
		if (this.#used + length >= this.#slab.length) {
			this.#slab = newSlab();
			this.#slabMemory = this.#slab.buffer;
			this.#slabWords = new Int32Array(this.#slabMemory);
			this.#used = 0;
		}
		const start = this.#used;
		this.#used = (start + length + 7) & -8;
		if (length <= SHORT_BYTES) {
			// Whole words: payloads are padded in the queue, messages in the slab.
			const words = this.#words;
			const slabWords = this.#slabWords;
			const from = at >> 2;
			const to = start >> 2;
			const count = (length + 3) >> 2;
			for (let i = 0; i < count; i++) {
				slabWords[to + i] = words[from + i] as number;
			}
		} else {
			this.#slab.set(this.#bytes.subarray(at, at + length), start);
		}
		return new FastBuffer(this.#slabMemory, start, length);
	}

	/** A copy in memory that no other message shares. */
	#ownCopy(at: number, length: number): Buffer {
		const message = Buffer.allocUnsafeSlow(length);
		message.set(this.#bytes.subarray(at, at + length));
		return message;
	}

	/** Adds a part to the connection's unfinished message; returns the message when this part completes it. */
	assemble(
		connection: PartsHolder,
		kind: number,
		at: number,
		length: number,
	): string | Buffer | undefined {
		const isLast = (kind & FLAG_MORE) === 0;
		connection.keep(length);
		if (!connection.connected) {
			// It was the one that had to go for that.
			connection.release(length);
			return undefined;
		}
		try {
			connection.unfinished ??= new Unfinished();
			const { unfinished } = connection;
			const isAscii = (kind & FLAG_ASCII) !== 0;
			unfinished.add(this.#bytes.subarray(at, at + length), isAscii);
			if (!isLast) return undefined;
			const isText = (kind & FLAG_TEXT) !== 0;
			const message = isText ? unfinished.text() : unfinished.bytes();
			connection.forgetUnfinished();
			trimWhenQuiet();
			return message;
		} catch {
			// Strings and buffers have an upper limit of their own.
			connection.tooLong();
			return undefined;
		}
	}
}

/** Who has the message that has not come in as a whole. */
export interface PartsHolder {
	readonly connected: boolean;
	unfinished: Unfinished | undefined;
	/** So many bytes are going to be kept. */
	keep(bytes: number): void;
	/** So many bytes are kept no longer. */
	release(bytes: number): void;
	/** Nothing is kept of the message any longer. */
	forgetUnfinished(): void;
	/** The message is longer than JavaScript can have it. */
	tooLong(): void;
}

function newSlab(): Buffer {
	const slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
	workerThreads().markAsUntransferable(slab.buffer);
	return slab;
}

const SLAB_BYTES = 64 * 1024;
/** Up to this length a loop of words is faster than the calls that copy bytes. */
const SHORT_BYTES = 192;
