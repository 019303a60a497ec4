import { AsyncResource } from "node:async_hooks";
import type { GevError } from "../base/errors.js";
import type { SendCallback } from "./send.js";

/** What somebody gets, once, who wants to know whether something that was sent has been handed to the kernel. */
export interface Receipt {
	/** With an error if it will not be. Throws what a callback throws. */
	settle(error: GevError | undefined): void;
}

/**
 * Calls back in the context (of `AsyncLocalStorage`) in which the callback was given.
 *
 * A resource of its own for each, as contexts may change between any two: of all ways to keep a context this is the
 * cheapest, by far where many wait (`AsyncLocalStorage.snapshot` takes ten to hundred times as long).
 */
export class CallbackReceipt extends AsyncResource implements Receipt {
	readonly #callback: SendCallback;

	constructor(callback: SendCallback) {
		super("GEV_SEND", ENDS_BY_CALL);
		this.#callback = callback;
	}

	settle(error: GevError | undefined): void {
		try {
			this.runInAsyncScope(this.#callback, undefined, error);
		} finally {
			this.emitDestroy();
		}
	}
}

/** Without this whoever watches asynchronous resources would have the garbage collector watch each. */
const ENDS_BY_CALL = { requireManualDestroy: true };
