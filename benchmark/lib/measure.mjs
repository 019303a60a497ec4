/** One run: a fresh server, the load, the figures. */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { wireBytes } from "./cells.mjs";
import { pinned } from "./cpus.mjs";
import { benchmarkFolder, serverCommand, serverFile } from "./peers.mjs";
import { runToEnd, startServer } from "./processes.mjs";
import { spread } from "./statistics.mjs";

/**
 * Figures of one run, as gev-load prints them; null what is not known.
 *
 * @typedef {object} Figures
 * @property {number} messages
 * @property {number} messagesPerSecond
 * @property {number} echoBytes Length of an echo's frame, the mean.
 * @property {number} p50Us
 * @property {number} p99Us
 * @property {number} p999Us
 * @property {number | null} sentPerSecond In an open loop.
 * @property {number | null} lagP50Us How late the generator was itself, in an open loop.
 * @property {number | null} lagP99Us
 * @property {number | null} lagP999Us
 * @property {number} errors
 * @property {number | null} cpuUsPerMessage
 * @property {number | null} mainThreadCpuUsPerMessage
 * @property {number | null} cpuShare
 * @property {number | null} waitShare How long the server's threads waited for a CPU, as a share of the measured time.
 * @property {number | null} generatorCpuShare
 * @property {number | null} rssKiB
 */

/**
 * What does not change between the runs of a benchmark.
 *
 * @typedef {object} Bench
 * @property {string} generator Path of gev-load.
 * @property {import("./cpus.mjs").Pins | undefined} pins
 * @property {import("./options.mjs").Options} options
 */

/** A run that says more of the generator than of the server. */
export class Lagged extends Error {}

/**
 * A peer under the load of a cell.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 * @param {(pid: number) => Promise<unknown>} [alongside] Starts with the load.
 * @returns {Promise<Figures>}
 */
export function measureLoad(bench, peer, cell, alongside) {
	const nodeFlags = alongside ? ["--perf-basic-prof"] : [];
	return withServer(bench, peer, { cell, nodeFlags }, async (server) => {
		const other = alongside?.(server.pid);
		const figures = await server.generate(
			loadArgs(bench, peer, cell),
			windowSeconds(bench.options, cell),
		);
		await other;
		return figures;
	});
}

/**
 * The same where the server may use every core, and what it would have done if none of its threads had ever waited for one: so the
 * generator, and whoever else was there, is counted out.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 * @returns {Promise<Figures & { ownPerSecond: number | null }>}
 */
export async function measureWorkers(bench, peer, cell) {
	const figures = await measureLoad({ ...bench, pins: undefined }, peer, cell);
	const { messagesPerSecond, cpuShare, waitShare } = figures;
	const ownPerSecond = cpuShare
		? (messagesPerSecond * (cpuShare + waitShare)) / cpuShare
		: null;
	return { ...figures, ownPerSecond };
}

/**
 * Connections that come and go.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 * @returns {Promise<Figures>}
 */
export function measureHandshakes(bench, peer, cell) {
	return withServer(bench, peer, { cell }, (server) =>
		server.generate(
			[
				"handshake",
				`--connections=${cell.connections}`,
				...windowArgs(bench.options, cell),
			],
			windowSeconds(bench.options, cell),
		),
	);
}

/**
 * A load that does not wait for the server: first a closed loop says what the peer can do, then the same server gets its share of
 * that. Throws {@link Lagged} when the generator could not keep its own time.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 * @returns {Promise<Figures & { capacity: number, rate: number }>}
 */
export function measureOpenLoop(bench, peer, cell) {
	const args = loadArgs(bench, peer, cell);
	const seconds = windowSeconds(bench.options, cell);
	return withServer(bench, peer, { cell }, async (server) => {
		const { messagesPerSecond: capacity } = await server.generate(
			args,
			seconds,
		);
		const rate = Math.round(capacity * cell.share);
		const paced = args.filter((arg) => !arg.startsWith("--in-flight="));
		const figures = await server.generate(
			[...paced, `--rate=${rate}`],
			seconds,
		);
		const reason = whyLagged(rate, figures);
		if (reason !== undefined) throw new Lagged(reason);
		return { ...figures, capacity, rate };
	});
}

/**
 * Why a run of an open loop says nothing about the server, if so: the generator did not get to sending what it should have, or was
 * late itself, by more than a millisecond at p99 or at any of the quantiles by more than half of the latency.
 *
 * @param {number} rate Messages a second that should have been sent.
 * @param {Figures} figures
 */
export function whyLagged(rate, figures) {
	const { sentPerSecond } = figures;
	if (sentPerSecond < rate * minRateShare) {
		return `the generator sent only ${sentPerSecond} of ${rate} messages/s`;
	}
	for (const quantile of ["50", "99", "999"]) {
		const lag = figures[`lagP${quantile}Us`];
		const latency = figures[`p${quantile}Us`];
		const limit = quantile === "99" ? maxLagUs : Number.POSITIVE_INFINITY;
		if (lag > Math.min(latency * maxLagShare, limit)) {
			return `the generator was late by ${lag} of ${latency} us at p${quantile}`;
		}
	}
}

/**
 * Memory before, during and after peers that have the server keep what they do not read, or halves of messages.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 * @returns {Promise<{ rssKiBBefore: number | null, rssKiBDuring: number | null, rssKiBAfter: number | null,
 * growth: number | null }>} growth: after divided by before.
 */
