import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import test from "ava";
import type { Connection, Handler } from "gev";
import {
	BINARY,
	closeFrame,
	frame,
	PING,
	PONG,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const storage = new AsyncLocalStorage<string>();

/** A handler all of whose members note what they find, and enter something of their own. */
function entering(seen: Queue<[string, string | undefined]>): Handler {
	const note = (name: string) => {
		seen.push([name, storage.getStore()]);
		storage.enterWith(`left by ${name}`);
	};
	return {
		onUpgrade: () => note("onUpgrade"),
		onRequest() {
			note("onRequest");
			return {};
		},
		onConnect: () => note("onConnect"),
		onMessage(_connection, message) {
			note("onMessage");
			if (String(message) === "throw") throw new Error("as asked");
			return undefined;
		},
		onFragment: () => note("onFragment"),
		onPing: () => note("onPing"),
		onPong: () => note("onPong"),
		onDrain: () => note("onDrain"),
		onClose: () => note("onClose"),
		onError: () => note("onError"),
	};
}

test("every member is called in the context of its server's start", async (t) => {
	const seen = new Queue<[string, string | undefined]>();
	const handler = entering(seen);
	const { port, server } = await storage.run("the start's", () =>
		serve(t, handler, {
			flow: { highWaterMarkBytes: 1, lowWaterMarkBytes: 0 },
		}),
	);
	t.is(storage.getStore(), undefined);
	const expect = async (...names: string[]) => {
		for (const name of names)
			t.deepEqual(await seen.next(), [name, "the start's"]);
	};
	const client = await upgraded(t, port);
	await expect("onUpgrade", "onConnect");
	client.write(frame(TEXT, "a"));
	client.write(Buffer.concat([frame(TEXT, "b"), frame(BINARY, "c")]));
	await expect("onMessage", "onMessage", "onMessage");
	client.write(
		Buffer.concat([frame(TEXT, "d", { fin: false }), frame(0, "e")]),
	);
	await expect("onFragment", "onFragment");
	client.write(
		Buffer.concat([frame(PING, ""), frame(PONG, ""), frame(PING, "")]),
	);
	await expect("onPing", "onPong", "onPing");
	for (const connection of server.connections()) {
		storage.run("the sender's", () => connection.send("drain"));
	}
	await expect("onDrain");
	client.socket.end(closeFrame(1000));
	await expect("onClose");
	const another = await upgraded(t, port);
	await expect("onUpgrade", "onConnect");
	another.write(frame(TEXT, "throw"));
	await expect("onMessage", "onError");
	another.socket.end(closeFrame(1000));
	await expect("onClose");
	const asking = await tcp(t, port);
	asking.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	await expect("onRequest");
	storage.run("the timer's", () =>
		server.runAfter(0, () => {
			throw new Error("in a timer");
		}),
	);
	await expect("onError");
	t.is(seen.size, 0);
});

for (const [name, protocol] of Object.entries(protocols)) {
	test(`what one ${name} client's call enters no other call sees`, async (t) => {
		const seen = new Queue<string | undefined>();
		const { port } = await serve(
			t,
			{
				onMessage(_connection, message) {
					seen.push(storage.getStore());
					storage.enterWith(String(message));
				},
			},
			{ protocol: protocol() },
		);
		const clients = await Promise.all(
			["alice", "bob", "carol"].map(async (who) => ({
				who,
				client: await (name === "raw" ? tcp : upgraded)(t, port),
			})),
		);
		for (let round = 0; round < 20; round++) {
			for (const { who, client } of clients) {
				client.write(name === "raw" ? who : frame(TEXT, who));
				// Raw messages of one client could come together.
				t.is(await seen.next(), undefined);
			}
		}
	});

	test(`nothing leaks within a batch of ${name} messages either`, async (t) => {
		const all = new Queue<(string | undefined)[]>();
		const seen: (string | undefined)[] = [];
		const { port } = await serve(
			t,
			{
				onMessage(_connection, message) {
					seen.push(storage.getStore());
					storage.enterWith("entered");
					if (String(message).endsWith("last")) all.push(seen);
				},
			},
			{ protocol: protocol() },
		);
		const client = await (name === "raw" ? tcp : upgraded)(t, port);
		const texts = [...Array(200).fill("more"), "last"];
		for (const text of texts) {
			client.write(name === "raw" ? text : frame(TEXT, text));
		}
		t.deepEqual(new Set(await all.next()), new Set([undefined]));
	});
}

test("what a handler starts keeps its context", async (t) => {
	const seen = new Queue<string>();
	const { url } = await serve(t, {
		async onMessage(connection, message) {
			storage.enterWith(String(message));
			setTimeout(() => seen.push(`timer ${storage.getStore()}`), 1);
			await setImmediate();
			seen.push(`await ${storage.getStore()}`);
			connection.send("done");
			await storage.run(`run ${message}`, async () => {
				await setImmediate();
				seen.push(`nested ${storage.getStore()}`);
			});
		},
	});
	const client = await connect(t, url);
	client.socket.send("one");
	client.socket.send("two");
	const found = (await seen.take(6)).sort();
	t.deepEqual(found, [
		"await one",
		"await two",
		"nested run one",
		"nested run two",
		"timer one",
		"timer two",
	]);
});

test("two servers of one thread have a context each", async (t) => {
	const seen = new Queue<string>();
	const handler = (who: string): Handler => ({
		onMessage() {
			seen.push(`${who} ${storage.getStore()}`);
			storage.enterWith("entered");
		},
	});
	const first = await storage.run("A", () => serve(t, handler("first")));
	const second = await storage.run("B", () => serve(t, handler("second")));
	const clients = await Promise.all(
		[first, second].map(({ url }) => connect(t, url)),
	);
	for (let round = 0; round < 3; round++) {
		for (const [index, client] of clients.entries()) {
			client.socket.send("");
			t.is(await seen.next(), index === 0 ? "first A" : "second B");
		}
	}
	await first.server.stop();
	await storage.run("C", () => first.server.start());
});

test("what waits is delivered in the same context, whoever resumes", async (t) => {
	const seen = new Queue<string | undefined>();
	const connections = new Queue<Connection>();
	const { url } = await serve(t, {
		onConnect(connection) {
			connections.push(connection);
			connection.pause();
		},
		onMessage() {
			seen.push(storage.getStore());
			storage.enterWith("entered");
		},
	});
	const client = await connect(t, url);
	const connection = await connections.next();
	client.socket.send("one");
	client.socket.send("two");
	while (connection.readBufferLength === 0 && seen.size === 0) {
		await setImmediate();
		if (!connection.isPaused) break;
		storage.run("the resumer's", () => connection.resume());
		t.is(storage.getStore(), undefined);
	}
	t.deepEqual(await seen.take(2), [undefined, undefined]);
});

test("a handler that resumes another connection keeps its own context", async (t) => {
	const seen = new Queue<string>();
	let waiting: Connection | undefined;
	const { url } = await serve(t, {
		onMessage(connection, message) {
			seen.push(`${message} ${storage.getStore()}`);
			storage.enterWith(String(message));
			if (message === "wait") {
				waiting = connection;
				connection.pause();
			}
			if (message === "resume") {
				waiting?.resume();
				seen.push(`after ${storage.getStore()}`);
			}
		},
	});
	const one = await connect(t, url);
	const two = await connect(t, url);
	// Behind the pause, in one batch with it.
	one.socket.send("wait");
	one.socket.send("held");
	t.is(await seen.next(), "wait undefined");
	two.socket.send("resume");
	t.is(await seen.next(), "resume undefined");
	const rest = await seen.take(2);
	// What is held may come later, if the loop was told of the pause before it was there.
	t.deepEqual(rest.sort(), ["after resume", "held undefined"]);
});
