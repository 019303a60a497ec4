/**
 * `npm run hostility`: servers are used by code that is hostile to them, in
 * random ways: see __test__/hostility. Each run is a process of its own with ten
 * servers; seeds count up from the first one until the time is over.
 *
 *   node __test__/hostility/hostility.mjs [--minutes 1] [--seed N]
 *     [--without KIND,KIND] [--only KIND,KIND] [--steps 150] [--trials 10]
 *     [--trial N]
 *
 * Says what it has found, with what was done last, and goes on. `--trial` plays
 * one server again, by the number that a finding comes with: as far as threads
 * and the network allow, the same happens again. `--without` leaves kinds of
 * hostility out, `--only` all others; a wrong name gets a list of them. Ends with
 * 1 when anything was found.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { SetupError } from "../../scripts/requirements.mjs";
import { runScript } from "../../scripts/setup.mjs";

async function main() {
	const { values } = parseArgs({
		options: {
			minutes: { type: "string", default: "1" },
			seed: { type: "string", default: `${randomInt(2 ** 31)}` },
			without: { type: "string", default: "" },
			only: { type: "string" },
			steps: { type: "string", default: "150" },
			trials: { type: "string", default: "10" },
			trial: { type: "string" },
		},
	});
	const { beHostile } = await import("../../build/__test__/hostility/run.js");
	const steps = positive("--steps", values.steps);
	const trials = positive("--trials", values.trials);
	const without = await leftOut(values);
	const trial = values.trial && positive("--trial", values.trial);
	const end =
		performance.now() + positive("--minutes", values.minutes) * 60_000;
	let seed = positive("--seed", values.seed);
	let found = 0;
	do {
		const outcome = await beHostile({ seed, trial, steps, trials, without });
		report(trial ? `trial ${trial}` : `seed ${seed}`, outcome);
		if (outcome.finding !== undefined) found++;
		seed++;
	} while (performance.now() < end);
	console.log(`hostility: ${found} of the runs have found something`);
	process.exitCode = found === 0 ? 0 : 1;
}

/** The names of kinds that are left out, with commas between them. */
async function leftOut({ without, only }) {
	const { kinds, parseKinds } = await import(
		"../../build/__test__/hostility/kinds.js"
	);
	try {
		const left = parseKinds(without);
		const kept = only === undefined ? undefined : parseKinds(only);
		return Object.keys(kinds)
			.filter((kind) => left.has(kind) || kept?.has(kind) === false)
			.join(",");
	} catch (error) {
		throw new SetupError(`hostility: ${error.message}`);
	}
}

function report(run, { finding, counts, steps, trial, lastLines }) {
	if (finding !== undefined) {
		const again = `again with --trial ${trial}`;
		console.log(`FOUND ${run}, ${again}, after ${steps} steps: ${finding}`);
		for (const line of lastLines) console.log(`    ${line}`);
		return;
	}
	const { onConnect = 0, onMessage = 0 } = counts;
	const queued = counts["send() said Queued"] ?? 0;
	console.log(
		`${run}: ${steps} steps, ${onConnect} connections, ${onMessage} messages in, ${queued} out`,
	);
}

function positive(name, text) {
	const number = Number(text);
	if (Number.isFinite(number) && number > 0) return number;
	throw new SetupError(`hostility: ${name} takes a number, not ${text}`);
}

await runScript(main);
