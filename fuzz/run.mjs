/**
 * `npm run fuzz`: fuzzes crates/wire, one target of fuzz/ after the other.
 *
 *   node fuzz/run.mjs [--seconds 20] [--if-possible] [target ...]
 *
 * It needs nightly Rust; without it this is an error, or with `--if-possible`
 * nothing to do. cargo-fuzz is installed below target/ when there is none.
 * Inputs that fail stay in fuzz/artifacts, those that reach new code in
 * fuzz/target/corpus, where the next run begins with them. Ends with 1 when an
 * input fails, and when a target was not run at all.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { hasNightly, nightly, SetupError } from "../scripts/requirements.mjs";
import { isMain, root, runScript } from "../scripts/setup.mjs";

const cargoFuzzVersion = "0.13.1";
const toolFolder = join(root, "target", "cargo-fuzz");

/** @typedef {{ runs: number, coverage: string, failed: boolean }} Outcome */

async function main(args) {
	const { values, positionals } = parseArgs({
		args,
		allowPositionals: true,
		options: {
			seconds: { type: "string", default: "20" },
			"if-possible": { type: "boolean", default: false },
		},
	});
	const seconds = Number(values.seconds);
	if (!Number.isInteger(seconds) || seconds < 1) {
		throw new SetupError(`fuzz: --seconds is a number, not ${values.seconds}`);
	}
	process.chdir(root);
	if (!hasNightly()) {
		if (!values["if-possible"]) {
			throw new SetupError(
				"fuzz: fuzzing needs nightly Rust: `rustup toolchain install nightly --profile minimal`",
			);
		}
		console.log("fuzz: skipped: no nightly Rust");
		return;
	}
	const cargoFuzz = findCargoFuzz();
	// cargo-fuzz itself would change a lockfile that is out of date.
	run("cargo", "fetch", "--locked", "--manifest-path", "fuzz/Cargo.toml");
	run(cargoFuzz, "fuzz", "build");
	const rows = [];
	for (const target of chosenTargets(positionals)) {
		rows.push([target, await fuzz(cargoFuzz, target, seconds)]);
	}
	printTable(rows);
	process.exitCode = rows.every(([, outcome]) => isGood(outcome)) ? 0 : 1;
}

/** The command that the user has, or else our own. */
function findCargoFuzz() {
	const own = join(toolFolder, "bin", "cargo-fuzz");
	for (const command of ["cargo-fuzz", own]) {
		if (spawnSync(command, ["--version"]).status === 0) return command;
	}
	const install = ["install", `cargo-fuzz@${cargoFuzzVersion}`, "--locked"];
	// With the stable toolchain: nightly does not compile all that it is made of.
	runWith(process.env, "cargo", ...install, "--root", toolFolder);
	return own;
}

/** Every target, or those that were named. */
function chosenTargets(names) {
	const targets = readdirSync(join("fuzz", "fuzz_targets")).map((file) =>
		file.replace(/\.rs$/, ""),
	);
	const unknown = names.find((name) => !targets.includes(name));
	if (unknown !== undefined) {
		throw new SetupError(`fuzz: no target ${unknown}: ${targets.join(", ")}`);
	}
	return names.length > 0 ? names : targets;
}

/** @returns {Promise<Outcome>} */
async function fuzz(cargoFuzz, target, seconds) {
	console.log(`fuzz: ${target} for ${seconds} s ...`);
	// New inputs go to the first folder; the second one is only read.
	const found = join("fuzz", "target", "corpus", target);
	const seeds = join("fuzz", "corpus", target);
	mkdirSync(found, { recursive: true });
	const folders = [found, ...(existsSync(seeds) ? [seeds] : [])];
	const limits = [`-max_total_time=${seconds}`, "-timeout=10", "-max_len=8192"];
	const { code, output } = await collect(cargoFuzz, [
		"fuzz",
		"run",
		target,
		...folders,
		"--",
		...limits,
		"-print_final_stats=1",
	]);
	const outcome = { ...statistics(output), failed: code !== 0 };
	if (!isGood(outcome)) console.error(output.split("\n").slice(-60).join("\n"));
	return outcome;
}

/** What libFuzzer says of a run: how many inputs it has executed, and how many edges of the code they have reached. */
export function statistics(output) {
	const runs = /^stat::number_of_executed_units:\s+(\d+)$/m.exec(output)?.[1];
	const coverage = [...output.matchAll(/^#\d+\s+\w+ +cov: (\d+)/gm)];
	const [first, last] = [coverage.at(0)?.[1], coverage.at(-1)?.[1]];
	return { runs: Number(runs ?? 0), coverage: `${first} -> ${last}` };
}

function isGood({ runs, failed }) {
	return runs > 0 && !failed;
}

function printTable(rows) {
	for (const [target, outcome] of rows) {
		const { runs, coverage } = outcome;
		console.log(
			`${target.padEnd(14)}${isGood(outcome) ? "ok    " : "FAILED"}  ${runs} runs, edges reached: ${coverage}`,
		);
	}
}

/** Runs a command to its end and keeps what it says. */
function collect(command, args) {
	const child = spawn(command, args, {
		env: nightly,
		stdio: ["ignore", "pipe", "pipe"],
	});
	let output = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding("utf8").on("data", (text) => {
			output += text;
		});
	}
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code) => resolve({ code, output }));
	});
}

/** Runs a command of the nightly toolchain that shows what it does. */
function run(command, ...args) {
	runWith(nightly, command, ...args);
}

function runWith(env, command, ...args) {
	const { status, error } = spawnSync(command, args, { env, stdio: "inherit" });
	if (status !== 0) {
		const reason = error?.message ?? `ended with ${status}`;
		throw new SetupError(`fuzz: ${[command, ...args].join(" ")}: ${reason}`);
	}
}

if (isMain(import.meta.url)) {
	await runScript(() => main(process.argv.slice(2)));
}
