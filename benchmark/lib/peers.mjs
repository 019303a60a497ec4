/**
 * The servers that are compared.
 *
 * @typedef {"echo" | "json" | "broadcast" | "rooms"} Mode What a server does with a message: sends it back; parses it and sends
 * back what it has parsed; sends it to all connections, or to those of a room.
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {"websocket" | "deflate" | "tcp"} protocol What the load generator speaks with it; deflate is WebSocket with
 * permessage-deflate.
 * @property {string} [server] The file, seen from `servers/`; without it the peer is the load generator's own floor.
 * @property {string[]} [args] Arguments of the server.
 * @property {Mode[]} [modes] What it can do with a message; only echo it where this is missing.
 * @property {string} [package] What its users import, where that is measured.
 * @property {string} [baseline] The gev peer that its CPU time is compared with.
 * @property {boolean} [lends] Its messages are valid during the call only, so that it is compared with gev-borrow too.
 * @property {boolean} [isExtra] It runs only when it is named, so that tables and runs do not get longer for it.
 * @property {string} [twinOf] The peer that this one is at another revision.
 * @property {() => string | undefined} missing Why it cannot run here, if so.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const benchmarkFolder = fileURLToPath(new URL("..", import.meta.url));
export const rootFolder = fileURLToPath(new URL("../..", import.meta.url));

/** Bun as a program, from its npm package. */
const bun = join(
	benchmarkFolder,
	"node_modules/@oven/bun-linux-x64-baseline/bin/bun",
);

/** uWebSockets.js as built for this version of Node.js. */
const uwebsockets = join(
	benchmarkFolder,
	"node_modules/uwebsockets",
	`uws_${process.platform}_${process.arch}_${process.versions.modules}.node`,
);

const uwebsocketsFits = unlessThere(
	uwebsockets,
	"npm has no uWebSockets.js for this Node.js, system or processor",
);

const gevBuilt = unlessThere(
	join(rootFolder, "dist/index.js"),
	"gev is not built: node scripts/setup.mjs",
);

/** Where what is built from Go lies. */
export const goServer = join(
	benchmarkFolder,
	"results/tmp/go",
	process.platform === "win32" ? "gnet.exe" : "gnet",
);

/** @type {Mode[]} */
const everyMode = ["echo", "json", "broadcast", "rooms"];

const gevOnUnix = () =>
	process.platform === "win32"
		? "Windows has no unix sockets for servers"
		: gevBuilt();

