/**
 * `npm run runtimes`: runs conformance/runtimes/echo.mjs under each supported
 * runtime, and all tests of AVA under each Node.js, and prints a table. Ends
 * with 1 unless all is well. The runtimes come from npm and are kept in
 * node_modules/.cache.
 *
 *   node conformance/runtimes/run.mjs [--only NAME,...] [--update]
 *
 * A NAME is one in the table, or its beginning: "Bun", "Node.js", "Node.js 24".
 * `--update` fetches newer runtimes.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
	execute,
	fetchRuntime,
	forgetRuntimes,
	runtimes,
	suitsThisMachine,
	versionOf,
} from "../../scripts/npm-runtimes.mjs";
import { SetupError } from "../../scripts/requirements.mjs";
import { root, runScript } from "../../scripts/setup.mjs";
import { runSuite } from "../../scripts/test.mjs";

async function main() {
	const { values } = parseArgs({
		options: {
			only: { type: "string", default: "" },
			update: { type: "boolean", default: false },
		},
	});
	const chosen = choose(values.only.split(","));
	if (!suitsThisMachine) {
		console.log(
			`runtimes: skipped, because the runtimes are fetched for linux-x64 and this is ${process.platform}-${process.arch}`,
		);
		return;
	}
	if (values.update) forgetRuntimes();
	const rows = [];
	for (const runtime of chosen) rows.push(await tryRuntime(runtime));
	printTable(rows);
	process.exitCode = rows.every(({ ok }) => ok) ? 0 : 1;
}

/** Those whose names begin with one of these words. */
function choose(beginnings) {
	const none = beginnings.find((word) => !runtimes.some(begins(word)));
	if (none !== undefined) {
		const names = runtimes.map(({ name }) => name).join(", ");
		throw new SetupError(`runtimes: there is no ${none}, only ${names}`);
	}
	return runtimes.filter((runtime) =>
		beginnings.some((word) => begins(word)(runtime)),
	);
}

function begins(word) {
	return ({ name }) => name.startsWith(word);
}

async function tryRuntime(runtime) {
	const executable = fetchRuntime(runtime);
	const version = versionOf(executable);
	console.log(`\n${runtime.name} ${version}`);
	const script = join(root, "conformance", "runtimes", "echo.mjs");
	const echo = execute(executable, [...runtime.flags, script]);
	if (!echo.ok) console.error(`${runtime.name}: ${echo.output}`);
	const tests =
		echo.ok && runtime.isNode ? await runSuite(executable) : undefined;
	return {
		name: runtime.name,
		version,
		echo: echo.ok ? "echoed" : "FAILED",
		tests: tests ? `${tests.passed} passed, ${tests.failed} failed` : "",
		ok: echo.ok && !tests?.failed,
	};
}

function printTable(rows) {
	console.log();
	for (const { name, version, echo, tests } of rows) {
		const cells = [name, version, echo].map((text) => text.padEnd(12));
		console.log(`${cells.join("")}${tests}`.trimEnd());
	}
}

await runScript(main);
