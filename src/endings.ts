import { clearTimeout, now, setTimeout } from "./base/clock.js";
import type { CloseReason } from "./bridge/close-reason.js";
import type { ConnectionCore } from "./flow/connection-core.js";
import type { StopResult } from "./stop.js";

/** How the connections of a server end: what its stop comes to, and those that linger. */
export class Endings {
	readonly #closeMs: number;
	/** Connections that have ended natively and whose `onClose` has to wait, with the timer that ends that. */
	readonly #lingering = new Map<ConnectionCore, NodeJS.Timeout>();
	/** Fulfilled when the stop that is under way, or was last, is done. */
	#stopped: Promise<StopResult> | undefined;
	#resolveStopped: ((result: StopResult) => void) | undefined;
	/** Connections that have ended since the stop began. */
	#ended = { closed: 0, cut: 0 };
	/** When the patience of a stop ends, by the clock. */
	#stopsAt = Number.POSITIVE_INFINITY;

	/** What a connection that lingers may take, in milliseconds. */
	constructor(closeMs: number) {
		this.#closeMs = closeMs;
	}

	get stopped(): Promise<StopResult> | undefined {
		return this.#stopped;
	}

	/** A connection lingers. */
	get areLeft(): boolean {
		return this.#lingering.size > 0;
	}

	/** A stop begins, which has so much patience. */
	stop(timeoutMs: number): void {
		this.#stopped = new Promise((resolve) => {
			this.#resolveStopped = resolve;
		});
		this.#ended = { closed: 0, cut: 0 };
		this.#stopsAt = now() + timeoutMs;
		for (const connection of this.#lingering.keys()) this.linger(connection);
	}

	/** The stop is done. Returns what it has come to. */
	finish(): StopResult {
		this.#stopsAt = Number.POSITIVE_INFINITY;
		this.#resolveStopped?.(this.#ended);
		return this.#ended;
	}

	/** A connection has ended, and what it has brought waits for the handler: not for ever. */
	linger(connection: ConnectionCore): void {
		clearTimeout(this.#lingering.get(connection));
		const release = () => connection.inbox?.release();
		const left = Math.max(0, this.#stopsAt - now());
		const patienceMs = Math.min(this.#closeMs, left);
		this.#lingering.set(connection, setTimeout(release, patienceMs));
	}

	/** A connection has ended, and everything that it has brought is delivered: its handler is about to be told. */
	ended(connection: ConnectionCore, { wasClean }: CloseReason): void {
		if (wasClean) this.#ended.closed++;
		else this.#ended.cut++;
		clearTimeout(this.#lingering.get(connection));
	}

	/** Its handler has been told. True if it has lingered until now. */
	told(connection: ConnectionCore): boolean {
		return this.#lingering.delete(connection);
	}
}
