import { now, setTimeout } from "../base/clock.js";
import type { MemoryBudget } from "./memory-budget.js";
import { trimLater } from "./trim.js";

/**
 * Memory that one loop sends long messages from, where they are. What a message was written to is the loop's until it has been
 * returned, which is when the kernel has taken it, or nobody will be sent it. Then the next message may have it, so that
 * who sends long messages again and again goes through little memory; what nobody has needed for a while is let go.
 */
export class Loans {
	readonly #native: LoanRegister;
	readonly #memory: MemoryBudget;
	/** All that is known natively, by number: what is lent, and what is not. */
	readonly #known = new Map<number, Loan>();
	/** What is not lent; what was returned last comes last. */
	readonly #free: Loan[] = [];
	#freeBytes = 0;
	#isTrimming = false;

	constructor(native: LoanRegister, memory: MemoryBudget) {
		this.#native = native;
		this.#memory = memory;
	}

	/** Memory for a message of so many bytes, which are counted as kept until it is returned. */
	take(length: number): Loan {
		const at = this.#free.findLastIndex(
			({ bytes }) => bytes.length >= length && bytes.length <= 4 * length,
		);
		const [found] = at < 0 ? [] : this.#free.splice(at, 1);
		if (found !== undefined) this.#freeBytes -= found.bytes.length;
		const loan =
			found ?? this.#register(Buffer.allocUnsafeSlow(sizeFor(length)), true);
		this.#lend(loan, length);
		return loan;
	}

	/** These bytes, in memory that nobody else has and that is the loop's from now on, and nobody's afterwards. */
	give(bytes: Buffer): Loan {
		const loan = this.#register(bytes, false);
		this.#lend(loan, bytes.length);
		return loan;
	}

	/** The loop does not need it any more, or it was not lent after all. */
	returned(number: number): void {
		const loan = this.#known.get(number);
		if (loan === undefined || loan.lent < 0) return;
		this.#memory.release(loan.lent);
		loan.lent = -1;
		const { length } = loan.bytes;
		if (!loan.isReusable || this.#freeBytes + length > MAX_FREE_BYTES) {
			this.#forget(loan);
			return;
		}
		loan.since = now();
		this.#free.push(loan);
		this.#freeBytes += length;
		this.#trimSoon();
	}

	/**
	 * The loop says nothing more. What it has been lent stays where it is, as it may not have ended yet; what it has not is
	 * nobody's, and not to be forgotten natively, where another loop may have these numbers by then.
	 */
	abandon(): void {
		this.#free.length = 0;
		this.#freeBytes = 0;
		for (const loan of this.#known.values()) {
			if (loan.lent > 0) this.#memory.release(loan.lent);
			loan.lent = -1;
		}
	}

	#lend(loan: Loan, length: number): void {
		this.#memory.keep(length);
		loan.lent = length;
	}

	#register(bytes: Buffer, isReusable: boolean): Loan {
		const number = this.#native.register(bytes);
		const loan = { number, bytes, isReusable, lent: -1, since: 0 };
		this.#known.set(number, loan);
		return loan;
	}

	#forget({ number, bytes }: Loan): void {
		this.#known.delete(number);
		this.#native.forget(number, bytes);
	}

	#trimSoon(): void {
		if (this.#isTrimming) return;
		this.#isTrimming = true;
		setTimeout(() => {
			this.#isTrimming = false;
			this.#trim();
		}, UNUSED_MS).unref();
	}

	/** Lets go what has not been needed for a while. */
	#trim(): void {
		const until = now() - UNUSED_MS;
		const unused = this.#free.findIndex(({ since }) => since > until);
		const count = unused < 0 ? this.#free.length : unused;
		for (const loan of this.#free.splice(0, count)) {
			this.#freeBytes -= loan.bytes.length;
			this.#forget(loan);
		}
		if (count > 0) trimLater();
		if (this.#free.length > 0) this.#trimSoon();
	}
}

/** Memory that a loop can be lent. */
export interface Loan {
	readonly number: number;
	readonly bytes: Buffer;
	/** It is not gone when it has been returned. */
	readonly isReusable: boolean;
	/** How many of its bytes are lent; below zero for nothing. */
	lent: number;
	/** When it was returned. */
	since: number;
}

/** Where a loop's memory is made known. */
export interface LoanRegister {
	register(memory: Uint8Array): number;
	/** Nobody needs that memory any more: it is gone at once. */
	forget(number: number, memory: Uint8Array): void;
}

/** Sizes that messages of different lengths can share: an eighth of waste at most. */
function sizeFor(length: number): number {
	const grain = 2 ** Math.max(12, Math.floor(Math.log2(length)) - 3);
	return Math.ceil(length / grain) * grain;
}

/** Most bytes that wait for the next message. */
const MAX_FREE_BYTES = 1024 * 1024;

/** What has waited for so long is let go. */
const UNUSED_MS = 1000;
