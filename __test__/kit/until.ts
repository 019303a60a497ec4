import { setTimeout } from "node:timers/promises";

/**
 * Fulfilled when the condition holds: for what a getter tells and no event. A test that waits in vain is ended by AVA's
 * timeout. It looks once in a millisecond, so that what it waits for has the processor.
 */
export async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await setTimeout(1);
}
