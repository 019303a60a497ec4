/**
 * The loads that the peers are put under. In a closed loop each connection has
 * `inFlight` messages on their way and sends one for each that comes back.
 *
 * @typedef {object} Cell
 * @property {string} name
 * @property {string} title
 * @property {number} connections
 * @property {number} size Payload of a message, in bytes.
 * @property {number} inFlight
 * @property {boolean} deflate Messages are JSON in text frames, compressed both ways; otherwise nothing is compressed.
 */

/** @type {Cell[]} */
export const cells = [
	cell("100x20x1", 100, 20, 1),
	cell("100x20x16", 100, 20, 16),
	cell("100x1k", 100, 1024, 1),
	cell("10x16k", 10, 16 * 1024, 1),
	cell("1x20", 1, 20, 1),
	deflateCell("100xjson1k-deflate", 100, 1024, 1),
];

/** Those that show in the shortest time that everything works. */
export const smokeCells = ["100x20x1", "100xjson1k-deflate"];

/** The one in which a server's own code weighs most. */
export const profiledCell = "100x20x16";

/**
 * Whether a peer is put under the load of a cell: those that compress only where messages are compressed.
 *
 * @param {Cell} cell
 * @param {import("./peers.mjs").Peer} peer
 */
export function isFor(cell, peer) {
	return cell.deflate === (peer.protocol === "deflate");
}

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
	return { name, title, connections, size, inFlight, deflate: false };
}

/** @returns {Cell} */
function deflateCell(...args) {
	const plain = cell(...args);
	const title = `${plain.title}, JSON with permessage-deflate`;
	return { ...plain, title, deflate: true };
}
