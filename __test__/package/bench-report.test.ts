import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import test from "ava";

const benchmark = fileURLToPath(new URL("../../../benchmark", import.meta.url));
const { cells, wireBytes } = await load("lib/cells.mjs");
const { drawCurves, isBar } = await load("lib/curves.mjs");
const { kinds } = await load("lib/kinds.mjs");
const { whyLagged } = await load("lib/measure.mjs");
const { javaServer, peers, serverCommand } = await load("lib/peers.mjs");
const { commandLine, describeMachine, goVersion } =
	await load("lib/machine.mjs");
const { loadReport, nameBest, summarize } = await load("lib/report.mjs");
const { Rooms, roomSizes } = await load("servers/rooms.mjs");

function load(path: string) {
	return import(pathToFileURL(join(benchmark, path)).href);
}

interface Named {
	name: string;
}

function named<Item extends Named>(all: Item[], name: string): Item {
	const found = all.find((one) => one.name === name);
	if (found === undefined) throw new Error(`there is no ${name}`);
	return found;
}

/** Runs in a cell, one for each peer, with what they cost. */
function runsIn(cell: string, costs: Record<string, number>) {
	return Object.entries(costs).map(([peer, cost]) => ({
		cell,
		peer,
		repeat: 0,
		cost,
		cpuUsPerMessage: cost,
	}));
}

function summaries(cell: Named, costs: Record<string, number>) {
	return summarize([cell], peers, runsIn(cell.name, costs));
}

const machine = { cpu: "a <CPU>", node: "v1", date: "2026-01-02T03:04:05Z" };

test("the machine is told with the command as it was typed, and with versions", (t) => {
	const script = join(benchmark, "loops.mjs");
	t.is(
		commandLine(["/usr/bin/node", script, "--repeats", "3"]),
		"node benchmark/loops.mjs --repeats 3",
	);
	const block =
		"module m\n\nrequire (\n\ta/b v1.2.3\n\tc/d v0.1.0 // indirect\n)\n";
	t.is(goVersion(block, "a/b"), "1.2.3");
	t.is(goVersion(block, "c/d"), "0.1.0");
	t.is(goVersion("module m\nrequire a/b v2.0.0\n", "a/b"), "2.0.0");
	t.throws(() => goVersion(block, "e/f"));
	t.regex(describeMachine({ why: "a test" }).peers, /, gnet \d+\.\d+\.\d+$/);
});

test("each cell names the best of its peers, and what it is beside gev", (t) => {
	const cell = named(cells, "100x20x1");
	const costs = {
		gev: 1.5,
		"gev-borrow": 0.5,
		ws: 4,
		bun: 2,
		"gev-raw": 1,
		"node-net": 2,
		floor: 0.1,
	};
	t.deepEqual(nameBest(cell, peers, summaries(cell, costs)), [
		"Best peer: bun, 2.00 µs. gev / bun: 0.75.",
		"Best peer: node-net, 2.00 µs. gev-raw / node-net: 0.50.",
	]);
	const imported = named(cells, "import");
	t.deepEqual(nameBest(imported, peers, summaries(imported, { ws: 21.25 })), [
		"Best peer: ws, 21.3 ms.",
	]);
	t.deepEqual(nameBest(cell, peers, summaries(cell, { gev: 1, floor: 1 })), []);
});

test("where messages are cut all peers are compared with what gev cuts, the floor too", (t) => {
	const cell = named(cells, "framed-1k");
	const costs = { "gev-framed": 2, "net-framed": 8, "gev-go": 4, floor: 1 };
	const all = summaries(cell, costs);
	t.deepEqual(
		all.map(({ peer, gevRatio }: { peer: string; gevRatio: number | null }) => [
			peer,
			gevRatio,
		]),
		[
			["gev-framed", null],
			["net-framed", 0.25],
			["gev-go", 0.5],
			["floor", 2],
		],
	);
	t.deepEqual(nameBest(cell, peers, all), [
		"Best peer: gev-go, 4.00 µs. gev-framed / gev-go: 0.50.",
	]);
});

test("plain TCP moves as many bytes as the framing beside it", (t) => {
	for (const [name, bytes] of [
		["100x20x1", 26],
		["framed-20x16", 24],
		["framed-1k", 1028],
		["lines-100x16", 101],
		["jt808-60x16", 65],
		["resp-ping-x16", 14],
		["own-20x16", 24],
	] as const) {
		t.is(wireBytes(named(cells, name)), bytes, name);
	}
});

test("a report has a table for each cell, whatever its kind", (t) => {
	const options = { cells, peers, repeats: 1, seconds: 1, warmup: 1 };
	const runs = cells.flatMap(({ name }: Named) => runsIn(name, { ws: 1 }));
	const report = loadReport(machine, options, summarize(cells, peers, runs), [
		"A note.",
	]);
	for (const { name, title } of cells) {
		t.true(report.includes(`## ${title}\n\n\`${name}\`\n\n| peer |`), name);
	}
	t.true(report.endsWith("\n\nA note.\n\n"));
});

