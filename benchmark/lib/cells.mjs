/**
 * The loads that the peers are put under, in groups. In a closed loop each connection has `inFlight` messages on their way and
 * sends one for each that comes back.
 *
 * @typedef {object} Cell
 * @property {string} name
 * @property {string} title
 * @property {string[]} groups What it is measured for; a cell may be a point of several curves.
 * @property {keyof import("./kinds.mjs").kinds} kind How it is measured.
 * @property {import("./peers.mjs").Mode} mode What the server does with a message.
 * @property {import("./peers.mjs").Peer["protocol"][]} protocols What its peers speak.
 * @property {number} connections
 * @property {number} size Payload of a message, in bytes.
 * @property {number} inFlight
 * @property {"binary" | "text" | "utf8" | "json"} content
 * @property {import("./peers.mjs").Framing} [framing] How its messages are told apart.
 * @property {number} [room] Connections that get each message.
 * @property {number} [share] Of what the peer can do, in an open loop.
 * @property {"unread" | "half"} [burst] What the server has to keep.
 * @property {string[]} [usual] The peers that run when none are named; all that the cell is for where it is missing.
 * @property {string[]} [quick] Those with `--quick`; it is no cell of that where they are missing.
 * @property {number} [minSeconds] Shorter runs have too few messages.
 * @property {number} [maxRepeats] More say nothing new.
 */

/** Every group, and what it is for. */
export const groups = {
	basic: "the loads that servers are usually compared under",
	sizes: "a message's size",
	text: "long messages of text",
	connections: "how many connections there are",
	depth: "how many messages of a connection are on their way",
	rooms: "one message for many connections",
	handshakes: "connections that come and go",
	raw: "plain TCP",
	framing: "messages on TCP that the server cuts",
	json: "a handler that parses and writes JSON",
	workers: "a handler that works for 20 us, on every core",
	open: "latency under a load that does not wait for the server",
	memory: "memory before, during and after a burst",
	import: "the time to import the package",
};

const echoPeers = [
	"gev",
	"gev-threads",
	"gev-borrow",
	"uwebsockets",
	"uws-keep",
	"bun",
	"ws",
	"gev-raw",
	"node-net",
	"floor",
];
const sizePeers = [
	"gev",
	"gev-borrow",
	"gev-transfer",
	"uwebsockets",
	"uws-keep",
	"bun",
	"ws",
	"floor",
];
const loopPeers = ["gev", "uwebsockets", "bun", "ws", "floor"];
const webSocketPeers = ["gev", "uwebsockets", "bun", "ws"];
const textPeers = ["gev", "gev-buffer", "uwebsockets", "uws-text", "bun", "ws"];
const roomPeers = [
	"gev",
	"gev-broadcast",
	"uwebsockets",
	"uws-publish",
	"bun",
	"ws",
];
const framedPeers = [
	"gev-framed",
	"net-framed",
	"net-plain",
	"net-gather",
	"bun-framed",
	"gev-go",
	"gnet-framed",
	"netty",
	"floor",
];
const ownPeers = [
	"gev-framed",
	"net-framed",
	"net-plain",
	"net-gather",
	"net-ring",
	"bun-framed",
	"floor",
];
const rawPeers = ["gev-raw", "gev-raw-borrow", "gnet", "node-net", "floor"];

