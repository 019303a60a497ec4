import { setImmediate } from "node:timers/promises";

/**
 * Fulfilled when the condition holds: for what a getter tells and no event.
 *
 * @throws (rejects) when it has not come true in a minute and a half, which a sanitizer may need.
 */
export async function until(condition: () => boolean): Promise<void> {
	const end = performance.now() + 90_000;
	while (!condition()) {
		if (performance.now() > end) throw new Error(`in vain: ${condition}`);
		await setImmediate();
	}
}
