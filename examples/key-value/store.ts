/** A value, and when it ends. */
export interface Entry {
	value: Buffer;
	/** In milliseconds of `Date.now()`; Infinity for never. */
	expiresAt: number;
}

/** Values by their keys. One that has expired is not there, and is forgotten when somebody asks for it, or by `sweep`. */
export class Store {
	readonly #entries = new Map<string, Entry>();
	#swept = this.#entries.keys();

	get size(): number {
		return this.#entries.size;
	}

	get(key: string): Entry | undefined {
		const entry = this.#entries.get(key);
		if (entry === undefined || entry.expiresAt > Date.now()) return entry;
		this.#entries.delete(key);
		return undefined;
	}

	set(key: string, entry: Entry): void {
		this.#entries.set(key, entry);
	}

	/** True if it was there. */
	delete(key: string): boolean {
		return this.get(key) !== undefined && this.#entries.delete(key);
	}

	*keys(): IterableIterator<string> {
		for (const key of this.#entries.keys()) {
			if (this.get(key) !== undefined) yield key;
		}
	}

	/** Forgets what has expired and nobody asks for, among the next `count` keys. */
	sweep(count: number): void {
		for (let done = 0; done < count; done++) {
			const { value: key, done: isOver } = this.#swept.next();
			if (key !== undefined) this.get(key);
			if (!isOver) continue;
			this.#swept = this.#entries.keys();
			return;
		}
	}
}