/** @type {Cell[]} */
export const cells = [
	echo("1x20", 1, 20, { groups: ["basic", "connections"] }),
	echo("100x20x1", 100, 20, {
		groups: ["basic", "connections", "depth"],
		quick: ["gev", "uwebsockets", "bun"],
	}),
	echo("100x20x16", 100, 20, { groups: ["basic", "depth"], inFlight: 16 }),
	echo("100x1k", 100, 1024, { groups: ["basic"] }),
	echo("10x16k", 10, 16 * 1024, { groups: ["basic", "sizes"] }),
	echo("100xjson1k-deflate", 100, 1024, {
		groups: ["basic"],
		note: "JSON with permessage-deflate",
		protocols: ["deflate"],
		content: "text",
		usual: undefined,
	}),

	...[
		["10x1", 1],
		["10x125", 125],
		["10x126", 126],
		["10x1k", 1024],
		["10x4k", 4 * 1024],
		["10x64k", 64 * 1024],
		["10x65537", 65_537],
	].map(([name, size]) => sized(name, 10, size)),
	sized("10x256k", 10, 256 * 1024, { quick: ["gev", "uws-keep", "bun"] }),
	sized("4x1m", 4, 1024 ** 2, { minSeconds: 2 }),
	sized("1x16m", 1, 16 * 1024 ** 2, {
		minSeconds: 2,
		quick: ["gev", "uws-keep"],
	}),

	text("10x256k-ascii", "ASCII", {
		content: "text",
		quick: ["gev", "uws-text", "bun"],
	}),
	text("10x256k-utf8", "UTF-8 of two and three bytes", { content: "utf8" }),

	crowd("1000x20", 1000, { quick: ["gev", "uwebsockets", "bun"] }),
	crowd("5000x20", 5000, { quick: ["gev", "uwebsockets", "bun"] }),
	crowd("10000x20", 10_000),

	deep("100x20x64", 64, { quick: ["gev", "uwebsockets", "bun"] }),
	deep("100x20x256", 256),

	inRooms("broadcast-1000", 1000, "one message to all of them in turns", {
		mode: "broadcast",
		quick: ["gev", "uws-publish", "bun"],
	}),
	inRooms("rooms-50", 50, "rooms of 50, one message in each", {
		mode: "rooms",
		quick: ["gev", "uws-publish", "bun"],
	}),

	cell("handshake", {
		title: "Connect, upgrade, say goodbye, close; 16 at a time",
		groups: ["handshakes"],
		kind: "handshake",
		connections: 16,
		usual: webSocketPeers,
		quick: ["gev", "uwebsockets", "bun"],
	}),

	raw("raw-16k", 16 * 1024, { quick: ["gev-raw", "gnet"] }),
	raw("raw-256k", 256 * 1024),

	framed("framed-20x16", 20, "length-prefixed", {
		note: "with a length in front",
		inFlight: 16,
		quick: ["gev-framed", "gev-go"],
	}),
	framed("framed-1k", 1024, "length-prefixed", {
		note: "with a length in front",
	}),
	framed("lines-100x16", 100, "lines", {
		note: "lines of text",
		inFlight: 16,
		content: "text",
	}),
	framed("jt808-60x16", 60, "jt808", {
		note: "reports of JT/T 808, with escapes",
		inFlight: 16,
	}),
	framed("resp-ping-x16", 4, "resp", {
		note: "PING of RESP",
		inFlight: 16,
		quick: ["gev-framed", "net-framed"],
	}),
	framed("own-20x16", 20, "custom", {
		note: "with a length in front, cut by JavaScript",
		inFlight: 16,
		usual: ownPeers,
	}),

	echo("json-300", 100, 300, {
		groups: ["json"],
		note: "JSON that the handler parses and writes",
		protocols: ["websocket"],
		mode: "json",
		content: "json",
		usual: webSocketPeers,
	}),

	busy("workers-x1", 1),
	busy("workers-x16", 16),

	open("open-50", 0.5),
	open("open-80", 0.8),

	burst("burst-unread", {
		title: "1,000 peers that do not read 256 KiB each, and go",
		connections: 1000,
		size: 256 * 1024,
		burst: "unread",
		quick: ["gev"],
	}),
	burst("burst-half", {
		title: "2,000 peers that send 64 KiB, half of a message, and go",
		connections: 2000,
		size: 64 * 1024,
		burst: "half",
	}),

	cell("import", {
		title: "Import of the package, in fresh processes",
		groups: ["import"],
		kind: "import",
		quick: ["gev", "ws"],
	}),
];

/** Those that show in the shortest time that everything works. */
export const smokeCells = [
	"100x20x1",
	"100xjson1k-deflate",
	"10x256k-utf8",
	"rooms-50",
	"handshake",
	"json-300",
	"open-50",
	"framed-20x16",
	"import",
];

/** The one in which a server's own code weighs most. */
export const profiledCell = "100x20x16";

/**
 * Whether a peer is put under the load of a cell: it has to speak what is spoken there, and do with messages what is done there;
 * and it is one of the usual ones, where the cell has such.
 *
 * @param {Cell} cell
 * @param {import("./peers.mjs").Peer} peer
 */
export function isFor(cell, peer) {
	const { protocol, modes = ["echo"], framings, package: imported } = peer;
	return (
		cell.protocols.includes(protocol) &&
		modes.includes(cell.mode) &&
		(framings?.includes(cell.framing) ?? true) &&
		(cell.kind !== "import" || imported !== undefined) &&
		(cell.usual?.includes(peer.twinOf ?? peer.name) ?? true)
	);
}

