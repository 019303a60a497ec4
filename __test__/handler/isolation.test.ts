import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import test from "ava";
import {
	type CloseReason,
	type Connection,
	type Handler,
	SendStatus,
} from "gev";
import { BINARY, frame, readFrame, TEXT, upgraded } from "../kit/frames.js";
import { run } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const fault = new Error("a fault of the handler");
const faults: Record<string, () => Promise<never> | undefined> = {
	throws() {
		throw fault;
	},
	rejects: () => Promise.reject(fault),
	"rejects later": async () => {
		await setImmediate();
		throw fault;
	},
};

for (const member of ["onConnect", "onMessage", "onClose"] as const) {
	for (const [how, fail] of Object.entries(faults)) {
		test(`${member} that ${how} costs its own connection only`, async (t) => {
			const closes = new Queue<CloseReason>();
			const errors = new Queue<[Error, Connection | undefined]>();
			let armed = false;
			let victim: Connection | undefined;
			const act = (name: string, connection: Connection) => {
				if (!armed || name !== member) return undefined;
				victim = connection;
				return fail();
			};
			const { url } = await serve(t, {
				onConnect: (connection) => act("onConnect", connection),
				onMessage: (connection, message) =>
					act("onMessage", connection) ?? message,
				onClose(connection, reason) {
					closes.push(reason);
					return act("onClose", connection);
				},
				onError: (error, connection) => errors.push([error, connection]),
			});
			const bystander = await connect(t, url);
			armed = true;
			const client = await connect(t, url);
			if (member === "onMessage") client.socket.send("fail");
			if (member === "onClose") client.socket.close(4000, "leaving");
			const [error, connection] = await errors.next();
			armed = false;
			t.is(error, fault);
			t.is(connection, victim);
			t.false(victim?.connected);
			if (member === "onClose") {
				t.is((await client.closed).code, 4000);
				t.like(await closes.next(), { reason: "leaving", cause: "peer" });
			} else {
				const closed = { code: 1011, reason: "handler failed" };
				t.deepEqual(await client.closed, closed);
				t.deepEqual(await closes.next(), {
					...closed,
					cause: "handler",
					wasClean: true,
				});
			}
			bystander.socket.send("still here");
			t.is(await bystander.messages.next(), "still here");
			t.is(closes.size + errors.size, 0);
		});
	}
}

for (const [name, protocol] of Object.entries(protocols)) {
	test(`messages of ${name} connections that are kept never change`, async (t) => {
		const clients = 10;
		const total = 1024 * 1024;
		const kept: Buffer[] = [];
		const complete = new Queue<void>();
		let received = 0;
		const { port, server } = await serve(
			t,
			{
				onMessage(_, message) {
					kept.push(message as Buffer);
					received += message.length;
					if (received === clients * total) complete.push();
				},
			},
			// Less than is received, so that all of it is used several times.
			{ protocol: protocol(), eventLoop: { queueBytes: 256 * 1024 } },
		);
		for (let id = 0; id < clients; id++) {
			const client = await (name === "raw" ? tcp : upgraded)(t, port);
			const bytes = Buffer.alloc(1024, id);
			const unit = name === "raw" ? bytes : frame(BINARY, bytes);
			for (let count = 0; count < 1024; count++) client.write(unit);
		}
		await complete.next();
		const lengths = Array(clients).fill(0);
		for (const message of kept) {
			const id = message[0] as number;
			t.true(message.equals(Buffer.alloc(message.length, id)));
			lengths[id] += message.length;
		}
		t.deepEqual(lengths, Array(clients).fill(total));
		t.is(server.connectionCount, clients);
	});
}

for (const thrown of ["text", 42, null, undefined, { key: 1 }, Symbol("s")]) {
	test(`${String(thrown)} that is thrown arrives as an Error`, async (t) => {
		const recorder = new Recorder();
		recorder.onMessage = () => {
			throw thrown;
		};
		const { url } = await serve(t, recorder);
		const client = await connect(t, url);
		await recorder.next("connect");
		client.socket.send("");
		const { error } = await recorder.next("error");
		t.true(error instanceof Error);
		t.regex(error.message, /^thrown: ./);
		t.is((await client.closed).code, 1011);
	});
}

test("thrown values that cannot be looked at do no harm either", async (t) => {
	t.deepEqual(await run("hostile"), {
		code: 0,
		signal: null,
		stdout: "true\ntrue\ntrue\nanother\n",
		stderr: "",
	});
});

test("errors that throw when they are looked at, now or later, do no harm without onError", async (t) => {
	const { code, signal, stdout, stderr } = await run("hostile-errors");
	t.deepEqual(
		{ code, signal, stdout },
		{ code: 0, signal: null, stdout: "another\n" },
		stderr,
	);
	t.regex(stderr, /armed/);
});

const THEN = "then";

