import { setImmediate } from "node:timers/promises";

/**
 * Fulfilled when the condition holds: for what a getter tells and no event.
 *
 * @throws (rejects) when it has not come true in half a minute.
 */
export async function until(condition: () => boolean): Promise<void> {
	const end = performance.now() + 30_000;
	while (!condition()) {
		if (performance.now() > end) throw new Error(`in vain: ${condition}`);
		await setImmediate();
	}
}