/** @type {Peer[]} */
export const peers = [
	{
		name: "gev",
		protocol: "websocket",
		server: "gev.mjs",
		modes: everyMode,
		package: "gev",
		missing: gevBuilt,
	},
	{
		name: "gev-threads",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--threads"],
		baseline: "gev",
		modes: everyMode,
		missing: gevBuilt,
	},
	{
		name: "gev-borrow",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--borrow"],
		baseline: "gev",
		modes: everyMode,
		missing: gevBuilt,
	},
	{
		name: "gev-transfer",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--transfer"],
		baseline: "gev",
		missing: gevBuilt,
	},
	{
		name: "gev-buffer",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--text", "buffer"],
		baseline: "gev",
		missing: gevBuilt,
	},
	{
		name: "gev-unix",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--unix"],
		baseline: "gev",
		isExtra: true,
		missing: gevOnUnix,
	},
	{
		name: "uwebsockets",
		protocol: "websocket",
		server: "uwebsockets.mjs",
		baseline: "gev",
		lends: true,
		modes: everyMode,
		package: "uwebsockets",
		missing: uwebsocketsFits,
	},
	{
		name: "uws-keep",
		protocol: "websocket",
		server: "uwebsockets.mjs",
		args: ["--keep"],
		baseline: "gev",
		missing: uwebsocketsFits,
	},
	{
		name: "uws-text",
		protocol: "websocket",
		server: "uwebsockets.mjs",
		args: ["--text"],
		baseline: "gev",
		missing: uwebsocketsFits,
	},
	{
		name: "uws-publish",
		protocol: "websocket",
		server: "uwebsockets.mjs",
		args: ["--publish"],
		baseline: "gev",
		modes: ["broadcast", "rooms"],
		missing: uwebsocketsFits,
	},
	{
		name: "bun",
		protocol: "websocket",
		server: "bun.mjs",
		baseline: "gev",
		modes: everyMode,
		missing: unlessThere(bun, "it is only fetched for Linux on x64"),
	},
	{
		name: "ws",
		protocol: "websocket",
		server: "ws.mjs",
		baseline: "gev",
		modes: everyMode,
		package: "ws",
		missing: () => undefined,
	},
	{
		name: "gev-raw",
		protocol: "tcp",
		server: "gev.mjs",
		args: ["--protocol", "raw"],
		missing: gevBuilt,
	},
	{
		name: "gev-raw-borrow",
		protocol: "tcp",
		server: "gev.mjs",
		args: ["--protocol", "raw", "--borrow"],
		baseline: "gev-raw",
		missing: gevBuilt,
	},
	{
		name: "gev-raw-unix",
		protocol: "tcp",
		server: "gev.mjs",
		args: ["--protocol", "raw", "--unix"],
		baseline: "gev-raw",
		isExtra: true,
		missing: gevOnUnix,
	},
	{
		name: "node-net",
		protocol: "tcp",
		server: "node-net.mjs",
		baseline: "gev-raw",
		missing: () => undefined,
	},
	{
		name: "gnet",
		protocol: "tcp",
		server: "go",
		baseline: "gev-raw",
		missing: unlessThere(goServer, "it is built where there is a Go"),
	},
	{
		name: "floor",
		protocol: "tcp",
		baseline: "gev-raw",
		missing: () => undefined,
	},
	{
		name: "gev-shared",
		protocol: "deflate",
		server: "gev.mjs",
		args: ["--deflate", "shared"],
		missing: gevBuilt,
	},
	{
		name: "gev-dedicated",
		protocol: "deflate",
		server: "gev.mjs",
		args: ["--deflate", "dedicated"],
		baseline: "gev-shared",
		missing: gevBuilt,
	},
	{
		name: "uws-shared",
		protocol: "deflate",
		server: "uwebsockets.mjs",
		args: ["--deflate", "shared"],
		baseline: "gev-shared",
		missing: uwebsocketsFits,
	},
	{
		name: "uws-dedicated",
		protocol: "deflate",
		server: "uwebsockets.mjs",
		args: ["--deflate", "dedicated"],
		baseline: "gev-shared",
		missing: uwebsocketsFits,
	},
	{
		name: "ws-deflate",
		protocol: "deflate",
		server: "ws.mjs",
		args: ["--deflate"],
		baseline: "gev-shared",
		missing: () => undefined,
	},
];

/** Peers that run when none are named. */
export const usualPeers = peers.filter(({ isExtra }) => !isExtra);

/**
 * Whether a peer can be compared with itself at another revision.
 *
 * @param {Peer} peer
 */
export function hasTwin({ server }) {
	return server === "gev.mjs";
}

/** Peers of a run that is only to show that everything works. */
export const smokePeers = [
	"gev",
	"gev-threads",
	"ws",
	"floor",
	"gev-shared",
	"ws-deflate",
];

/** What is profiled. */
export const profiledPeers = ["gev", "gev-shared"];

/** Peers whose memory for idle connections is compared. */
export const idlePeers = ["gev", "uwebsockets", "ws", "gev-raw", "node-net"];

/** Peers whose memory for connections that have compressed is compared. */
export const compressedPeers = [
	"gev-shared",
	"gev-dedicated",
	"uws-shared",
	"uws-dedicated",
	"ws-deflate",
];

/**
 * Whether a peer is a server of others: neither gev nor the floor.
 *
 * @param {Peer} peer
 */
export function isRival(peer) {
	return peer.server !== undefined && !hasTwin(peer);
}

/**
 * The file of a peer's server.
 *
 * @param {Peer} peer
 */
export function serverFile({ server }) {
	return join(benchmarkFolder, "servers", server);
}

/**
 * The command that starts a peer.
 *
 * @param {Peer} peer
 * @param {object} how
 * @param {string} how.generator Path of gev-load.
 * @param {string[]} [how.nodeFlags] Flags for Node.js, if the peer runs in it.
 * @param {Mode} [how.mode] What it does with a message.
 * @returns {string[]}
 */
export function serverCommand(
	peer,
	{ generator, nodeFlags = [], mode = "echo" },
) {
	if (!peer.server) return [generator, "floor"];
	if (peer.server === "go") return [goServer];
	const runtime =
		peer.server === "bun.mjs" ? [bun] : [process.execPath, ...nodeFlags];
	return [...runtime, serverFile(peer), ...serverArgs(peer, mode)];
}

/**
 * What a peer's server is told. To echo is what it does untold.
 *
 * @param {Peer} peer
 * @param {Mode} mode
 */
export function serverArgs({ args = [] }, mode) {
	return mode === "echo" ? args : [...args, "--mode", mode];
}

function unlessThere(path, reason) {
	return () => (existsSync(path) ? undefined : reason);
}
