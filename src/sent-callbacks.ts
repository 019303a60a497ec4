import { GevError } from "./errors.js";
import type { SendCallback } from "./send.js";

/** Who wants to know when what was sent has been handed to the kernel, in order. Made for connections that need it. */
export class SentCallbacks {
	readonly #failed: (thrown: unknown) => void;
	#waiting: SendCallback[] = [];

	/** `failed` is told what callbacks throw. */
	constructor(failed: (thrown: unknown) => void) {
		this.#failed = failed;
	}

	/** {@link next} follows for it, or {@link end}. */
	add(callback: SendCallback): void {
		this.#waiting.push(callback);
	}

	/** The turn of the one that came first. */
	next(error?: GevError): void {
		const callback = this.#waiting.shift();
		if (callback !== undefined) this.#call(callback, error);
	}

	/** Nothing more will be sent. */
	end(): void {
		while (this.#waiting.length > 0) this.next(notSent());
	}

	/** Tells one, soon, whose message is not going to be sent. */
	refuse(callback: SendCallback): void {
		queueMicrotask(() => this.#call(callback, notSent()));
	}

	#call(callback: SendCallback, error: GevError | undefined): void {
		try {
			callback(error);
		} catch (thrown) {
			this.#failed(thrown);
		}
	}
}

/** What a callback gets for a message that was not sent. */
function notSent(): GevError {
	return new GevError("ERR_GEV_SEND", "the message was not sent");
}
