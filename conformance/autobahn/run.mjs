/**
 * `npm run conformance`: runs the cases of Autobahn|Testsuite against the
 * built package and prints a table of the verdicts. It fails unless each case
 * has been run and has passed, and needs Python 3.10 or newer besides what
 * gev needs.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SetupError } from "../../scripts/requirements.mjs";
import { root, runScript, setup } from "../../scripts/setup.mjs";
import {
	install,
	version as kosokuVersion,
	runCases,
	whyNoPython,
} from "./kosoku.mjs";
import { startServer } from "./processes.mjs";
import { formatOutcome, rowsOf } from "./report.mjs";
import { parseSections, sections, suite } from "./sections.mjs";
import { judge } from "./verdicts.mjs";

const reportFile = join(root, "conformance", "latest.md");
const cache = join(root, "node_modules", ".cache", "gev-conformance");

const usage = `usage: npm run conformance -- [options]

  --sections LIST          only these, for example 1-10 or 6,12-13
  --mode shared|dedicated  how the server with permessage-deflate compresses, default shared
  --loops N                event loops of the server, default one for each CPU
  --parallel N             cases at a time, default 2
  --out DIR                where kosoku's full reports go, default below node_modules/.cache
  --write                  writes the tables to conformance/latest.md, with all sections and --mode shared only
  --skip-without-python    where Python is missing, say so and succeed
  --help                   this text

Sections up to 10 are run against a server without permessage-deflate; with 12 or 13 in the list, all of the list is run
against a server that has it. What has passed is compared with conformance/latest.md: other verdicts than its are a failure.`;

await runScript(() => main(parseOptions(process.argv.slice(2))));

async function main(options) {
	if (options.help) return console.log(usage);
	const missing = whyNoPython();
	if (missing !== undefined) {
		if (!options.skipWithoutPython) throw new SetupError(missing);
		return console.log(`conformance: SKIPPED: ${missing}`);
	}
	setup();
	const kosoku = install();
	const outcomes = [];
	for (const run of plan(options)) {
		const outcome = await perform(kosoku, run, options);
		console.log(`\n${formatOutcome(outcome)}\n`);
		outcomes.push(outcome);
	}
	const isPassed = outcomes.map(summarize).every(Boolean);
	if (options.write) save(outcomes, options);
	process.exitCode = isPassed && (options.write || isKnown(outcomes)) ? 0 : 1;
}

/** Says in one line how a run has ended, after all that was said about its cases, and returns whether it has passed. */
function summarize({ title, sections, verdicts, problems }) {
	const expected = sections.reduce((sum, { cases }) => sum + cases, 0);
	const passed = verdicts.filter((verdict) => verdict.isPassed).length;
	const isPassed = passed === expected && problems.length === 0;
	console.log(
		`conformance: ${title.toLowerCase()}: ${isPassed ? "passed" : "FAILED"}, ${passed} of ${expected} cases passed`,
	);
	return isPassed;
}

function parseOptions(args) {
	const { values } = parse(args);
	if (!["shared", "dedicated"].includes(values.mode)) {
		throw new SetupError(
			`conformance: --mode is shared or dedicated, not ${values.mode}`,
		);
	}
	const chosen = parseSections(values.sections);
	const isAll = chosen.length === sections.length && values.mode === "shared";
	if (values.write && !isAll) {
		throw new SetupError(
			"conformance: --write needs all sections, and --mode shared",
		);
	}
	return {
		help: values.help,
		sections: chosen,
		mode: values.mode,
		loops: positive("--loops", values.loops),
		parallel: positive("--parallel", values.parallel),
		out: resolve(values.out),
		skipWithoutPython: values["skip-without-python"],
		write: values.write,
	};
}

function parse(args) {
	const text = (value) => ({ type: "string", default: value });
	const flag = { type: "boolean", default: false };
	const options = {
		sections: text("1-13"),
		mode: text("shared"),
		loops: text(`${os.availableParallelism()}`),
		parallel: text("2"),
		out: text(join(cache, "reports")),
		"skip-without-python": flag,
		write: flag,
		help: flag,
	};
	try {
		return parseArgs({ args, options });
	} catch (error) {
		throw new SetupError(`conformance: ${error.message}`);
	}
}

