import type { GevError } from "../base/errors.js";
import type { Receipt } from "./receipt.js";

/**
 * Answers `sent()`, by marks among what is sent. Made for connections that need it.
 *
 * Who asks where the last mark is shares it. While messages wait that may yet be dropped, there is one mark that has its
 * place, and one for all who ask before that is settled: a message that is dropped leaves its mark behind, so that one
 * for each would pile up for as long as the peer does not read.
 */
export class SentMarks {
	readonly #place: (mark: Receipt) => number;
	/** The last one that has a place, until it is settled. */
	#placed: Mark | undefined = undefined;
	/** The one that gets its place when that one is settled, or before, when nothing may be dropped any more. */
	#next: Mark | undefined = undefined;
	/** One function for all marks. */
	readonly #settled = (mark: Mark): void => {
		if (mark !== this.#placed) return;
		this.#placed = undefined;
		this.placeNext();
	};

	/**
	 * `place` puts a mark behind everything that has been sent so far, and returns how many bytes that are, modulo 2^32:
	 * a number that stays the same until more is sent.
	 */
	constructor(place: (mark: Receipt) => number) {
		this.#place = place;
	}

	/** What `sent()` returns when what has been sent has come to `position`. */
	here(position: number): Promise<boolean> {
		if (this.#placed?.position === position) return this.#placed.promise;
		return this.#put(new Mark(this.#settled));
	}

	/** What `sent()` returns while messages wait that may yet be dropped. */
	behindDroppable(): Promise<boolean> {
		if (this.#placed === undefined) return this.#put(new Mark(this.#settled));
		this.#next ??= new Mark(this.#settled);
		return this.#next.promise;
	}

	/** Gives the next mark its place, if there is one. */
	placeNext(): void {
		const next = this.#next;
		if (next === undefined) return;
		this.#put(next);
		this.#next = undefined;
	}

	#put(mark: Mark): Promise<boolean> {
		mark.position = this.#place(mark);
		this.#placed = mark;
		return mark.promise;
	}
}

/** A place among what is sent, and the promise of all who have asked there. */
class Mark implements Receipt {
	readonly promise: Promise<boolean>;
	position: number | undefined = undefined;
	#resolve!: (sent: boolean) => void;
	readonly #settled: (mark: Mark) => void;

	constructor(settled: (mark: Mark) => void) {
		this.#settled = settled;
		this.promise = new Promise((resolve) => {
			this.#resolve = resolve;
		});
	}

	settle(error: GevError | undefined): void {
		this.#resolve(error === undefined);
		this.#settled(this);
	}
}
