/** The command line of run.mjs. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { cells, groups, isFor, profiledCell, smokeCells } from "./cells.mjs";
import {
	benchmarkFolder,
	compressedPeers,
	hasTwin,
	idlePeers,
	peers,
	profiledPeers,
	smokePeers,
	usualPeers,
} from "./peers.mjs";

const idleConnections = 10_000;
const compressedConnections = 3000;

/** What a change is measured by, unless something else is named. */
const againstGroup = "basic";

const groupLines = Object.entries(groups)
	.map(([name, purpose]) => {
		const own = cells.filter(({ groups }) => groups.includes(name));
		const names = own.map(({ name }) => name).join(", ");
		return `                     ${name}: ${purpose}\n                       ${names}`;
	})
	.join("\n");

const extraPeers = peers
	.filter(({ isExtra }) => isExtra)
	.map(({ name }) => name)
	.join(" and ");

export const usage = `usage: npm run bench -- [options]

  --cells NAME,...   only these cells and groups of cells, default all:
${groupLines}
  --peers NAME,...   only these: ${peers.map(({ name }) => name).join(", ")};
                     ${extraPeers} run only when they are named, and each of the others in
                     the cells where it says something; those that are named run in all that they can
  --quick            the cells in which gev does worst, with few peers and short runs: about three minutes; writes nothing
                     without --out
  --against REV      how much slower or faster than at another revision, which is built beside this one: each peer
                     of gev, by default only these, in the cells of ${againstGroup}, and its twin directly after each other;
                     --repeats is 7 by default; writes nothing without --out; with --quick in the cells of that
  --repeats N        runs of each peer in each cell, default 5
  --seconds S        measured part of a run, default 2
  --warmup S         load before it, default 1
  --text             text messages where a cell does not say what they are, default binary
  --out DIR          where the results go, default benchmark/results
  --idle             memory of idle connections instead of load
  --compressed       with --idle: memory of connections after one compressed message on each
  --connections N    how many with --idle, default ${idleConnections}, compressed ${compressedConnections}
  --smoke            half a minute with ${smokePeers.join(", ")}; fails unless all is well; writes nothing without --out
  --profile          perf record of gev in one cell, default ${profiledCell}
  --help             this text`;

/** A command line that cannot be obeyed. */
export class UsageError extends Error {}

/**
 * @typedef {object} Options
 * @property {import("./cells.mjs").Cell[]} cells
 * @property {import("./peers.mjs").Peer[]} peers
 * @property {number} repeats
 * @property {number} seconds
 * @property {number} warmup
 * @property {boolean} text
 * @property {string | undefined} out Where results go; undefined: nowhere.
 * @property {"load" | "idle" | "smoke" | "profile" | "against" | "help"} mode With "help" there is nothing else.
 * @property {string | undefined} against The revision to compare with, in the words of git.
 * @property {boolean} quick
 * @property {number} connections Idle ones.
 * @property {boolean} compressed One compressed message on each before they are idle.
 */

/**
 * @param {string[]} args
 * @returns {Options}
 */
export function parseOptions(args) {
	const values = parse(args);
	if (values.help) return { mode: "help" };
	const mode = modeOf(values);
	const compressed = values.compressed ?? false;
	if (compressed && mode !== "idle") {
		throw new UsageError("--compressed needs --idle");
	}
	const quick = values.quick ?? false;
	if (quick && mode !== "load" && mode !== "against") {
		throw new UsageError(`--quick and --${mode} exclude each other`);
	}
	const usual = {
		...defaults,
		...defaultsOf[mode],
		...(quick ? quickDefaults : {}),
	};
	return {
		mode,
		against: values.against,
		...(mode === "idle"
			? { cells: [], peers: selectIdle(values, compressed) }
			: selectPairs(values, mode)),
		quick,
		repeats: integer("--repeats", values.repeats ?? usual.repeats),
		seconds: seconds("--seconds", values.seconds ?? usual.seconds),
		warmup: seconds("--warmup", values.warmup ?? usual.warmup),
		text: values.text ?? false,
		out: values.out ? resolve(values.out) : usual.out,
		connections: integer(
			"--connections",
			values.connections ??
				(compressed ? compressedConnections : idleConnections),
		),
		compressed,
	};
}

const defaults = {
	repeats: "5",
	seconds: "2",
	warmup: "1",
	out: join(benchmarkFolder, "results"),
};

/** What else is usual in a mode. */
const defaultsOf = {
	smoke: { repeats: "1", seconds: "0.5", warmup: "0.2", out: undefined },
	against: { repeats: "7", out: undefined },
};

/** What --quick is quick by. */
const quickDefaults = {
	repeats: "3",
	seconds: "0.6",
	warmup: "0.3",
	out: undefined,
};

