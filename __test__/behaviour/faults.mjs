/**
 * `npm run faults`: the scenarios of this folder in circumstances that are
 * worse than those of a test machine, and those of faults.test.ts that
 * take their time. Prints a line for each mode, with what was counted.
 *
 *   node __test__/behaviour/faults.mjs [--mode NAME] [--times 1] [--seed N]
 *
 * A mode is one of modes.ts, a group of them (plain, balance, chaos,
 * syscalls), or "scenarios", which are those of the test file. What needs a
 * program that is not installed is left out, and a line says so. Ends with 1
 * when anything was not as it should be; the same seed makes the same letters,
 * delays and resets again.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { SetupError } from "../../scripts/requirements.mjs";
import { root, runScript } from "../../scripts/setup.mjs";

const SCENARIOS = "scenarios";

async function main() {
	const { values } = parseArgs({
		options: {
			mode: { type: "string" },
			times: { type: "string", default: "1" },
			seed: { type: "string", default: `${randomInt(2 ** 31)}` },
		},
	});
	const { modes } = await import("../../build/__test__/behaviour/modes.js");
	const times = positive("--times", values.times);
	const seed = positive("--seed", values.seed);
	const { mode: wanted } = values;
	const chosen = modes.filter(
		({ name, group }) => wanted === undefined || [name, group].includes(wanted),
	);
	const withScenarios = wanted === undefined || wanted === SCENARIOS;
	if (chosen.length === 0 && !withScenarios) {
		const names = modes.flatMap(({ group, name }) => group ?? name);
		throw new SetupError(
			`faults: no mode ${wanted}; there are ${[...new Set(names), SCENARIOS].join(", ")}`,
		);
	}
	console.log(`faults: seed ${seed}`);
	let failed = 0;
	for (const mode of chosen) {
		if (!(await isGood(mode, { seed, times }))) failed++;
	}
	if (withScenarios && !areScenariosGood(times)) failed++;
	// Not by itself: Node.js keeps the handle of a socket whose reset fails, and with it the process.
	process.exit(failed === 0 ? 0 : 1);
}

async function isGood(mode, options) {
	const { runMode, whyNoFaults } = await import(
		"../../build/__test__/behaviour/suite.js"
	);
	const why = mode.faults && whyNoFaults();
	if (why !== undefined) {
		console.log(`${mode.name}: left out, as ${why}`);
		return true;
	}
	try {
		console.log(`${mode.name}: ${inWords(await runMode(mode, options))}`);
		return true;
	} catch (error) {
		console.log(`FAILED ${error.message}\n${error.cause?.stack ?? ""}`);
		return false;
	}
}

function inWords({ runs, connections, letters, cut, growth, injected }) {
	const counts = [
		`${runs} runs`,
		`${connections} connections`,
		`${letters} letters, 0 lost`,
		`${cut} connections cut on purpose`,
		`${injected} system calls tampered with`,
		`memory ${(growth / 2 ** 20).toFixed(1)} MiB more than after the first run`,
	];
	return counts.filter((count) => !count.startsWith("0 ")).join(", ");
}

/** AVA runs them, as it does in `npm test`, and here the long ones too. */
function areScenariosGood(times) {
	for (let run = 0; run < times; run++) {
		const { status } = spawnSync(
			process.execPath,
			[
				"node_modules/ava/entrypoints/cli.mjs",
				"build/__test__/behaviour/faults.test.js",
			],
			{
				cwd: root,
				stdio: "inherit",
				env: { ...process.env, GEV_FAULTS: "long" },
			},
		);
		if (status !== 0) return false;
	}
	return true;
}

function positive(name, text) {
	const number = Number(text);
	if (Number.isSafeInteger(number) && number > 0) return number;
	throw new SetupError(`faults: ${name} takes a number, not ${text}`);
}

await runScript(main);
