import { spawnSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import test, { type ExecutionContext } from "ava";
import { start } from "../kit/program.js";

const benchmark = fileURLToPath(new URL("../../../benchmark", import.meta.url));
const { cells, groups, isFor } = await load("cells.mjs");
const { compare } = await load("comparison.mjs");
const { parseOptions, UsageError } = await load("options.mjs");
const { peers, usualPeers } = await load("peers.mjs");
const { addTwins } = await load("revision.mjs");
const { minutesFor, schedule } = await load("schedule.mjs");

// Where git runs the tests, as in a hook, these would lead it away from the folder that it is called in.
for (const name of ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"]) {
	delete process.env[name];
}

/** A module of the benchmark, of this checkout or of another. */
function load(name: string, folder = benchmark) {
	return import(pathToFileURL(join(folder, "lib", name)).href);
}

interface Named {
	name: string;
}

interface Grouped extends Named {
	groups: string[];
}

function names(all: Named[]): string[] {
	return all.map(({ name }) => name);
}

/** The peers with these names, each followed by its twin. */
function withTwins(...wanted: string[]) {
	return peers
		.filter(({ name }: Named) => wanted.includes(name))
		.flatMap((peer: Named) => [
			peer,
			{ ...peer, name: `${peer.name}@before`, twinOf: peer.name },
		]);
}

async function temporaryFolder(t: ExecutionContext): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "gev-bench-"));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	return folder;
}

test("--against compares every peer of gev, seven times, and writes nothing", (t) => {
	const options = parseOptions(["--against", "HEAD~3"]);
	t.like(options, { mode: "against", against: "HEAD~3", repeats: 7 });
	t.is(options.out, undefined);
	t.deepEqual(names(options.peers), [
		"gev",
		"gev-threads",
		"gev-borrow",
		"gev-raw",
		"gev-shared",
		"gev-dedicated",
	]);
	t.deepEqual(
		options.cells,
		cells.filter(({ groups }: Grouped) => groups.includes("basic")),
	);
});

test("--against takes other peers, repeats, cells and a folder", (t) => {
	const options = parseOptions([
		"--against=v1",
		"--peers=ws,gev",
		"--repeats=2",
		"--cells=1x20",
		`--out=${benchmark}`,
	]);
	t.like(options, { against: "v1", repeats: 2, out: benchmark });
	t.deepEqual(names(options.peers), ["gev", "ws"]);
	t.deepEqual(names(options.cells), ["1x20"]);
});

test("without --against nothing is compared with another revision", (t) => {
	const options = parseOptions([]);
	t.like(options, { mode: "load", against: undefined, repeats: 5 });
	t.deepEqual(options.peers, usualPeers);
	t.deepEqual(options.cells, cells);
	t.is(options.out, join(benchmark, "results"));
});

test("a group stands for its cells, and every cell is in one", (t) => {
	const known = Object.keys(groups);
	for (const cell of cells) {
		t.true(
			cell.groups.some((group: string) => known.includes(group)),
			cell.name,
		);
	}
	const options = parseOptions(["--cells=depth,json,1x20"]);
	t.deepEqual(names(options.cells), [
		"1x20",
		"100x20x1",
		"100x20x16",
		"100x20x64",
		"100x20x256",
		"json-300",
	]);
	const usual = ["gev", "uwebsockets", "bun", "ws"];
	const json = options.cells.at(-1);
	t.deepEqual(
		names(options.peers.filter((peer: Named) => isFor(json, peer))),
		usual,
	);
});

test("peers that are named run in all cells that they can, not only in the usual ones", (t) => {
	const cell = ["--cells=10x64k"];
	const usual = parseOptions(cell);
	t.false(names(usual.peers).includes("gev-threads"));
	const named = parseOptions([...cell, "--peers=gev-threads,ws-deflate"]);
	t.deepEqual(names(named.peers), ["gev-threads"]);
	t.throws(() => parseOptions(["--cells=rooms-50", "--peers=uws-keep"]), {
		instanceOf: UsageError,
		message: "none of the peers is for the cell rooms-50",
	});
});

