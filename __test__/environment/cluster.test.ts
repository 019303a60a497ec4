import { fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { Server } from "gev";
import { loops } from "../kit/loops.js";
import { type Program, start } from "../kit/program.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const fixture = (name: string) =>
	fileURLToPath(new URL(`../fixtures/${name}.js`, import.meta.url));

/** A cluster of so many workers, with so many servers each, and a client of every server. */
async function cluster(t: ExecutionContext, workers: number, servers = 1) {
	const args = [fixture("clustered"), `${workers}`, `${servers}`];
	const program = start(t, args);
	const ports: number[] = [];
	for (let count = 0; count < workers * servers; count++) {
		const line = await program.line();
		t.regex(line, /^listening \d+$/);
		ports.push(Number(line.slice("listening ".length)));
	}
	const clients = await Promise.all(
		ports.map((port) => connect(t, `ws://127.0.0.1:${port}`)),
	);
	return { program, ports, clients };
}

async function lines(program: Program, count: number): Promise<string[]> {
	const all: string[] = [];
	while (all.length < count) all.push(await program.line());
	return all.sort();
}

/** Nobody keeps these ports. The system may have given one of them to another test meanwhile, for a while. */
async function areFree(ports: number[]): Promise<void> {
	for (const port of ports) {
		const server = new Server({}, { host: "127.0.0.1", port, ...loops(1) });
		while (!(await starts(server))) await setTimeout(1);
		await server.stop();
	}
}

async function starts(server: Server): Promise<boolean> {
	try {
		await server.start();
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
		throw error;
	}
}

const goodbye = { code: 1001, reason: "server stopped" };

for (const deed of ["disconnect the worker", "disconnect yourself"]) {
	test(`the server of a cluster's worker stops when that is told: ${deed}`, async (t) => {
		const { program, ports, clients } = await cluster(t, 2);
		const [one, other] = clients;
		one?.socket.send(deed);
		t.deepEqual(await one?.closed, goodbye);
		t.deepEqual(await lines(program, 2), ["closed 1001 stop", "exit 0"]);
		await areFree(ports.slice(0, 1));
		// The other worker goes on, until it is its turn.
		other?.socket.send(deed);
		t.deepEqual(await other?.closed, goodbye);
		t.is((await program.ended).code, 0);
		await areFree(ports);
	});
}

test("all servers stop when their cluster is disconnected", async (t) => {
	const { program, ports, clients } = await cluster(t, 3, 2);
	clients[0]?.socket.send("disconnect the cluster");
	for (const { closed } of clients) t.deepEqual(await closed, goodbye);
	t.deepEqual(await lines(program, 9), [
		...Array(6).fill("closed 1001 stop"),
		...Array(3).fill("exit 0"),
	]);
	t.is((await program.ended).code, 0);
	await areFree(ports);
});

test("a worker with many servers is followed once, and nothing is left of those that were stopped", async (t) => {
	const count = 12;
	const { program, ports, clients } = await cluster(t, 1, count);
	clients[0]?.socket.send("disconnect the worker");
	for (const { closed } of clients) t.deepEqual(await closed, goodbye);
	const { code, stdout, stderr } = await program.ended;
	t.is(code, 0);
	t.deepEqual(stdout.split("\n").slice(count).sort(), [
		"",
		...Array(count).fill("closed 1001 stop"),
		"exit 0",
	]);
	t.is(stderr, "");
	await areFree(ports);
});

test("no server is left of a cluster whose primary is killed", async (t) => {
	const { program, ports, clients } = await cluster(t, 2);
	program.signal("SIGKILL");
	for (const { closed } of clients) {
		t.true([1001, 1006].includes((await closed).code));
	}
	// It has ended when nobody holds its output any more, the workers neither.
	await program.ended;
	await areFree(ports);
});

test("a server that starts while its worker is disconnected stops at once", async (t) => {
	const program = start(t, [fixture("cluster-latecomer")]);
	const line = await program.line();
	t.regex(line, /^listening \d+$/);
	t.is(await program.line(), "exit 0");
	t.is((await program.ended).code, 0);
	await areFree([Number(line.slice("listening ".length))]);
});

/** A server that echoes goes on. */
async function goesOn(t: ExecutionContext, port: number): Promise<void> {
	for (let count = 0; count < 3; count++) {
		const client = await tcp(t, port);
		client.write("?");
		t.is(String(await client.read(1)), "?");
		client.socket.destroy();
	}
}

test("a process that is forked and is no worker of a cluster goes on without its parent", async (t) => {
	const child = fork(fixture("forked"), {
		stdio: ["ignore", "pipe", 2, "ipc"],
	});
	t.teardown(() => child.kill("SIGKILL"));
	const output = createInterface({
		input: child.stdout as NodeJS.ReadableStream,
	});
	const [[line]] = await Promise.all([
		once(output, "line"),
		once(child, "message"),
	]);
	child.disconnect();
	t.deepEqual(await once(output, "line"), ["disconnected"]);
	await goesOn(t, Number(line.split(" ")[1]));
});

test("a process that a cluster's worker has forked goes on without it", async (t) => {
	const program = start(t, [fixture("forked"), "in-cluster"]);
	const [pid, port] = (await program.line()).split(" ").map(Number);
	t.teardown(() => process.kill(pid as number, "SIGKILL"));
	t.is(await program.line(), "disconnected");
	await goesOn(t, port as number);
});
