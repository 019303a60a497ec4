/**
 * Brings a checkout to the state in which it can run, and does only what is
 * missing: npm packages, the native addon, the compiled TypeScript.
 *
 *   node scripts/setup.mjs [--debug | --profile=<cargo profile>] [--only=native|ts]
 *   node scripts/setup.mjs --target=<triple> [-x | --use-napi-cross]
 *   node scripts/setup.mjs --built=<folder>
 *
 * The second builds the addon for another platform, and nothing else, into
 * artifacts/; the flags are those of `napi build`. The third takes an addon
 * that was built there instead of building it, to test what is published.
 *
 * It must work when nothing but Node.js and Rust is installed, so it imports
 * nothing from node_modules. What has to be compiled again Cargo and `tsc -b`
 * know; they are only asked when a file is newer than what came of it.
 */
import { spawnSync } from "node:child_process";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { checkNode, checkRust, checkZig, SetupError } from "./requirements.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Does the steps that are due. Throws a `SetupError` when one cannot be done. */
export function setup({
	profile = "release",
	only,
	target,
	flags = [],
	built,
} = {}) {
	process.chdir(root);
	checkNode();
	if (built !== undefined) adopt(built);
	const needsAddon =
		target !== undefined || (only !== "ts" && !isBuilt(profile));
	// Before the first step: who has no Rust should not wait for npm to learn it.
	if (needsAddon) {
		checkRust();
		const usesZig = flags.includes("--cross-compile");
		if (usesZig && !target.includes("windows")) checkZig();
	}
	if (!isInstalled()) perform("installing npm packages", installPackages);
	if (needsAddon) buildAddon(profile, target, flags);
	if (only !== "native") buildTypescript();
}

/** Runs `main` of a script: a `SetupError` is told in its own words and ends the process. */
export async function runScript(main) {
	try {
		await main();
	} catch (error) {
		if (!(error instanceof SetupError)) throw error;
		process.stderr.write(`${error.message}\n`);
		process.exit(1);
	}
}

/** Whether the module at `url` is the script that was started, and not imported by another. */
export function isMain(url) {
	return fileURLToPath(url) === realpathSync(process.argv[1]);
}

/** The files at or below `paths`, sorted, or those of them that `pattern` fits. Missing paths are left out. */
export function listFiles(paths, pattern = /^/) {
	return paths
		.filter((path) => existsSync(path))
		.flatMap((path) =>
			statSync(path).isDirectory()
				? listFiles(
						readdirSync(path).map((name) => join(path, name)),
						pattern,
					)
				: [path].filter((file) => pattern.test(file)),
		)
		.sort();
}

/** What the command line takes; the last three are for `napi build`. */
const commandLine = {
	debug: { type: "boolean" },
	profile: { type: "string" },
	only: { type: "string" },
	built: { type: "string" },
	target: { type: "string", short: "t" },
	"cross-compile": { type: "boolean", short: "x" },
	"use-napi-cross": { type: "boolean" },
};

function parseArguments(args) {
	const { debug, profile, only, target, built, ...rest } = parsed(args);
	if (only !== undefined && only !== "native" && only !== "ts") {
		throw new SetupError(`setup: --only is native or ts, not ${only}`);
	}
	const flags = Object.keys(rest).map((name) => `--${name}`);
	if (flags.length > 0 && !target) {
		throw new SetupError(`setup: ${flags.join(" and ")} needs a --target`);
	}
	return {
		...(debug && { profile: "dev" }),
		...(profile && { profile }),
		...(only && { only }),
		...(target && { target, flags, only: "native" }),
		...(built && { built }),
	};
}

function parsed(args) {
	try {
		return parseArgs({ args, options: commandLine }).values;
	} catch (error) {
		throw new SetupError(`setup: ${error.message}`);
	}
}

function perform(title, step) {
	const started = performance.now();
	process.stderr.write(`setup: ${title} ...`);
	try {
		step();
	} catch (error) {
		process.stderr.write(" failed\n");
		throw error;
	}
	const seconds = (performance.now() - started) / 1000;
	process.stderr.write(` ${seconds.toFixed(1)} s\n`);
}

/** Whether npm's own record of what is in node_modules is what the lockfile asks for. */
function isInstalled() {
	const record = "node_modules/.package-lock.json";
	if (!existsSync(record)) return false;
	const packagesOf = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
	const { "": _root, ...wanted } = packagesOf("package-lock.json");
	const installed = packagesOf(record);
	const isThere = ([path, { version, optional }]) =>
		path in installed ? installed[path].version === version : optional;
	return (
		Object.entries(wanted).every(isThere) &&
		Object.keys(installed).every((path) => path in wanted)
	);
}

function installPackages() {
	// Development packages are needed even where NODE_ENV says "production".
	npm("ci", "--include=dev", "--no-audit", "--no-fund");
	// The compiler does not look whether declarations of packages have changed.
	rmSync("build", { recursive: true, force: true });
}

/** Whether the addon for this platform is there, and no source of it is newer. */
function isBuilt(profile) {
	const [addon] = listFiles(["native"], /\.node$/);
	const sources = ["crates", "Cargo.toml", "Cargo.lock"];
	return (
		addon !== undefined &&
		existsSync("native/binding.d.cts") &&
		existsSync(settingFile) &&
		readFileSync(settingFile, "utf8") === setting(profile) &&
		newest(sources) <= newest([addon])
	);
}

