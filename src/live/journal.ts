import { now } from "../base/clock.js";
import type { CloseReason } from "../bridge/close-reason.js";
import { CLOSE_CAUSES, type CloseCause } from "../bridge/records.js";
import type { Published, Watcher } from "../flow/channels.js";

/**
 * What has lately become of a server's clients: the last closes, how many there were of each cause in the last minutes, and why
 * handshakes have failed. Takes the same memory however many there were.
 */
export class Journal implements Watcher {
	readonly #closes: Close[] = [];
	/** How many closes each cause had, by spans of time modulo their number. */
	readonly #spans = Array.from({ length: SPANS }, () => noCloses());
	#span = spanNow();
	readonly #failures = new Map<string, number>();
	readonly #opened = new WeakMap<object, number>();

	"gev:open"({ connection }: Published["gev:open"]): void {
		this.#opened.set(connection, now());
	}

	"gev:close"({ connection, reason }: Published["gev:close"]): void {
		this.#advance();
		const counts = this.#spans[this.#span % SPANS] as number[];
		const cause = CLOSE_CAUSES.indexOf(reason.cause);
		counts[cause] = (counts[cause] as number) + 1;
		if (this.#closes.length === CLOSES) this.#closes.shift();
		this.#closes.push(this.#closeOf(connection, reason));
	}

	"gev:refused"({ status, reason }: Published["gev:refused"]): void {
		// Reasons that differ in a number are one.
		const text = reason.replace(/\d+/g, "N").slice(0, 80);
		const key = `${status ?? "-"} ${text}`;
		const isKnown = this.#failures.has(key) || this.#failures.size < REASONS;
		const used = isKnown ? key : "- another";
		this.#failures.set(used, (this.#failures.get(used) ?? 0) + 1);
	}

	/** How old a connection is, in milliseconds. */
	ageOf(connection: object): number {
		const opened = this.#opened.get(connection);
		return opened === undefined ? 0 : Math.round(now() - opened);
	}

	/** The latest first; counts of causes from the oldest span to this one. */
	report() {
		this.#advance();
		const order = Array.from(
			{ length: SPANS },
			(_, at) => this.#spans[(this.#span + 1 + at) % SPANS] as number[],
		);
		const causes = CLOSE_CAUSES.map((cause, at): [CloseCause, number[]] => [
			cause,
			order.map((counts) => counts[at] as number),
		]).filter(([, counts]) => counts.some((count) => count > 0));
		return {
			closes: this.#closes.toReversed(),
			spanMs: SPAN_MS,
			causes: Object.fromEntries(causes),
			failures: [...this.#failures].sort(([, a], [, b]) => b - a),
		};
	}

	#closeOf(connection: object, reason: CloseReason): Close {
		const { remoteAddress, remotePort } = connection as Peer;
		const { cause, code } = reason;
		const peer = `${remoteAddress} ${remotePort}`;
		const ageMs = this.ageOf(connection);
		const text = reason.reason.slice(0, 123);
		return { at: Date.now(), peer, cause, code, text, ageMs };
	}

	/** Empties the spans that have passed. */
	#advance(): void {
		const span = spanNow();
		const first = Math.max(this.#span + 1, span - SPANS + 1);
		for (let at = first; at <= span; at++) this.#spans[at % SPANS]?.fill(0);
		this.#span = span;
	}
}

export interface Close {
	/** By `Date.now()`. */
	at: number;
	peer: string;
	cause: CloseCause;
	code: number;
	text: string;
	ageMs: number;
}

interface Peer {
	readonly remoteAddress: string;
	readonly remotePort: number;
}

function noCloses(): number[] {
	return CLOSE_CAUSES.map(() => 0);
}

function spanNow(): number {
	return Math.floor(now() / SPAN_MS);
}

/** So many of the last closes are kept. */
const CLOSES = 100;
/** So many reasons are told apart. */
const REASONS = 30;
const SPAN_MS = 5000;
const SPANS = 60;
