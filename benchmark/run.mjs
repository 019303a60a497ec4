/**
 * gev and its peers side by side; see README.md. Called as `npm run bench -- [options]`.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFor } from "./lib/cells.mjs";
import { chart } from "./lib/chart.mjs";
import { compare, comparisonReport } from "./lib/comparison.mjs";
import { choosePins } from "./lib/cpus.mjs";
import { drawCurves, isBar } from "./lib/curves.mjs";
import { kinds } from "./lib/kinds.mjs";
import { describeMachine } from "./lib/machine.mjs";
import {
	Lagged,
	measureIdle,
	measureLoad,
	windowSeconds,
} from "./lib/measure.mjs";
import { parseOptions, UsageError, usage } from "./lib/options.mjs";
import { benchmarkFolder, goServers, javaServer } from "./lib/peers.mjs";
import {
	buildGenerator,
	buildGoServers,
	buildJavaServer,
	installPeers,
} from "./lib/prepare.mjs";
import { runToEnd } from "./lib/processes.mjs";
import { idleReport, loadReport, summarize } from "./lib/report.mjs";
import {
	addTwins,
	buildRevision,
	findRevision,
	isDirty,
} from "./lib/revision.mjs";
import { idleSchedule, minutesFor, schedule } from "./lib/schedule.mjs";
import { spread } from "./lib/statistics.mjs";

/** What went wrong in runs; the others go on. */
const failures = [];

/** Runs that say nothing about their servers, and why. */
const discarded = [];

/** A run that was thrown away is made again, so often in all. */
const maxTries = 3;

try {
	await main(parseOptions(process.argv.slice(2)));
} catch (error) {
	const isUsage = error instanceof UsageError;
	console.error(isUsage ? `${error.message}\n\n${usage}` : error);
	process.exitCode = isUsage ? 2 : 1;
}
if (failures.length > 0) process.exitCode = 1;

async function main(options) {
	if (options.mode === "help") return console.log(usage);
	const revision =
		options.mode === "against" ? findRevision(options.against) : undefined;
	installPeers(needsOptionalPeers(options));
	const wanted = new Set(options.peers.map(({ server }) => server));
	buildGoServers(goServers.filter((server) => wanted.has(server)));
	if (wanted.has(javaServer)) buildJavaServer();
	if (options.mode === "profile") await buildForProfile();
	const generator = buildGenerator();
	const { pins, why } = choosePins();
	if (!pins) console.error(`bench: NOT PINNED, figures will vary: ${why}`);
	const machine = describeMachine({ pins, why });
	const { present, notes } = sortOut(options);
	const bench = {
		generator,
		pins,
		options: { ...options, peers: present },
		revision,
	};
	const modes = { load, smoke: load, idle, profile, against };
	await modes[options.mode](bench, machine, notes);
}

async function load(bench, machine, notes) {
	const { options } = bench;
	const runs = await measureAll(bench);
	const summaries = summarize(options.cells, options.peers, runs);
	const markdown = loadReport(machine, options, summaries, withProblems(notes));
	console.log(markdown);
	save(options, "latest.md", markdown);
	save(options, "latest.json", toJson({ machine, options, summaries, runs }));
	const { cells } = options;
	save(options, "latest.svg", chart(cells.filter(isBar), summaries, machine));
	for (const { name, svg } of drawCurves(cells, summaries, machine)) {
		save(options, `${name}.svg`, svg);
	}
}

async function against(bench, machine, notes) {
	const { revision } = bench;
	if (isDirty()) {
		notes.push("Now is more than its commit: git status is not clean.");
		console.error(`bench: ${notes.at(-1)}`);
	}
	buildRevision(revision);
	const { peers, cells } = bench.options;
	const twins = await addTwins(peers, cells, revision);
	const options = { ...bench.options, peers: twins.peers };
	const runs = await measureAll({ ...bench, options });
	const comparisons = compare(options.cells, options.peers, runs);
	const markdown = comparisonReport(
		{ ...machine, before: revision.title },
		options,
		comparisons,
		withProblems([...notes, ...twins.notes]),
	);
	console.log(markdown);
	save(options, "against.md", markdown);
	save(
		options,
		"against.json",
		toJson({ machine, options, comparisons, runs }),
	);
}

