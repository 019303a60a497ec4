/**
 * The servers that are compared.
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {"websocket" | "deflate" | "tcp"} protocol What the load generator speaks with it; deflate is WebSocket with
 * permessage-deflate.
 * @property {string} [server] The file, seen from `servers/`; without it the peer is the load generator's own floor.
 * @property {string[]} [args] Arguments of the server.
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
		missing: gevBuilt,
	},
	{
		name: "gev-threads",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--threads"],
		baseline: "gev",
		missing: gevBuilt,
	},
	{
		name: "gev-borrow",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--borrow"],
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
		name: "bun",
		protocol: "websocket",
		server: "bun.mjs",
		baseline: "gev",
		missing: unlessThere(bun, "it is only fetched for Linux on x64"),
	},
	{
		name: "ws",
		protocol: "websocket",
		server: "ws.mjs",
		baseline: "gev",
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
 * The command that starts a peer.
 *
 * @param {Peer} peer
 * @param {string} generator Path of gev-load.
 * @param {string[]} nodeFlags Flags for Node.js, if the peer runs in it.
 * @returns {string[]}
 */
export function serverCommand(peer, generator, nodeFlags = []) {
	if (!peer.server) return [generator, "floor"];
	const file = join(benchmarkFolder, "servers", peer.server);
	const runtime =
		peer.name === "bun" ? [bun] : [process.execPath, ...nodeFlags];
	return [...runtime, file, ...(peer.args ?? [])];
}

function unlessThere(path, reason) {
	return () => (existsSync(path) ? undefined : reason);
}
