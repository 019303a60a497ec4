import { Fifo } from "../base/fifo.js";
import type { MemoryBudget } from "../bridge/memory-budget.js";
import { FLAG_CONTINUED, FLAG_MORE } from "../bridge/records.js";
import type { Receipt } from "./receipt.js";

/**
 * Messages that stay in JavaScript's memory while more than `flow.highWaterMarkBytes` wait for the peer, so that the oldest of
 * them can still be dropped. Made for connections with `flow.overflow: "drop-oldest"` that need it.
 */
export class Outbox {
	/** What stays, whatever comes: the rest of a message whose beginning was sent, and marks behind it. */
	readonly #begun = new Fifo<Unsent>();
	/** Behind that, messages that can be dropped: each with its fragments, and the marks between and behind them. */
	readonly #whole = new Fifo<Unsent[]>();
	#bytes = 0;
	readonly #memory: MemoryBudget;

	constructor(memory: MemoryBudget) {
		this.#memory = memory;
	}

	/** What all that is here counts until the kernel has taken it. */
	get bytes(): number {
		return this.#bytes;
	}

	get isEmpty(): boolean {
		return this.next === undefined;
	}

	/** What goes next. */
	get next(): Unsent | undefined {
		return this.#begun.first ?? this.#whole.first?.[0];
	}

	push(unsent: Unsent): void {
		const { data, flags, cost } = unsent;
		this.#memory.keep(cost);
		if (data !== undefined && (flags & FLAG_CONTINUED) === 0) {
			this.#whole.push([unsent]);
		} else {
			(this.#whole.last ?? this.#begun).push(unsent);
		}
		this.#bytes += cost;
	}

	/** Has `receipt` settled when the last message has been handed to the kernel, or dropped. */
	attach(receipt: Receipt): void {
		const last = this.#whole.last?.at(-1) ?? this.#begun.last;
		if (last !== undefined) last.receipt = receipt;
	}

	/** Has `receipt` settled when everything that is here now has been handed to the kernel or dropped. */
	mark(receipt: Receipt): void {
		this.push({ data: undefined, flags: 0, cost: 0, receipt });
	}

	/** Takes out what goes next. */
	shift(): Unsent | undefined {
		if (this.#begun.length === 0) {
			for (const unsent of this.#whole.shift() ?? []) {
				this.#begun.push(unsent);
			}
		}
		const next = this.#begun.shift();
		const cost = next?.cost ?? 0;
		this.#bytes -= cost;
		this.#memory.release(cost);
		return next;
	}

	/**
	 * Takes the oldest message out that is here as a whole, all its fragments: nothing of it has been sent, and nothing of
	 * it is still to come. Its marks stay. Empty when there is none.
	 */
	takeOldest(): Unsent[] {
		const oldest = this.#whole.first;
		if (oldest === undefined || !isComplete(oldest)) return [];
		this.#whole.shift();
		const message: Unsent[] = [];
		for (const unsent of oldest) {
			(unsent.data === undefined ? this.#begun : message).push(unsent);
			this.#bytes -= unsent.cost;
			this.#memory.release(unsent.cost);
		}
		return message;
	}
}

/** A message, or a fragment of one, that has not been given to the loop. */
export interface Unsent {
	/** Undefined for what is only a mark between messages. */
	data: string | Uint8Array | undefined;
	/** Flags of its record. */
	flags: number;
	/** What it counts until the kernel has taken it. */
	cost: number;
	/** Who wants to know when it has been handed to the kernel. */
	receipt: Receipt | undefined;
}

/** True when no more fragments of the message are to come. */
function isComplete(message: Unsent[]): boolean {
	const last = message.findLast(({ data }) => data !== undefined);
	return last !== undefined && (last.flags & FLAG_MORE) === 0;
}