function modeOf(values) {
	const modes = ["idle", "smoke", "profile", "against"].filter(
		(mode) => values[mode] !== undefined,
	);
	if (modes.length > 1) {
		throw new UsageError(`--${modes.join(" and --")} exclude each other`);
	}
	return modes[0] ?? "load";
}

function parse(args) {
	const text = { type: "string" };
	const flag = { type: "boolean" };
	try {
		return parseArgs({
			args,
			options: {
				cells: text,
				peers: text,
				against: text,
				repeats: text,
				seconds: text,
				warmup: text,
				out: text,
				connections: text,
				text: flag,
				quick: flag,
				idle: flag,
				compressed: flag,
				smoke: flag,
				profile: flag,
				help: flag,
			},
		}).values;
	} catch (error) {
		throw new UsageError(error.message);
	}
}

/** Cells, and the peers that are for any of them. Cells that nobody is for are left out unless they were asked for. */
function selectPairs(values, mode) {
	const all = selectCells(values, mode);
	const some = select("--peers", peers, values.peers ?? defaultPeers(mode));
	const other = all.find(({ kind }) => kind !== "load");
	if (mode === "profile" && other) {
		throw new UsageError(`--profile is not for the cell ${other.name}`);
	}
	const served = all.filter((cell) => some.some((peer) => isFor(cell, peer)));
	const left = all.find((cell) => !served.includes(cell));
	if (left && isNamed(values.cells, left)) {
		throw new UsageError(`none of the peers is for the cell ${left.name}`);
	}
	const taken = some.filter((peer) => served.some((cell) => isFor(cell, peer)));
	if (mode === "against" && !taken.some(hasTwin)) {
		throw new UsageError("--against needs a peer of gev and a cell for it");
	}
	return { cells: served, peers: taken };
}

/** Cells with the peers that are usual for what is wanted; all peers are, where some are named. */
function selectCells({ cells: names, peers: wanted, quick }, mode) {
	const named = selectNamed(names) ?? defaultCells(mode, quick);
	if (wanted === undefined && !quick) return named;
	return named.map((cell) => {
		const usual = wanted ? undefined : (quick && cell.quick) || cell.usual;
		// What is repeated less often than others takes long.
		const maxRepeats = quick && cell.maxRepeats ? 1 : cell.maxRepeats;
		return { ...cell, usual, maxRepeats };
	});
}

/** Cells by their own names and by those of their groups. */
function selectNamed(names) {
	if (names === undefined) return undefined;
	const wanted = names.split(",");
	const known = [...Object.keys(groups), ...cells.map(({ name }) => name)];
	checkNames("--cells", wanted, known);
	return cells.filter(
		(cell) =>
			wanted.includes(cell.name) ||
			cell.groups.some((group) => wanted.includes(group)),
	);
}

function isNamed(names, cell) {
	return names?.split(",").includes(cell.name) ?? false;
}

function defaultCells(mode, quick) {
	if (mode === "smoke") return selectNamed(smokeCells.join());
	if (mode === "profile") return selectNamed(profiledCell);
	if (quick) return cells.filter(({ quick }) => quick !== undefined);
	return mode === "against" ? selectNamed(againstGroup) : cells;
}

function selectIdle(values, compressed) {
	const names = compressed ? compressedPeers : idlePeers;
	const selected = select("--peers", peers, values.peers ?? names.join());
	const framed = selected.find(({ protocol }) => protocol === "framed");
	if (framed) throw new UsageError(`--idle is not for ${framed.name}`);
	const plain = selected.find(({ protocol }) => protocol !== "deflate");
	if (compressed && plain) {
		throw new UsageError(`${plain.name} does not compress`);
	}
	return selected;
}

function defaultPeers(mode) {
	if (mode === "smoke") return smokePeers.join();
	if (mode === "profile") return profiledPeers.join();
	const usual = mode === "against" ? usualPeers.filter(hasTwin) : usualPeers;
	return usual.map(({ name }) => name).join();
}

/** The members of `all` with these names, in the order of `all`. */
function select(option, all, names) {
	const wanted = names.split(",");
	const known = all.map(({ name }) => name);
	checkNames(option, wanted, known);
	return all.filter(({ name }) => wanted.includes(name));
}

function checkNames(option, wanted, known) {
	const strange = wanted.find((name) => !known.includes(name));
	if (strange !== undefined) {
		throw new UsageError(
			`${option}: there is no ${strange || "nameless one"}, only ${known.join(", ")}`,
		);
	}
}

function integer(option, value) {
	const number = Number(value);
	if (Number.isInteger(number) && number > 0) return number;
	throw new UsageError(
		`${option} must be a whole number from 1 on, not ${value}`,
	);
}

function seconds(option, value) {
	const number = Number(value);
	if (number > 0 && number <= 3600) return number;
	throw new UsageError(
		`${option} must be a number of seconds up to 3600, not ${value}`,
	);
}