for (const [what, break_] of Object.entries({
	"whose constructor throws": (promise: Promise<string>) =>
		Object.defineProperty(promise, "constructor", {
			get() {
				throw fault;
			},
		}),
	"whose then throws": (promise: Promise<string>) =>
		Object.defineProperty(promise, THEN, {
			get() {
				throw fault;
			},
		}),
	"whose then calls nobody": (promise: Promise<string>) =>
		Object.assign(promise, { [THEN]: () => {} }),
})) {
	test(`a returned promise ${what} costs its own connection only`, async (t) => {
		const { url, server } = await serve(
			t,
			{
				onMessage: (_connection, message) =>
					message === "break"
						? break_(Promise.resolve("kept"))
						: Promise.resolve(message),
				onError() {},
			},
			{ serial: true },
		);
		const client = await connect(t, url);
		client.socket.send("break");
		const bystander = await connect(t, url);
		bystander.socket.send("still here");
		t.is(await bystander.messages.next(), "still here");
		client.socket.close();
		await client.closed;
		bystander.socket.close();
		await bystander.closed;
		// Nothing waits for the promise when the time is over.
		await server.stop({ timeoutMs: 0 });
		t.is(server.connectionCount, 0);
	});
}

test("a returned value that cannot be sent is a failure of the handler", async (t) => {
	for (const wrong of [42, { data: "text" }]) {
		for (const reply of [wrong, Promise.resolve(wrong)]) {
			const recorder = new Recorder();
			recorder.onMessage = () => reply as unknown as undefined;
			const { url } = await serve(t, recorder);
			const client = await connect(t, url);
			await recorder.next("connect");
			client.socket.send("");
			const { error } = await recorder.next("error");
			t.like(error, { code: "ERR_GEV_DATA" });
			t.is((await client.closed).code, 1011);
		}
	}
});

const silent: Record<string, (error: Error) => Handler> = {
	"without onError an error": (error) => ({
		onMessage() {
			throw error;
		},
	}),
	"without onError a rejection": (error) => ({
		onMessage: () => Promise.reject(error),
	}),
	"what onError throws": (error) => ({
		onMessage() {
			throw fault;
		},
		onError() {
			throw error;
		},
	}),
	"what onError rejects with": (error) => ({
		onMessage() {
			throw fault;
		},
		onError: () => Promise.reject(error),
	}),
};
for (const [what, handler] of Object.entries(silent)) {
	test(`${what} becomes a process warning`, async (t) => {
		const error = new Error(what);
		const warned = new Promise<void>((resolve) => {
			const check = (warning: Error) => {
				if (warning.cause !== error) return;
				t.is(warning.message, what);
				process.off("warning", check);
				resolve();
			};
			process.on("warning", check);
		});
		const { url } = await serve(t, handler(error));
		const bystander = await connect(t, url);
		const client = await connect(t, url);
		client.socket.send("");
		t.is((await client.closed).code, 1011);
		await warned;
		t.is(bystander.socket.readyState, bystander.socket.OPEN);
	});
}

/** What a connection that is gone says and does. */
function assertGone(
	t: { is(actual: unknown, expected: unknown): unknown },
	connection: Connection,
) {
	t.is(connection.connected, false);
	t.is(connection.send("nobody gets this"), SendStatus.Closed);
	t.is(connection.send(Buffer.alloc(100_000)), SendStatus.Closed);
	connection.shutdownWrite();
	connection.close(4321, "nobody gets this");
	connection.destroy();
	t.is(connection.readBufferLength, 0);
	t.is(connection.writeBufferLength, 0);
	t.is(connection.remoteAddress, "127.0.0.1");
	t.is(connection.localAddress, "127.0.0.1");
	t.is(connection.loopIndex, 0);
	t.is(connection.get("key"), "kept");
	t.is(connection.context, "kept");
}

for (const [name, protocol] of Object.entries(protocols)) {
	test(`a ${name} connection that is gone does nothing and says so, and reaches no newer one`, async (t) => {
		const recorder = new Recorder();
		const onClose = recorder.onClose.bind(recorder);
		recorder.onClose = (connection, reason) => {
			assertGone(t, connection);
			onClose(connection, reason);
		};
		const { server, port } = await serve(t, recorder, {
			protocol: protocol(),
		});
		const old: Connection[] = [];
		const open = async () => {
			const client = await (name === "raw" ? tcp : upgraded)(t, port);
			const { connection } = await recorder.next("connect");
			connection.context = "kept";
			connection.set("key", "kept");
			return { client, connection };
		};
		for (let round = 0; round < 100; round++) {
			const { client, connection } = await open();
			if (round % 2 === 0) connection.destroy();
			else client.socket.destroy();
			await recorder.next("close");
			old.push(connection);
		}
		const { client, connection } = await open();
		for (const gone of old) assertGone(t, gone);
		connection.send("its own");
		const expected = name === "raw" ? "its own" : "\x81\x07its own";
		t.is((await client.read(expected.length)).toString("latin1"), expected);
		t.true(connection.connected);
		t.is(server.connectionCount, 1);
		connection.destroy();
		await recorder.next("close");
	});
}

