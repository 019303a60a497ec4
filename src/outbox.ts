import { layout } from "./layout.js";
import type { SendCallback } from "./send.js";

/**
 * Messages that stay in JavaScript's memory while more than `highWaterMarkBytes` wait for the peer, so that the oldest of
 * them can still be dropped. Made for connections with `overflow: "drop-oldest"` that need it.
 */
export class Outbox {
	/** In order, from `#first` on. */
	#messages: Unsent[] = [];
	#first = 0;
	#bytes = 0;

	/** What all that is here counts until the kernel has taken it. */
	get bytes(): number {
		return this.#bytes;
	}

	get isEmpty(): boolean {
		return this.#first === this.#messages.length;
	}

	/** The message whose turn is next. */
	get next(): Unsent | undefined {
		return this.#messages[this.#first];
	}

	push(message: Unsent): void {
		this.#messages.push(message);
		this.#bytes += message.cost;
	}

	/** Has `callback` called when the last message has been handed to the kernel, or dropped. */
	callBack(callback: SendCallback): void {
		const last = this.#messages.at(-1);
		if (last !== undefined) last.callback = callback;
	}

	/** Has `callback` called when everything that is here now has been handed to the kernel or dropped. */
	mark(callback: SendCallback): void {
		this.push({ data: undefined, flags: 0, cost: 0, callback });
	}

	/** Takes the next message out. */
	shift(): Unsent | undefined {
		const { next } = this;
		if (next !== undefined) this.#remove(this.#first);
		return next;
	}

	/**
	 * Takes the oldest message out that is here as a whole, all its fragments: nothing of it has been sent, and nothing of
	 * it is still to come. Empty when there is none.
	 */
	takeOldest(): Unsent[] {
		const places: number[] = [];
		for (let at = this.#first; at < this.#messages.length; at++) {
			const { data, flags } = this.#messages[at] as Unsent;
			// Marks have their place and stay. Of what begins with a later fragment the first has been sent.
			if (data === undefined) continue;
			if (places.length === 0 && (flags & CONTINUED) !== 0) continue;
			places.push(at);
			if ((flags & MORE) === 0) {
				const message = places.map((place) => this.#messages[place] as Unsent);
				for (const place of places.reverse()) this.#remove(place);
				return message;
			}
		}
		return [];
	}

	#remove(at: number): void {
		this.#bytes -= (this.#messages[at] as Unsent).cost;
		if (at !== this.#first) {
			this.#messages.splice(at, 1);
			return;
		}
		this.#messages[this.#first++] = GONE;
		if (this.#first * 2 > this.#messages.length) {
			this.#messages.splice(0, this.#first);
			this.#first = 0;
		}
	}
}

/** A message, or a fragment of one, that has not been given to the loop. */
export interface Unsent {
	/** Undefined for what is only a mark between messages. */
	data: string | Uint8Array | undefined;
	/** Flags of its record. */
	flags: number;
	/** What it counts until the kernel has taken it. */
	cost: number;
	/** Who wants to know when it has been handed to the kernel. */
	callback: SendCallback | undefined;
}

/** In place of what has been taken out, which is not to be kept alive. */
const GONE: Unsent = {
	data: undefined,
	flags: 0,
	cost: 0,
	callback: undefined,
};

const CONTINUED = layout.flagContinued;
const MORE = layout.flagMore;
