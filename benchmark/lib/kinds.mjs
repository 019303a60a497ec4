/**
 * The ways in which cells are measured: how a run is made, what it costs in one figure, and what a table shows of it.
 *
 * @typedef {object} Kind
 * @property {(bench: import("./measure.mjs").Bench, peer: import("./peers.mjs").Peer, cell: import("./cells.mjs").Cell) =>
 * Promise<object>} measure Makes a run.
 * @property {(figures: object) => number | null} cost The figure that peers are compared by; less is better.
 * @property {string} unit Of that figure.
 * @property {number} digits Of it, behind the point.
 * @property {(options: import("./options.mjs").Options, cell: import("./cells.mjs").Cell) => number} seconds About how long a run takes.
 * @property {(figures: object) => string} tell A run in a few words.
 * @property {[title: string, format: (summary: import("./report.mjs").Summary) => string][]} columns What a table shows
 * besides the peers and how they compare.
 */
import { figure } from "./markdown.mjs";
import {
	burstSeconds,
	importsInARun,
	measureBurst,
	measureHandshakes,
	measureImport,
	measureLoad,
	measureOpenLoop,
	measureWorkers,
	windowSeconds,
} from "./measure.mjs";

const cpuColumns = [
	["CPU µs/message", ({ cpuUsPerMessage }) => figure(cpuUsPerMessage, 2)],
	[
		"of it main thread",
		({ mainThreadCpuUsPerMessage }) => figure(mainThreadCpuUsPerMessage, 2),
	],
];
const latencyColumns = [
	["p50 µs", ({ p50Us }) => figure(p50Us, 0)],
	["p99 µs", ({ p99Us }) => figure(p99Us, 0)],
];
const endColumns = [
	["RSS MiB", ({ rssKiB }) => mebibytes(rssKiB)],
	[
		"core used",
		({ cpuShare }) =>
			cpuShare ? `${(cpuShare.median * 100).toFixed(0)} %` : "-",
	],
];

const load = {
	measure: measureLoad,
	cost: ({ cpuUsPerMessage }) => cpuUsPerMessage,
	unit: "µs",
	digits: 2,
	seconds: (options, cell) => windowSeconds(options, cell) + startSeconds,
	tell: ({ messagesPerSecond, cpuUsPerMessage, generatorCpuShare }) =>
		`${messagesPerSecond} messages/s, ${cpuUsPerMessage} CPU us/message, generator ${percent(generatorCpuShare)}`,
	columns: [
		["messages/s", ({ messagesPerSecond }) => figure(messagesPerSecond, 0)],
		...latencyColumns,
		...cpuColumns,
		...endColumns,
	],
};

/** @satisfies {Record<string, Kind>} */
export const kinds = {
	load,
	workers: {
		...load,
		measure: measureWorkers,
		cost: ({ ownPerSecond }) => ownPerSecond && 1e6 / ownPerSecond,
		unit: "µs between messages",
		tell: ({ ownPerSecond, ...figures }) =>
			`${load.tell(figures)}, counted out ${ownPerSecond?.toFixed(0)} messages/s`,
		columns: [
			["messages/s", ({ messagesPerSecond }) => figure(messagesPerSecond, 0)],
			[
				"messages/s, others counted out",
				({ ownPerSecond }) => figure(ownPerSecond, 0),
			],
			...latencyColumns,
			cpuColumns[0],
			...endColumns,
			[
				"waits for a core",
				({ waitShare }) =>
					waitShare ? `${(waitShare.median * 100).toFixed(0)} %` : "-",
			],
		],
	},
	handshake: {
		...load,
		measure: measureHandshakes,
		columns: [
			["handshakes/s", ({ messagesPerSecond }) => figure(messagesPerSecond, 0)],
			...latencyColumns,
			["CPU µs/handshake", ({ cpuUsPerMessage }) => figure(cpuUsPerMessage, 1)],
			[
				"of it main thread",
				({ mainThreadCpuUsPerMessage }) => figure(mainThreadCpuUsPerMessage, 1),
			],
			...endColumns,
		],
	},
	open: {
		measure: measureOpenLoop,
		cost: ({ p99Us }) => p99Us,
		unit: "µs at p99",
		digits: 0,
		seconds: (options, cell) => 2 * windowSeconds(options, cell) + startSeconds,
		tell: ({ messagesPerSecond, p50Us, p99Us, p999Us, lagP99Us }) =>
			`${messagesPerSecond} messages/s, p50 ${p50Us} us, p99 ${p99Us} us, p99.9 ${p999Us} us, generator late by ${lagP99Us} us at p99`,
		columns: [
			["messages/s", ({ messagesPerSecond }) => figure(messagesPerSecond, 0)],
			...latencyColumns,
			["p99.9 µs", ({ p999Us }) => figure(p999Us, 0)],
			["generator late, p99 µs", ({ lagP99Us }) => figure(lagP99Us, 0)],
			cpuColumns[0],
		],
	},
	burst: {
		measure: measureBurst,
		cost: ({ growth }) => growth,
		unit: "times what it was",
		digits: 2,
		seconds: () => burstSeconds + startSeconds,
		tell: ({ rssKiBBefore, rssKiBDuring, rssKiBAfter }) =>
			`RSS ${rssKiBBefore} KiB before, ${rssKiBDuring} KiB during, ${rssKiBAfter} KiB after`,
		columns: [
			["before MiB", ({ rssKiBBefore }) => mebibytes(rssKiBBefore)],
			["during MiB", ({ rssKiBDuring }) => mebibytes(rssKiBDuring)],
			["after MiB", ({ rssKiBAfter }) => mebibytes(rssKiBAfter)],
			["after / before", ({ growth }) => figure(growth, 2)],
		],
	},
	import: {
		measure: measureImport,
		cost: ({ importMs }) => importMs,
		unit: "ms",
		digits: 1,
		seconds: () => importsInARun * importSeconds,
		tell: ({ importMs }) => `${importMs.toFixed(1)} ms`,
		columns: [["ms", ({ importMs }) => figure(importMs, 1)]],
	},
};

function mebibytes(kibibytes) {
	return figure(
		kibibytes && {
			median: kibibytes.median / 1024,
			min: kibibytes.min / 1024,
			max: kibibytes.max / 1024,
		},
		0,
	);
}

function percent(share) {
	return share === null ? "-" : `${(share * 100).toFixed(0)} %`;
}

/** For a process to start and to end, and for connections. */
const startSeconds = 0.6;

/** For a process that imports a package and ends. */
const importSeconds = 0.15;
