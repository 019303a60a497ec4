import * as check from "./base/check.js";
import { clearTimeout, now, setTimeout } from "./base/clock.js";
import { isThenable } from "./base/thenable.js";

/** A timer of a server: runs on the thread of the server's handlers. Made by `runAfter` and `runEvery`. */
export interface Timer {
	/** Ends the timer: when this returns, the callback is not called again. */
	stop(): void;
	/** Lets the timer keep the process alive until it has ended. Returns the timer. */
	ref(): this;
	/** Undoes {@link ref}: a timer does not keep the process alive by itself. Returns the timer. */
	unref(): this;
}

/** The timers of a server. What callbacks throw, or are rejected with, goes to `failed`. */
export class Timers {
	readonly #timers = new Set<ServerTimer>();
	readonly #failed: (error: unknown) => void;

	constructor(failed: (error: unknown) => void) {
		this.#failed = failed;
	}

	/** `intervalMs` is undefined for a timer that runs once. */
	add(
		callback: () => void,
		delayMs: number,
		intervalMs: number | undefined,
	): Timer {
		if (typeof callback !== "function") {
			throw check.wrong("callback", "a function", callback);
		}
		const guarded = () => {
			try {
				const result: unknown = callback();
				if (isThenable(result)) Promise.resolve(result).catch(this.#failed);
			} catch (error) {
				this.#failed(error);
			}
		};
		const timer = new ServerTimer(guarded, delayMs, intervalMs, (ended) =>
			this.#timers.delete(ended),
		);
		this.#timers.add(timer);
		return timer;
	}

	stop(): void {
		for (const timer of this.#timers) timer.stop();
	}
}

/** A timer that takes any delay, does not drift, and does not keep the process alive. */
class ServerTimer implements Timer {
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
