/**
 * `npm run sanitize`: looks for errors of memory and of concurrency with tools that watch the code while it runs.
 *
 *   node __test__/sanitize/run.mjs [--address] [--thread] [--loom] [--valgrind] [--if-possible]
 *
 * Without a choice all of them run. A tool that is not there is an error, or with `--if-possible` left out. What was built
 * and reported is below target/sanitize. Ends with 1 when anything was found, when a test failed, and when a run cannot
 * show that Node had the right addon loaded.
 */
import { parseArgs } from "node:util";
import { SetupError } from "../../scripts/requirements.mjs";
import { isMain, runScript, setup } from "../../scripts/setup.mjs";
import * as address from "./address.mjs";
import { suitsThisMachine } from "./instrumented.mjs";
import * as loom from "./loom.mjs";
import * as thread from "./thread.mjs";
import * as valgrind from "./valgrind.mjs";

/** Each has `missing()`, which says what to install if need be, and `check()`. */
const tools = { address, thread, loom, valgrind };

async function main(args) {
	const flags = [...Object.keys(tools), "if-possible"];
	const { values } = parseArgs({
		args,
		options: Object.fromEntries(
			flags.map((flag) => [flag, { type: "boolean" }]),
		),
	});
	const all = Object.keys(tools);
	const chosen = all.filter((name) => values[name]);
	const possible = (chosen.length > 0 ? chosen : all).filter((name) =>
		isPossible(name, values["if-possible"]),
	);
	if (possible.length === 0) return;
	setup();
	const rows = [];
	for (const name of possible) {
		console.log(`sanitize: ${name} ...`);
		const started = performance.now();
		const outcome = await tools[name].check();
		for (const finding of outcome.findings) console.error(finding);
		const seconds = Math.round((performance.now() - started) / 1000);
		rows.push({ name, seconds, ...outcome });
	}
	for (const row of rows) console.log(line(row));
	process.exitCode = rows.every(isGood) ? 0 : 1;
}

function isPossible(name, skip) {
	const missing =
		suitsThisMachine || name === "loom"
			? tools[name].missing()
			: "Linux on an x64 machine";
	if (missing === undefined) return true;
	if (!skip) throw new SetupError(`sanitize: --${name} needs ${missing}`);
	console.log(`sanitize: ${name} skipped: it needs ${missing}`);
	return false;
}

function isGood({ findings, failed, processes }) {
	return findings.length === 0 && failed === 0 && processes > 0;
}

function line(row) {
	const { name, seconds, summary, findings, failed, processes } = row;
	const verdict = isGood(row) ? "ok    " : "FAILED";
	return `${name.padEnd(10)}${verdict}  ${summary} (processes: ${processes}): ${findings.length} findings, ${failed} failed (${seconds} s)`;
}

if (isMain(import.meta.url)) {
	await runScript(() => main(process.argv.slice(2)));
}
