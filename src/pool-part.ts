import type { CheckedOptions } from "./options.js";

/** Who accepts for a pool of workers, and who gets what it has accepted; see `crates/reactor/src/event_loop/pool.rs`. */
export interface PoolPart {
	accepts: number | undefined;
	joins: number | undefined;
	/** Number of who joins, by which others can dismiss it. */
	member: number | undefined;
}

export const NO_PART: PoolPart = {
	accepts: undefined,
	joins: undefined,
	member: undefined,
};

/** @internal The options of a server that is a part of a pool: a member listens nowhere. */
export function optionsOfPart(
	options: CheckedOptions,
	{ accepts }: PoolPart,
	threads: boolean,
): CheckedOptions {
	// The first CPU would be every worker's.
	const loops = { loops: 1, threads, pinLoops: false, metrics: undefined };
	if (accepts !== undefined) return { ...options, ...loops };
	const nowhere = { host: "127.0.0.1", port: 0, path: undefined };
	return { ...options, ...loops, ...nowhere, reusePort: false };
}
