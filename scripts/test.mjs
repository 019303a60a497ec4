/**
 * `npm test`: the Rust tests, then AVA twice (with a thread for each event loop,
 * and without, where there is that), last what failed, told once more, since the
 * end of a log is what people are shown, and one line with the sum of all.
 * Arguments (`npm test -- --match='*close*'`) go to AVA, which runs once then,
 * without the Rust tests.
 */
import { spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { checkRust } from "./requirements.mjs";
import { isMain, root, runScript, setup } from "./setup.mjs";

const cargo = ["cargo", "test", "--workspace", "--no-fail-fast"];
const ava = "node_modules/ava/entrypoints/cli.mjs";

async function main(args) {
	const everything = args.length === 0;
	if (everything) checkRust();
	setup();

	const counts = everything
		? [countCargo(await runAndShow(cargo)), await runSuite(process.execPath)]
		: [countAva(await runAndShow([process.execPath, ava, ...args]))];
	const { passed, failed, told } = inAll(counts);
	for (const part of told) console.log(part);
	process.stdout.write(`${passed} passed, ${failed} failed\n`);
	process.exitCode = failed === 0 ? 0 : 1;
}

/** AVA under this Node.js, with a thread for each event loop, and without where there is that; and how many tests passed. */
export async function runSuite(node) {
	const PATH = [dirname(node), process.env.PATH].join(delimiter);
	const counts = [countAva(await runAndShow([node, ava], { PATH }))];
	if (process.platform !== "win32") {
		console.log("\nand with servers whose event loop has no thread:");
		const env = { PATH, GEV_TEST_THREADS: "0" };
		counts.push(countAva(await runAndShow([node, ava], env)));
	}
	return inAll(counts);
}

function inAll(counts) {
	return {
		passed: sum(counts.map((count) => count.passed)),
		failed: sum(counts.map((count) => count.failed)),
		told: counts.flatMap((count) => count.told),
	};
}

/** Every test binary ends with a line of its own. */
export function countCargo({ text, ok }) {
	const passed = total(text, /^test result: .* (\d+) passed;/gm);
	const failed = total(text, /^test result: .* (\d+) failed;/gm);
	const told = text.match(/^failures:$[\s\S]*?^test result: FAILED/gm);
	return {
		passed,
		failed: atLeastOne(failed, ok),
		told: ok ? [] : (told ?? []),
	};
}

/** AVA does not say how many tests passed when another failed, so their lines are counted. */
export function countAva({ text, ok }) {
	const passed = text.match(/^ {2}[✔√] /gm)?.length ?? 0;
	const failed = total(
		text,
		/^ {2}(\d+) (?:tests? failed|hooks? failed|unhandled rejections?|uncaught exceptions?|tests? remained pending after a timeout)$/gm,
	);
	// Those that a timeout has ended are named where it came, and not once more at the end.
	const pending = text.match(
		/^ {2}(?:\d+ tests were pending in|Failed to exit when running|◌|\( \)) .*/gm,
	);
	const told = text.slice(text.lastIndexOf("\n  ─\n") + 1);
	return {
		passed,
		failed: atLeastOne(failed, ok),
		told: ok ? [] : [...(pending ?? []), told],
	};
}

/** A run that failed without naming a test, for example because it did not compile, is one failure. */
function atLeastOne(failed, ok) {
	return ok ? failed : Math.max(failed, 1);
}

function total(text, pattern) {
	return sum([...text.matchAll(pattern)].map((match) => Number(match[1])));
}

function sum(numbers) {
	return numbers.reduce((left, right) => left + right, 0);
}

/** Passes the output on while it comes, and keeps what was written to standard output. */
function runAndShow([command, ...args], env = {}) {
	const colour = process.stdout.isTTY
		? { FORCE_COLOR: "1", CARGO_TERM_COLOR: "always" }
		: {};
	const child = spawn(command, args, {
		cwd: root,
		env: { ...process.env, ...colour, ...env },
		stdio: ["inherit", "pipe", "inherit"],
	});
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (chunk) => {
		output += chunk;
		process.stdout.write(chunk);
	});
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code) =>
			resolve({ text: stripVTControlCharacters(output), ok: code === 0 }),
		);
	});
}

if (isMain(import.meta.url)) {
	await runScript(() => main(process.argv.slice(2)));
}
