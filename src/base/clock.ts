/**
 * What the runtime does later, and its time, as they are when the package is loaded: a test that replaces timers by its own
 * afterwards (jest, sinon, vitest) replaces those of its own code, and the package goes on.
 */
export const { clearTimeout, queueMicrotask, setImmediate, setTimeout } =
	globalThis;

/** `process.nextTick` */
export const nextTick = process.nextTick.bind(process);

/** `performance.now()` */
export const now = performance.now.bind(performance);
