import { writeSync } from "node:fs";
import { GevError } from "gev";
import { isOwn } from "./bombs.js";

/** What has been done, line by line, and the first thing that came to be as it must not. */
export class Verdict {
	finding: string | undefined;
	/** How often things were done, for the report of a run. */
	readonly counts: Record<string, number> = {};
	/** So many steps were taken. */
	steps = 0;
	readonly #diary: number;
	#line = "";
	/** So many times more than once. */
	#repeated = 0;

	/** @param diary - descriptor of the file that keeps the lines, also when the process ends. */
	constructor(diary: number) {
		this.#diary = diary;
	}

	/** Adds a line; several of the same are told by their number. */
	note(line: string): void {
		if (line === this.#line) {
			this.#repeated++;
			return;
		}
		const times = this.#repeated;
		this.#line = line;
		this.#repeated = 0;
		if (times > 0) this.#write(`	and ${times} times more`);
		this.#write(line);
	}

	#write(line: string): void {
		writeSync(this.#diary, `${this.steps} ${line}\n`);
	}

	count(what: string): void {
		this.counts[what] = (this.counts[what] ?? 0) + 1;
	}

	find(what: string): void {
		this.note(`FOUND ${what}`);
		this.finding ??= what;
	}

	/** Judges what a call of the package has thrown: an error with one of these codes, or of what was given to it. */
	judgeThrown(call: string, thrown: unknown, codes: readonly string[]): void {
		if (isOwn(thrown)) return;
		if (thrown instanceof GevError && codes.includes(thrown.code)) return;
		this.find(`${call} threw ${inWords(thrown)}`);
	}
}

/** What was thrown, with where it comes from. Never throws. */
export function inWords(thrown: unknown): string {
	try {
		if (!(thrown instanceof Error)) return String(thrown);
		const { code } = thrown as { code?: unknown };
		const stack = String(thrown.stack).split("\n").slice(1, 5);
		const where = stack.map((line) => line.trim().replace(/file:.*\//, ""));
		return `${thrown.name} ${code ?? ""} ${thrown.message} (${where.join(", ")})`;
	} catch {
		return "something that cannot be shown";
	}
}
