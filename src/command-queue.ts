import { layout } from "./layout.js";
import type { SharedBuffer } from "./shared-buffer.js";

/**
 * The writing end of one loop's command queue, and what waits in JavaScript's memory while that queue is full.
 *
 * Layout and rules: `crates/node/src/memory.rs`. Commands become visible to the loop with {@link publish}: once at the
 * end of a drain, and once for everything that a tick sends outside of one. Nothing is ever dropped: when the queue is
 * full, commands line up in a backlog, and go on when the loop has made room and rings.
 */
export class CommandQueue {
	private readonly words: Int32Array;
	private readonly bytes: SharedBuffer;
	private readonly wake: () => void;
	private readonly headerBytes: (length: number) => number;
	/** First byte of the ring. */
	private readonly base: number;
	private readonly capacity: number;
	/** Where the next record goes; ahead of what is published. */
	private head = 0;
	private published = 0;
	/** The loop's tail when it was last looked at. */
	private knownTail = 0;
	private backlog: Waiting[] = [];
	/** A publish is going to happen at the end of this tick. */
	private scheduled = false;
	/** A publish is going to happen when whoever holds it is done: a drain, or {@link together}. */
	private held = false;

	constructor(
		words: Int32Array,
		bytes: SharedBuffer,
		queueBytes: number,
		headerBytes: (length: number) => number,
		wake: () => void,
	) {
		this.words = words;
		this.bytes = bytes;
		this.wake = wake;
		this.headerBytes = headerBytes;
		this.base = layout.queuesAt + queueBytes;
		this.capacity = queueBytes;
	}

	/** What a message of `length` bytes counts until the kernel has taken it. */
	cost(length: number): number {
		return length + this.headerBytes(length);
	}

	/** A message made of text, with the flags of its record. Returns its {@link cost}. */
	sendText(
		slot: number,
		generation: number,
		text: string,
		flags: number,
	): number {
		const most = text.length * 3;
		if (most > PART_BYTES || this.backlog.length > 0) {
			return this.sendLong(slot, generation, Buffer.from(text), flags);
		}
		const at = this.reserve(most);
		if (at < 0) {
			return this.sendLong(slot, generation, Buffer.from(text), flags);
		}
		const length = this.writeText(text, at, most);
		const header = this.headerBytes(length);
		const kind = SEND | flags | (header << FRAMING_SHIFT);
		this.commit(kind, slot, generation, length, at);
		return length + header;
	}

	/** As {@link sendText}, made of bytes, which are copied before this returns. */
	sendBytes(
		slot: number,
		generation: number,
		data: Uint8Array,
		flags: number,
	): number {
		const length = data.length;
		if (length > PART_BYTES || this.backlog.length > 0) {
			return this.sendLong(slot, generation, data, flags);
		}
		const at = this.reserve(length);
		if (at < 0) return this.sendLong(slot, generation, data, flags);
		if (length <= SHORT_BYTES) {
			const bytes = this.bytes;
			for (let i = 0; i < length; i++) bytes[at + i] = data[i] as number;
		} else {
			this.bytes.set(data, at);
		}
		const header = this.headerBytes(length);
		const kind = SEND | flags | (header << FRAMING_SHIFT);
		this.commit(kind, slot, generation, length, at);
		return length + header;
	}

	/** A ping, with a payload that must not be changed afterwards. Returns its {@link cost}. */
	ping(slot: number, generation: number, payload: Uint8Array): number {
		const header = this.headerBytes(payload.length);
		const kind = layout.commandPing | (header << FRAMING_SHIFT);
		this.write(kind, slot, generation, payload, false);
		return payload.length + header;
	}

	/** A command with a short payload, or none. */
	command(
		kind: number,
		slot: number,
		generation: number,
		payload: Uint8Array = NOTHING,
	): void {
		this.write(kind, slot, generation, payload, false);
	}

	/** The response to a request, of any length. The bytes must not be changed afterwards. */
	respond(slot: number, generation: number, response: Uint8Array): void {
		let at = 0;
		do {
			const part = response.subarray(at, at + PART_BYTES);
			at += PART_BYTES;
			const more = at < response.length ? FLAG_MORE : 0;
			this.write(layout.commandRespond | more, slot, generation, part, false);
		} while (at < response.length);
	}

	/** Makes every command visible, wakes the loop if it sleeps, and sees to the backlog. */
	publish(): void {
		this.scheduled = false;
		this.held = false;
		this.clearBacklog();
		if (this.head === this.published) return;
		this.published = this.head;
		Atomics.store(this.words, layout.commandHead, this.head);
		this.wakeLoop();
	}

	/** True when a backlog waits and the loop has rung for the room that it asked for. */
	hasNewRoom(): boolean {
		return (
			this.backlog.length > 0 &&
			Atomics.load(this.words, layout.scriptWantsRoom) === 0
		);
	}

	/** Wakes the loop if it sleeps. */
	wakeLoop(): void {
		if (Atomics.exchange(this.words, layout.sleeping, 0) === 1) this.wake();
	}

	/** A drain begins: it will publish, so that what is sent meanwhile need not. */
	holdPublish(): void {
		this.held = true;
	}

	/** Calls `callback`, and makes everything visible together that it sends. */
	together<Result>(callback: () => Result): Result {
		if (this.held) return callback();
		this.held = true;
		try {
			return callback();
		} finally {
			this.publish();
		}
	}

