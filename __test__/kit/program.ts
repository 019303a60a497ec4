import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import { Queue } from "./queue.js";

/** How a program ended. */
export interface Ended {
	code: number | null;
	signal: NodeJS.Signals | null;
	stdout: string;
	stderr: string;
}

/** A program that runs in a process of its own. */
export interface Program {
	pid: number;
	/** The next line on its standard output. Rejects when it ends before. */
	line(): Promise<string>;
	signal(name: NodeJS.Signals): void;
	ended: Promise<Ended>;
}

/**
 * Runs one of the programs in `fixtures/` in a process of its own, to its end.
 *
 * @param name - file name without its ending.
 */
export function run(name: string, ...args: string[]): Promise<Ended> {
	return runWith({}, name, ...args);
}

/** As {@link run}, with variables of the environment that are others. */
export function runWith(
	env: NodeJS.ProcessEnv,
	name: string,
	...args: string[]
): Promise<Ended> {
	const file = new URL(`../fixtures/${name}.js`, import.meta.url);
	return launch([fileURLToPath(file), ...args], env).ended;
}

/**
 * Starts Node.js with these arguments, and kills it when the test is over.
 *
 * @param env - variables of the environment that are others, or (`undefined`) not there.
 * @param file - the path of another program than Node.js.
 */
export function start(
	t: ExecutionContext,
	args: string[],
	env: NodeJS.ProcessEnv = {},
	file = process.execPath,
): Program {
	const program = launch(args, env, file);
	t.teardown(() => program.signal("SIGKILL"));
	return program;
}

/** What a program that is none of ours is told: a sanitizer that watches this process is not for it. */
export function foreignEnvironment(): Record<string, string | undefined> {
	const ours = Object.entries(process.env);
	return Object.fromEntries(ours.filter(([name]) => name !== "LD_PRELOAD"));
}

/** True when it stands still, by SIGSTOP. Linux only. */
export function isStopped({ pid }: Program): boolean {
	const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
	return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
}

function launch(
	args: string[],
	env: NodeJS.ProcessEnv = {},
	file = process.execPath,
): Program {
	const child = spawn(file, args, {
		env: { ...process.env, ...env },
		stdio: ["ignore", "pipe", "pipe"],
		// Not a limit of a test, which AVA's timeout ends: nothing is to be left behind then.
		timeout: 600_000,
		killSignal: "SIGKILL",
	});
	let stdout = "";
	let stderr = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		stdout += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text) => {
		stderr += text;
	});
	const lines = new Queue<string>();
	createInterface({ input: child.stdout }).on("line", (line) =>
		lines.push(line),
	);
	const ended = new Promise<Ended>((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code, signal) =>
			resolve({ code, signal, stdout, stderr }),
		);
	});
	const noLine = ended.then(({ stderr }): never => {
		throw new Error(`ended without another line: ${stderr}`);
	});
	noLine.catch(() => {});
	return {
		pid: child.pid ?? 0,
		line: () => Promise.race([lines.next(), noLine]),
		signal: (name) => void child.kill(name),
		ended,
	};
}
