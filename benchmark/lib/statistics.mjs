/**
 * @typedef {object} Spread
 * @property {number} median
 * @property {number} min
 * @property {number} max
 */

/**
 * @param {(number | null)[]} values
 * @returns {Spread | null} null when there is nothing to tell.
 */
export function spread(values) {
	const sorted = values
		.filter((value) => value !== null)
		.sort((left, right) => left - right);
	if (sorted.length === 0) return null;
	const middle = (sorted.length - 1) / 2;
	return {
		median: (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2,
		min: sorted[0],
		max: sorted.at(-1),
	};
}
