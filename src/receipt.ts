import type { GevError } from "./errors.js";
import type { SendCallback } from "./send.js";

/** What somebody gets, once, who wants to know whether something that was sent has been handed to the kernel. */
export interface Receipt {
	/** With an error if it will not be. Throws what a callback throws. */
	settle(error: GevError | undefined): void;
}

/** Calls back. */
export class CallbackReceipt implements Receipt {
	readonly #callback: SendCallback;

	constructor(callback: SendCallback) {
		this.#callback = callback;
	}

	settle(error: GevError | undefined): void {
		this.#callback.call(undefined, error);
	}
}
