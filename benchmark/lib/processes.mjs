/** Starts and ends servers, and runs the load generator. Nothing outlives this process, and every wait has an end. */
import { spawn } from "node:child_process";
import { once } from "node:events";

const startLimitMs = 20_000;
const stopLimitMs = 3_000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", killAll);
for (const signal of ["SIGINT", "SIGTERM"]) {
	process.once(signal, () => process.exit(1));
}

/**
 * Starts a server and waits for its line `listening PORT`, or `listening unix:PATH`; `target` is what gev-load is told.
 *
 * @param {string[]} command Must become the server: its process id is the server's.
 */
export async function startServer(command) {
	const child = start(command);
	const stderr = collect(child.stderr);
	const stdout = collect(child.stdout);
	const place = await new Promise((resolve, reject) => {
		const fail = (reason) =>
			reject(new Error(`${command.join(" ")}: ${reason}\n${stderr.text}`));
		const timer = setTimeout(
			fail,
			startLimitMs,
			`not listening after ${startLimitMs} ms`,
		);
		child.once("error", (error) => fail(error.message));
		child.once("exit", (code, signal) => fail(`ended with ${signal ?? code}`));
		child.stdout.on("data", () => {
			const line = /^listening (\d+|unix:.+)$/m.exec(stdout.text);
			if (line) {
				clearTimeout(timer);
				resolve(line[1]);
			}
		});
	});
	const target = place.startsWith("unix:") ? place : `127.0.0.1:${place}`;
	return { target, pid: child.pid, stop: () => stop(child) };
}

/**
 * Runs a command to its end.
 *
 * @param {string[]} command
 * @param {number} limitMs It is killed after this time.
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
export async function runToEnd(command, limitMs) {
	const child = start(command);
	const stdout = collect(child.stdout);
	const stderr = collect(child.stderr);
	const timer = setTimeout(() => child.kill("SIGKILL"), limitMs);
	const [code] = await once(child, "close");
	clearTimeout(timer);
	return { code, stdout: stdout.text, stderr: stderr.text };
}

function start([program, ...args]) {
	const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
	running.add(child);
	child.once("close", () => running.delete(child));
	return child;
}

async function stop(child) {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const closed = once(child, "close");
	child.kill("SIGTERM");
	const timer = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
	await closed;
	clearTimeout(timer);
}

function killAll() {
	for (const child of running) child.kill("SIGKILL");
}

function collect(stream) {
	const collected = { text: "" };
	stream.setEncoding("utf8");
	stream.on("data", (chunk) => {
		collected.text += chunk;
	});
	return collected;
}
