/**
 * How many event loops, and whether they have threads: the table that the defaults of `loops` and `threads` follow. Writes
 * results/loops.md.
 *
 *   node benchmark/loops.mjs [--repeats 5] [--seconds 1]
 *
 * The server gets the first CPUs, as many as the row says; the generator runs where the system puts it, so that with all CPUs
 * it takes its share of them, as clients on the same machine do.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine } from "./lib/machine.mjs";
import { figure, list, table } from "./lib/markdown.mjs";
import { benchmarkFolder } from "./lib/peers.mjs";
import { buildGenerator, installPeers } from "./lib/prepare.mjs";
import { runToEnd, startServer } from "./lib/processes.mjs";
import { spread } from "./lib/statistics.mjs";

const { values } = parseArgs({
	options: {
		repeats: { type: "string", default: "5" },
		seconds: { type: "string", default: "1" },
	},
});

const available = os.availableParallelism();
const cpuCounts = [1, 2, 4].filter((count) => count <= available);

/** What a server can be told; more loops than CPUs are not tried. */
const settings = [
	{ name: "1, driven", cpus: 1, args: ["--loops=1", "--driven"] },
	{ name: "1, thread", cpus: 1, args: ["--loops=1", "--threads"] },
	{ name: "2, threads", cpus: 2, args: ["--loops=2", "--threads"] },
	{ name: "4, threads", cpus: 4, args: ["--loops=4", "--threads"] },
];

const loads = [1, 100].flatMap((connections) =>
	[1, 16].flatMap((inFlight) =>
		[0, 2, 20].map((busyUs) => ({ connections, inFlight, busyUs })),
	),
);

installPeers(false);
const generator = buildGenerator();
const rows = [];
for (const cpus of cpuCounts) {
	const tried = settings.filter((setting) => setting.cpus <= cpus);
	for (const load of loads) rows.push(...(await measure(cpus, load, tried)));
}
const machine = describeMachine({ why: "see the column CPUs" });
const markdown = `# Event loops and threads\n\n${list(machine)}\n\n${report(rows)}\n`;
console.log(markdown);
mkdirSync(join(benchmarkFolder, "results"), { recursive: true });
writeFileSync(join(benchmarkFolder, "results", "loops.md"), markdown);

/** All settings under one load, in turns. */
async function measure(cpus, load, tried) {
	const runs = new Map(tried.map((setting) => [setting, []]));
	for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
		const order = repeat % 2 === 0 ? tried : tried.toReversed();
		for (const setting of order) {
			runs.get(setting).push(await run(cpus, load, setting));
		}
	}
	return tried.map((setting) => {
		const own = runs.get(setting);
		const of = (name) => spread(own.map((figures) => figures[name]));
		const row = {
			...{ cpus, ...load, loops: setting.name },
			cost: of("cpuUsPerMessage"),
			rate: of("messagesPerSecond"),
			p50: of("p50Us"),
			p99: of("p99Us"),
		};
		console.error(
			`${cpus} CPUs, ${load.connections} x ${load.inFlight}, ${load.busyUs} us, ${setting.name}: ${row.cost.median} us, ${row.rate.median}/s, p50 ${row.p50.median} us`,
		);
		return row;
	});
}

async function run(cpus, { connections, inFlight, busyUs }, { args }) {
	const file = join(benchmarkFolder, "servers", "gev.mjs");
	const some = ["taskset", "--cpu-list", `0-${cpus - 1}`];
	const command = [process.execPath, file, ...args, `--busy=${busyUs}`];
	const server = await startServer([...some, ...command]);
	try {
		const load = [
			...["run", `--target=${server.target}`, `--pid=${server.pid}`],
			...[`--connections=${connections}`, `--in-flight=${inFlight}`],
			...["--size=20", `--seconds=${values.seconds}`, "--warmup=0.5"],
		];
		const { code, stdout, stderr } = await runToEnd(
			[generator, ...load],
			60_000,
		);
		if (code !== 0) throw new Error(stderr || stdout);
		return JSON.parse(stdout);
	} finally {
		await server.stop();
	}
}

function report(rows) {
	return table(
		[
			["CPUs", ({ cpus }) => cpus],
			["connections", ({ connections }) => connections],
			["in flight", ({ inFlight }) => inFlight],
			["handler, us", ({ busyUs }) => busyUs],
			["loops", ({ loops }) => loops],
			["CPU us/message", ({ cost }) => figure(cost, 2)],
			["messages/s", ({ rate }) => figure(rate, 0)],
			["p50, us", ({ p50 }) => figure(p50, 0)],
			["p99, us", ({ p99 }) => figure(p99, 0)],
		],
		rows,
	);
}