const settingFile = "native/.setting";

/** What else decides about an addon. One shared folder may be seen from two platforms. */
function setting(profile) {
	return `${profile} ${process.platform} ${process.arch}\n`;
}

/** The addon for this platform, or in a folder of its own that for another. */
function buildAddon(profile, target, flags) {
	const folder = target ? join("artifacts", target) : "native";
	const args = [
		"--platform",
		"--manifest-path=crates/node/Cargo.toml",
		"--no-js",
		"--dts=binding.d.cts",
		"--no-const-enum",
		`--output-dir=${folder}`,
		...flags,
	];
	if (target) args.push(`--target=${target}`);
	// The tool looks for the outcome in target/<profile>, but Cargo's "dev" builds into target/debug.
	if (profile !== "dev") args.push(`--profile=${profile}`);
	const what = target ? `${target}, ${profile} profile` : `${profile} profile`;
	const started = new Date();
	perform(`building the native addon (${what})`, () =>
		node("@napi-rs/cli/dist/cli.js", "build", ...args),
	);
	if (target) return;
	// An edit during the build makes it due again.
	for (const addon of listFiles([folder], /\.node$/)) {
		utimesSync(addon, started, started);
	}
	perform("writing down its records", () => writeRecords(profile));
	writeFileSync(settingFile, setting(profile));
}

/** What the addon and JavaScript have to agree on, as TypeScript; built as the addon is, so that most of it is there. */
function writeRecords(profile) {
	const { stdout } = spawnSync("rustc", ["-vV"], { encoding: "utf8" });
	const host = /^host: (.+)$/m.exec(stdout)?.[1];
	const options = [`--profile=${profile}`, `--target=${host}`];
	const example = ["--package=gev-node", "--example=records"];
	const file = "src/bridge/records.ts";
	run("cargo", ["run", ...options, ...example, "--", file]);
}

/** Takes the addon and its types from below `folder`, where they were built, as if they had been built here and now. */
function adopt(folder) {
	const built = listFiles([folder], /\.(node|cts)$/);
	if (built.length !== 2) {
		throw new SetupError(`setup: no addon and its types below ${folder}`);
	}
	rmSync("native", { recursive: true, force: true });
	mkdirSync("native");
	for (const file of built) copyFileSync(file, join("native", basename(file)));
	writeFileSync(settingFile, setting("release"));
}

/** The package first, bundled with its declarations, then what imports it by its name. */
function buildTypescript() {
	const sources = listFiles(
		["index.ts", "src", "examples", "__test__"],
		/\.ts$/,
	);
	const outputs = listFiles(["build"], /\.js$/);
	// The compiler leaves the output of a source that is gone or has moved, and AVA
	// would run it; and it does not miss an output that was deleted.
	if (String(sources) === String(outputs.map(sourceOf).sort())) compile();
	else {
		rmSync("build", { recursive: true, force: true });
		perform("compiling TypeScript", compile);
	}
}

function compile() {
	node("typescript/bin/tsc", "--build");
	const bundlers = ["scripts/build-types.mjs", "scripts/bundle.mjs"];
	// In the order in which they are written.
	const bundles = [
		"index.d.cts",
		"index.d.ts",
		"build/internals.cjs",
		"dist/index.cjs",
		"dist/names.cjs",
		"dist/index.js",
	];
	const page = listFiles(["src/live"], /\.(html|css|mjs)$/);
	const inputs = [
		"build/package/.tsbuildinfo",
		...bundlers,
		...page,
		...bundles,
	];
	const isDue =
		!bundles.every(existsSync) || newest(inputs) > newest(bundles.slice(-1));
	if (isDue) for (const script of bundlers) run(process.execPath, [script]);
	node("typescript/bin/tsc", "--build", "__test__");
}

function sourceOf(file) {
	return file
		.replace(/^build[\\/](?:package[\\/])?/, "")
		.replace(/\.js$/, ".ts");
}

/** When a file at or below `paths` was last changed, or one was added or taken away; before all time when there is none. */
function newest(paths) {
	const times = paths.filter(existsSync).flatMap((path) => {
		const { mtimeMs } = statSync(path);
		return statSync(path).isDirectory()
			? [mtimeMs, newest(readdirSync(path).map((name) => join(path, name)))]
			: mtimeMs;
	});
	return Math.max(...times);
}

function npm(...args) {
	const cli = process.env.npm_execpath ?? "";
	if (cli.endsWith("npm-cli.js")) run(process.execPath, [cli, ...args]);
	else run("npm", args, { shell: process.platform === "win32" });
}

/** Runs a tool of node_modules by its file, because the shims in .bin differ between platforms. */
function node(tool, ...args) {
	run(process.execPath, [join("node_modules", tool), ...args]);
}

/** Runs a command whose output is only of interest when it fails. */
function run(command, args, options = {}) {
	const result = spawnSync(command, args, {
		encoding: "utf8",
		maxBuffer: Number.POSITIVE_INFINITY,
		stdio: ["ignore", "pipe", "pipe"],
		...options,
	});
	if (result.status === 0) return;
	const output = result.error?.message ?? `${result.stdout}${result.stderr}`;
	throw new SetupError(
		`${output.trimEnd()}\nsetup: this command failed: ${[command, ...args].join(" ")}`,
	);
}

if (isMain(import.meta.url)) {
	await runScript(() => setup(parseArguments(process.argv.slice(2))));
}
