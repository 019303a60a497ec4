import { queueMicrotask } from "../base/clock.js";
import { GevError } from "../base/errors.js";
import { Fifo } from "../base/fifo.js";
import type { Receipt } from "./receipt.js";

/** Who wants to know when what was sent has been handed to the kernel, in order. Made for connections that need it. */
export class SentCallbacks {
	readonly #failed: (thrown: unknown) => void;
	readonly #waiting = new Fifo<Receipt>();
	/** Those whose message is not going to be sent, and who are told soon. */
	readonly #refused = new Fifo<Receipt>();

	/** `failed` is told what callbacks throw. */
	constructor(failed: (thrown: unknown) => void) {
		this.#failed = failed;
	}

	/** {@link next} follows for it, or {@link end}. */
	add(receipt: Receipt): void {
		this.#waiting.push(receipt);
	}

	/** The turn of the one that came first. */
	next(): void {
		const receipt = this.#waiting.shift();
		if (receipt !== undefined) this.#settle(receipt, undefined);
	}

	/** Nothing more will be sent. */
	end(): void {
		this.#tellNotSent(this.#waiting);
	}

	/** Tells one, soon, whose message is not going to be sent. */
	refuse(receipt: Receipt): void {
		if (this.#refused.length === 0) {
			queueMicrotask(() => this.#tellNotSent(this.#refused));
		}
		this.#refused.push(receipt);
	}

	/** All get one error: to make one takes longer than the call. */
	#tellNotSent(receipts: Fifo<Receipt>): void {
		if (receipts.length === 0) return;
		const error = new GevError("ERR_GEV_SEND", "the message was not sent");
		for (;;) {
			const receipt = receipts.shift();
			if (receipt === undefined) return;
			this.#settle(receipt, error);
		}
	}

	#settle(receipt: Receipt, error: GevError | undefined): void {
		try {
			receipt.settle(error);
		} catch (thrown) {
			this.#failed(thrown);
		}
	}
}
