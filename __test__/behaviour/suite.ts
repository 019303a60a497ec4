import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Protocol } from "gev";
import { Random } from "../kit/random.js";
import { HostProcess } from "./host-process.js";
import type { Mode } from "./modes.js";
import { scenarios } from "./scenarios.js";
import { Stage, type Tally } from "./stage.js";

/** What a mode has come to, over all of its runs. */
export interface Outcome extends Tally {
	runs: number;
	/** What the host has grown by between the end of the first run and that of the last, in bytes. */
	growth: number;
	/** System calls that strace has given other results. */
	injected: number;
}

/**
 * How much more memory than after its first run the host may have after others. What a heap and an allocator keep differs by
 * this much from run to run, and does not add up: of twenty runs none may leave behind more than a part of this.
 */
export const GROWTH_LIMIT = 64 * 1024 * 1024;

/**
 * Runs all scenarios in a mode, by both protocols, so many times with one host. After each the host has to be back at as
 * many descriptors and threads as before, and after the last about as much memory as after the first.
 *
 * @throws (rejects) with the first thing that is not as it should be; its message begins with where it was.
 */
export async function runMode(
	mode: Mode,
	{ seed, times = 1 }: { seed: number; times?: number },
): Promise<Outcome> {
	const trace = mode.faults && new Trace(mode.faults.inject);
	const host = await HostProcess.start(trace?.command);
	const outcome: Outcome = {
		runs: 0,
		connections: 0,
		letters: 0,
		cut: 0,
		growth: 0,
		injected: 0,
	};
	try {
		await warmUp(host, mode);
		const line = host.usage();
		const seeds = new Random(seed);
		let memory = 0;
		for (let run = 0; run < times; run++) {
			for (const protocol of protocols) {
				for (const [name, scenario] of Object.entries(scenarios)) {
					if (mode.faults?.only?.includes(name) === false) continue;
					const stage = new Stage(host, mode, protocol, seeds.below(2 ** 32));
					const before = trace?.injected() ?? 0;
					try {
						await within(LIMIT_MS, scenario(stage));
						await host.backAt(line);
						const injected = (trace?.injected() ?? 0) - before;
						if (trace !== undefined) assert.ok(stage.tally.cut <= injected);
						outcome.injected += injected;
					} catch (error) {
						const where = `${mode.name}, ${protocol}, ${name}, run ${run + 1}`;
						const { message } = error as Error;
						throw new Error(`${where}: ${message}`, { cause: error });
					}
					outcome.connections += stage.tally.connections;
					outcome.letters += stage.tally.letters;
					outcome.cut += stage.tally.cut;
				}
			}
			if (run === 0) memory = host.memory("now");
			outcome.growth = host.memory("now") - memory;
			outcome.runs++;
		}
		assert.ok(
			outcome.growth < GROWTH_LIMIT,
			`${mode.name}: the host has grown by ${outcome.growth} bytes`,
		);
		await host.end();
	} finally {
		host.kill();
		trace?.remove();
	}
	return outcome;
}

/** What the process and the first server keep for good is no leak. */
async function warmUp(host: HostProcess, mode: Mode): Promise<void> {
	await host.call("start", "raw", mode.server);
	await host.call("stop", {});
	await host.call("tidy");
}

/** Why modes that change the results of system calls cannot run here; `undefined` if they can. */
export function whyNoFaults(): string | undefined {
	if (process.platform !== "linux") return "strace is a program for Linux";
	const args = ["-f", "--seccomp-bpf", "-e", "inject=close:delay_exit=1"];
	const { error, status, stderr } = spawnSync(
		"strace",
		[...args, "-o", "/dev/null", "true"],
		{ encoding: "utf8" },
	);
	if (error !== undefined) return "strace is not installed";
	return status === 0 ? undefined : `strace may not: ${stderr.trim()}`;
}

/** strace around the host, and what it has done. */
class Trace {
	readonly command: string[];
	readonly #folder = mkdtempSync(join(tmpdir(), "gev-faults-"));
	readonly #log = join(this.#folder, "log");

	constructor(inject: string[]) {
		const names = inject.map((rule) => rule.split(":", 1)[0]);
		this.command = [
			"strace",
			"-f",
			"--seccomp-bpf",
			"--quiet=all",
			"-o",
			this.#log,
			"-e",
			`trace=${names.join(",")}`,
			...inject.flatMap((rule) => ["-e", `inject=${rule}`]),
		];
	}

	/** How many calls it has tampered with so far. */
	injected(): number {
		const log = readFileSync(this.#log, "latin1");
		return log.match(/\((?:INJECTED|DELAYED)\)$/gm)?.length ?? 0;
	}

	remove(): void {
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

/** Rejects what takes longer: a client that waits for what never comes. */
async function within<Value>(
	limitMs: number,
	work: Promise<Value>,
): Promise<Value> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error("takes too long")), limitMs);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}

const protocols: readonly Protocol["name"][] = ["raw", "websocket"];

/** Nothing here takes a tenth of it on a machine that has nothing else to do. */
const LIMIT_MS = 60_000;
