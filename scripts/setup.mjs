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
 * nothing from node_modules. Whether a step is due is decided by the contents
 * of files, so a second run takes a tenth of a second and says nothing.
 */
import { spawnSync } from "node:child_process";
import {
	cpSync,
	existsSync,
	readFileSync,
	realpathSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { basename, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { fingerprint, listFiles } from "./fingerprint.mjs";
import { checkNode, checkRust, checkZig, SetupError } from "./requirements.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Does the steps that are due. Throws a `SetupError` when one cannot be done. */
export function setup({
	profile = "release",
	only,
	target,
	flags,
	built,
} = {}) {
	process.chdir(root);
	checkNode();
	if (built !== undefined) adopt(built);
	const steps = [packages];
	if (only !== "ts") steps.push(native(profile, target, flags));
	if (only !== "native") steps.push(typescript);
	// Before the first step: who has no Rust should not wait for npm to learn it.
	if (steps.some((step) => step.needsRust && !step.isDone())) {
		checkRust();
		const usesZig = flags?.includes("--cross-compile");
		if (usesZig && !target.includes("windows")) checkZig();
	}
	for (const step of steps) perform(step);
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

export function parseArguments(args) {
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

// A step has a `title`, `isDone()` and `run()`.

function perform(step) {
	if (step.isDone()) return;
	const started = performance.now();
	process.stderr.write(`setup: ${step.title} ...`);
	try {
		step.run();
	} catch (error) {
		process.stderr.write(" failed\n");
		throw error;
	}
	const seconds = (performance.now() - started) / 1000;
	process.stderr.write(` ${seconds.toFixed(1)} s\n`);
}

const packages = {
	title: "installing npm packages",
	isDone() {
		const installed = readIfThere("node_modules/.package-lock.json");
		return (
			installed !== "" &&
			isInstalled(
				JSON.parse(readFileSync("package-lock.json", "utf8")),
				JSON.parse(installed),
			)
		);
	},
	run() {
		// Development packages are needed even where NODE_ENV says "production".
		npm("ci", "--include=dev", "--no-audit", "--no-fund");
	},
};

/** Whether `installed`, npm's own record in node_modules, is what `wanted`, the lockfile, asks for. */
export function isInstalled(wanted, installed) {
	const { "": _root, ...packages } = wanted.packages;
	const isThere = ([path, { version, optional }]) => {
		const found = installed.packages[path];
		return found ? found.version === version : optional === true;
	};
	return (
		Object.entries(packages).every(isThere) &&
		Object.keys(installed.packages).every((path) => path in packages)
	);
}

const napiFlags = [
	"--platform",
	"--manifest-path=crates/node/Cargo.toml",
	"--no-js",
	"--dts=binding.d.cts",
	"--no-const-enum",
];

/** The addon for this platform, or in a folder of its own that for another. */
function native(profile, target, crossFlags = []) {
	const folder = target ? join("artifacts", target) : "native";
	const flags = [...napiFlags, `--output-dir=${folder}`, ...crossFlags];
	if (target) flags.push(`--target=${target}`);
	// The tool looks for the outcome in target/<profile>, but Cargo's "dev" builds into target/debug.
	if (profile !== "dev") flags.push(`--profile=${profile}`);
	const stamp = nativeStamp(folder, flags);
	const what = target ? `${target}, ${profile} profile` : `${profile} profile`;
	return {
		title: `building the native addon (${what})`,
		needsRust: true,
		isDone: () => isStamped(stamp),
		run: () =>
			withStamp(stamp, () =>
				node("@napi-rs/cli/dist/cli.js", "build", ...flags),
			),
	};
}

function nativeStamp(folder, flags) {
	return {
		file: join(folder, ".stamp"),
		// One shared folder may be seen from two platforms.
		setting: [process.platform, process.arch, ...flags].join(" "),
		inputs: () =>
			listFiles(
				["crates", "Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain.toml"],
				(file) => !file.startsWith(join("crates", "load") + sep),
			),
		outputs: () => listFiles([folder], isNativeOutput),
	};
}

/** Takes the addon and its types from below `folder`, where they were built, as if they had been built here and now. */
function adopt(folder) {
	const built = listFiles([folder], isNativeOutput);
	if (built.length !== 2) {
		throw new SetupError(`setup: no addon and its types below ${folder}`);
	}
	const flags = [...napiFlags, "--output-dir=native", "--profile=release"];
	withStamp(nativeStamp("native", flags), () => {
		rmSync("native", { recursive: true, force: true });
		for (const file of built) cpSync(file, join("native", basename(file)));
	});
}

function isNativeOutput(file) {
	return /\.(node|cts)$/.test(file);
}

const typescriptStamp = {
	file: "build/.stamp",
	setting: "",
	inputs: () => [
		...typescriptSources(),
		...listFiles([
			"native/binding.d.cts",
			"package.json",
			"package-lock.json",
			"scripts/build-types.mjs",
			"scripts/bundle.mjs",
			"tsconfig.src.json",
			"tsconfig.test.json",
		]),
	],
	outputs: () => [
		...typescriptOutputs(),
		...listFiles(["index.d.ts", "index.d.cts"]),
	],
};

const typescript = {
	title: "compiling TypeScript",
	isDone: () => isStamped(typescriptStamp),
	run: () => withStamp(typescriptStamp, buildTypescript),
};

/** The package first, bundled with its declarations, then what imports it by its name. */
function buildTypescript() {
	if (hasForeignOutput()) {
		rmSync("dist", { recursive: true, force: true });
		rmSync("build", { recursive: true, force: true });
	}
	node("typescript/bin/tsc", "--project", "tsconfig.src.json");
	run(process.execPath, ["scripts/bundle.mjs"]);
	run(process.execPath, ["scripts/build-types.mjs"]);
	node("typescript/bin/tsc", "--project", "tsconfig.test.json");
}

/**
 * Whether an incremental build would go wrong: the compiler leaves the output
 * of a deleted source where it is (and AVA would run it), and it does not
 * notice that an output was deleted.
 */
function hasForeignOutput() {
	const expected = new Set(typescriptSources().map(outputOf));
	const actual = listFiles(["build"], isJavaScript);
	return (
		actual.length !== expected.size ||
		actual.some((file) => !expected.has(file))
	);
}

function typescriptSources() {
	return listFiles(["index.ts", "src", "examples", "__test__"], (file) =>
		file.endsWith(".ts"),
	);
}

function typescriptOutputs() {
	return listFiles(["dist", "build"], isJavaScript);
}

function isJavaScript(file) {
	return /\.c?js$/.test(file);
}

export function outputOf(source) {
	const isTest = /^(examples|__test__)[\\/]/.test(source);
	return join(
		isTest ? "build" : "build/package",
		source.replace(/\.ts$/, ".js"),
	);
}

// A stamp is a file with two fingerprints: of what went into a step and of what came out.

function isStamped({ file, setting, inputs, outputs }) {
	return (
		readIfThere(file) ===
		`${fingerprint(inputs(), setting)} ${fingerprint(outputs())}\n`
	);
}

/** The inputs count as they were at the start, so an edit during the build makes the step due again. */
function withStamp({ file, setting, inputs, outputs }, build) {
	const before = fingerprint(inputs(), setting);
	build();
	writeFileSync(file, `${before} ${fingerprint(outputs())}\n`);
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

function readIfThere(file) {
	return existsSync(file) ? readFileSync(file, "utf8") : "";
}

if (isMain(import.meta.url)) {
	await runScript(() => setup(parseArguments(process.argv.slice(2))));
}