test("--quick is few cells, few peers and short runs", (t) => {
	const options = parseOptions(["--quick"]);
	t.like(options, { mode: "load", quick: true, repeats: 3, out: undefined });
	t.true(options.cells.length < cells.length / 2);
	t.true(minutesFor(options) <= 3.4, `${minutesFor(options)} min`);
	for (const cell of options.cells) {
		t.true(
			options.peers.some((peer: Named) => isFor(cell, peer)),
			cell.name,
		);
	}
	const against = parseOptions(["--quick", "--against=HEAD"]);
	t.deepEqual(names(against.peers), ["gev", "gev-raw", "gev-framed"]);
});

test("what more repeats say nothing new of is not repeated more", (t) => {
	const options = parseOptions(["--cells=burst-half,json", "--peers=gev"]);
	const order = [...schedule(options)].map(
		({ repeat, cell }) => `${repeat} ${cell.name}`,
	);
	t.is(order.filter((run) => run.endsWith("json-300")).length, 5);
	t.is(order.filter((run) => run.endsWith("burst-half")).length, 3);
});

test("what cuts messages runs in the cells whose framing it has", (t) => {
	const { cells, peers } = parseOptions(["--cells=framing"]);
	const inCell = Object.fromEntries(
		cells.map((cell: Named) => [
			cell.name,
			names(peers.filter((peer: Named) => isFor(cell, peer))),
		]),
	);
	const byHand = ["gev-framed", "net-framed", "net-plain", "net-gather"];
	const inGo = ["bun-framed", "gev-go", "gnet-framed"];
	const all = [...byHand, ...inGo, "netty", "floor"];
	t.deepEqual(inCell, {
		"framed-20x16": all,
		"framed-1k": all,
		"lines-100x16": all,
		"jt808-60x16": [...byHand, ...inGo, "floor"],
		"resp-ping-x16": all,
		"own-20x16": [...byHand, "net-ring", "bun-framed", "floor"],
	});
	t.throws(() => parseOptions(["--cells=jt808-60x16", "--peers=netty"]), {
		instanceOf: UsageError,
		message: "none of the peers is for the cell jt808-60x16",
	});
	t.throws(() => parseOptions(["--idle", "--peers=gev-framed"]), {
		instanceOf: UsageError,
		message: "--idle is not for gev-framed",
	});
});

test("peers on unix sockets, and workers with threads, run when they are named", (t) => {
	const extra = peers
		.filter(({ name }: Named) => /unix|workers-threads/.test(name))
		.map(({ name }: Named) => name);
	t.is(extra.length, 4);
	t.deepEqual(
		names(usualPeers),
		names(peers).filter((name) => !extra.includes(name)),
	);
	t.deepEqual(names(parseOptions([`--peers=${extra}`]).peers), extra);
});

for (const [args, reason] of [
	[["--against", "HEAD", "--smoke"], /--smoke and --against exclude/],
	[["--against", "HEAD", "--idle"], /--idle and --against exclude/],
	[["--against=", "--profile"], /--profile and --against exclude/],
	[["--against", "HEAD", "--peers", "ws,floor"], /needs a peer of gev/],
	[["--against", "HEAD", "--peers", "gev", "--repeats", "0"], /--repeats/],
	[["--against"], /--against/],
	[["--quick", "--smoke"], /--quick and --smoke exclude/],
	[["--cells", "size"], /--cells: there is no size, only basic, sizes/],
	[["--profile", "--cells", "import"], /--profile is not for the cell import/],
] as const) {
	test(`${args.join(" ")} is refused`, (t) => {
		t.throws(() => parseOptions([...args]), {
			instanceOf: UsageError,
			message: reason,
		});
	});
}

