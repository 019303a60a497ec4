import { copyOf, viewOf } from "../base/bytes.js";
import { nextTick } from "../base/clock.js";
import { Backlog, type Unwanted, type Waiting } from "./backlog.js";
import { loanPayload, namesOf } from "./command-payload.js";
import type { Loan, Loans } from "./loans.js";
import type { MemoryBudget } from "./memory-budget.js";
import {
	COMMAND_PING,
	COMMAND_RESPOND,
	COMMAND_SEND,
	COMMAND_SEND_LOAN,
	COMMAND_SHARE,
	COMMAND_SHARE_LOAN,
	COMMANDS_AT,
	FLAG_MORE,
	HEADER_BYTES,
	LOAN_BYTES,
	PAD,
	PART_BYTES,
	RECORD_ALIGN,
	WORD_COMMAND_HEAD,
	WORD_COMMAND_TAIL,
	WORD_SCRIPT_WANTS_ROOM,
	WORD_SLEEPING,
} from "./records.js";
import { type SharedBuffer, sharedBuffer } from "./shared-buffer.js";
import { writeAll } from "./text.js";

/**
 * The writing end of one loop's command queue, and what waits in JavaScript's memory while that queue is full.
 *
 * Layout and rules: `crates/node/src/memory.rs`. Commands become visible to the loop with {@link publish}: once at the
 * end of a drain, and once for everything that a tick sends outside of one. Nothing is ever dropped: when the queue is
 * full, commands line up in a backlog, and go on when the loop has made room and rings.
 *
 * Callers may have hardly any stack left, so that every call can throw. A publish is certain before anything is written;
 * from there to the new head nothing is called.
 */
export class CommandQueue {
	private readonly words: Int32Array;
	private readonly bytes: SharedBuffer;
	private readonly wake: () => void;
	private readonly sendNow: LoopCommands["sendNow"];
	/** What framing adds to a message at most. */
	private readonly framing: number;
	private readonly memory: MemoryBudget;
	private readonly loans: Loans;
	private readonly capacity: number;
	/** Where the next record goes; ahead of what is published. */
	private head = 0;
	private published = 0;
	/** The loop's tail when it was last looked at. */
	private knownTail = 0;
	private readonly backlog: Backlog;
	/** Bytes that commands lend up to here, which the loop may not have read all. What is there cannot be dropped any more. */
	private lent = 0;
	private lentTo = 0;
	/** A publish is going to happen at the end of this tick. */
	private scheduled = false;
	/** A publish is going to happen when whoever holds it is done: a drain, or {@link together}. */
	private held = false;

	constructor(
		control: Int32Array,
		queueBytes: number,
		framing: number,
		memory: MemoryBudget,
		loans: Loans,
		native: LoopCommands,
	) {
		this.words = control;
		this.bytes = sharedBuffer(control.buffer);
		this.wake = native.wake;
		this.sendNow = native.sendNow;
		this.framing = framing;
		this.memory = memory;
		this.backlog = new Backlog(memory);
		this.loans = loans;
		this.capacity = queueBytes;
	}

