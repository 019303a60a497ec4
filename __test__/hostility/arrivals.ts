import { read } from "../behaviour/letters.js";
import type { Verdict } from "./verdict.js";

/** A message that has to arrive. */
export interface Owed {
	bytes: Buffer;
	text: boolean;
	/** It need not: but if it does, then whole and in its turn. */
	mayMiss: boolean;
}

/** What was sent one way on a connection, and how much of that has arrived. */
export class Arrivals {
	readonly #where: string;
	readonly #verdict: Verdict;
	readonly #isRaw: boolean;
	/** In order, from `#next` on not arrived. */
	readonly #owed: Owed[] = [];
	#next = 0;
	/** Those that may arrive at any time. */
	readonly #anyTime: Owed[] = [];
	/** Bytes of raw TCP that are no whole message yet. */
	#rest: Buffer = Buffer.alloc(0);
	/** Nothing is judged any more: the bytes were written over by somebody who could. */
	isSpoilt = false;

	constructor(where: string, verdict: Verdict, isRaw: boolean) {
		this.#where = where;
		this.#verdict = verdict;
		this.#isRaw = isRaw;
	}

	owe(owed: Owed): void {
		if (this.#isRaw && owed.bytes.length === 0) return;
		this.#owed.push(owed);
	}

	oweAnyTime(owed: Owed): void {
		if (this.#isRaw && owed.bytes.length === 0) return;
		this.#anyTime.push(owed);
	}

	/** Messages that were owed in their turn, and have arrived or were passed over. */
	get arrived(): number {
		return this.#next;
	}

	/** A message of a WebSocket has arrived. */
	message(bytes: Buffer, text: boolean): void {
		if (this.isSpoilt) return;
		const isIt = (owed: Owed) => owed.text === text && owed.bytes.equals(bytes);
		for (let at = this.#next; at < this.#owed.length; at++) {
			const owed = this.#owed[at] as Owed;
			if (isIt(owed)) {
				this.#next = at + 1;
				return;
			}
			if (!owed.mayMiss) break;
		}
		const at = this.#anyTime.findIndex(isIt);
		if (at >= 0) this.#anyTime.splice(at, 1);
		else this.#unexpected(bytes, text ? "text" : "binary");
	}

	/** Bytes of raw TCP have arrived. */
	stream(bytes: Buffer): void {
		if (this.isSpoilt) return;
		this.#rest = Buffer.concat([this.#rest, bytes]);
		while (this.#rest.length > 0) {
			const found = this.#beginning();
			if (found === "partial") return;
			if (found === undefined) {
				this.#unexpected(this.#rest, "raw");
				this.isSpoilt = true;
				return;
			}
			this.#rest = this.#rest.subarray(found.bytes.length);
		}
	}

	/** What has not arrived of what need not be dropped; in words. */
	lacking(): string | undefined {
		const missing = this.missing();
		if (missing !== undefined)
			return `not ${this.#where}: ${describe(missing)}`;
		if (this.#rest.length > 0) return `half a message ${this.#where}`;
		return undefined;
	}

	/** The first message that has to have arrived and has not. */
	missing(): Buffer | undefined {
		if (this.isSpoilt) return undefined;
		return this.#owed.slice(this.#next).find(({ mayMiss }) => !mayMiss)?.bytes;
	}

	/** The message with which the rest begins, which is taken; "partial" when the rest is only the begin of one. */
	#beginning(): Owed | "partial" | undefined {
		const rest = this.#rest;
		const fits = ({ bytes }: Owed) => {
			const count = Math.min(rest.length, bytes.length);
			return rest.subarray(0, count).equals(bytes.subarray(0, count));
		};
		for (let at = this.#next; at < this.#owed.length; at++) {
			const owed = this.#owed[at] as Owed;
			if (fits(owed)) {
				if (rest.length < owed.bytes.length) return "partial";
				this.#next = at + 1;
				return owed;
			}
			if (!owed.mayMiss) break;
		}
		const at = this.#anyTime.findIndex(fits);
		const owed = this.#anyTime[at];
		if (owed === undefined) return undefined;
		if (rest.length < owed.bytes.length) return "partial";
		this.#anyTime.splice(at, 1);
		return owed;
	}

	#unexpected(bytes: Buffer, kind: string): void {
		const due = this.#owed[this.#next];
		const instead =
			due === undefined
				? "nothing is due"
				: `${due.text ? "text" : "bytes"} is due, ${describe(due.bytes)}`;
		this.#verdict.find(
			`${this.#where}: ${kind} arrived, ${describe(bytes)}, where ${instead}`,
		);
	}
}

/** What some texts have behind their letter: characters of two, three and four bytes, and half a one. */
export const WIDE = "é漢😀\ud800!";
const wide = Buffer.from(WIDE);

/** What bytes are, for the report. */
export function describe(bytes: Buffer): string {
	const at = bytes.length - wide.length;
	const isWide = at > 0 && bytes.subarray(at).equals(wide);
	const letter = isWide ? bytes.subarray(0, at) : bytes;
	const { verb, number, intact } = read(letter);
	if (/^[cg]\d+$/.test(verb) && Number.isInteger(number)) {
		const state = intact ? "whole" : "changed";
		return `letter ${number} of ${verb} (${bytes.length} bytes, ${state})`;
	}
	const begin = JSON.stringify(bytes.subarray(0, 24).toString("latin1"));
	return `${bytes.length} bytes that begin with ${begin}`;
}
