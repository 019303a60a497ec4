import { randomInt } from "node:crypto";

/**
 * Another number in each run, unless the environment variable GEV_TEST_SEED gives it. Tests that use it have it in their
 * titles, so that a run that failed can be repeated.
 */
export const seed = Number(process.env.GEV_TEST_SEED ?? randomInt(2 ** 31));

/** Random numbers that a seed decides. */
export class Random {
	#state: number;

	constructor(seed: number) {
		this.#state = seed;
	}

	/** From 0 to below 1 (the generator is known as mulberry32). */
	next(): number {
		this.#state = (this.#state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	}

	/** A whole number from 0 to below `end`. */
	below(end: number): number {
		return Math.floor(this.next() * end);
	}

	/** One of these, which must not be none. */
	pick<Value>(values: readonly Value[]): Value {
		return values[this.below(values.length)] as Value;
	}

	/** True so many times of a hundred. */
	chance(percent: number): boolean {
		return this.below(100) < percent;
	}

	/** A size from 1 to `most`, of each order of magnitude as often as of every other. */
	size(most: number): number {
		return Math.floor((most + 1) ** this.next());
	}
}
