/** One run: a fresh server, the load, the figures. */
import { pathToFileURL } from "node:url";
import { frameBytes } from "./cells.mjs";
import { pinned } from "./cpus.mjs";
import { benchmarkFolder, serverCommand } from "./peers.mjs";
import { runToEnd, startServer } from "./processes.mjs";

/**
 * Figures of one run, as gev-load prints them; null what is not known.
 *
 * @typedef {object} Figures
 * @property {number} messages
 * @property {number} messagesPerSecond
 * @property {number} echoBytes Length of an echo's frame, the mean.
 * @property {number} p50Us
 * @property {number} p99Us
 * @property {number} errors
 * @property {number | null} cpuUsPerMessage
 * @property {number | null} mainThreadCpuUsPerMessage
 * @property {number | null} cpuShare
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

/**
 * A peer under the load of a cell.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @param {import("./cells.mjs").Cell} cell
 * @param {(pid: number) => Promise<unknown>} [alongside] Starts with the load.
 * @returns {Promise<Figures>}
 */
export async function measureLoad(bench, peer, cell, alongside) {
	const { seconds, warmup, text } = bench.options;
	const size = peer.protocol === "tcp" ? frameBytes(cell.size) : cell.size;
	return withServer(bench, peer, alongside ? ["--perf-basic-prof"] : [], {
		args: [
			"run",
			`--connections=${cell.connections}`,
			`--in-flight=${cell.inFlight}`,
			`--size=${size}`,
			`--seconds=${seconds}`,
			`--warmup=${warmup}`,
			...(text || cell.deflate ? ["--content=text"] : []),
		],
		seconds: seconds + warmup,
		alongside,
	});
}

/**
 * A peer with connections that do nothing, or nothing any more.
 *
 * @param {Bench} bench
 * @param {import("./peers.mjs").Peer} peer
 * @returns {Promise<{ connections: number, errors: number, bytesPerConnection: number | null }>}
 */
export async function measureIdle(bench, peer) {
	const { connections, compressed } = bench.options;
	const collectGarbage = pathToFileURL(
		`${benchmarkFolder}/servers/collect-garbage.mjs`,
	);
	return withServer(
		bench,
		peer,
		["--expose-gc", `--import=${collectGarbage}`],
		{
			args: [
				"idle",
				`--connections=${connections}`,
				`--warm-connections=${warmConnections}`,
				`--hold=${holdSeconds}`,
				...(compressed ? [`--size=${compressedSize}`, "--content=text"] : []),
			],
			seconds: 2 * holdSeconds,
		},
	);
}

async function withServer(
	{ generator, pins },
	peer,
	nodeFlags,
	{ args, seconds, alongside },
) {
	const server = await startServer(
		pinned(pins?.server, serverCommand(peer, generator, nodeFlags)),
	);
	try {
		const other = alongside?.(server.pid);
		const [subcommand, ...rest] = args;
		const figures = await generate(
			pinned(pins?.generator, [
				generator,
				subcommand,
				`--target=${server.target}`,
				`--protocol=${peer.protocol}`,
				...(process.platform === "linux" ? [`--pid=${server.pid}`] : []),
				...rest,
			]),
			seconds * 1000 + graceMs,
		);
		await other;
		return figures;
	} finally {
		await server.stop();
	}
}

async function generate(command, limitMs) {
	const { code, stdout, stderr } = await runToEnd(command, limitMs);
	const figures = stdout.startsWith("{") ? JSON.parse(stdout) : undefined;
	if (code === 0 && figures) return figures;
	const reason = figures
		? `${figures.messages ?? figures.connections} delivered, ${figures.errors} errors: ${figures.firstError}`
		: stderr.trim() || `exit code ${code}`;
	throw new Error(reason);
}

/** Opened before memory is read first: what a server allocates once is not an idle connection's. */
const warmConnections = 500;

/** Of the message that is compressed, in bytes. */
export const compressedSize = 1024;

/** Time to settle and collect garbage before memory is read. */
const holdSeconds = 2;

/** For opening connections and waiting for the last messages, besides the time of the load. */
const graceMs = 60_000;
