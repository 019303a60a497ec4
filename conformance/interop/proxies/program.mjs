/** Programs that others wrote, on ports that are free. None outlives this process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const startLimitMs = 5000;
const stopLimitMs = 3000;

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();
process.on("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts a program and waits until it takes connections on these ports.
 *
 * @param {string[]} command Must become the program.
 * @param {number[]} ports
 * @returns {Promise<{ stop: () => Promise<void> }>}
 */
export async function startProgram([executable, ...args], ports) {
	const child = spawn(executable, args, { stdio: ["ignore", "pipe", "pipe"] });
	running.add(child);
	let output = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding("utf8").on("data", (text) => {
			output += text;
		});
	}
	const closed = once(child, "close").then(() => running.delete(child));
	const ended = closed.then(() => {
		throw new Error(`${executable} has ended: ${output.trim()}`);
	});
	// Later it may end.
	ended.catch(() => {});
	const listening = Promise.all(ports.map(untilListening));
	try {
		await Promise.race([listening, ended]);
	} catch (error) {
		child.kill("SIGKILL");
		throw error;
	}
	return { stop: () => stop(child, closed) };
}

async function stop(child, closed) {
	child.kill("SIGTERM");
	const timer = setTimeout(() => child.kill("SIGKILL"), stopLimitMs);
	await closed;
	clearTimeout(timer);
}

async function untilListening(port) {
	const deadline = Date.now() + startLimitMs;
	for (;;) {
		const socket = connect(port, "127.0.0.1");
		try {
			await once(socket, "connect");
			return;
		} catch (error) {
			if (Date.now() > deadline) throw error;
			await sleep(20);
		} finally {
			socket.destroy();
		}
	}
}

/** A port that is free for IPv4 and IPv6 on loopback, as long as nobody else takes it. */
export async function freePort() {
	const four = await listen("127.0.0.1", 0);
	const { port } = four.address();
	const six = await listen("::1", port);
	await Promise.all([four, six].map((server) => once(server.close(), "close")));
	return port;
}

async function listen(host, port) {
	const server = createServer().listen({ host, port });
	await once(server, "listening");
	return server;
}
