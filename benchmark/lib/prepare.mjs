/** Brings the peers and the load generator to the state in which they can run; does only what is missing. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
	benchmarkFolder,
	goProgram,
	javaFolder,
	rootFolder,
} from "./peers.mjs";

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
		...onWindows,
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

/**
 * Builds peers that are written in Go, from the Go proxy, where there is a Go; says so where that fails.
 *
 * @param {Iterable<string>} servers Of {@link goServers}.
 */
export function buildGoServers(servers) {
	for (const server of servers) {
		if (spawnSync("go", ["version"]).status !== 0) return;
		const program = goProgram(server);
		mkdirSync(dirname(program), { recursive: true });
		const { status } = spawnSync(
			"go",
			["build", "-o", program, `./${basename(server)}`],
			{
				cwd: join(benchmarkFolder, "servers", "go"),
				stdio: ["ignore", "ignore", "inherit"],
			},
		);
		if (status !== 0) console.error(`bench: ${server} cannot be built`);
	}
}

/** Builds the peer that is written in Java, from Maven Central, where there are a JDK and mvn; says so where that fails. */
export function buildJavaServer() {
	for (const tool of ["java", "javac", "mvn"]) {
		if (spawnSync(tool, ["--version"], onWindows).status !== 0) return;
	}
	const sources = join(benchmarkFolder, "servers", "netty");
	const jars = join(javaFolder, "jars");
	const classes = join(javaFolder, "classes");
	const steps = [
		["mvn", "-q", "-B", "-f", join(sources, "pom.xml")].concat(
			"dependency:copy-dependencies",
			`-DoutputDirectory=${jars}`,
		),
		["javac", "-cp", join(jars, "*"), "-d", classes].concat(
			join(sources, "Framed.java"),
		),
	];
	const stdio = ["ignore", "ignore", "inherit"];
	const isBuilt = steps
		.slice(existsSync(jars) ? 1 : 0)
		.every(
			([program, ...args]) =>
				spawnSync(program, args, { stdio, ...onWindows }).status === 0,
		);
	if (!isBuilt) console.error("bench: the peer in Java cannot be built");
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

/** There npm and mvn are scripts of a shell. */
const onWindows = { shell: process.platform === "win32" };

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
