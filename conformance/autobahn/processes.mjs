/** Starts and ends the server and the runner. Nothing outlives this process, and every wait has an end. */
import { spawn } from "node:child_process";
import { once } from "node:events";

const startLimitMs = 20_000;
const stopLimitMs = 20_000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) {
	process.once(signal, () => process.exit(1));
}

/**
 * Starts a server and waits for its line `listening PORT`.
 *
 * @param {string[]} command
 * @returns {Promise<{ port: number, stop(): Promise<string[]> }>} `stop` tells what went wrong since the start.
 */
export async function startServer(command) {
	const server = start(command);
	const port = await new Promise((resolve, reject) => {
		const fail = (reason) => {
			server.child.kill("SIGKILL");
			reject(new Error(`the server ${reason}\n${server.stderr}`.trimEnd()));
		};
		const timer = setTimeout(fail, startLimitMs, "did not start in time");
		server.closed.then(({ how }) => {
			clearTimeout(timer);
			fail(`ended with ${how} instead of listening`);
		}, reject);
		server.child.stdout.on("data", () => {
			const line = /^listening (\d+)$/m.exec(server.stdout);
			if (line === null) return;
			clearTimeout(timer);
			resolve(Number(line[1]));
		});
	});
	return { port, stop: () => stop(server) };
}

/** A server that fails or complains has failed, whatever the cases say. */
async function stop(server) {
	server.child.stdin.end();
	const { how } = await closedWithin(server, stopLimitMs);
	return [
		...(how === 0 ? [] : [`the server ended with ${how}`]),
		...(server.stderr === "" ? [] : [`the server said: ${server.stderr}`]),
	];
}

/**
 * Runs a command to its end, or for `limitMs`.
 *
 * @param {string[]} command
 * @param {number} limitMs
 * @returns {Promise<{ how: number | string, stdout: string, stderr: string }>} `how` is its exit code or the signal.
 */
export async function runToEnd(command, limitMs) {
	const program = start(command);
	program.child.stdin.end();
	return closedWithin(program, limitMs);
}

async function closedWithin(program, limitMs) {
	const timer = setTimeout(() => program.child.kill("SIGKILL"), limitMs);
	await program.closed;
	clearTimeout(timer);
	return program;
}

function start([command, ...args]) {
	const child = spawn(command, args);
	running.add(child);
	const program = { child, stdout: "", stderr: "", how: undefined };
	for (const name of ["stdout", "stderr"]) {
		child[name].setEncoding("utf8").on("data", (chunk) => {
			program[name] += chunk;
		});
	}
	program.closed = once(child, "close").then(([code, signal]) => {
		running.delete(child);
		program.how = signal ?? code;
		return program;
	});
	return program;
}
