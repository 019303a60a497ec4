/** Work of a handler. */

/** @param {number} us For so many microseconds. */
export function beBusy(us) {
	const until = performance.now() + us / 1000;
	while (performance.now() < until);
}