/**
 * Bytes of a client's WebSocket frame (RFC 6455 section 5.2). Plain TCP peers get messages of this length beside peers of
 * WebSocket, so that all of them move the same bytes.
 *
 * @param {number} size Payload, in bytes.
 */
export function frameBytes(size) {
	const length = size < 126 ? 0 : size < 65_536 ? 2 : 8;
	return 2 + length + 4 + size;
}

/**
 * Bytes of a message with what the framing of its cell puts around it. Plain TCP peers get messages of this length beside those
 * that cut, as they do beside peers of WebSocket.
 *
 * @param {Pick<Cell, "framing" | "size">} cell
 */
export function wireBytes({ framing, size }) {
	switch (framing) {
		case undefined:
			return frameBytes(size);
		case "lines":
			return size + 1;
		case "jt808":
			// Two flags, a check byte, and two bytes that are escaped.
			return size + 5;
		case "resp":
			return "*1\r\n$4\r\nPING\r\n".length;
		default:
			return 4 + size;
	}
}

/** @returns {Cell} */
function cell(name, properties) {
	return {
		name,
		kind: "load",
		mode: "echo",
		protocols: ["websocket"],
		connections: 1,
		size: 20,
		inFlight: 1,
		content: "binary",
		...properties,
	};
}

function echo(name, connections, size, { note, ...properties }) {
	const { inFlight = 1 } = properties;
	const load = `${count(connections, "connection")}, ${bytes(size)}, ${inFlight} in flight each`;
	return cell(name, {
		title: note ? `${load}, ${note}` : load,
		protocols: ["websocket", "tcp"],
		usual: echoPeers,
		connections,
		size,
		...properties,
	});
}

function sized(name, connections, size, properties) {
	const usual = { groups: ["sizes"], usual: sizePeers };
	return echo(name, connections, size, { ...usual, ...properties });
}

function text(name, note, properties) {
	return echo(name, 10, 256 * 1024, {
		groups: ["text"],
		note,
		protocols: ["websocket"],
		usual: textPeers,
		...properties,
	});
}

function crowd(name, connections, properties) {
	const usual = { groups: ["connections"], usual: loopPeers };
	return echo(name, connections, 20, { ...usual, ...properties });
}

function deep(name, inFlight, properties) {
	const usual = { groups: ["depth"], usual: loopPeers };
	return echo(name, 100, 20, { ...usual, inFlight, ...properties });
}

function inRooms(name, room, note, properties) {
	return cell(name, {
		title: `1,000 connections, 100 B, ${note}`,
		groups: ["rooms"],
		connections: 1000,
		size: 100,
		room,
		usual: roomPeers,
		...properties,
	});
}

function raw(name, size, properties) {
	return echo(name, 10, size, {
		groups: ["raw"],
		note: "plain TCP",
		protocols: ["tcp"],
		usual: rawPeers,
		...properties,
	});
}

function framed(name, size, framing, properties) {
	return echo(name, 100, size, {
		groups: ["framing"],
		protocols: ["framed", "tcp"],
		usual: framedPeers,
		framing,
		...properties,
	});
}

function busy(name, inFlight) {
	return echo(name, 100, 20, {
		groups: ["workers"],
		kind: "workers",
		note: "a handler of 20 us, on all cores",
		protocols: ["websocket"],
		mode: "busy",
		inFlight,
		usual: ["gev-workers-1", "gev-workers-2"],
	});
}

function open(name, share) {
	return cell(name, {
		title: `100 connections, 20 B, an open loop at ${share * 100} % of what the peer can do`,
		groups: ["open"],
		kind: "open",
		connections: 100,
		share,
		usual: webSocketPeers,
	});
}

function burst(name, properties) {
	return cell(name, {
		groups: ["memory"],
		kind: "burst",
		usual: webSocketPeers,
		maxRepeats: 3,
		...properties,
	});
}

function count(number, thing) {
	const plural = number === 1 ? thing : `${thing}s`;
	return `${number.toLocaleString("en-US")} ${plural}`;
}

function bytes(size) {
	if (size % 1024 ** 2 === 0) return `${size / 1024 ** 2} MiB`;
	if (size % 1024 === 0) return `${size / 1024} KiB`;
	return `${size.toLocaleString("en-US")} B`;
}
