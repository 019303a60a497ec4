import { Fifo } from "../base/fifo.js";
import type { Loan, Loans } from "./loans.js";
import { MemoryBudget } from "./memory-budget.js";
import {
	COMMAND_PING,
	COMMAND_SEND,
	COMMAND_SEND_LOAN,
	KIND_MASK,
} from "./records.js";

/** Commands that a full queue had no room for, in their order. What they take is counted as kept. */
export class Backlog {
	private readonly waiting = new Fifo<Waiting>();
	private readonly memory: MemoryBudget;

	constructor(memory: MemoryBudget) {
		this.memory = memory;
	}

	get length(): number {
		return this.waiting.length;
	}

	/** At the end, of data that nobody will change. Somebody else may be closed for them before this returns. */
	push(command: Waiting): void {
		this.memory.keep(command.data.length + MemoryBudget.OVERHEAD);
		this.waiting.push(command);
	}

	/** Has `write` take one after the other, until it says that there is no room; true when that was all. */
	empty(write: (command: Waiting) => boolean): boolean {
		const { waiting } = this;
		let kept = 0;
		try {
			while (waiting.first !== undefined && write(waiting.first)) {
				const { data } = waiting.shift() as Waiting;
				kept += data.length + MemoryBudget.OVERHEAD;
			}
		} finally {
			if (kept > 0) this.memory.release(kept);
		}
		return waiting.length === 0;
	}

	/**
	 * Drops what waits for these connections, by their slots: nothing of it is going to be sent. A message counts `framing` besides
	 * its bytes.
	 */
	forget(
		connections: ReadonlyMap<number, Unwanted>,
		framing: number,
		loans: Loans,
	): void {
		const { waiting } = this;
		let kept = 0;
		for (let left = waiting.length; left > 0; left--) {
			const command = waiting.shift() as Waiting;
			const { kind, slot, generation, data, loan } = command;
			const unwanted = connections.get(slot);
			if (unwanted?.generation !== generation || !isSent(kind)) {
				waiting.push(command);
				continue;
			}
			unwanted.bytes += framing + (loan?.lent ?? data.length);
			if (loan !== undefined) loans.returned(loan.number);
			kept += data.length + MemoryBudget.OVERHEAD;
		}
		this.memory.release(kept);
	}

	/** Drops all that waits. */
	abandon(): void {
		let kept = 0;
		for (let left = this.waiting.length; left > 0; left--) {
			const { data } = this.waiting.shift() as Waiting;
			kept += data.length + MemoryBudget.OVERHEAD;
		}
		this.memory.release(kept);
	}
}

/** A command that the queue had no room for. */
export interface Waiting {
	kind: number;
	slot: number;
	generation: number;
	data: Uint8Array;
	/** What the command lends. */
	loan: Loan | undefined;
}

/** A connection that nothing is sent to any more. */
export interface Unwanted {
	generation: number;
	/** What was counted for what has been dropped. */
	bytes: number;
}

/** True for what a connection has counted as sent. */
function isSent(kind: number): boolean {
	const sent = [COMMAND_SEND, COMMAND_SEND_LOAN, COMMAND_PING];
	return sent.includes(kind & KIND_MASK);
}