async function measureAll(bench) {
	const runs = [];
	const minutes = minutesFor(bench.options).toFixed(0);
	console.error(`bench: about ${minutes} min`);
	for (const { repeat, cell, peer } of schedule(bench.options)) {
		const { measure, cost, tell } = kinds[cell.kind];
		const names = { cell: cell.name, peer: peer.name };
		const title = `${cell.name} ${peer.name} #${repeat + 1}`;
		const once = async () => {
			const figures = await measure(bench, peer, cell);
			runs.push({ ...figures, ...names, repeat, cost: cost(figures) });
			return tell(figures);
		};
		for (let tries = 1; tries <= maxTries; tries++) {
			if (await attempt(title, once)) break;
		}
	}
	return runs;
}

async function idle(bench, machine, notes) {
	const { options } = bench;
	const runs = [];
	for (const { repeat, peer } of idleSchedule(options)) {
		await attempt(`idle ${peer.name} #${repeat + 1}`, async () => {
			const figures = await measureIdle(bench, peer);
			runs.push({ peer: peer.name, repeat, ...figures });
			return `${figures.bytesPerConnection} bytes per connection`;
		});
	}
	const rows = options.peers.map(({ name }) => {
		const own = runs.filter(({ peer }) => peer === name);
		return {
			peer: name,
			bytes: spread(own.map(({ bytesPerConnection }) => bytesPerConnection)),
		};
	});
	const markdown = idleReport(machine, options, rows, withProblems(notes));
	console.log(markdown);
	const name = options.compressed ? "compressed" : "idle";
	save(options, `${name}.md`, markdown);
	save(options, `${name}.json`, toJson({ machine, options, rows, runs }));
}

/** Records the first peer for each cell with perf. */
async function profile(bench) {
	const { options } = bench;
	const folder = join(benchmarkFolder, "results", "tmp");
	mkdirSync(folder, { recursive: true });
	for (const cell of options.cells) {
		const peer = options.peers.find((peer) => isFor(cell, peer));
		const file = join(folder, `perf-${peer.name}-${cell.name}.data`);
		await attempt(`profile ${peer.name} ${cell.name}`, async () => {
			const figures = await measureLoad(bench, peer, cell, (pid) =>
				record(pid, file, windowSeconds(options, cell)),
			);
			return `${figures.messagesPerSecond} messages/s; now: perf report -i ${file}`;
		});
	}
}

async function record(pid, file, seconds) {
	const { code, stderr } = await runToEnd(
		[
			"perf",
			"record",
			"-g",
			"-o",
			file,
			"-p",
			`${pid}`,
			"--",
			"sleep",
			`${seconds}`,
		],
		(seconds + 30) * 1000,
	);
	if (code !== 0) throw new Error(`perf: ${stderr.trim()}`);
}

/** A native addon in which perf can name functions; the next build replaces it. */
async function buildForProfile() {
	const { setup } = await import("../scripts/setup.mjs");
	setup({ profile: "profiling", only: "native" });
}

/** Leaves out the peers that cannot run here, unless all have to. */
function sortOut({ peers, mode }) {
	const notes = [];
	const present = peers.filter((peer) => {
		const reason = peer.missing();
		if (reason === undefined) return true;
		if (mode === "smoke") throw new Error(`${peer.name}: ${reason}`);
		notes.push(`Left out: ${peer.name} (${reason}).`);
		console.error(`bench: ${notes.at(-1)}`);
		return false;
	});
	return { present, notes };
}

/** Returns false for a run that was thrown away. */
async function attempt(title, run) {
	try {
		console.error(`bench: ${title}: ${await run()}`);
	} catch (error) {
		if (error instanceof Lagged) {
			discarded.push(`${title}: ${error.message}`);
			console.error(`bench: ${title}: thrown away: ${error.message}`);
			return false;
		}
		failures.push(`${title}: ${error.message}`);
		console.error(`bench: ${title}: FAILED: ${error.message}`);
	}
	return true;
}

function withProblems(notes) {
	return [
		...notes,
		...discarded.map((run) => `Thrown away: ${run}`),
		...failures.map((failure) => `FAILED: ${failure}`),
	];
}

function needsOptionalPeers({ peers }) {
	return peers.some(
		({ server }) => server === "uwebsockets.mjs" || server?.startsWith("bun"),
	);
}

function save({ out }, name, text) {
	if (out === undefined) return;
	mkdirSync(out, { recursive: true });
	writeFileSync(join(out, name), text);
}

/** Where the results went says nothing to others. */
function toJson(value) {
	const shown = (key, value) => (key === "out" ? undefined : value);
	return `${JSON.stringify(value, shown, "\t")}\n`;
}
