/**
 * A queue: what is put in first comes out first, each in constant time however much waits.
 *
 * A ring of places, which doubles when it is full and halves when less than a quarter of it is used, so that memory goes
 * back. A place that has been emptied keeps nothing alive.
 *
 * ```text
 *   places   d e . . . a b c     length 5, a power of two of places
 *                      ^ first
 * ```
 */
export class Fifo<Item extends object> {
	#places: (Item | undefined)[] = [];
	/** Place of the item that came first. */
	#first = 0;
	#length = 0;

	/** How many wait. */
	get length(): number {
		return this.#length;
	}

	/** The one whose turn is next. */
	get first(): Item | undefined {
		return this.#length === 0 ? undefined : this.#places[this.#first];
	}

	/** The one that came last. */
	get last(): Item | undefined {
		return this.#length === 0 ? undefined : this.#places[this.#at(-1)];
	}

	push(item: Item): void {
		const places = this.#places.length;
		if (this.#length === places) this.#resize(Math.max(2 * places, LEAST));
		this.#places[this.#at(0)] = item;
		this.#length++;
	}

	/** Takes the next one out. */
	shift(): Item | undefined {
		if (this.#length === 0) return undefined;
		const places = this.#places.length;
		if (places > LEAST && this.#length <= places >> 2) this.#resize(places / 2);
		const first = this.#first;
		const item = this.#places[first];
		this.#places[first] = undefined;
		this.#first = (first + 1) & (this.#places.length - 1);
		this.#length--;
		return item;
	}

	/** The place that is so far from the end: 0 for the next one to come. */
	#at(fromEnd: number): number {
		return (this.#first + this.#length + fromEnd) & (this.#places.length - 1);
	}

	#resize(count: number): void {
		const places = new Array<Item | undefined>(count);
		const mask = this.#places.length - 1;
		for (let n = 0; n < this.#length; n++) {
			places[n] = this.#places[(this.#first + n) & mask];
		}
		this.#places = places;
		this.#first = 0;
	}
}

/** Places that a queue keeps once it has had any. A power of two. */
const LEAST = 8;
