/**
 * What is kept on this side for all connections of a server, as a part of `limits.maxMemoryBytes`: parts of messages that
 * are not complete, what waits for the handler, and what the loops have not taken. The native side, which counts all the
 * rest, is told now and then.
 */
export class MemoryBudget {
	/** `limits.maxMemoryBytes`; 0 for no limit. */
	readonly most: number;
	readonly #tell: (kept: number) => number;
	readonly #relieve: (bytes: number) => void;
	#kept = 0;
	/** What the native side knows of it. */
	#told = 0;
	/** How many more bytes may be held, as far as this side knows; negative when there are too many. */
	#left: number;
	/** Others are asked to go when less than this is left: less than what was, when that was tried last. */
	#enough = Number.POSITIVE_INFINITY;
	#isRelieving = false;

	/**
	 * @param tell - tells the native side how much is kept here, and returns how much more may be held by all.
	 * @param relieve - closes those who hold the most, until so many bytes are left.
	 */
	constructor(
		most: number,
		tell: (kept: number) => number,
		relieve: (bytes: number) => void,
	) {
		this.most = most;
		this.#tell = tell;
		this.#relieve = relieve;
		this.#left = most === 0 ? Number.POSITIVE_INFINITY : most;
	}

	/** What is kept for a message, besides its bytes. */
	static readonly OVERHEAD = 256;

	/** So many bytes are going to be kept. Somebody else may be closed for them before this returns. */
	keep(bytes: number): void {
		const untold = this.#kept + bytes - this.#told;
		if (untold >= GRAIN_BYTES || this.#left < bytes) this.askLeft();
		if (this.#left >= bytes) this.#enough = Number.POSITIVE_INFINITY;
		else if (this.#left < this.#enough) {
			const some = this.most / 64;
			this.relieve(some);
			this.#enough = this.#left - some;
		}
		this.#kept += bytes;
		this.#left -= bytes;
	}

	/** So many bytes are kept no longer. */
	release(bytes: number): void {
		this.#kept -= bytes;
		this.#left += bytes;
		const released = this.#told - this.#kept;
		if (released >= GRAIN_BYTES || (released > 0 && this.#kept === 0)) {
			this.askLeft();
		}
	}

	/** Sees to it that so many bytes are left. */
	relieve(bytes: number): void {
		if (this.#isRelieving) return;
		this.#isRelieving = true;
		try {
			this.#relieve(bytes);
		} finally {
			this.#isRelieving = false;
		}
	}

	/** True when nothing more should wait for the handler. */
	get isShort(): boolean {
		const least = this.most / 8;
		return this.#left < least && this.askLeft() < least;
	}

	/** How many more bytes may be held, with everything counted. */
	askLeft(): number {
		this.#told = this.#kept;
		this.#left = this.#tell(this.#kept);
		return this.#left;
	}
}

/** From this much on a difference is worth a call of the native side. */
const GRAIN_BYTES = 64 * 1024;
