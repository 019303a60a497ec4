/**
 * The loads that every peer is put under. In a closed loop each connection has
 * `inFlight` messages on their way and sends one for each that comes back.
 *
 * @typedef {object} Cell
 * @property {string} name
 * @property {string} title
 * @property {number} connections
 * @property {number} size Payload of a message, in bytes.
 * @property {number} inFlight
 */

/** @type {Cell[]} */
export const cells = [
	cell("100x20x1", 100, 20, 1),
	cell("100x20x16", 100, 20, 16),
	cell("100x1k", 100, 1024, 1),
	cell("10x16k", 10, 16 * 1024, 1),
	cell("1x20", 1, 20, 1),
];

/** The one that shows in the shortest time that everything works. */
export const smokeCell = "100x20x1";

/** The one in which a server's own code weighs most. */
export const profiledCell = "100x20x16";

/**
 * Bytes of a client's WebSocket frame (RFC 6455 section 5.2). Plain TCP peers get
 * messages of this length, so that all peers move the same bytes.
 *
 * @param {number} size Payload, in bytes.
 */
export function frameBytes(size) {
	const length = size < 126 ? 0 : size < 65_536 ? 2 : 8;
	return 2 + length + 4 + size;
}

/** @returns {Cell} */
function cell(name, connections, size, inFlight) {
	const clients =
		connections === 1 ? "1 connection" : `${connections} connections`;
	const bytes = size < 1024 ? `${size} B` : `${size / 1024} KiB`;
	const title = `${clients}, ${bytes}, ${inFlight} in flight each`;
	return { name, title, connections, size, inFlight };
}
