/**
 * The servers that are compared.
 *
 * @typedef {"echo" | "json" | "broadcast" | "rooms" | "busy"} Mode What a server does with a message: sends it back; parses it and
 * sends back what it has parsed; sends it to all connections, or to those of a room; works for 20 us, then sends it back.
 *
 * @typedef {"length-prefixed" | "lines" | "jt808" | "resp" | "custom"} Framing How a server tells messages on TCP apart; custom is
 * a length in front too, in code that gev's users write.
 *
 * @typedef {object} Peer
 * @property {string} name
 * @property {"websocket" | "deflate" | "tcp" | "framed"} protocol What the load generator speaks with it; deflate is WebSocket
 * with permessage-deflate, framed what the cell says.
 * @property {string} [server] The file, seen from `servers/`, or what is built from Go or Java; without it the peer is the load
 * generator's own floor.
 * @property {string[]} [args] Arguments of the server.
 * @property {Mode[]} [modes] What it can do with a message; only echo it where this is missing.
 * @property {Framing[]} [framings] What it can cut, if it is framed.
 * @property {string} [package] What its users import, where that is measured.
 * @property {string} [baseline] The gev peer that its CPU time is compared with.
 * @property {boolean} [lends] Its messages are valid during the call only, so that it is compared with gev-borrow too.
 * @property {boolean} [isExtra] It runs only when it is named, so that tables and runs do not get longer for it.
 * @property {string} [twinOf] The peer that this one is at another revision.
 * @property {() => string | undefined} missing Why it cannot run here, if so.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
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

/** The peers that are built from Go, and those from Java. */
export const goServers = ["go/gnet", "go/gev"];
export const javaServer = "netty";

/** Where what is built from Java lies: what it needs, and what it is. */
export const javaFolder = join(benchmarkFolder, "results/tmp/netty");

const builtFromGo = (server) =>
	unlessThere(goProgram(server), "it is built where there is a Go");

/** @type {Framing[]} */
const everyFraming = ["length-prefixed", "lines", "jt808", "resp"];

/** @type {Mode[]} */
const everyMode = ["echo", "json", "broadcast", "rooms"];

const gevOnUnix = () =>
	process.platform === "win32"
		? "Windows has no unix sockets for servers"
		: gevBuilt();

/** A pool of so many workers. */
function workers(count, threads = false) {
	const name = threads ? "gev-workers-threads" : "gev-workers";
	const baseline = threads || count > 1 ? "gev-workers-1" : undefined;
	return {
		name: `${name}-${count}`,
		protocol: "websocket",
		server: "gev-workers.mjs",
		args: ["--workers", `${count}`, ...(threads ? ["--threads"] : [])],
		...(baseline && { baseline }),
		modes: ["busy", "echo"],
		isExtra: threads,
		missing: gevBuilt,
	};
}

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
	workers(1),
	workers(2),
	workers(1, true),
	workers(2, true),
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
		name: "gev-broadcast",
		protocol: "websocket",
		server: "gev.mjs",
		args: ["--broadcast"],
		baseline: "gev",
		modes: ["broadcast", "rooms"],
		missing: gevBuilt,
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
		server: "go/gnet",
		baseline: "gev-raw",
		missing: builtFromGo("go/gnet"),
	},
	{
		name: "gev-framed",
		protocol: "framed",
		server: "gev.mjs",
		framings: [...everyFraming, "custom"],
		missing: gevBuilt,
	},
	{
		name: "net-framed",
		protocol: "framed",
		server: "node-framed.mjs",
		framings: [...everyFraming, "custom"],
		baseline: "gev-framed",
		missing: () => undefined,
	},
	{
		name: "net-plain",
		protocol: "framed",
		server: "node-framed.mjs",
		args: ["--plain"],
		framings: [...everyFraming, "custom"],
		baseline: "gev-framed",
		missing: () => undefined,
	},
	{
		name: "net-gather",
		protocol: "framed",
		server: "node-framed.mjs",
		args: ["--gather"],
		framings: [...everyFraming, "custom"],
		baseline: "gev-framed",
		missing: () => undefined,
	},
	{
		name: "net-ring",
		protocol: "framed",
		server: "node-framed.mjs",
		args: ["--ring"],
		framings: ["custom"],
		baseline: "gev-framed",
		missing: gevBuilt,
	},
	{
		name: "bun-framed",
		protocol: "framed",
		server: "bun-framed.mjs",
		framings: [...everyFraming, "custom"],
		baseline: "gev-framed",
		missing: unlessThere(bun, "it is only fetched for Linux on x64"),
	},
	{
		name: "gev-go",
		protocol: "framed",
		server: "go/gev",
		framings: everyFraming,
		baseline: "gev-framed",
		missing: builtFromGo("go/gev"),
	},
	{
		name: "gnet-framed",
		protocol: "framed",
		server: "go/gnet",
		framings: everyFraming,
		baseline: "gev-framed",
		missing: builtFromGo("go/gnet"),
	},
	{
		name: "netty",
		protocol: "framed",
		server: javaServer,
		framings: ["length-prefixed", "lines", "resp"],
		baseline: "gev-framed",
		missing: unlessThere(
			join(javaFolder, "classes"),
			"it is built where there are a JDK and mvn",
		),
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

/**
 * The peer of gev that another is compared with: beside what cuts messages that is what gev cuts, for the floor too.
 *
 * @param {Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 */
export function baselineOf({ name, baseline }, { framing }) {
	if (framing === undefined) return baseline;
	return name === "gev-framed" ? undefined : "gev-framed";
}

/** Peers of a run that is only to show that everything works. */
export const smokePeers = [
	"gev",
	"gev-threads",
	"ws",
	"gev-framed",
	"net-framed",
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
	return !(peer.server?.startsWith("gev") ?? true);
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
 * @param {Pick<import("./cells.mjs").Cell, "mode" | "framing">} [how.cell] What it does with a message.
 * @returns {string[]}
 */
export function serverCommand(
	peer,
	{ generator, nodeFlags = [], cell = { mode: "echo" } },
) {
	const { server } = peer;
	if (!server) return [generator, "floor"];
	const args = serverArgs(peer, cell);
	if (goServers.includes(server)) return [goProgram(server), ...args];
	if (server === javaServer) {
		const classes = [
			join(javaFolder, "jars", "*"),
			join(javaFolder, "classes"),
		];
		return ["java", "-cp", classes.join(delimiter), "Framed", ...args];
	}
	const isBun = server === "bun.mjs" || server === "bun-framed.mjs";
	const runtime = isBun ? [bun] : [process.execPath, ...nodeFlags];
	return [...runtime, serverFile(peer), ...args];
}

/**
 * What a peer's server is told. To echo is what it does untold.
 *
 * @param {Peer} peer
 * @param {Pick<import("./cells.mjs").Cell, "mode" | "framing">} cell
 */
export function serverArgs({ args = [], protocol }, { mode, framing }) {
	const told = mode === "echo" ? [] : ["--mode", mode];
	const cuts = protocol === "framed" ? ["--framing", framing] : [];
	return [...args, ...told, ...cuts];
}

/**
 * Where what is built from Go lies.
 *
 * @param {string} server
 */
export function goProgram(server) {
	const end = process.platform === "win32" ? ".exe" : "";
	return join(benchmarkFolder, "results/tmp", server + end);
}

function unlessThere(path, reason) {
	return () => (existsSync(path) ? undefined : reason);
}
