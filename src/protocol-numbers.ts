/** A protocol that loops know by a number. */
export interface ProtocolNumber {
	readonly key: string;
	readonly number: number;
	/** How many changes to it the loops have not told of. */
	waiting: number;
}

/**
 * The numbers by which loops know the protocols that connections change to. A loop needs a number no more when it has made the
 * change: so as many are kept as are waited for, and {@link MOST_KEPT} of those that were used last; the number of any other is
 * given to the next new protocol.
 */
export class ProtocolNumbers {
	readonly #add: (options: object, instead: number) => number;
	/** By what they are natively. */
	readonly #known = new Map<string, ProtocolNumber>();
	/** Those that nobody waits for, the one that was used last at the end. */
	readonly #idle = new Set<ProtocolNumber>();

	/** `add`: makes a protocol known instead of another one, or of -1 for none; returns its number. */
	constructor(add: (options: object, instead: number) => number) {
		this.#add = add;
	}

	/** The loops know nothing any more. */
	clear(): void {
		this.#known.clear();
		this.#idle.clear();
	}

	/** The number of what is this natively, until it is {@link settle}d. */
	take(key: string, options: () => object): ProtocolNumber {
		const found = this.#known.get(key) ?? this.#make(key, options());
		this.#idle.delete(found);
		found.waiting++;
		return found;
	}

	/** A change has been made, or will not be. */
	settle(taken: ProtocolNumber): void {
		taken.waiting--;
		if (taken.waiting === 0 && this.#known.get(taken.key) === taken) {
			this.#idle.add(taken);
		}
	}

	#make(key: string, options: object): ProtocolNumber {
		const [oldest] = this.#known.size >= MOST_KEPT ? this.#idle : [];
		if (oldest !== undefined) {
			this.#idle.delete(oldest);
			this.#known.delete(oldest.key);
		}
		const number = this.#add(options, oldest?.number ?? -1);
		const made = { key, number, waiting: 0 };
		this.#known.set(key, made);
		return made;
	}
}

/** Most protocols that are kept although nobody waits for them. */
const MOST_KEPT = 64;