	/** What a message of `length` bytes, a fragment or a ping counts; the loop counts the same when it takes it. */
	cost(length: number): number {
		return length + this.framing;
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
			const length = Buffer.byteLength(text);
			return this.sendLongText(slot, generation, text, length, flags);
		}
		if (!this.scheduled) this.schedule();
		const at = this.reserve(most);
		if (at < 0) {
			const length = Buffer.byteLength(text);
			return this.sendLongText(slot, generation, text, length, flags);
		}
		const length = this.writeText(text, at, most);
		this.commit(COMMAND_SEND | flags, slot, generation, length, at);
		return length + this.framing;
	}

	/** As {@link sendText}, made of `length` genuine bytes (see `bytes.ts`), which are copied before this returns. */
	sendBytes(
		slot: number,
		generation: number,
		data: Uint8Array,
		length: number,
		flags: number,
	): number {
		if (length > PART_BYTES || this.backlog.length > 0) {
			return this.sendLong(slot, generation, data, length, flags);
		}
		if (!this.scheduled) this.schedule();
		const at = this.reserve(length);
		if (at < 0) {
			return this.sendLong(slot, generation, data, length, flags);
		}
		if (length <= SHORT_BYTES) {
			const bytes = this.bytes;
			for (let i = 0; i < length; i++) bytes[at + i] = data[i] as number;
		} else {
			this.bytes.set(data, at);
		}
		this.commit(COMMAND_SEND | flags, slot, generation, length, at);
		return length + this.framing;
	}

	/** A ping, with a payload that must not be changed afterwards. Returns its {@link cost}. */
	ping(slot: number, generation: number, payload: Uint8Array): number {
		this.write(COMMAND_PING, slot, generation, payload, false);
		return payload.length + this.framing;
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

	/**
	 * A message to many connections of this loop, each of which is there once: slot and generation of one after the other, and
	 * flags as for {@link sendBytes}. The bytes are genuine, and copied before this returns. Those that get it are taken off `ids`: if
	 * this throws, the others are left.
	 */
	share(ids: number[], message: Uint8Array, flags: number): void {
		const isLong = message.length > MOST_SHARED_BYTES;
		const inQueue = isLong ? LOAN_BYTES : message.length;
		const most = ((PART_BYTES - 4 - inQueue) >> 3) * 2;
		while (ids.length > 0) {
			const some = ids.slice(-most);
			if (isLong) {
				const loan = this.loans.take(message.length);
				this.lend(COMMAND_SHARE_LOAN | flags, 0, 0, loan, message, some);
			} else {
				const payload = namesOf(some, 0, message.length);
				payload.set(message, payload.length - message.length);
				this.write(COMMAND_SHARE | flags, 0, 0, payload, false);
			}
			ids.length -= some.length;
		}
	}

	/** The response to a request, of any length. The bytes must not be changed afterwards. */
	respond(slot: number, generation: number, response: Uint8Array): void {
		let at = 0;
		do {
			const part = response.subarray(at, at + PART_BYTES);
			at += PART_BYTES;
			const more = at < response.length ? FLAG_MORE : 0;
			this.write(COMMAND_RESPOND | more, slot, generation, part, false);
		} while (at < response.length);
	}

	/** Makes every command visible, wakes the loop if it sleeps, and sees to the backlog. */
	publish(): void {
		this.held = false;
		this.clearBacklog();
		const { head } = this;
		if (head === this.published) return;
		Atomics.store(this.words, WORD_COMMAND_HEAD, head);
		this.wakeLoop();
		this.published = head;
	}

	/** How far the commands go that there are: for {@link isDone}. */
	mark(): Mark {
		return this.backlog.length > 0 ? undefined : this.head;
	}

	/** True when the loop has done all commands up to the mark; false if nobody knows. */
	isDone(mark: Mark): boolean {
		if (mark === undefined) return false;
		const tail = Atomics.load(this.words, WORD_COMMAND_TAIL);
		return ((tail - mark) | 0) >= 0;
	}

	/** True when a backlog waits and the loop has rung for the room that it asked for. */
	hasNewRoom(): boolean {
		return (
			this.backlog.length > 0 &&
			Atomics.load(this.words, WORD_SCRIPT_WANTS_ROOM) === 0
		);
	}

	/** Wakes the loop if it sleeps. */
	wakeLoop(): void {
		if (Atomics.exchange(this.words, WORD_SLEEPING, 0) === 0) return;
		let isAwake = false;
		try {
			this.wake();
			isAwake = true;
		} finally {
			// Once too often does no harm; whoever comes next tries again.
			if (!isAwake) Atomics.store(this.words, WORD_SLEEPING, 1);
		}
	}

	/** A drain begins: it will publish, so that what is sent meanwhile need not. */
	holdPublish(): void {
		this.held = true;
	}

	/** Calls `callback`, and makes everything visible together that it sends. */
	together<Result>(callback: () => Result): Result {
		if (this.held) return callback();
		// Should the publish below not come about, this one will.
		if (!this.scheduled) this.schedule();
		this.held = true;
		try {
			return callback();
		} finally {
			this.publish();
		}
	}

	/** As {@link sendBytes}, of bytes in memory that nobody else has, which is the loop's from now on. */
	sendGiven(
		slot: number,
		generation: number,
		data: Buffer,
		flags: number,
	): number {
		if (!this.sendAtOnce(slot, generation, data, flags, true)) {
			this.lend(
				COMMAND_SEND_LOAN | flags,
				slot,
				generation,
				this.loans.give(data),
				NOTHING,
			);
		}
		return data.length + this.framing;
	}

	/** As {@link sendText}, of text that takes `length` bytes in UTF-8. */
	sendLongText(
		slot: number,
		generation: number,
		text: string,
		length: number,
		flags: number,
	): number {
		if (length > PART_BYTES) {
			const loan = this.loans.take(length);
			this.lend(COMMAND_SEND_LOAN | flags, slot, generation, loan, text);
			return length + this.framing;
		}
		if (!this.scheduled) this.schedule();
		const at = this.backlog.length > 0 ? -1 : this.reserve(length);
		if (at < 0) {
			const own = Buffer.from(text);
			this.write(COMMAND_SEND | flags, slot, generation, own, false);
		} else {
			writeAll(this.bytes, text, at, length);
			this.commit(COMMAND_SEND | flags, slot, generation, length, at);
		}
		return length + this.framing;
	}

	/** A message that is longer than a part or has to wait. Returns its {@link cost}. */
	private sendLong(
		slot: number,
		generation: number,
		data: Uint8Array,
		length: number,
		flags: number,
	): number {
		const whole = viewOf(data, 0, length);
		if (length <= PART_BYTES) {
			this.write(COMMAND_SEND | flags, slot, generation, whole, true);
		} else if (!this.sendAtOnce(slot, generation, whole, flags, false)) {
			const loan = this.loans.take(length);
			this.lend(COMMAND_SEND_LOAN | flags, slot, generation, loan, whole);
		}
		return length + this.framing;
	}

	/**
	 * Has the loop write these bytes from where they are, behind all that is in the queue, if it is on this thread; false if that
	 * cannot be. With `take` their memory is gone then.
	 */
	private sendAtOnce(
		slot: number,
		generation: number,
		bytes: Uint8Array,
		flags: number,
		take: boolean,
	): boolean {
		const { sendNow } = this;
		if (sendNow === undefined || this.backlog.length > 0) return false;
		// Another thread could write to it meanwhile.
		if (bytes.buffer instanceof SharedArrayBuffer) return false;
		// Should that fail, the next publish wakes the loop for what is made visible here.
		if (!this.scheduled) this.schedule();
		const { length } = bytes;
		// What the kernel does not take the loop counts; others may have to go for it, which is a command before this.
		this.memory.keep(length);
		try {
			const { head } = this;
			Atomics.store(this.words, WORD_COMMAND_HEAD, head);
			const kind = COMMAND_SEND | flags;
			if (!sendNow(slot, generation, kind, bytes, take)) return false;
			this.published = head;
			return true;
		} finally {
			this.memory.release(length);
		}
	}

	/** Sends a loan, behind whose beginning `content` is written first. It is back at once if that fails. */
	private lend(
		kind: number,
		slot: number,
		generation: number,
		loan: Loan,
		content: Uint8Array | string,
		ids?: readonly number[],
	): void {
		let isLent = false;
		try {
			if (typeof content === "string") {
				writeAll(loan.bytes as SharedBuffer, content, 0, loan.lent);
			} else {
				loan.bytes.set(content);
			}
			const payload = loanPayload(loan, ids);
			this.write(kind, slot, generation, payload, false, loan);
			isLent = true;
		} finally {
			if (!isLent) this.loans.returned(loan.number);
		}
	}

	/** Drops what waits for these connections, by their slots: nothing of it is going to be sent. */
	forget(connections: ReadonlyMap<number, Unwanted>): void {
		this.backlog.forget(connections, this.framing, this.loans);
	}

	/** Drops all that waits: the loop is no more. */
	abandon(): void {
		this.backlog.abandon();
	}

	/** A record in the ring, or at the end of the backlog (as a copy if `data` is the caller's). */
	private write(
		kind: number,
		slot: number,
		generation: number,
		data: Uint8Array,
		copy: boolean,
		loan?: Loan,
	): void {
		if (!this.scheduled) this.schedule();
		if (
			this.backlog.length > 0 ||
			!this.tryWrite(kind, slot, generation, data, loan)
		) {
			const own = copy ? copyOf(data) : data;
			this.backlog.push({ kind, slot, generation, data: own, loan });
		}
	}

	private tryWrite(
		kind: number,
		slot: number,
		generation: number,
		data: Uint8Array,
		loan: Loan | undefined,
	): boolean {
		const lent = loan?.lent ?? 0;
		if (lent > 0 && !this.mayLend(lent)) return false;
		const at = this.reserve(data.length);
		if (at < 0) return false;
		this.bytes.set(data, at);
		this.commit(kind, slot, generation, data.length, at);
		if (lent > 0) {
			this.lent += lent;
			this.lentTo = this.head;
		}
		return true;
	}

	/** True when the queue may hold commands that lend so much more. */
	private mayLend(bytes: number): boolean {
		if (this.lent === 0 || this.lent + bytes <= MAX_LENT_BYTES) return true;
		this.knownTail = Atomics.load(this.words, WORD_COMMAND_TAIL);
		if (((this.knownTail - this.lentTo) | 0) < 0) return false;
		this.lent = 0;
		return true;
	}

	private clearBacklog(): void {
		if (this.backlog.empty(this.writeWaiting)) return;
		// Said first, then looked at again: see `crates/node/src/loop_bridge.rs`.
		Atomics.store(this.words, WORD_SCRIPT_WANTS_ROOM, 1);
		this.backlog.empty(this.writeWaiting);
	}

	private readonly writeWaiting = (command: Waiting) => {
		const { kind, slot, generation, data, loan } = command;
		return this.tryWrite(kind, slot, generation, data, loan);
	};

	/** Place of the payload of a record of `length` bytes, as an index into the memory; -1 when there is no room. */
	private reserve(length: number): number {
		const needed = recordBytes(length);
		const place = this.head & (this.capacity - 1);
		const toEnd = this.capacity - place;
		const padding = needed > toEnd ? toEnd : 0;
		if (needed + padding > this.free()) {
			this.knownTail = Atomics.load(this.words, WORD_COMMAND_TAIL);
			if (needed + padding > this.free()) return -1;
		}
		if (padding === 0) return COMMANDS_AT + place + HEADER_BYTES;
		this.commit(
			PAD,
			0,
			0,
			padding - HEADER_BYTES,
			COMMANDS_AT + place + HEADER_BYTES,
		);
		return COMMANDS_AT + HEADER_BYTES;
	}

	private free(): number {
		return this.capacity - ((this.head - this.knownTail) | 0);
	}

	/** Turns the reserved place `at` into a record. Calls nothing, so that there is all of it or nothing. */
	private commit(
		kind: number,
		slot: number,
		generation: number,
		length: number,
		at: number,
	): void {
		const { words } = this;
		const word = (at - HEADER_BYTES) >> 2;
		words[word] = kind;
		words[word + 1] = slot;
		words[word + 2] = generation;
		words[word + 3] = length;
		const size = HEADER_BYTES + ((length + RECORD_ALIGN - 1) & -RECORD_ALIGN);
		this.head = (this.head + size) | 0;
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
		if (this.held) return;
		nextTick(this.publishScheduled);
		this.scheduled = true;
	}

	private readonly publishScheduled = () => {
		this.scheduled = false;
		this.publish();
	};
}

/** How far commands go; undefined for those that have not found room. */
export type Mark = number | undefined;

/** What a loop does for its queue of commands. */
export interface LoopCommands {
	/** Ends its sleep. */
	wake(): void;
	/**
	 * For a loop on this thread, which does at once what the first word of a command and its payload say; false when it cannot.
	 * With `take` the memory of the payload is gone then.
	 */
	readonly sendNow:
		| ((
				slot: number,
				generation: number,
				kind: number,
				bytes: Uint8Array,
				take: boolean,
		  ) => boolean)
		| undefined;
}

function recordBytes(length: number): number {
	return HEADER_BYTES + ((length + RECORD_ALIGN - 1) & -RECORD_ALIGN);
}

const NOTHING = new Uint8Array(0);

/** The longest message that stands in the command that shares it. */
const MOST_SHARED_BYTES = 16 * 1024;

/** Most bytes that the commands in the queue lend, unless it is one. */
const MAX_LENT_BYTES = 4 * 1024 * 1024;

/** Up to this length a loop of bytes is faster than the calls that copy them. */
const SHORT_BYTES = 64;
const SHORT_TEXT = 32;