test("a peer and its twin run directly after each other, in turns", (t) => {
	const order = [
		...schedule({
			repeats: 3,
			cells: cells.slice(0, 2),
			peers: withTwins("gev", "gev-raw", "gev-shared"),
		}),
	].map(({ repeat, cell, peer }) => [repeat, cell.name, peer.name].join(" "));
	const [one, two] = names(cells);
	const forwards = ["gev", "gev@before", "gev-raw", "gev-raw@before"];
	const backwards = forwards.toReversed();
	t.deepEqual(
		order,
		[forwards, backwards, forwards].flatMap((peers, repeat) =>
			[one, two].flatMap((cell) =>
				peers.map((peer) => `${repeat} ${cell} ${peer}`),
			),
		),
	);
});

/** Runs of a peer in the first cell, one for each repeat; undefined: that one has failed. */
function runs(peer: string, ...times: (number | null | undefined)[]) {
	return times.flatMap((cost, repeat) =>
		cost === undefined ? [] : [{ cell: cells[0].name, peer, repeat, cost }],
	);
}

for (const [title, now, before, expected] of [
	[
		"a ratio is that of the medians, its range that of the pairs",
		[1, 4, 3],
		[2, 2, 4],
		{
			now: { median: 3, min: 1, max: 4 },
			before: { median: 2, min: 2, max: 4 },
			ratio: { median: 1.5, min: 0.5, max: 2 },
		},
	],
	[
		"runs that have no counterpart are in no pair",
		[undefined, 3, 5],
		[2, 2, undefined],
		{
			now: { median: 4, min: 3, max: 5 },
			before: { median: 2, min: 2, max: 2 },
			ratio: { median: 2, min: 1.5, max: 1.5 },
		},
	],
	[
		"runs of which none has a counterpart have no ratio",
		[undefined, 3],
		[2, undefined],
		{
			now: { median: 3, min: 3, max: 3 },
			before: { median: 2, min: 2, max: 2 },
			ratio: null,
		},
	],
	[
		"where a cost is not known there is no ratio",
		[null, null],
		[null, null],
		{ now: null, before: null, ratio: null },
	],
] as const) {
	test(title, (t) => {
		const all = [...runs("gev@before", ...before), ...runs("gev", ...now)];
		t.deepEqual(compare(cells.slice(0, 1), withTwins("gev"), all), [
			{ cell: cells[0].name, peer: "gev", ...expected },
		]);
	});
}

test("each cell has a row for each peer that is for it, also for one without a twin", (t) => {
	const ws = peers.find(({ name }: Named) => name === "ws");
	const all = [...runs("gev", 1), ...runs("gev@before", 2), ...runs("ws", 3)];
	const basic = cells.filter(({ groups }: Grouped) => groups.includes("basic"));
	const rows = compare(basic, [...withTwins("gev", "gev-shared"), ws], all);
	t.deepEqual(
		rows.map(({ cell, peer }: { cell: string; peer: string }) => [cell, peer]),
		names(basic).flatMap((name) =>
			(name.includes("deflate") ? ["gev-shared"] : ["gev", "ws"]).map(
				(peer) => [name, peer],
			),
		),
	);
	t.like(rows[0], { ratio: { median: 0.5, min: 0.5, max: 0.5 } });
	t.like(rows[1], { now: { median: 3 }, before: null, ratio: null });
});

