/**
 * The clients of `npm run interop`, and how each is brought to where it can
 * run: fetched, installed or built once, below node_modules/.cache or target/.
 *
 * @typedef {object} Client
 * @property {string} name
 * @property {() => Prepared | undefined} prepare Does what is missing; nothing comes back when that cannot be done,
 *   and the reason is on stderr.
 *
 * @typedef {object} Prepared
 * @property {string[]} command The server's URL is to follow; it prints a line `CHECK OUTCOME` for each check.
 * @property {string} version
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
	cacheFolder,
	execute,
	fetchRuntime,
	install,
	runtimes,
	suitsThisMachine,
	versionOf,
} from "../../scripts/npm-runtimes.mjs";
import { pythonEnvironment } from "../../scripts/python.mjs";
import { root } from "../../scripts/setup.mjs";
import { find } from "./programs.mjs";

const cache = cacheFolder("gev-interop");
const folder = join(root, "conformance", "interop");
const program = join(folder, "javascript.mjs");
const playwright = "playwright-core@1.65.1";

/** @type {Client[]} */
export const clients = [
	fromNpm("ws"),
	fromNpm("undici"),
	...runtimes
		// Which has no client of its own.
		.filter(({ name }) => name !== "Node.js 20")
		.map((runtime) => ({
			name: runtime.name,
			prepare: () => prepareRuntime(runtime),
		})),
	{ name: "Chromium", prepare: prepareChromium },
	{ name: "websockets", prepare: () => preparePython("websockets") },
	{ name: "aiohttp", prepare: () => preparePython("aiohttp") },
	{ name: "gorilla", prepare: prepareGorilla },
	{ name: "tungstenite", prepare: prepareTungstenite },
];

/** A client that is one of the development packages. */
function fromNpm(name) {
	const manifest = join(root, "node_modules", name, "package.json");
	return {
		name,
		prepare: () => ({
			command: [process.execPath, program, name],
			version: JSON.parse(readFileSync(manifest, "utf8")).version,
		}),
	};
}

function prepareRuntime(runtime) {
	if (!suitsThisMachine)
		return missing("the runtimes are fetched for linux-x64");
	const executable = fetchRuntime(runtime);
	if (!existsSync(executable)) return undefined;
	return {
		command: [executable, ...runtime.flags, program, "native"],
		version: versionOf(executable),
	};
}

function prepareChromium() {
	const executable = find("chromium", "chromium-browser", "google-chrome");
	if (executable === undefined) return missing("there is no Chromium");
	const prefix = join(cache, playwright);
	const library = join(prefix, "node_modules", "playwright-core");
	if (!existsSync(library)) install(playwright, prefix);
	if (!existsSync(library)) return undefined;
	const script = join(folder, "chromium.mjs");
	return {
		command: [process.execPath, script, library, executable],
		version: versionOf(executable),
	};
}

/** Both Python clients share a virtual environment, which is made anew when the requirements are others. */
function preparePython(name) {
	const requirements = join(folder, "python_requirements.txt");
	const wanted = readFileSync(requirements, "utf8");
	const { python, missing: reason } = pythonEnvironment(
		"gev-interop-python",
		requirements,
	);
	if (reason) return missing(reason);
	return {
		// Without files of byte code beside the sources.
		command: [python, "-B", join(folder, `python_${name}.py`)],
		version: firstGroup(wanted, RegExp(`^${name}==(.*)$`, "m")),
	};
}

function prepareGorilla() {
	const source = join(folder, "gorilla");
	const executable = join(cache, "gorilla");
	const build = ["build", "-C", source, "-mod=readonly", "-o", executable, "."];
	if (!succeeds("go", build)) return undefined;
	const manifest = readFileSync(join(source, "go.mod"), "utf8");
	return {
		command: [executable],
		version: firstGroup(manifest, /gorilla\/websocket v(.*)/),
	};
}

function prepareTungstenite() {
	const example = [
		"--quiet",
		"--package=gev-reactor",
		"--example=interop-client",
	];
	if (!succeeds("cargo", ["build", ...example])) return undefined;
	const lock = readFileSync(join(root, "Cargo.lock"), "utf8");
	return {
		command: ["cargo", "run", ...example, "--"],
		version: firstGroup(lock, /^name = "tungstenite"\nversion = "(.*)"$/m),
	};
}

function succeeds(command, args) {
	const { ok, output } = execute(command, args, 600_000);
	return ok || missing(output);
}

function missing(reason) {
	console.error(reason);
	return undefined;
}

function firstGroup(text, pattern) {
	return pattern.exec(text)?.[1] ?? "?";
}
