/** Brings the peers and the load generator to the state in which they can run; does only what is missing. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { benchmarkFolder, goServer, rootFolder } from "./peers.mjs";

/**
 * Installs the peers' packages. Peers that do not come with every run are left out unless `all`: they are large.
 *
 * @param {boolean} all
 */
export function installPeers(all) {
	if (isInstalled(all)) return;
	process.stderr.write("bench: installing the peers' npm packages ...\n");
	const omit = all ? [] : ["--omit=optional"];
	run("npm", ["ci", ...omit], {
		cwd: benchmarkFolder,
		shell: process.platform === "win32",
		stdio: ["ignore", "ignore", "inherit"],
	});
}

/**
 * Builds gev-load.
 *
 * @returns {string} its path
 */
export function buildGenerator() {
	const { stdout } = run(
		"cargo",
		[
			"build",
			"--release",
			"--quiet",
			"--package=gev-load",
			"--message-format=json-render-diagnostics",
		],
		{ cwd: rootFolder, stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" },
	);
	const executable = stdout
		.split("\n")
		.filter((line) => line.startsWith("{"))
		.map((line) => JSON.parse(line).executable)
		.find((path) => path);
	if (!executable) throw new Error("cargo has not said where gev-load is");
	return executable;
}

/** Builds the peer that is written in Go, from the Go proxy, where there is a Go; says so where that fails. */
export function buildGoServer() {
	if (spawnSync("go", ["version"]).status !== 0) return;
	mkdirSync(dirname(goServer), { recursive: true });
	const { status } = spawnSync("go", ["build", "-o", goServer, "."], {
		cwd: join(benchmarkFolder, "servers", "go"),
		stdio: ["ignore", "ignore", "inherit"],
	});
	if (status !== 0) console.error("bench: the peer in Go cannot be built");
}

/** Whether npm's own record in node_modules is what the lockfile asks for. */
function isInstalled(all) {
	const record = join(benchmarkFolder, "node_modules/.package-lock.json");
	if (!existsSync(record)) return false;
	const installed = readLock(record);
	const wanted = readLock(join(benchmarkFolder, "package-lock.json"));
	return Object.entries(wanted)
		.filter(([path]) => path !== "")
		.every(([path, entry]) => {
			const found = installed[path];
			if (found) return found.version === entry.version;
			return entry.optional && !(all && suitsThisMachine(entry));
		});
}

function readLock(path) {
	return JSON.parse(readFileSync(path, "utf8")).packages;
}

function suitsThisMachine({ os, cpu }) {
	return (
		(os?.includes(process.platform) ?? true) &&
		(cpu?.includes(process.arch) ?? true)
	);
}

/** Runs a command to its end. Throws when it fails. */
export function run(command, args, options) {
	const result = spawnSync(command, args, {
		maxBuffer: Number.POSITIVE_INFINITY,
		...options,
	});
	if (result.error) throw result.error;
	if (result.status !== 0) {
		throw new Error(`this command failed: ${[command, ...args].join(" ")}`);
	}
	return result;
}
