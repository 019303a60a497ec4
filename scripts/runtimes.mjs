/**
 * `npm run runtimes`: runs scripts/runtime-echo.mjs under each supported
 * runtime and prints a table. The runtimes come from npm and are kept in
 * node_modules/.cache; `--update` fetches newer ones.
 */
import { join } from "node:path";
import {
	execute,
	fetchRuntime,
	forgetRuntimes,
	runtimes,
	suitsThisMachine,
	versionOf,
} from "./npm-runtimes.mjs";
import { root } from "./setup.mjs";

if (!suitsThisMachine) {
	console.log(
		`runtimes: skipped, because the runtimes are fetched for linux-x64 and this is ${process.platform}-${process.arch}`,
	);
} else {
	if (process.argv.includes("--update")) forgetRuntimes();
	const rows = runtimes.map(tryRuntime);
	printTable(rows);
	process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
}

function tryRuntime(runtime) {
	const executable = fetchRuntime(runtime);
	const script = join(root, "scripts", "runtime-echo.mjs");
	const echo = execute(executable, [...runtime.flags, script]);
	if (!echo.ok) console.error(`${runtime.name}: ${echo.output}`);
	return {
		runtime: runtime.name,
		version: versionOf(executable),
		ok: echo.ok,
	};
}

function printTable(rows) {
	for (const { runtime, version, ok } of rows) {
		console.log(
			`${runtime.padEnd(12)}${version.padEnd(12)}${ok ? "ok" : "FAILED"}`,
		);
	}
}