test("a twin runs the server of its revision, or ours where that refuses, and is left out where both do", async (t) => {
	const folder = await temporaryFolder(t);
	const serversOf = (name: string) => join(folder, "benchmark", name);
	const write = async (name: string, ...known: string[]) => {
		const text = `if (${JSON.stringify(known)}.includes(process.argv.slice(2).join(" "))) { console.log("listening 1"); setInterval(() => {}, 1e6); }`;
		await mkdir(serversOf(name), { recursive: true });
		await writeFile(join(serversOf(name), "gev.mjs"), text);
	};
	await write("servers", "", "--borrow");
	await write("servers-now", "", "--threads", "--mode rooms");
	const wanted = ["gev", "gev-threads", "gev-borrow", "ws", "gev-raw"];
	const some = peers.filter(({ name }: Named) => wanted.includes(name));
	const revision = { name: "abc", folder };
	const echo = parseOptions(["--cells=100x20x1"]).cells;
	const { peers: all, notes } = await addTwins(some, echo, revision);
	t.deepEqual(names(all), [
		"gev",
		"gev@abc",
		"gev-threads",
		"gev-threads@abc",
		"gev-borrow",
		"gev-borrow@abc",
		"ws",
	]);
	const filesOf = (all: { server: string; twinOf?: string }[]) =>
		all
			.filter(({ twinOf }) => twinOf)
			.map(({ server }) => join(benchmark, "servers", server));
	t.deepEqual(
		filesOf(all),
		["servers", "servers-now", "servers"].map((name) =>
			join(serversOf(name), "gev.mjs"),
		),
	);
	t.deepEqual(notes, ["Left out: gev-raw (not to be had at abc)."]);

	const rooms = parseOptions(["--cells=100x20x1,rooms-50"]).cells;
	const gev = some.filter(({ name }: Named) => name === "gev");
	const inRooms = await addTwins(gev, rooms, revision);
	t.deepEqual(filesOf(inRooms.peers), [
		join(serversOf("servers-now"), "gev.mjs"),
	]);

	const cuts = parseOptions(["--cells=lines-100x16,own-20x16"]).cells;
	const framed = peers.filter(({ name }: Named) => name === "gev-framed");
	const told = ["--framing lines", "--framing custom"] as const;
	await write("servers", "", told[0]);
	await write("servers-now", ...told);
	const cutting = await addTwins(framed, cuts, revision);
	t.deepEqual(filesOf(cutting.peers), [
		join(serversOf("servers-now"), "gev.mjs"),
	]);

	const raw = peers.find(({ name }: Named) => name === "gev-raw");
	await t.throwsAsync(addTwins([raw], echo, revision), {
		message: "none of the peers of gev starts at abc",
	});
});

test("a revision is built from its own files, by its own setup", async (t) => {
	const checkout = await temporaryFolder(t);
	const git = (...args: string[]) => {
		const settings = ["user.name=A", "user.email=a@b", "commit.gpgSign=false"];
		const options = { cwd: checkout, encoding: "utf8" } as const;
		const { status, stderr } = spawnSync(
			"git",
			[...settings.flatMap((setting) => ["-c", setting]), ...args],
			options,
		);
		t.is(status, 0, stderr);
	};
	const commit = async (text: string) => {
		const setup = `import { writeFileSync } from "node:fs"; writeFileSync("built", "${text}")`;
		await writeFile(join(checkout, "scripts", "setup.mjs"), setup);
		git("add", "--all");
		git("commit", "--quiet", "--no-verify", `--message=${text}`);
	};
	await mkdir(join(checkout, "scripts"));
	for (const part of ["lib", "servers"]) {
		const copy = join(checkout, "benchmark", part);
		await cp(join(benchmark, part), copy, { recursive: true });
	}
	await writeFile(join(checkout, ".gitignore"), "/benchmark/results/tmp/\n");
	git("init", "--quiet");
	await commit("first");
	await commit("second");

	const { findRevision, buildRevision, isDirty } = await load(
		"revision.mjs",
		join(checkout, "benchmark"),
	);
	const first = findRevision("HEAD~1");
	t.is(first.title, `${first.name} first`);
	t.is(findRevision(first.name).folder, first.folder);
	for (const _time of ["new", "again"]) {
		buildRevision(first);
		t.is(await readFile(join(first.folder, "built"), "utf8"), "first");
	}
	t.false(isDirty());
	await writeFile(join(checkout, "scripts", "setup.mjs"), "");
	t.true(isDirty());
});

test("a revision that git does not know is named", async (t) => {
	const args = ["--against", "no-such-revision"];
	const program = start(t, [join(benchmark, "run.mjs"), ...args]);
	const { code, stdout, stderr } = await program.ended;
	t.regex(
		stderr,
		/^--against: git knows no revision no-such-revision here\n\nusage:/,
	);
	t.is(stdout, "");
	t.is(code, 2);
});
