/** What the sanitizers have in common: an instrumented addon, programs that run with it, and what is reported of them. */
import { spawn, spawnSync } from "node:child_process";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { nightly, SetupError } from "../../scripts/requirements.mjs";
import { root } from "../../scripts/setup.mjs";

/** The only platform that they all know; named, so that build scripts and macros are built without them. */
export const target = "x86_64-unknown-linux-gnu";
export const suitsThisMachine =
	process.platform === "linux" && process.arch === "x64";

export const needsNightly =
	"nightly Rust: `rustup toolchain install nightly --profile minimal`";

/** The environment of a build with nightly Rust that these flags make a sanitizer's. */
export function instrumented(rustFlags) {
	return {
		...nightly,
		RUSTFLAGS: `${rustFlags} -Cdebuginfo=line-tables-only -Cforce-frame-pointers=yes`,
		// With assertions, and yet not so slow that time-outs pass.
		CARGO_PROFILE_DEV_OPT_LEVEL: "1",
	};
}

export function hasTool(name) {
	return spawnSync(name, ["--version"]).status === 0;
}

/** The arguments with which Node runs the program that starts and stops servers. */
export function scenario({ rounds, clients, messages, workers }) {
	const numbers = [rounds, clients, messages, workers].map(String);
	return ["__test__/sanitize/scenario.mjs", ...numbers];
}

/** Programs that end by themselves, when nothing is left: their threads have ended, and their memory is free. */
export const programs = [
	scenario({ rounds: 3, clients: 20, messages: 16, workers: 10 }),
	["build/__test__/fixtures/ending.js", "stop"],
	["build/__test__/fixtures/restarts.js"],
	["build/__test__/fixtures/terminations.js"],
	["build/__test__/fixtures/pool-deaths.js"],
];

/** Where a run's reports go, and what its processes say of themselves; empty of what an earlier run has left. */
export function emptyFolders(name) {
	const folder = join(root, "target", "sanitize", name, "run");
	rmSync(folder, { recursive: true, force: true });
	const reports = join(folder, "reports");
	mkdirSync(reports, { recursive: true });
	return { reports, witnesses: join(folder, "witnesses") };
}

/** Builds the addon and returns its path. `marker` is a symbol that only an instrumented one asks for. */
export async function buildAddon(name, env, marker) {
	const folder = join(root, "target", "sanitize", name);
	const args = ["build", "--package=gev-node", `--target=${target}`, "--quiet"];
	await expectSuccess(
		await run("cargo", [...args, `--target-dir=${folder}`], { env }),
	);
	// Node takes it for an addon by the end of its name.
	const addon = join(folder, "gev.node");
	copyFileSync(join(folder, target, "debug", "libgev_node.so"), addon);
	if (!readFileSync(addon).includes(marker)) {
		throw new SetupError(`sanitize: ${addon} does not know ${marker}`);
	}
	return addon;
}

/** Variables that make Node load this addon, below a sanitizer's library, and note what it had loaded in the end. */
export function loading({ addon, library, witnesses }) {
	const witness = pathToFileURL(join(root, "__test__/sanitize/witness.mjs"));
	return {
		NAPI_RS_NATIVE_LIBRARY_PATH: addon,
		...(library ? { LD_PRELOAD: library } : {}),
		NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --import=${witness}`,
		GEV_WITNESS: witnesses,
	};
}

/** How many processes had the addon loaded to their end. It is an error when one had another, or no sanitizer. */
export function countWitnesses({ addon, library, witnesses }) {
	const loaded = existsSync(witnesses)
		? readFileSync(witnesses, "utf8").trim().split("\n").map(JSON.parse)
		: [];
	const users = loaded.filter((files) =>
		files.some((f) => f.endsWith(".node")),
	);
	const sanitizer = library?.split("/").at(-1).split(".so")[0];
	for (const files of users) {
		const isRight =
			files.includes(addon) &&
			files.filter((file) => file.endsWith(".node")).length === 1 &&
			(!sanitizer || files.some((file) => file.includes(sanitizer)));
		if (!isRight) throw new SetupError(`sanitize: a process had ${files}`);
	}
	return users.length;
}

/** Every report that is in a folder, as one text each. */
export function readReports(folder) {
	return readdirSync(folder).map((file) =>
		readFileSync(join(folder, file), "utf8"),
	);
}

/** Runs a command to its end; `output` is all that it has written. With `shown` it is passed on meanwhile. */
export function run(command, args, { env, shown = false } = {}) {
	const child = spawn(command, args, {
		env: { ...process.env, ...env },
		stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	for (const [from, to] of [
		[child.stdout, process.stdout],
		[child.stderr, process.stderr],
	]) {
		from.setEncoding("utf8").on("data", (text) => {
			output += text;
			if (shown) to.write(text);
		});
	}
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code) =>
			resolve({ command: [command, ...args].join(" "), code, output }),
		);
	});
}

/** Runs Node with each of these arguments, and returns how many failed; what those have said is shown. */
export async function runPrograms(programs, env, wrapper = []) {
	let failed = 0;
	for (const program of programs) {
		const [command, ...args] = [...wrapper, process.execPath, ...program];
		const { code, output } = await run(command, args, { env });
		if (code === 0) continue;
		failed++;
		console.error(
			`${output.trimEnd()}\nsanitize: failed: ${program.join(" ")}`,
		);
	}
	return failed;
}

export function expectSuccess({ command, code, output }) {
	if (code === 0) return;
	throw new SetupError(`${output.trimEnd()}\nsanitize: failed: ${command}`);
}