export async function measureBurst(bench, peer, cell) {
	const figures = await withServer(bench, peer, { cell }, (server) =>
		server.generate(
			[
				"burst",
				`--kind=${cell.burst}`,
				`--connections=${cell.connections}`,
				`--size=${cell.size}`,
				`--hold=${holdSeconds}`,
				`--rest=${restSeconds}`,
			],
			burstSeconds,
		),
	);
	const { rssKiBBefore, rssKiBAfter } = figures;
	return {
		...figures,
		growth: rssKiBBefore === null ? null : rssKiBAfter / rssKiBBefore,
	};
}

/**
 * How long a peer's package takes to be imported: the median of fresh processes, one after the other; the first has the files
 * brought to memory and does not count.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @returns {Promise<{ importMs: number }>}
 */
export async function measureImport({ pins }, peer) {
	const script = join(benchmarkFolder, "servers", "import.mjs");
	const wanted =
		peer.package === "gev"
			? pathToFileURL(join(dirname(serverFile(peer)), "../../dist/index.js"))
			: peer.package;
	const command = [process.execPath, script, `${wanted}`];
	const times = [];
	for (let index = 0; index <= importsInARun; index++) {
		const figures = await toFigures(pinned(pins?.server, command), graceMs);
		times.push(figures.importMs);
	}
	return { importMs: spread(times.slice(1)).median };
}

/**
 * A peer with connections that do nothing, or nothing any more.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @returns {Promise<{ connections: number, errors: number, bytesPerConnection: number | null }>}
 */
export function measureIdle(bench, peer) {
	const { connections, compressed } = bench.options;
	const collectGarbage = pathToFileURL(
		`${benchmarkFolder}/servers/collect-garbage.mjs`,
	);
	const nodeFlags = ["--expose-gc", `--import=${collectGarbage}`];
	return withServer(bench, peer, { nodeFlags }, (server) =>
		server.generate(
			[
				"idle",
				`--protocol=${peer.protocol}`,
				`--connections=${connections}`,
				`--warm-connections=${warmConnections}`,
				`--hold=${holdSeconds}`,
				...(compressed ? [`--size=${compressedSize}`, "--content=text"] : []),
			],
			2 * holdSeconds,
		),
	);
}

/** Arguments of gev-load for the load of a cell. */
function loadArgs({ options }, peer, cell) {
	const besideFrames = peer.protocol === "tcp" && cell.protocols.length > 1;
	const content =
		options.text && cell.content === "binary" ? "text" : cell.content;
	return [
		"run",
		`--protocol=${spoken(peer, cell)}`,
		`--connections=${cell.connections}`,
		cell.room ? `--room=${cell.room}` : `--in-flight=${cell.inFlight}`,
		`--size=${besideFrames ? wireBytes(cell) : cell.size}`,
		`--content=${content}`,
		...windowArgs(options, cell),
	];
}

/** What gev-load calls what it speaks. */
function spoken({ protocol }, { framing }) {
	if (protocol !== "framed") return protocol;
	return framing === "custom" ? "length-prefixed" : framing;
}

function windowArgs(options, cell) {
	return [
		`--seconds=${measuredSeconds(options, cell)}`,
		`--warmup=${options.warmup}`,
	];
}

/**
 * How long a cell is under load.
 *
 * @param {Pick<import("./options.mjs").Options, "seconds" | "warmup">} options
 * @param {import("./cells.mjs").Cell} cell
 */
export function windowSeconds(options, cell) {
	return measuredSeconds(options, cell) + options.warmup;
}

function measuredSeconds({ seconds }, { minSeconds = 0 }) {
	return Math.max(seconds, minSeconds);
}

/** Starts a peer's server, with `generate` to run gev-load against it, and stops it at the end. */
async function withServer(bench, peer, { cell, nodeFlags = [] }, use) {
	const { generator, pins } = bench;
	const server = await startServer(
		pinned(pins?.server, serverCommand(peer, { generator, nodeFlags, cell })),
	);
	const generate = ([subcommand, ...args], seconds) =>
		toFigures(
			pinned(pins?.generator, [
				generator,
				subcommand,
				`--target=${server.target}`,
				...(process.platform === "linux" ? [`--pid=${server.pid}`] : []),
				...args,
			]),
			seconds * 1000 + graceMs,
		);
	try {
		return await use({ pid: server.pid, generate });
	} finally {
		await server.stop();
	}
}

/** What a command says in one line of JSON. */
async function toFigures(command, limitMs) {
	const { code, stdout, stderr } = await runToEnd(command, limitMs);
	const figures = stdout.startsWith("{") ? JSON.parse(stdout) : undefined;
	if (code === 0 && figures) return figures;
	throw new Error(
		figures ? whyFailed(figures) : stderr.trim() || `exit code ${code}`,
	);
}

function whyFailed({ messages, connections, errors, firstError }) {
	if (errors === 0) return "nothing was delivered in the measured time";
	return `${messages ?? connections} delivered, ${errors} errors: ${firstError}`;
}

/** Processes of which a run takes the median. */
export const importsInARun = 9;

/** Opened before memory is read first: what a server allocates once is not an idle connection's. */
const warmConnections = 500;

/** Of the message that is compressed, in bytes. */
export const compressedSize = 1024;

/** Time to settle before memory is read, and for which a burst lasts when it has come. */
const holdSeconds = 2;

/** Time after a burst in which a server may give back what it has. */
const restSeconds = 10;

/** A burst, but for the time that it needs to come. */
export const burstSeconds = 2 * holdSeconds + restSeconds;

/** An open loop that sends less than this share of what it should is none. */
const minRateShare = 0.99;

/** The generator's own lateness may be this share of a latency. */
const maxLagShare = 0.5;

/** So late it may be at p99, whatever the latency. */
const maxLagUs = 1000;

/** For opening connections and waiting for the last messages, besides the time of the load. */
const graceMs = 60_000;
