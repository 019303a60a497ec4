import {
	EVENT_MESSAGE,
	HEADER_BYTES,
	KIND_MASK,
	PAD,
	RECORD_ALIGN,
	RELEASE_BYTES,
	WORD_EVENT_HEAD,
	WORD_EVENT_TAIL,
	WORD_LOOP_WANTS_ROOM,
} from "./records.js";
import { type SharedBuffer, sharedBuffer } from "./shared-buffer.js";

/**
 * The reading end of one loop's event queue: finds records and checks that they can be.
 *
 * Layout and rules: `crates/node/src/memory.rs`. What has been read is the loop's again with {@link release}: at the end of
 * a drain, and now and then in a long one. Handlers that borrow may have written to this memory, so that nothing is
 * believed of a record that cannot be.
 */
export class EventQueue {
	/** The memory of events. */
	readonly bytes: SharedBuffer;
	/** The same, as words. */
	readonly words: Int32Array;
	/** The loop has ended: nothing follows, and nothing is read any more. */
	ended = false;

	/** How often how many bytes waited, by powers of four; last their sum: see {@link look}. */
	readonly depths = new Float64Array(DEPTHS + 1);

	/** The memory of commands, gauges and control words. */
	private readonly control: Int32Array;
	private readonly mask: number;
	private readonly reader: EventReader;
	/** Wakes the loop if it sleeps. */
	private readonly wakeLoop: () => void;
	/** Position of the next record to read. */
	private tail = 0;
	/** Records that may be read before Node's own timers and sockets have their turn. */
	private budget = 0;

	constructor(
		control: Int32Array,
		events: ArrayBufferLike,
		reader: EventReader,
		wakeLoop: () => void,
	) {
		this.control = control;
		this.words = new Int32Array(events);
		this.bytes = sharedBuffer(events);
		this.mask = events.byteLength - 1;
		this.reader = reader;
		this.wakeLoop = wakeLoop;
	}

	/** From now on `budget` more records may be read. */
	grant(budget: number): void {
		this.budget = budget;
	}

	/** True when there is a record to read. */
	hasRecords(): boolean {
		return Atomics.load(this.control, WORD_EVENT_HEAD) !== this.tail;
	}

	/** True when there is a record to read: then it is noted how many bytes are. */
	look(): boolean {
		const waiting =
			(Atomics.load(this.control, WORD_EVENT_HEAD) - this.tail) | 0;
		if (waiting === 0) return false;
		// Half of the bits of the largest number with the same power, rounded up.
		(this.depths[(33 - Math.clz32(waiting - 1)) >> 1] as number)++;
		(this.depths[DEPTHS] as number) += waiting;
		return true;
	}

	/** Bytes that have arrived and were not handed back. */
	get length(): number {
		const head = Atomics.load(this.control, WORD_EVENT_HEAD);
		return (head - Atomics.load(this.control, WORD_EVENT_TAIL)) | 0;
	}

	/** Hands one record to the reader, if the budget has it. */
	readOne(): void {
		const { budget } = this;
		if (budget === 0) return;
		this.budget = 1;
		try {
			this.read();
		} finally {
			this.budget += budget - 1;
		}
	}

	/** Hands records to the reader, within the budget; true when some of those that were there are left. */
	read(): boolean {
		const head = Atomics.load(this.control, WORD_EVENT_HEAD);
		try {
			this.readTo(head);
		} finally {
			if (!this.ended) this.release();
		}
		return this.tail !== head && !this.ended;
	}

	private readTo(head: number): void {
		const { words, mask, reader } = this;
		let unreleased = 0;
		for (; this.tail !== head && this.budget > 0; this.budget--) {
			const place = this.tail & mask;
			const word = place >> 2;
			const kind = words[word] as number;
			const length = words[word + 3] as number;
			const at = place + HEADER_BYTES;
			const size = HEADER_BYTES + ((length + RECORD_ALIGN - 1) & -RECORD_ALIGN);
			const published = (head - this.tail) | 0;
			if (length < 0 || size > published || place + size > mask + 1) {
				reader.onNonsense(`a record of ${length} bytes`);
				return;
			}
			// Moved first: what fails is not tried again. Others see it with the next release.
			this.tail = (this.tail + size) | 0;
			const slot = words[word + 1] as number;
			if ((kind & KIND_MASK) === EVENT_MESSAGE) {
				reader.onMessage(slot, kind, at, length);
			} else if (kind !== PAD) {
				reader.onEvent(kind, slot, words[word + 2] as number, at, length);
			}
			if (this.ended) return;
			unreleased += size;
			if (unreleased >= RELEASE_BYTES) {
				unreleased = 0;
				this.release();
			}
		}
	}

	/** Hands what was read back to the loop, and wakes it if it waits for room and half of the queue is free. */
	private release(): void {
		const { control } = this;
		Atomics.store(control, WORD_EVENT_TAIL, this.tail);
		if (Atomics.load(control, WORD_LOOP_WANTS_ROOM) === 0) return;
		const used = (Atomics.load(control, WORD_EVENT_HEAD) - this.tail) | 0;
		if (used > this.mask >> 1) return;
		if (Atomics.exchange(control, WORD_LOOP_WANTS_ROOM, 0) === 1) {
			this.wakeLoop();
		}
	}

	/** A number of two bytes in a payload, where they are little-endian on every machine. */
	uint16(at: number): number {
		return (this.bytes[at] as number) | ((this.bytes[at + 1] as number) << 8);
	}
}

/** Powers of four that a queue's length may have. */
const DEPTHS = 16;

/** Who gets the records of a queue; of each the place in {@link EventQueue.bytes} and the length of its payload. */
export interface EventReader {
	/** A message or a part of one, with the flags of its record in `kind`. */
	onMessage(slot: number, kind: number, at: number, length: number): void;
	/** Any other record. */
	onEvent(
		kind: number,
		slot: number,
		generation: number,
		at: number,
		length: number,
	): void;
	/** The queue has `what` cannot be: nothing that follows can be believed. */
	onNonsense(what: string): void;
}
