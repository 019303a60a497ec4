import { Fifo } from "../base/fifo.js";
import { COMMAND_PAUSE, COMMAND_RESUME } from "../bridge/records.js";

/**
 * What has arrived for a connection and has to wait: because the connection is paused, or because the handler is not done
 * with what came before (with `serial` with one message, else with `flow.maxPending`). The loop stops reading when too much
 * waits. Made for connections that need it.
 *
 * What waits is at most `flow.maxPending` messages, if that is not 0, and what the loop had put into the event queue before it
 * learned of the pause.
 */
export class Inbox {
	#limits: InboxLimits;
	/** Sends a command without payload for this connection, if it is still there. */
	readonly #command: (kind: number) => void;
	readonly #waiting = new Fifo<() => void>();
	/** What goes before all that waits. */
	#begun: (() => void) | undefined = undefined;
	#isDelivering = false;
	#paused = false;
	/** Promises of the handler that are not settled. */
	#unsettled = 0;
	/** The loop has been told to stop reading. */
	#loopPaused = false;
	/** Nothing waits for anything any more. */
	#released = false;

	constructor(limits: InboxLimits, command: (kind: number) => void) {
		this.#limits = limits;
		this.#command = command;
	}

	/** From now on these limits hold. */
	adopt(limits: InboxLimits): void {
		this.#limits = limits;
	}

	/** True when what arrives now has to {@link hold | wait}. */
	get holds(): boolean {
		return this.isShut || this.#length > 0;
	}

	/** True when the handler can take nothing now. */
	get isShut(): boolean {
		if (this.#released) return false;
		const { serial, maxPending } = this.#limits;
		const most = serial ? 1 : maxPending;
		return this.#paused || (most > 0 && this.#unsettled >= most);
	}

	/** Promises of the handler that are not settled. */
	get unsettled(): number {
		return this.#unsettled;
	}

	get isPaused(): boolean {
		return this.#paused;
	}

	/** `deliver` is called when its turn comes, after everything that waits already. It must not throw. */
	hold(deliver: () => void): void {
		this.#waiting.push(deliver);
		this.#regulate();
	}

	/** As {@link hold}, of what was begun and cannot go on yet: before everything that waits already. */
	holdBegun(deliver: () => void): void {
		this.#begun = deliver;
		this.#regulate();
	}

	pause(): void {
		this.#paused = true;
		this.#regulate();
	}

	resume(): void {
		this.#paused = false;
		this.#deliver();
	}

	/** The handler has returned a promise; {@link settled} follows. */
	begun(): void {
		this.#unsettled++;
		this.#regulate();
	}

	settled(): void {
		this.#unsettled--;
		this.#deliver();
	}

	/** Forgets what waits: this side has closed the connection, and needs the memory. */
	clear(): void {
		while (this.#shift() !== undefined);
	}

	/** The connection is gone: what waits is delivered although it is paused, and then `last`. */
	end(last: () => void): void {
		this.#paused = false;
		this.#waiting.push(last);
		this.#deliver();
	}

	/** What waits is delivered at once, whatever it waits for. */
	release(): void {
		this.#released = true;
		this.#deliver();
	}

	/** Messages in the handler and before it. */
	get #pending(): number {
		return this.#unsettled + this.#length;
	}

	/** How many wait. */
	get #length(): number {
		return this.#waiting.length + (this.#begun === undefined ? 0 : 1);
	}

	#shift(): (() => void) | undefined {
		const begun = this.#begun;
		if (begun === undefined) return this.#waiting.shift();
		this.#begun = undefined;
		return begun;
	}

	#deliver(): void {
		// What is delivered may shut the door again, or come back to here.
		if (this.#isDelivering) return;
		this.#isDelivering = true;
		try {
			while (this.#length > 0 && !this.isShut) this.#shift()?.();
		} finally {
			// Whoever resumes may have no stack left for it.
			this.#isDelivering = false;
		}
		this.#regulate();
	}

	/** Has the loop stop or go on reading. */
	#regulate(): void {
		const { maxPending, memory } = this.#limits;
		const pending = this.#pending;
		const enough =
			(maxPending > 0 && pending >= maxPending) ||
			(pending > this.#unsettled && memory.isShort);
		if (!this.#loopPaused && (this.#paused || enough)) {
			this.#loopPaused = true;
			this.#command(COMMAND_PAUSE);
		} else if (
			this.#loopPaused &&
			!this.#paused &&
			(maxPending === 0 || pending <= maxPending >> 1)
		) {
			this.#loopPaused = false;
			this.#command(COMMAND_RESUME);
		}
	}
}

/** What a server's options say about it. */
export interface InboxLimits {
	/** The handler gets one message of a connection at a time. */
	serial: boolean;
	/** Most messages in the handler and before it; 0 for no limit. */
	maxPending: number;
	/** Tells when nothing more should wait, whatever `flow.maxPending` says. */
	memory: { readonly isShort: boolean };
}
