/**
 * Peers and their twins at another revision: from the figures of all runs to a table.
 *
 * @typedef {object} Comparison
 * @property {string} cell
 * @property {string} peer
 * @property {import("./statistics.mjs").Spread | null} now What a run costs, as its cell's kind has it.
 * @property {import("./statistics.mjs").Spread | null} before The same of its twin; null for a peer that has none.
 * @property {import("./statistics.mjs").Spread | null} ratio Now divided by before: that of the medians, and the smallest and
 * the largest of two runs that followed each other; above 1 it has become slower.
 */
import { isFor } from "./cells.mjs";
import { kinds } from "./kinds.mjs";
import { figure, list, table } from "./markdown.mjs";
import { spread } from "./statistics.mjs";

/**
 * @param {import("./cells.mjs").Cell[]} cells
 * @param {import("./peers.mjs").Peer[]} peers With their twins.
 * @param {{ cell: string, peer: string, repeat: number, cost: number | null }[]} runs
 * @returns {Comparison[]}
 */
export function compare(cells, peers, runs) {
	return cells.flatMap((cell) =>
		peers
			.filter((peer) => isFor(cell, peer) && peer.twinOf === undefined)
			.map((peer) => {
				const twin = peers.find(({ twinOf }) => twinOf === peer.name);
				const own = runs.filter((run) => run.cell === cell.name);
				const now = own.filter((run) => run.peer === peer.name);
				const before = own.filter((run) => run.peer === twin?.name);
				return {
					cell: cell.name,
					peer: peer.name,
					now: spread(now.map(costOf)),
					before: spread(before.map(costOf)),
					ratio: ratio(now, before),
				};
			}),
	);
}

function ratio(now, before) {
	const pairs = now.flatMap((run) => {
		const other = before.find(({ repeat }) => repeat === run.repeat);
		return other ? [quotient(costOf(run), costOf(other))] : [];
	});
	const range = spread(pairs);
	if (range === null) return null;
	const [median, other] = [now, before].map(
		(runs) => spread(runs.map(costOf)).median,
	);
	return { ...range, median: median / other };
}

function quotient(left, right) {
	return left === null || right === null ? null : left / right;
}

function costOf({ cost }) {
	return cost;
}

/**
 * The report as Markdown.
 *
 * @param {Record<string, unknown>} machine
 * @param {import("./options.mjs").Options} options
 * @param {Comparison[]} comparisons
 * @param {string[]} notes
 */
export function comparisonReport(machine, options, comparisons, notes) {
	const { repeats, seconds, warmup, text } = options;
	return [
		"# Now and before",
		list(machine),
		`CPU time of the server per message in µs, or what the cell says; ${text ? "text" : "binary"} messages where the cell does not say; ${repeats} runs each of ${seconds} s after ${warmup} s of warm-up; median (smallest - largest).`,
		table(
			columns,
			comparisons.map((comparison) => ({
				...comparison,
				kind: kinds[
					options.cells.find(({ name }) => name === comparison.cell).kind
				],
			})),
		),
		footnote,
		...notes,
		"",
	].join("\n\n");
}

const columns = [
	[
		"cell",
		({ cell, kind }) => (kind.unit === "µs" ? cell : `${cell}, ${kind.unit}`),
	],
	["peer", ({ peer }) => peer],
	["now", ({ now, kind }) => figure(now, kind.digits)],
	["before", ({ before, kind }) => figure(before, kind.digits)],
	["now / before (smallest - largest)", ({ ratio }) => figure(ratio, 3)],
];

const footnote = `now / before: the ratio of the medians; above 1.000 it costs more now. Smallest and largest are ratios of two
runs that followed each other: each run has its counterpart directly before or after it, in turns.`;
