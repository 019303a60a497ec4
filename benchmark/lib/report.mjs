/** From the figures of all runs to tables. */
import { figure, list, table } from "./markdown.mjs";
import { compressedSize } from "./measure.mjs";
import { spread } from "./statistics.mjs";

/** Below this share of its core a server was not the limit of the run. */
const saturatedShare = 0.95;

/**
 * All runs of a peer in a cell. Times in microseconds.
 *
 * @typedef {object} Summary
 * @property {string} cell
 * @property {string} peer
 * @property {number} runs
 * @property {import("./statistics.mjs").Spread} messagesPerSecond
 * @property {import("./statistics.mjs").Spread} echoBytes
 * @property {import("./statistics.mjs").Spread} p50Us
 * @property {import("./statistics.mjs").Spread} p99Us
 * @property {import("./statistics.mjs").Spread | null} cpuUsPerMessage
 * @property {import("./statistics.mjs").Spread | null} mainThreadCpuUsPerMessage
 * @property {import("./statistics.mjs").Spread | null} rssMiB
 * @property {import("./statistics.mjs").Spread | null} cpuShare
 * @property {boolean} isSaturated False when a run's server used less than 95 % of its core.
 * @property {number | null} gevRatio CPU time per message of gev divided by this peer's; below 1 gev is cheaper.
 * @property {number | null} borrowRatio The same of gev-borrow, for a peer whose messages live no longer either.
 */

/**
 * @param {import("./cells.mjs").Cell[]} cells
 * @param {import("./peers.mjs").Peer[]} peers
 * @param {({ cell: string, peer: string } & import("./measure.mjs").Figures)[]} runs
 * @returns {Summary[]}
 */
export function summarize(cells, peers, runs) {
	return cells.flatMap((cell) => {
		const summaries = peers.flatMap((peer) => {
			const own = runs.filter(
				(run) => run.cell === cell.name && run.peer === peer.name,
			);
			return own.length === 0 ? [] : [summarizePeer(cell, peer, own)];
		});
		return summaries.map((summary) => {
			const { baseline, lends } = peers.find(
				({ name }) => name === summary.peer,
			);
			return {
				...summary,
				gevRatio: ratio(summary, summaries, baseline),
				borrowRatio: lends ? ratio(summary, summaries, "gev-borrow") : null,
			};
		});
	});
}

function summarizePeer(cell, peer, runs) {
	const all = (read) => spread(runs.map(read));
	const cpuShare = all((run) => run.cpuShare);
	return {
		cell: cell.name,
		peer: peer.name,
		runs: runs.length,
		messagesPerSecond: all((run) => run.messagesPerSecond),
		echoBytes: all((run) => run.echoBytes),
		p50Us: all((run) => run.p50Us),
		p99Us: all((run) => run.p99Us),
		cpuUsPerMessage: all((run) => run.cpuUsPerMessage),
		mainThreadCpuUsPerMessage: all((run) => run.mainThreadCpuUsPerMessage),
		rssMiB: all((run) => (run.rssKiB === null ? null : run.rssKiB / 1024)),
		cpuShare,
		isSaturated: cpuShare === null || cpuShare.min >= saturatedShare,
	};
}

function ratio(summary, summaries, baseline) {
	const gev = summaries.find(({ peer }) => peer === baseline);
	if (!gev?.cpuUsPerMessage || !summary.cpuUsPerMessage) return null;
	return gev.cpuUsPerMessage.median / summary.cpuUsPerMessage.median;
}

/**
 * The report as Markdown.
 *
 * @param {Record<string, unknown>} machine
 * @param {import("./options.mjs").Options} options
 * @param {Summary[]} summaries
 * @param {string[]} notes
 */
