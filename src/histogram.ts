import type { Histogram } from "./stats.js";

/** Counts how long something took, in buckets whose bounds are one multiple of another. */
export class TimeHistogram {
	readonly #bounds: readonly number[];
	readonly #counts: Float64Array;
	#count = 0;
	#sum = 0;

	/** So many buckets: the first holds up to `first` seconds, each other one `factor` times the one before. */
	constructor(first: number, factor: number, buckets: number) {
		this.#bounds = Array.from(
			{ length: buckets },
			(_, index) => first * factor ** index,
		);
		this.#counts = new Float64Array(buckets);
	}

	add(seconds: number): void {
		this.#count++;
		this.#sum += seconds;
		for (let index = 0; index < this.#bounds.length; index++) {
			if (seconds > (this.#bounds[index] as number)) continue;
			(this.#counts[index] as number)++;
			return;
		}
	}

	/** What has been added so far. */
	snapshot(): Histogram {
		return {
			bounds: this.#bounds,
			counts: [...this.#counts],
			count: this.#count,
			sum: this.#sum,
		};
	}
}

/** The bound of a histogram that so large a share of its values does not exceed; 0 when it is empty. */
export function quantile(histogram: Histogram, share: number): number {
	const { bounds, counts, count } = histogram;
	if (count === 0) return 0;
	let left = share * count;
	for (const [index, bound] of bounds.entries()) {
		left -= counts[index] as number;
		if (left <= 0) return bound;
	}
	return bounds.at(-1) as number;
}