	/** A message that is longer than a part or has to wait. Returns its {@link cost}. */
	private sendLong(
		slot: number,
		generation: number,
		data: Uint8Array,
		flags: number,
	): number {
		const { length } = data;
		const header = this.headerBytes(length);
		const framed = flags | (header << FRAMING_SHIFT);
		if (length <= PART_BYTES) {
			this.write(SEND | framed, slot, generation, data, true);
			return length + header;
		}
		const total = new Uint8Array(new BigUint64Array([BigInt(length)]).buffer);
		this.write(BEGIN | framed, slot, generation, total, false);
		let at = 0;
		for (; at < length && this.backlog.length === 0; at += PART_BYTES) {
			this.write(
				CONTINUE,
				slot,
				generation,
				data.subarray(at, at + PART_BYTES),
				true,
			);
		}
		if (at < length) {
			// One copy of the rest: the caller may change the data as soon as `send` returns.
			const rest = Uint8Array.prototype.slice.call(data, at);
			for (let from = 0; from < rest.length; from += PART_BYTES) {
				const part = rest.subarray(from, from + PART_BYTES);
				this.write(CONTINUE, slot, generation, part, false);
			}
		}
		return length + header;
	}

	/** A record in the ring, or at the end of the backlog (as a copy if `data` is the caller's). */
	private write(
		kind: number,
		slot: number,
		generation: number,
		data: Uint8Array,
		copy: boolean,
	): void {
		if (
			this.backlog.length > 0 ||
			!this.tryWrite(kind, slot, generation, data)
		) {
			const own = copy ? Uint8Array.prototype.slice.call(data) : data;
			this.backlog.push({ kind, slot, generation, data: own });
			this.schedule();
		}
	}

	private tryWrite(
		kind: number,
		slot: number,
		generation: number,
		data: Uint8Array,
	): boolean {
		const at = this.reserve(data.length);
		if (at < 0) return false;
		this.bytes.set(data, at);
		this.commit(kind, slot, generation, data.length, at);
		return true;
	}

	private clearBacklog(): void {
		if (this.backlog.length === 0) return;
		let done = this.writeBacklog();
		if (done < this.backlog.length) {
			// Said first, then looked at again: see `crates/node/src/loop_bridge.rs`.
			Atomics.store(this.words, layout.scriptWantsRoom, 1);
			done += this.writeBacklog(done);
		}
		this.backlog.splice(0, done);
	}

	/** Writes as much of the backlog as fits; returns how many records that were. */
	private writeBacklog(from = 0): number {
		let at = from;
		for (; at < this.backlog.length; at++) {
			const { kind, slot, generation, data } = this.backlog[at] as Waiting;
			if (!this.tryWrite(kind, slot, generation, data)) break;
		}
		return at - from;
	}

	/** Place of the payload of a record of `length` bytes, as an index into the memory; -1 when there is no room. */
	private reserve(length: number): number {
		const needed = recordBytes(length);
		const place = this.head & (this.capacity - 1);
		const toEnd = this.capacity - place;
		const padding = needed > toEnd ? toEnd : 0;
		if (needed + padding > this.free()) {
			this.knownTail = Atomics.load(this.words, layout.commandTail);
			if (needed + padding > this.free()) return -1;
		}
		if (padding === 0) return this.base + place + HEADER_BYTES;
		this.writeHeader(PAD, 0, 0, padding - HEADER_BYTES, this.base + place);
		this.head = (this.head + padding) | 0;
		return this.base + HEADER_BYTES;
	}

	private free(): number {
		return this.capacity - ((this.head - this.knownTail) | 0);
	}

	/** Turns the reserved place `at` into a record. */
	private commit(
		kind: number,
		slot: number,
		generation: number,
		length: number,
		at: number,
	): void {
		this.writeHeader(kind, slot, generation, length, at - HEADER_BYTES);
		this.head = (this.head + recordBytes(length)) | 0;
		if (!this.scheduled) this.schedule();
	}

	private writeHeader(
		kind: number,
		slot: number,
		generation: number,
		length: number,
		at: number,
	): void {
		const word = at >> 2;
		this.words[word] = kind;
		this.words[word + 1] = slot;
		this.words[word + 2] = generation;
		this.words[word + 3] = length;
	}

	/** Writes text as UTF-8; returns the bytes that it took. */
	private writeText(text: string, at: number, most: number): number {
		const bytes = this.bytes;
		const { length } = text;
		if (length > SHORT_TEXT) return bytes.utf8Write(text, at, most);
		for (let i = 0; i < length; i++) {
			const code = text.charCodeAt(i);
			if (code > 0x7f) return bytes.utf8Write(text, at, most);
			bytes[at + i] = code;
		}
		return length;
	}

	private schedule(): void {
		if (this.scheduled || this.held) return;
		this.scheduled = true;
		process.nextTick(() => this.publish());
	}
}

/** A command that the queue had no room for. */
interface Waiting {
	kind: number;
	slot: number;
	generation: number;
	data: Uint8Array;
}

function recordBytes(length: number): number {
	return HEADER_BYTES + ((length + RECORD_ALIGN - 1) & -RECORD_ALIGN);
}

const NOTHING = new Uint8Array(0);

/** Up to this length a loop of bytes is faster than the calls that copy them. */
const SHORT_BYTES = 64;
const SHORT_TEXT = 32;

// Constants of their own, as the engine folds these but not the properties of an object.
const HEADER_BYTES = 16;
const RECORD_ALIGN = 16;
const PART_BYTES = layout.partBytes;
const PAD = layout.pad;
const SEND = layout.commandSend;
const BEGIN = layout.commandBegin;
const CONTINUE = layout.commandContinue;
const FLAG_MORE = layout.flagMore;
const FRAMING_SHIFT = layout.framingShift;