export function loadReport(machine, options, summaries, notes) {
	const { repeats, seconds, warmup, text } = options;
	const sections = options.cells.map((cell) => {
		const rows = summaries.filter((summary) => summary.cell === cell.name);
		const compares = rows.some(({ borrowRatio }) => borrowRatio !== null);
		const shown = columns.filter(
			(column) => column !== borrowColumn || compares,
		);
		if (cell.deflate) shown.push(echoBytes);
		return `## ${cell.title}\n\n${table(shown, rows)}`;
	});
	return [
		"# Echo, closed loop",
		list(machine),
		`${text ? "Text" : "Binary"} messages, JSON as text; ${repeats} runs each of ${seconds} s after ${warmup} s of warm-up; median (smallest - largest).`,
		...sections,
		footnotes,
		...notes,
		"",
	].join("\n\n");
}

/**
 * The report on connections that do nothing, or nothing any more, as Markdown.
 *
 * @param {Record<string, unknown>} machine
 * @param {import("./options.mjs").Options} options
 * @param {{ peer: string, bytes: import("./statistics.mjs").Spread | null }[]} rows
 * @param {string[]} notes
 */
export function idleReport(machine, options, rows, notes) {
	const { compressed, connections } = options;
	return [
		compressed
			? "# Memory of connections that have compressed"
			: "# Memory of idle connections",
		list(machine),
		`Growth of the server's resident memory by ${connections} connections that ${compressed ? `do nothing after each has echoed one compressed message of ${compressedSize} bytes` : "do nothing"}, divided by their number, after garbage collection; what the kernel needs for a socket is not in it. ${options.repeats} runs; median (smallest - largest).`,
		table(
			[
				["peer", ({ peer }) => peer],
				["bytes per connection", ({ bytes }) => figure(bytes, 0)],
			],
			rows,
		),
		...(compressed ? [budgetNote] : []),
		...notes,
		"",
	].join("\n\n");
}

const budgetNote =
	"gev-dedicated has a memoryBudgetBytes of 2 GiB, enough for all; with the default of 64 MiB some 150 connections have compressors of their own, and the others are like those of gev-shared.";

/** Shown where it says something. */
const borrowColumn = [
	"gev-borrow / peer",
	({ borrowRatio }) => (borrowRatio === null ? "" : borrowRatio.toFixed(2)),
];

const columns = [
	["peer", ({ peer, isSaturated }) => (isSaturated ? peer : `${peer} (*)`)],
	["messages/s", ({ messagesPerSecond }) => figure(messagesPerSecond, 0)],
	["p50 µs", ({ p50Us }) => figure(p50Us, 0)],
	["p99 µs", ({ p99Us }) => figure(p99Us, 0)],
	["CPU µs/message", ({ cpuUsPerMessage }) => figure(cpuUsPerMessage, 2)],
	[
		"of it main thread",
		({ mainThreadCpuUsPerMessage }) => figure(mainThreadCpuUsPerMessage, 2),
	],
	[
		"gev / peer",
		({ gevRatio }) => (gevRatio === null ? "" : gevRatio.toFixed(2)),
	],
	borrowColumn,
	["RSS MiB", ({ rssMiB }) => figure(rssMiB, 0)],
	[
		"core used",
		({ cpuShare }) =>
			cpuShare ? `${(cpuShare.median * 100).toFixed(0)} %` : "-",
	],
];

/** How far a peer compresses: more is smaller, and costs more. */
const echoBytes = ["bytes/echo", ({ echoBytes }) => figure(echoBytes, 0)];

const footnotes = `gev / peer: CPU time per message of gev (for plain TCP: of gev-raw; with permessage-deflate: of gev-shared) divided by the
peer's; below 1.00 gev is cheaper. gev-borrow / peer: the same for a peer whose messages are, as those of gev-borrow, valid during
the call only; a handler of gev may keep its messages, as one of uws-keep may, where each is copied with slice().
The main thread runs JavaScript. On one core gev's loop has by default no thread of its own; that of gev-threads has one.
gev-raw, node-net and floor speak plain TCP with as many bytes as the WebSocket frames of the others. (*) In at least one run the
server used less than 95 % of its core, so the generator or the wait for the next message was the limit: its messages/s say
little, its CPU time per message stays valid.`;