for (const [what, bytes] of Object.entries({
	"a Buffer": Buffer.from("first"),
	"an ArrayBuffer": new Uint8Array(Buffer.from("first")).buffer,
})) {
	test.serial(
		`${what} that is returned is sent at once, although all objects have a then`,
		async (t) => {
			const { port } = await serve(t, {
				onMessage(connection, message) {
					if (`${message}` === "1") return bytes;
					connection.send("second", { text: false });
					return undefined;
				},
			});
			const client = await upgraded(t, port);
			// biome-ignore lint/suspicious/noThenProperty: this is what it is about
			Object.defineProperty(Object.prototype, "then", {
				value: 7,
				configurable: true,
			});
			t.teardown(() => Reflect.deleteProperty(Object.prototype, "then"));
			client.write(Buffer.concat([frame(BINARY, "1"), frame(BINARY, "2")]));
			t.is(`${(await readFrame(client)).payload}`, "first");
			t.is(`${(await readFrame(client)).payload}`, "second");
		},
	);
}

test("a handle whose client has left reaches nobody, before its onClose too", async (t) => {
	const woken = new Int32Array(new SharedArrayBuffer(4));
	const uses: ((connection: Connection) => void)[] = [
		(connection) => void connection.send("for the first client"),
		(connection) => connection.close(4321),
		(connection) => connection.destroy(),
		(connection) => connection.shutdownWrite(),
	];
	let round = 0;
	const { url } = await serve(
		t,
		{
			onMessage(connection, message) {
				if (message === "who") return "you";
				// Blocks until the next client is there, so that the native side is ahead of the handlers.
				t.not(Atomics.wait(woken, 0, round, 30_000), "timed-out");
				t.true(connection.connected);
				uses[round++ % uses.length]?.(connection);
				return "for the first client";
			},
		},
		{ threads: true },
	);
	const rounds = 10 * uses.length;
	const worker = new Worker(
		new URL("../fixtures/successor.js", import.meta.url),
		{ workerData: { url, rounds, shared: woken.buffer } },
	);
	const heard = new Queue<unknown>();
	worker.on("message", (message) => heard.push(message));
	const ended = once(worker, "exit");
	t.deepEqual(await heard.take(rounds), Array(rounds).fill(["you", 1005]));
	await ended;
});

test("a client that never reads costs maxBufferedBytes at most, and others go on", async (t) => {
	const maxBufferedBytes = 1024 * 1024;
	const chunk = Buffer.alloc(64 * 1024);
	const statuses: SendStatus[] = [];
	const closes = new Queue<CloseReason>();
	let greedy: Connection | undefined;
	const { port, url } = await serve(
		t,
		{
			onMessage(connection, message) {
				if (message === "never reads") greedy = connection;
				else if (greedy?.connected) {
					statuses.push(greedy.send(chunk));
					t.true(greedy.writeBufferLength <= maxBufferedBytes + chunk.length);
				}
				return message;
			},
			onClose: (_, reason) => closes.push(reason),
		},
		{ flow: { maxBufferedBytes } },
	);
	const silent = await upgraded(t, port);
	silent.socket.pause();
	silent.write(frame(TEXT, "never reads"));
	const others = await Promise.all([connect(t, url), connect(t, url)]);
	let count = 0;
	while (closes.size === 0) {
		for (const { socket } of others) socket.send(`${count}`);
		for (const { messages } of others) {
			t.is(await messages.next(), `${count}`);
		}
		count++;
	}
	t.is(statuses.pop(), SendStatus.Dropped);
	t.true(statuses.every((status) => status === SendStatus.Queued));
	t.true(statuses.length * chunk.length >= maxBufferedBytes);
	t.like(await closes.next(), { cause: "limit", wasClean: false });
	t.is(greedy?.send(chunk), SendStatus.Closed);
});

for (const [name, protocol] of Object.entries(protocols)) {
	test(`replies to a ${name} client that sends and never reads are limited too`, async (t) => {
		const maxBufferedBytes = 256 * 1024;
		const closes = new Queue<CloseReason>();
		let most = 0;
		const { port, url, server } = await serve(
			t,
			{
				onMessage(connection, message) {
					most = Math.max(most, connection.writeBufferLength);
					return message;
				},
				onClose: (_, reason) => closes.push(reason),
			},
			{
				protocol: protocol(),
				flow: { maxBufferedBytes },
				eventLoop: { readBufferBytes: 16 * 1024 },
			},
		);
		const client = await (name === "raw" ? tcp : upgraded)(t, port);
		client.socket.pause();
		const bytes = Buffer.alloc(16 * 1024, "never reads");
		const unit = name === "raw" ? bytes : frame(BINARY, bytes);
		const sent = (async () => {
			while (client.socket.writable) {
				if (!client.socket.write(unit)) await setImmediate();
			}
		})();
		t.like(await closes.next(), { cause: "limit", wasClean: false });
		await sent;
		t.true(most > 0 && most <= maxBufferedBytes);
		t.is(server.connectionCount, 0);
		if (name === "websocket") {
			const { socket, messages } = await connect(t, url);
			socket.send("next");
			t.is(await messages.next(), "next");
		}
	});
}
