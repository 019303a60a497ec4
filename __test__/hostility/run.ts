import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, run as runProgram } from "../kit/program.js";

/** What the program `fixtures/hostility.ts` is told. */
export interface Run {
	seed: number;
	/** The seed of the only trial; many if it is left out. */
	trial?: number | undefined;
	/** Servers that are tried, one after the other. */
	trials: number;
	/** Things that are done with each. */
	steps: number;
	/** Kinds of hostility that are left out, with commas between them. */
	without: string;
	/** File for what is done. */
	diary: string;
}

/** What the program says in the end. */
export interface Report {
	/** The first thing that is not as it should be. */
	finding: string | undefined;
	counts: Record<string, number>;
	/** Steps that were taken. */
	steps: number;
}

/** What a run has come to. */
export interface Outcome extends Report {
	/** The seed of the trial that was the last. */
	trial: number;
	/** What was done last, a line each with the number of its step. */
	lastLines: string[];
}

/** Is hostile to some servers in a process of its own, and says what that has come to. */
export async function beHostile({
	seed,
	trial,
	trials = 10,
	steps = 150,
	without = process.env.GEV_HOSTILITY_WITHOUT ?? "",
}: Partial<Run> & { seed: number }): Promise<Outcome> {
	const folder = mkdtempSync(join(tmpdir(), "gev-hostility-"));
	const diary = join(folder, "diary");
	try {
		const told: Run = { seed, trial, trials, steps, without, diary };
		const ended = await runProgram("hostility", JSON.stringify(told));
		const lines = readFileSync(diary, "utf8").trimEnd().split("\n");
		return {
			...reportOf(ended, lines),
			trial: trialOf(lines),
			lastLines: lines.slice(-LAST_LINES),
		};
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function reportOf(ended: Ended, lines: string[]): Report {
	const { code, signal, stdout, stderr } = ended;
	if (code === 0 && stdout !== "") return JSON.parse(stdout) as Report;
	const how = `the process ended with ${signal ?? code}`;
	const steps = Number.parseInt(lines.at(-1) ?? "", 10);
	return { finding: `${how}: ${stderr.slice(-2000)}`, counts: {}, steps };
}

/** The seed of the last trial. */
function trialOf(lines: string[]): number {
	const first = lines.findLast((line) => TRIAL.test(line)) ?? "";
	return Number(TRIAL.exec(first)?.[1]);
}

/** How a trial begins in the diary. */
const TRIAL = /^\d+ trial (\d+):/;
const LAST_LINES = 30;
