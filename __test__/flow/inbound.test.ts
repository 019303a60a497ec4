import test from "ava";
import { type CloseReason, type Connection, type Handler, raw } from "gev";
import {
	BINARY,
	closeFrame,
	frame,
	numbers,
	PING,
	readClose,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { reset } from "../kit/reset.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const MIB = 1024 * 1024;

/** A promise that the test settles. */
function deferred<Value>(): {
	promise: Promise<Value>;
	resolve: (value: Value) => void;
} {
	let resolve: (value: Value) => void = () => {};
	const promise = new Promise<Value>((settle) => {
		resolve = settle;
	});
	return { promise, resolve };
}

test("a paused connection gets nothing until it is resumed, then everything in order", async (t) => {
	const got: string[] = [];
	const paused = new Queue<Connection>();
	const { port, url } = await serve(t, {
		onMessage(connection, message) {
			got.push(String(message));
			if (got.length % 100 === 10) {
				connection.pause();
				paused.push(connection);
			}
		},
		onPing: (_, data) => void got.push(`ping ${data}`),
	});
	const client = await upgraded(t, port);
	client.write(
		Buffer.concat([numbers(0, 500), frame(PING, "x"), numbers(500, 1000)]),
	);
	const expected = [
		...Array.from({ length: 500 }, (_, n) => `${n}`),
		"ping x",
		...Array.from({ length: 500 }, (_, n) => `${500 + n}`),
	];
	for (let pauses = 0; pauses < 10; pauses++) {
		const connection = await paused.next();
		t.true(connection.isPaused);
		const before = got.length;
		// Whatever else has arrived for this loop has been handled by then.
		await connect(t, url);
		t.is(got.length, before);
		connection.resume();
		t.true(pauses === 9 || connection.isPaused, "paused in the next handler");
	}
	await until(() => got.length === expected.length);
	t.deepEqual(got, expected);
});

test("the loop does not read for a paused connection, and others go on", async (t) => {
	const connections = new Queue<Connection>();
	let received = 0;
	const { port } = await serve(
		t,
		{
			onConnect: (connection) => connections.push(connection),
			onMessage(connection, message) {
				if (connection.context === undefined) return message;
				received += message.length;
				return undefined;
			},
		},
		{ protocol: raw() },
	);
	const client = await tcp(t, port);
	const connection = await connections.next();
	connection.context = "counts";
	connection.pause();
	const total = 64 * MIB;
	client.write(Buffer.alloc(total));
	const other = await tcp(t, port);
	for (let round = 0; round < 200; round++) {
		other.write("still there");
		t.is(String(await other.read(11)), "still there");
	}
	t.is(received, 0);
	t.true(client.socket.writableLength > 32 * MIB);
	connection.resume();
	await until(() => received === total);
});

test("closing from this side needs no resume, and nothing is delivered after it", async (t) => {
	for (const close of ["close", "destroy"] as const) {
		const recorder = new Recorder();
		const { port } = await serve(t, recorder);
		const client = await upgraded(t, port);
		const { connection } = await recorder.next("connect");
		connection.pause();
		client.write(numbers(0, 100));
		await connection.sent();
		connection[close]();
		if (close === "close") {
			t.is((await readClose(client)).code, 1000);
			client.write(closeFrame(1000));
			client.socket.end();
		}
		const { reason } = await recorder.next("close");
		t.is(reason.cause, "local");
		t.is(reason.wasClean, close === "close");
		connection.resume();
		t.is(recorder.calls.size, 0);
	}
});

test("messages that wait are the handler's own, although it borrows", async (t) => {
	const got: Buffer[] = [];
	const connections = new Queue<Connection>();
	const { port } = await serve(
		t,
		{
			onConnect(connection) {
				connection.pause();
				connections.push(connection);
			},
			onMessage: (_, message) => void got.push(message as Buffer),
		},
		{
			borrow: true,
			eventLoop: { readBufferBytes: 4096 },
			flow: { maxPending: 0 },
		},
	);
	const client = await upgraded(t, port);
	const connection = await connections.next();
	const count = 2000;
	for (let n = 0; n < count; n++) {
		client.write(frame(BINARY, Buffer.alloc(1000, n)));
	}
	// By turns, so that some of them wait with us and others have not been read.
	while (got.length < count) {
		connection.resume();
		t.true(
			got.every((message, at) => message.every((byte) => byte === at % 256)),
		);
		got.fill(Buffer.of());
		await new Promise(setImmediate);
		// Those that come now are borrowed.
		const before = got.length;
		connection.pause();
		got.fill(Buffer.of(), 0, before);
		await connection.sent();
	}
	t.is(got.length, count);
});

test("serial: one message at a time, in order, and others do not wait", async (t) => {
	const handled: string[] = [];
	let busy = 0;
	let most = 0;
	const gate = deferred<void>();
	const { port, url } = await serve(
		t,
		{
			async onMessage(_, message) {
				if (message === "hello") return message;
				busy++;
				most = Math.max(most, busy);
				await (message === "0" ? gate.promise : undefined);
				for (let turns = Number(message) % 3; turns > 0; turns--) {
					await new Promise(setImmediate);
				}
				busy--;
				handled.push(String(message));
				return message;
			},
		},
		{ serial: true, flow: { maxPending: 8 } },
	);
	const client = await upgraded(t, port);
	client.write(numbers(0, 300));
	const other = await connect(t, url);
	other.socket.send("hello");
	t.is(await other.messages.next(), "hello");
	t.deepEqual(handled, []);
	gate.resolve();
	const expected = Array.from({ length: 300 }, (_, n) => `${n}`);
	const replies = Buffer.concat(
		expected.map((text) => frame(TEXT, text, { masked: false })),
	);
	t.deepEqual(await client.read(replies.length), replies);
	t.deepEqual(handled, expected);
	t.is(most, 1);
});

test("serial without maxPending: a flood that waits is handed over one by one, in order", async (t) => {
	const count = 300_000;
	const done = new Queue<void>();
	let handled = 0;
	let wrong = 0;
	const { port } = await serve(
		t,
		{
			async onMessage(_, message) {
				if (message !== `${handled}`) wrong++;
				// So that most of the flood has come before the first ones are done.
				await new Promise(setImmediate);
				if (++handled === count) done.push();
			},
		},
		{ serial: true, flow: { maxPending: 0 } },
	);
	const client = await upgraded(t, port);
	client.write(numbers(0, count));
	await done.next();
	t.is(wrong, 0);
});

test("serial: messages wait for onConnect too", async (t) => {
	const gate = deferred<void>();
	const calls: string[] = [];
	const { port } = await serve(
		t,
		{
			async onConnect() {
				await gate.promise;
				calls.push("connected");
			},
			onMessage: (_, message) => void calls.push(String(message)),
			onPing: () => void calls.push("ping"),
			onClose: () => void calls.push("closed"),
		},
		{ serial: true },
	);
	const client = await upgraded(t, port);
	client.write(
		Buffer.concat([numbers(0, 1), frame(PING), closeFrame(1000), Buffer.of()]),
	);
	// The pong has gone out natively.
	await client.read(2);
	t.deepEqual(calls, []);
	gate.resolve();
	t.is((await readClose(client)).code, 1000);
	client.socket.end();
	await until(() => calls.includes("closed"));
	t.deepEqual(calls, ["connected", "0", "ping", "closed"]);
});

for (const serial of [true, false]) {
	test(`a loop stops reading for a handler that has maxPending messages: ${serial ? "serial" : "not serial"}`, async (t) => {
		const maxPending = 16;
		const gates: (() => void)[] = [];
		let pending = 0;
		let most = 0;
		let received = 0;
		const { port } = await serve(
			t,
			{
				async onMessage(_, message) {
					pending++;
					most = Math.max(most, pending);
					await new Promise<void>((resolve) => gates.push(resolve));
					pending--;
					received += message.length;
				},
			},
			{ serial, flow: { maxPending } },
		);
		const client = await upgraded(t, port);
		const unit = frame(BINARY, Buffer.alloc(32 * 1024));
		const count = 1500;
		for (let n = 0; n < count; n++) client.write(unit);
		await until(() => pending === (serial ? 1 : maxPending));
		// Nothing is settled, so nothing more is read: it stays at the client.
		for (let looks = 0; looks < 200; looks++) {
			await new Promise(setImmediate);
		}
		t.true(client.socket.writableLength > 16 * MIB);
		while (received < count * 32 * 1024) {
			for (const open of gates.splice(0)) open();
			await new Promise(setImmediate);
		}
		t.is(most, serial ? 1 : maxPending);
	});
}

test("serial: the peer's close is answered behind everything that it has sent", async (t) => {
	const calls: string[] = [];
	const { port } = await serve(
		t,
		{
			async onMessage(_, message) {
				await new Promise(setImmediate);
				calls.push(String(message));
				return message;
			},
			onClose: (_, { code }) => void calls.push(`close ${code}`),
		},
		{ serial: true, flow: { maxPending: 4 } },
	);
	const client = await upgraded(t, port);
	client.write(Buffer.concat([numbers(0, 50), closeFrame(4321)]));
	const texts = Array.from({ length: 50 }, (_, n) => `${n}`);
	const replies = texts.map((text) => frame(TEXT, text, { masked: false }));
	const expected = Buffer.concat(replies);
	t.deepEqual(await client.read(expected.length), expected);
	t.is((await readClose(client)).code, 4321);
	await client.readToEnd();
	client.socket.destroy();
	await until(() => calls.length === 51);
	t.deepEqual(calls, [...texts, "close 4321"]);
});

test("serial: what a handler throws ends the connection, and what waited is not delivered", async (t) => {
	const calls: string[] = [];
	const closes = new Queue<CloseReason>();
	const { port } = await serve(
		t,
		{
			async onMessage(_, message) {
				calls.push(String(message));
				await new Promise(setImmediate);
				if (message === "3") throw new Error("three");
			},
			onError: (error) => void calls.push(error.message),
			onClose: (_, reason) => closes.push(reason),
		},
		{ serial: true },
	);
	const client = await upgraded(t, port);
	client.write(numbers(0, 10));
	t.is((await readClose(client)).code, 1011);
	client.write(closeFrame(1011));
	client.socket.end();
	t.is((await closes.next()).cause, "handler");
	t.deepEqual(calls, ["0", "1", "2", "3", "three"]);
});

test("a handler that is never done keeps onClose back for closeMs, and stop() for timeoutMs", async (t) => {
	for (const ends of ["the client leaves", "stop()"]) {
		const calls: string[] = [];
		const handler: Handler = {
			onMessage(_, message) {
				calls.push(String(message));
				return new Promise<void>(() => {});
			},
			onClose: () => void calls.push("closed"),
		};
		const { port, server } = await serve(t, handler, {
			serial: true,
			timeouts: { closeMs: ends === "stop()" ? 60_000 : 50 },
		});
		const client = await upgraded(t, port);
		client.write(numbers(0, 3));
		await until(() => calls.length === 1);
		if (ends === "stop()") {
			const result = await server.stop({ timeoutMs: 50 });
			t.is(result.closed + result.cut, 1);
		} else {
			reset(client.socket);
		}
		await until(() => calls.includes("closed"));
		t.deepEqual(calls, ["0", "1", "2", "closed"], ends);
		t.is(server.connectionCount, 0);
	}
});
