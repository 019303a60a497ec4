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

/**
 * The same for long messages, which go to the allocator too: when none has come for a while, so that the next one finds its memory
 * where the last one was, but at the latest {@link MOST_DELAYS} delays from now.
 */
export function trimWhenQuiet(): void {
	isBusy = true;
	if (step < 0) trimLater();
}

function schedule(): void {
	const delay = DELAYS_MS[step];
	if (delay === undefined) {
		step = -1;
		return;
	}
	timer = setTimeout(() => {
		if (isBusy && postponed < MOST_DELAYS) {
			isBusy = false;
			postponed++;
			schedule();
			return;
		}
		postponed = 0;
		trimMemory();
		step++;
		schedule();
	}, delay).unref();
}

/** Which delay runs; -1 for none. */
let step = -1;
let timer: NodeJS.Timeout | undefined;
/** There was a long message since the timer was set. */
let isBusy = false;
/** How often that has put it off. */
let postponed = 0;

/** How often long messages can put it off. */
const MOST_DELAYS = 5;

/** 2, 5, 9.5, 20 and 40 seconds after the last ones have ended. */
const DELAYS_MS = [2000, 3000, 4500, 10_500, 20_000];
