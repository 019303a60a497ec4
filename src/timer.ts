import { clearTimeout, now, setTimeout } from "./base/clock.js";

/** A timer of a server: runs on the thread of the server's handlers. Made by `runAfter` and `runEvery`. */
export interface Timer {
	/** Ends the timer: when this returns, the callback is not called again. */
	stop(): void;
	/** Lets the timer keep the process alive until it has ended. Returns the timer. */
	ref(): this;
	/** Undoes {@link ref}: a timer does not keep the process alive by itself. Returns the timer. */
	unref(): this;
}

/** A timer that takes any delay, does not drift, and does not keep the process alive. */
export class ServerTimer implements Timer {
	readonly #callback: () => void;
	readonly #intervalMs: number | undefined;
	readonly #ended: (timer: ServerTimer) => void;
	#handle: NodeJS.Timeout | undefined;
	#due = 0;
	#keepsAlive = false;

	/** `intervalMs` is undefined for a timer that runs once. */
	constructor(
		callback: () => void,
		delayMs: number,
		intervalMs: number | undefined,
		ended: (timer: ServerTimer) => void,
	) {
		this.#callback = callback;
		this.#intervalMs = intervalMs;
		this.#ended = ended;
		this.#due = now() + delayMs;
		this.#arm();
	}

	stop(): void {
		clearTimeout(this.#handle);
		this.#handle = undefined;
		this.#ended(this);
	}

	ref(): this {
		this.#keepsAlive = true;
		this.#handle?.ref();
		return this;
	}

	unref(): this {
		this.#keepsAlive = false;
		this.#handle?.unref();
		return this;
	}

	#arm(): void {
		const wait = Math.max(0, Math.ceil(this.#due - now()));
		this.#handle = setTimeout(() => this.#fire(), Math.min(wait, LONGEST_WAIT));
		// The server keeps the process alive, not its timers, unless they are asked to.
		if (!this.#keepsAlive) this.#handle.unref();
	}

	#fire(): void {
		const time = now();
		if (time < this.#due) {
			this.#arm();
			return;
		}
		if (this.#intervalMs === undefined) {
			this.stop();
		} else {
			// Due times do not drift; those that were missed are skipped.
			const late = Math.floor((time - this.#due) / this.#intervalMs);
			this.#due += (late + 1) * this.#intervalMs;
			this.#arm();
		}
		this.#callback();
	}
}

/** The longest delay that `setTimeout` knows. */
const LONGEST_WAIT = 2 ** 31 - 1;
