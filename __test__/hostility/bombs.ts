import type { Random } from "../kit/random.js";

/** What hostile values do when the package touches them. */
export interface Tools {
	random: Random;
	/** Uses the package again, in the middle of what it does. */
	reenter(): void;
}

/** Everything that hostile values throw: the caller may get to see it. */
const own = new WeakSet<object>();

export function isOwn(thrown: unknown): boolean {
	return (
		(typeof thrown === "object" || typeof thrown === "function") &&
		thrown !== null &&
		own.has(thrown)
	);
}

/** What subscribers throw: it becomes an uncaught exception, as Node.js has it. */
export const expectedUncaught = new WeakSet<object>();

/** Makes `thrown` known as something that is thrown on purpose. */
export function owned<Thrown>(thrown: Thrown): Thrown {
	if (
		(typeof thrown === "object" && thrown !== null) ||
		typeof thrown === "function"
	) {
		own.add(thrown);
	}
	return thrown;
}

/** Throws. */
export function bomb(): never {
	throw owned(new Error("a bomb"));
}

/** Throws whenever somebody wants to have it as something else. */
export function bombObject(): object {
	return {
		valueOf: bomb,
		toString: bomb,
		[Symbol.toPrimitive]: bomb,
		get constructor() {
			return bomb();
		},
	};
}

/** What a hostile getter or trap does besides its work. */
export function trick({ random, reenter }: Tools): () => void {
	switch (random.below(3)) {
		case 0:
			return bomb;
		case 1:
			return reenter;
		default:
			return () => {};
	}
}

/** What can be awaited and is no promise. */
export function thenableBy(get: () => unknown): object {
	// biome-ignore lint/suspicious/noThenProperty: that is the point
	return Object.defineProperty({}, "then", { get });
}