test("every kind of cell is measured, and told in one figure", (t) => {
	for (const cell of cells) t.true(cell.kind in kinds, cell.name);
	t.is(kinds.load.cost({ cpuUsPerMessage: 3 }), 3);
	t.is(kinds.open.cost({ p99Us: 4 }), 4);
	t.is(kinds.burst.cost({ growth: 1.5 }), 1.5);
	t.is(kinds.import.cost({ importMs: 6 }), 6);
});

for (const [title, figures, reason] of [
	["a generator that kept its time", {}, undefined],
	[
		"one that did not send all",
		{ sentPerSecond: 980 },
		/sent only 980 of 1000/,
	],
	["one that was mostly late", { lagP50Us: 60 }, /late by 60 of 100 us at p50/],
	[
		"one that was sometimes late",
		{ lagP999Us: 600 },
		/late by 600 of 1000 us at p999/,
	],
	[
		"one that was late beyond a millisecond",
		{ lagP99Us: 1001, p99Us: 10_000 },
		/late by 1001 of 10000 us at p99/,
	],
	[
		"one that kept its time, and a server that did not",
		{ messagesPerSecond: 500, p50Us: 9000 },
		undefined,
	],
] as const) {
	test(`an open loop with ${title} is ${reason ? "thrown away" : "kept"}`, (t) => {
		const said = whyLagged(1000, {
			messagesPerSecond: 1000,
			sentPerSecond: 1000,
			p50Us: 100,
			p99Us: 500,
			p999Us: 1000,
			lagP50Us: 1,
			lagP99Us: 5,
			lagP999Us: 10,
			...figures,
		});
		if (reason === undefined) t.is(said, undefined);
		else t.regex(said, reason);
	});
}

test("curves are drawn where there are three points, and their cells are no bars", (t) => {
	const sizes = cells.filter(({ groups }: { groups: string[] }) =>
		groups.includes("sizes"),
	);
	const runs = sizes.flatMap(({ name }: Named) =>
		runsIn(name, { gev: 2, ws: 30 }),
	);
	const drawn = drawCurves(cells, summarize(cells, peers, runs), machine);
	t.deepEqual(
		drawn.map(({ name }: Named) => name),
		["sizes"],
	);
	const { svg } = drawn[0];
	t.true(svg.startsWith("<svg "));
	t.true(svg.includes("a &lt;CPU&gt;, Node.js v1, 2026-01-02"));
	t.is(svg.match(/<polyline/g).length, 2);
	t.is(svg.match(/<circle/g).length, 2 * sizes.length);
	t.notRegex(svg, /NaN|undefined|Infinity/);
	const two = sizes
		.slice(0, 2)
		.flatMap(({ name }: Named) => runsIn(name, { gev: 2 }));
	t.deepEqual(drawCurves(cells, summarize(cells, peers, two), machine), []);
	for (const [name, expected] of [
		["100x20x1", true],
		["rooms-50", true],
		["10x64k", false],
		["open-50", false],
		["import", false],
	] as const) {
		t.is(isBar(named(cells, name)), expected, name);
	}
});

test("rooms take those who come in their order", (t) => {
	const rooms = new Rooms(2);
	const [first, second, third] = ["a", "b", "c"].map((member) =>
		rooms.join(member),
	);
	t.is(first, second);
	t.not(first, third);
	t.deepEqual([...first.members], ["a", "b"]);
	t.deepEqual([first.topic, third.topic], ["room 0", "room 1"]);
	const one = new Rooms(roomSizes.broadcast);
	t.is(one.join("a"), one.join("b"));
});

test("a server is told its mode, but for the usual one", (t) => {
	const gev = named<Named>(peers, "gev-borrow");
	const args = (how: object) => serverCommand(gev, how).slice(1);
	t.deepEqual(args({}).slice(1), ["--borrow"]);
	t.deepEqual(args({ cell: { mode: "rooms" } }).slice(1), [
		"--borrow",
		"--mode",
		"rooms",
	]);
	const floor = named<Named>(peers, "floor");
	t.deepEqual(serverCommand(floor, { generator: "load" }), ["load", "floor"]);
	const cell = named<Named>(cells, "lines-100x16");
	const told = (name: string) =>
		serverCommand(named<Named>(peers, name), { generator: "load", cell });
	t.deepEqual(told("net-plain").slice(2), ["--plain", "--framing", "lines"]);
	t.deepEqual(told("net-gather").slice(2), ["--gather", "--framing", "lines"]);
	t.deepEqual(told("gev-go").slice(1), ["--framing", "lines"]);
	t.deepEqual(told("floor"), ["load", "floor"]);
	const netty = named<{ name: string; server: string }>(peers, "netty");
	t.is(netty.server, javaServer);
	t.deepEqual(told("netty").slice(3), ["Framed", "--framing", "lines"]);
});
