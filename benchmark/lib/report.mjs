/** From the figures of all runs to tables. */
import { kinds } from "./kinds.mjs";
import { figure, list, table } from "./markdown.mjs";
import { compressedSize } from "./measure.mjs";
import { baselineOf, isRival } from "./peers.mjs";
import { spread } from "./statistics.mjs";

/** Below this share of its core a server was not the limit of the run. */
const saturatedShare = 0.95;

/**
 * All runs of a peer in a cell: besides what is here the spread of each of their figures, by its name.
 *
 * @typedef {object} Summary
 * @property {string} cell
 * @property {string} peer
 * @property {number} runs
 * @property {import("./statistics.mjs").Spread | null} cost What the cell's kind compares peers by.
 * @property {boolean} isSaturated False when a run's server used less than 95 % of its core, and should have used all.
 * @property {number | null} gevRatio The cost of gev divided by this peer's; below 1 gev is cheaper.
 * @property {number | null} borrowRatio The same of gev-borrow, for a peer whose messages live no longer either.
 */

/**
 * @param {import("./cells.mjs").Cell[]} cells
 * @param {import("./peers.mjs").Peer[]} peers
 * @param {({ cell: string, peer: string, repeat: number, cost: number | null } & object)[]} runs
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
			const peer = peers.find(({ name }) => name === summary.peer);
			const { lends } = peer;
			const baseline = baselineOf(peer, cell);
			return {
				...summary,
				gevRatio: ratio(summary, summaries, baseline),
				borrowRatio: lends ? ratio(summary, summaries, "gev-borrow") : null,
			};
		});
	});
}

function summarizePeer(cell, peer, runs) {
	const { repeat: _, ...figures } = runs[0];
	const spreads = Object.keys(figures)
		.filter((name) => runs.every((run) => isFigure(run[name])))
		.map((name) => [name, spread(runs.map((run) => run[name]))]);
	const summary = Object.fromEntries(spreads);
	return {
		...summary,
		cell: cell.name,
		peer: peer.name,
		runs: runs.length,
		isSaturated:
			["open", "workers"].includes(cell.kind) ||
			(summary.cpuShare?.min ?? 1) >= saturatedShare,
	};
}

function isFigure(value) {
	return value === null || typeof value === "number";
}

function ratio(summary, summaries, baseline) {
	const gev = summaries.find(({ peer }) => peer === baseline);
	if (!gev?.cost || !summary.cost) return null;
	return gev.cost.median / summary.cost.median;
}

/**
 * Names the best of the peers that are neither gev nor the floor, one for each peer of gev that others are compared with.
 *
 * @param {import("./cells.mjs").Cell} cell
 * @param {import("./peers.mjs").Peer[]} peers
 * @param {Summary[]} summaries Those of the cell.
 * @returns {string[]} A sentence for each.
 */
export function nameBest(cell, peers, summaries) {
	const { unit, digits } = kinds[cell.kind];
	const rivals = peers.filter(isRival);
	const baselines = new Set(rivals.map((peer) => baselineOf(peer, cell)));
	return [...baselines].flatMap((baseline) => {
		const names = rivals
			.filter((peer) => baselineOf(peer, cell) === baseline)
			.map(({ name }) => name);
		const [best] = summaries
			.filter(({ peer, cost }) => cost && names.includes(peer))
			.sort((left, right) => left.cost.median - right.cost.median);
		if (best === undefined) return [];
		const gev =
			best.gevRatio === null
				? ""
				: ` ${baseline} / ${best.peer}: ${best.gevRatio.toFixed(2)}.`;
		return `Best peer: ${best.peer}, ${figure(best.cost, digits)} ${unit}.${gev}`;
	});
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
	return [
		"# gev beside its peers",
		list(machine),
		`${text ? "Text" : "Binary"} messages where a cell does not say what they are; ${repeats} runs each of ${seconds} s after ${warmup} s of warm-up; median (smallest - largest).`,
		...options.cells.map((cell) => section(cell, options.peers, summaries)),
		footnotes,
		...notes,
		"",
	].join("\n\n");
}

function section(cell, peers, summaries) {
	const rows = summaries.filter((summary) => summary.cell === cell.name);
	const compares = rows.some(({ borrowRatio }) => borrowRatio !== null);
	const shown = [
		peerColumn,
		...kinds[cell.kind].columns,
		ratioColumn,
		...(compares ? [borrowColumn] : []),
		...(cell.protocols.includes("deflate") ? [echoBytes] : []),
	];
	const best = nameBest(cell, peers, rows);
	return [
		`## ${cell.title}`,
		`\`${cell.name}\``,
		table(shown, rows),
		...best,
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

const peerColumn = [
	"peer",
	({ peer, isSaturated }) => (isSaturated ? peer : `${peer} (*)`),
];

const ratioColumn = [
	"gev / peer",
	({ gevRatio }) => (gevRatio === null ? "" : gevRatio.toFixed(2)),
];

/** Shown where it says something. */
const borrowColumn = [
	"gev-borrow / peer",
	({ borrowRatio }) => (borrowRatio === null ? "" : borrowRatio.toFixed(2)),
];

/** How far a peer compresses: more is smaller, and costs more. */
const echoBytes = ["bytes/echo", ({ echoBytes }) => figure(echoBytes, 0)];

const footnotes = `gev / peer: CPU time per message of gev (for plain TCP: of gev-raw; where messages are cut: of gev-framed; with permessage-deflate: of gev-shared) divided by the
peer's; below 1.00 gev is cheaper. In an open loop it is the latency at p99 that is divided, after a burst what memory
has grown to, for an import the time. gev-borrow / peer: the same for a peer whose messages are, as those of gev-borrow, valid during the call
only; a handler of gev may keep its messages, as one of uws-keep may, where each is copied with slice(). Rooms: a message is one
that was delivered, so one that goes to 50 members counts 50 times. The main thread runs JavaScript. On one core gev's loop has by
default no thread of its own; that of gev-threads has one. gev-raw, node-net, gnet and floor speak plain TCP, beside peers of
WebSocket, or of what cuts messages, with as many bytes as their frames. (*) In at least one run the server used less than 95 % of its core, so the generator
or the wait for the next message was the limit: its messages/s say little, its CPU time per message stays valid.`;