function positive(option, value) {
	const number = Number(value);
	if (Number.isInteger(number) && number > 0) return number;
	throw new SetupError(
		`conformance: ${option} is a whole number from 1 on, not ${value}`,
	);
}

/** The runs that the options ask for, each with a server of its own. */
function plan({ sections, mode }) {
	const plain = sections.filter(({ deflate }) => !deflate);
	const runs = [
		{
			name: "plain",
			title: "Without permessage-deflate",
			sections: plain,
			flags: [],
		},
		{
			name: `deflate-${mode}`,
			title: `With permessage-deflate, ${mode}`,
			sections: plain.length === sections.length ? [] : sections,
			flags: ["--deflate", mode],
		},
	];
	return runs.filter(({ sections }) => sections.length > 0);
}

/** @returns {Promise<import("./report.mjs").Outcome>} */
async function perform(kosoku, { name, title, sections, flags }, options) {
	const started = performance.now();
	const { cases, problems } = await runAgainstServer(
		["--loops", `${options.loops}`, ...flags],
		(port) =>
			runCases(kosoku, {
				port,
				sections,
				parallel: options.parallel,
				folder: join(options.out, name),
			}),
	);
	const verdicts = cases.map(judge);
	return {
		title,
		sections,
		verdicts,
		problems: [
			...problems,
			...sections.flatMap((section) => shortcomings(section, verdicts)),
		],
		seconds: (performance.now() - started) / 1000,
	};
}

async function runAgainstServer(flags, run) {
	const script = join(root, "conformance", "autobahn", "server.mjs");
	const failure = ({ message }) => ({ cases: [], problems: [message] });
	try {
		const server = await startServer([process.execPath, script, ...flags]);
		const { cases, problems } = await run(server.port).catch(failure);
		return { cases, problems: [...problems, ...(await server.stop())] };
	} catch (error) {
		return failure(error);
	}
}

/** What verdicts do not say: that there are too few of them, or that they are on something else. */
function shortcomings({ number, cases, deflate }, verdicts) {
	const own = verdicts.filter(({ section }) => section === number);
	if (own.length !== cases) {
		return [`section ${number}: ${own.length} of its ${cases} cases were run`];
	}
	if (deflate && !own.some(({ isCompressed }) => isCompressed)) {
		return [`section ${number}: nothing came back compressed`];
	}
	return [];
}

/** Whether the report has the same rows, if it has such a table. */
function isKnown(outcomes) {
	const known = rowsOf(readFileSync(reportFile, "utf8"));
	const news = [...rowsOf(outcomes.map(formatOutcome).join("\n"))].flatMap(
		([title, rows]) =>
			rows.filter((row) => known.get(title)?.includes(row) === false),
	);
	if (news.length === 0) return true;
	console.log(
		`conformance: conformance/latest.md has not these rows, --write writes it:\n${news.join("\n")}`,
	);
	return false;
}

function save(outcomes, { loops, parallel }) {
	const cpu = os.cpus()[0]?.model ?? "unknown";
	const facts = {
		suite: `${suite}, run by kosoku ${kosokuVersion}`,
		date: new Date().toISOString().slice(0, 10),
		commit: commit(),
		machine: `${cpu}, ${os.cpus().length} CPUs, ${os.type()} ${os.release()} ${os.arch()}`,
		node: process.version,
		server: `${loops} event loops, ${parallel} cases at a time`,
	};
	const list = Object.entries(facts).map(
		([name, fact]) => `- ${name}: ${fact}`,
	);
	const text = [
		"# Conformance",
		list.join("\n"),
		...outcomes.map(formatOutcome),
		"",
	].join("\n\n");
	writeFileSync(reportFile, text);
}

function commit() {
	const git = ["describe", "--always", "--dirty"];
	const answer = spawnSync("git", git, { cwd: root, encoding: "utf8" });
	return answer.status === 0 ? answer.stdout.trim() : "unknown";
}
