import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, networkInterfaces } from "node:os";
import test from "ava";
import * as gev from "gev";
import { type Connection, GevError, raw, SendStatus, Server } from "gev";
import { readFrame, upgraded } from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { run } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { echo, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const require = createRequire(import.meta.url);
const hasIPv6 = Object.values(networkInterfaces()).some((list) =>
	list?.some(({ address }) => address === "::1"),
);

for (const [host, peer] of [
	["127.0.0.1", "127.0.0.1"],
	["::1", "::1"],
	["::", "::1"],
	["::", "127.0.0.1"],
] as const) {
	test(`a server on ${host} and its client ${peer} agree on their addresses`, async (t) => {
		if (host.includes(":") && !hasIPv6) {
			t.log("there is no IPv6 here");
			t.pass();
			return;
		}
		const recorder = new Recorder();
		const { port } = await serve(t, recorder, { protocol: raw(), host });
		const { socket } = await tcp(t, port, peer);
		const { connection } = await recorder.next("connect");
		t.is(connection.remoteAddress, peer);
		t.is(socket.localPort, connection.remotePort);
		t.is(connection.localAddress, peer);
		t.is(connection.localPort, port);
	});
}

test("start() tells where the server listens", async (t) => {
	for (const host of hasIPv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) {
		const server = new Server({}, { host, port: 0, loops: 1 });
		t.teardown(() => server.stop());
		const { address, port } = await server.start();
		t.is(address, host);
		t.true(port > 0 && port < 65_536);
		await tcp(t, port, host);
	}
});

test("context and values belong to one connection and outlive it", async (t) => {
	interface User {
		name: string;
		visits: number;
	}
	const left = new Queue<Connection<User>>();
	const fresh: unknown[] = [];
	const { url } = await serve<User>(t, {
		onConnect(connection) {
			fresh.push(connection.context, connection.get("key"));
			connection.context = { name: "", visits: 0 };
		},
		onMessage(connection, message) {
			connection.context.name = String(message);
			connection.context.visits++;
			connection.set("key", [message]);
			return `${connection.context.name} ${connection.context.visits}`;
		},
		onClose: (connection) => left.push(connection),
	});
	for (const name of ["Ada", "Bob"]) {
		const client = await connect(t, url);
		client.socket.send(name);
		client.socket.send(name);
		t.deepEqual(await client.messages.take(2), [`${name} 1`, `${name} 2`]);
		client.socket.close();
		const connection = await left.next();
		t.deepEqual(connection.context, { name, visits: 2 });
		t.deepEqual(connection.get("key"), [name]);
		t.true(connection.delete("key"));
		t.false(connection.delete("key"));
		t.false(connection.delete("never set"));
		t.is(connection.get("key"), undefined);
		connection.set("key", undefined);
		t.true(connection.delete("key"));
	}
	t.deepEqual(fresh, Array(4).fill(undefined));
});

test("connected is true from onConnect until the end begins", async (t) => {
	const log: [string, boolean][] = [];
	const done = new Queue<void>();
	const { url } = await serve(t, {
		onConnect: ({ connected }) => void log.push(["connect", connected]),
		onMessage(connection) {
			log.push(["message", connection.connected]);
			connection.close();
			log.push(["closing", connection.connected]);
		},
		onClose({ connected }) {
			log.push(["close", connected]);
			done.push();
		},
	});
	const { socket } = await connect(t, url);
	socket.send("");
	await done.next();
	t.deepEqual(log, [
		["connect", true],
		["message", true],
		["closing", false],
		["close", false],
	]);
});

test("a server knows its loops and connections", async (t) => {
	const counts: number[] = [];
	const { server, port } = await serve(
		t,
		{
			onConnect: () => void counts.push(server.connectionCount),
			onClose: () => void counts.push(server.connectionCount),
		},
		{ protocol: raw(), loops: 3, balance: "round-robin" },
	);
	t.is(server.loops, 3);
	t.deepEqual([...server.connections()], []);
	const clients = [];
	for (let count = 1; count <= 9; count++) {
		clients.push(await tcp(t, port));
		await until(() => server.connectionCount === count);
	}
	const open = [...server.connections()];
	t.deepEqual(open.map(({ loop }) => loop).sort(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
	const ports = open.map(({ remotePort }) => remotePort).sort();
	t.deepEqual(ports, clients.map(({ socket }) => socket.localPort).sort());
	open[4]?.destroy();
	t.deepEqual(
		[...server.connections()],
		open.filter((_, index) => index !== 4),
	);
	for (const connection of server.connections()) connection.destroy();
	await until(() => server.connectionCount === 0);
	t.deepEqual(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
});

test("there are as many loops as CPUs by default", async (t) => {
	const server = new Server({}, { host: "127.0.0.1", port: 0 });
	t.teardown(() => server.stop());
	await server.start();
	t.is(server.loops, availableParallelism());
});

test("timers fire, until they are stopped", async (t) => {
	const { server } = await serve(t, echo);
	const fired = new Queue<string>();
	let left = 3;
	const every = server.runEvery(1, () => {
		fired.push("every");
		if (--left === 0) every.stop();
	});
	const never = server.runAfter(2, () => fired.push("never"));
	never.stop();
	never.stop();
	const once = server.runAfter(1, () => {
		fired.push("once");
		once.stop();
	});
	const all = await fired.take(4);
	t.deepEqual(all.sort(), ["every", "every", "every", "once"]);
	server.runAfter(20, () => fired.push("later"));
	t.is(await fired.next(), "later", "nothing of those that have ended");
});

test("what a timer throws goes to onError without a connection, and the timer goes on", async (t) => {
	const recorder = new Recorder();
	const { server } = await serve(t, recorder);
	const error = new Error("a fault of the timer");
	const timer = server.runEvery(1, () => {
		throw error;
	});
	for (let count = 0; count < 2; count++) {
		const call = await recorder.next("error");
		t.is(call.error, error);
		t.is(call.connection, undefined);
	}
	timer.stop();
});

test("timers end with their server, also those that are made while it stops", async (t) => {
	const { server: another } = await serve(t, echo);
	const first = new Queue<void>();
	let stopped = false;
	const late: string[] = [];
	const beat = (name: string) =>
		server.runEvery(1, () => {
			if (stopped) late.push(name);
			first.push();
		});
	const { server, url } = await serve(t, { onClose: () => void beat("late") });
	await connect(t, url);
	await until(() => server.connectionCount === 1);
	beat("early");
	await first.next();
	await server.stop({ timeoutMs: FOR_EVER });
	stopped = true;
	const later = new Queue<void>();
	another.runAfter(40, () => later.push());
	await later.next();
	t.deepEqual(late, []);
});

test("timers refuse wrong delays and callbacks", (t) => {
	const server = new Server({});
	const wrong: [() => unknown, RegExp][] = [
		[() => server.runAfter(-1, () => {}), /delayMs.*-1/],
		[() => server.runAfter(Number.NaN, () => {}), /delayMs.*NaN/],
		[() => server.runAfter("5" as never, () => {}), /delayMs.*"5"/],
		[() => server.runEvery(0, () => {}), /intervalMs.*0/],
		[() => server.runEvery(1.5, () => {}), /intervalMs.*1\.5/],
		[() => server.runAfter(1, "call" as never), /callback.*"call"/],
		[() => server.runEvery(1, undefined as never), /callback.*undefined/],
	];
	for (const [call, message] of wrong) {
		t.throws(call, { instanceOf: GevError, code: "ERR_GEV_OPTION", message });
	}
});

test("timers do not keep a process alive", async (t) => {
	t.deepEqual(await run("timers"), {
		code: 0,
		signal: null,
		stdout: "fired\n",
		stderr: "",
	});
});

test("the package exports what its types declare, and nothing else", async (t) => {
	const file = require.resolve("gev/package.json");
	const types = await readFile(
		new URL("index.d.cts", `file://${file}`),
		"utf8",
	);
	const [, list = ""] = /^export \{ (.*) \};$/m.exec(types) ?? [];
	const names = ["GevError", "Protocol", "SendStatus", "Server", "raw"];
	t.true(names.every((name) => list.includes(name)));
	t.deepEqual(Object.keys(gev).sort(), list.split(", ").sort());
	t.throws(() => require("gev/dist/index.cjs"), {
		code: "ERR_PACKAGE_PATH_NOT_EXPORTED",
	});
	t.like(SendStatus, { Queued: 0, Congested: 1, Dropped: 2, Closed: 3 });
});

test("connected cannot be set", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	t.throws(() => Object.assign(connection, { connected: false }), {
		instanceOf: TypeError,
	});
	t.true(connection.connected);
	connection.send("sent");
	t.is(String((await readFrame(client)).payload), "sent");
	connection.close();
	t.false(connection.connected);
});
