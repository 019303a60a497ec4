import { trimMemory } from "#binding";
import { clearTimeout, setTimeout } from "../base/clock.js";

/**
 * Gives memory back to the system when a burst is over. What connections have had goes to the allocator, which as a rule keeps
 * it; so some time after they have ended it is asked to let it go, and again as long as the garbage collector may
 * have its turn. For all servers of this thread; nothing happens while nobody ends.
 */
export function trimLater(): void {
	if (step === 0) return;
	clearTimeout(timer);
	step = 0;
	schedule();
}

function schedule(): void {
	const delay = DELAYS_MS[step];
	if (delay === undefined) {
		step = -1;
		return;
	}
	timer = setTimeout(() => {
		trimMemory();
		step++;
		schedule();
	}, delay).unref();
}

/** Which delay runs; -1 for none. */
let step = -1;
let timer: NodeJS.Timeout | undefined;

/** 2, 5, 9.5, 20 and 40 seconds after the last ones have ended. */
const DELAYS_MS = [2000, 3000, 4500, 10_500, 20_000];
