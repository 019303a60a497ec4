import test from "ava";
import { type Connection, type GevError, raw, SendStatus } from "gev";
import {
	BINARY,
	closeFrame,
	frame,
	readClose,
	readFrame,
	upgraded,
} from "../kit/frames.js";
import { THREADS } from "../kit/loops.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const KIB = 1024;

/** What a message of WebSocket counts besides its payload until the event loop has taken it: the longest header. */
const FRAMING = 10;

for (const [protocol, create] of Object.entries(protocols)) {
	test(`send() says when too much waits, and onDrain when it does not any more: ${protocol}`, async (t) => {
		const connections = new Queue<Connection>();
		const drains = new Queue<number>();
		const { port } = await serve(
			t,
			{
				onConnect: (connection) => connections.push(connection),
				onDrain: (connection) => drains.push(connection.writeBufferLength),
			},
			{
				protocol: create(),
				flow: {
					highWaterMarkBytes: 256 * KIB,
					lowWaterMarkBytes: 16 * KIB,
					maxBufferedBytes: 64 * KIB * KIB,
				},
			},
		);
		const client =
			protocol === "raw" ? await tcp(t, port) : await upgraded(t, port);
		const connection = await connections.next();
		for (let round = 0; round < 3; round++) {
			client.socket.pause();
			let status = SendStatus.Queued;
			let sent = 0;
			// Until the sockets' buffers and then the marks are full.
			while (status === SendStatus.Queued) {
				status = connection.send(Buffer.alloc(64 * KIB));
				sent += 64 * KIB;
				if (sent % (1024 * KIB) === 0) await new Promise(setImmediate);
			}
			t.is(status, SendStatus.Congested);
			t.true(connection.writeBufferLength > 256 * KIB);
			t.is(connection.send("more"), SendStatus.Congested);
			t.is(drains.size, 0);
			client.socket.resume();
			t.true((await drains.next()) <= 16 * KIB);
			t.is(drains.size, 0, "once for each crossing");
			await connection.sent();
			t.is(connection.writeBufferLength, 0);
		}
		t.is(connection.dropped, 0);
		client.socket.destroy();
	});
}

test("onDrain also follows what the kernel takes at once", async (t) => {
	const connections = new Queue<Connection>();
	const drains = new Queue<void>();
	const { url } = await serve(
		t,
		{
			onConnect: (connection) => connections.push(connection),
			onDrain: () => drains.push(),
		},
		{ flow: { highWaterMarkBytes: 1, lowWaterMarkBytes: 0 } },
	);
	const { messages } = await connect(t, url);
	const connection = await connections.next();
	for (let round = 0; round < 20; round++) {
		t.is(connection.send(`message ${round}`), SendStatus.Congested);
		await drains.next();
		t.is(await messages.next(), `message ${round}`);
	}
});

test("with drop-newest what is too much is dropped, and nothing else", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		flow: { maxBufferedBytes: 100 * KIB, overflow: "drop-newest" },
	});
	const client = await upgraded(t, port);
	client.socket.pause();
	const { connection } = await recorder.next("connect");
	const kept: number[] = [];
	let dropped = 0;
	for (let n = 0; dropped < 5; n++) {
		const message = Buffer.alloc(30 * KIB, n);
		if (connection.send(message) === SendStatus.Dropped) {
			dropped++;
		} else {
			kept.push(n % 256);
		}
		t.true(connection.writeBufferLength <= 100 * KIB);
		await new Promise(setImmediate);
	}
	t.is(connection.dropped, 5);
	t.true(connection.connected);
	client.socket.resume();
	for (const n of kept) {
		const { opcode, payload } = await readFrame(client);
		t.is(opcode, BINARY);
		t.true(payload.equals(Buffer.alloc(30 * KIB, n)), `${n}`);
	}
	connection.send("and on");
	t.is(String((await readFrame(client)).payload), "and on");
});

test("a fragment that is dropped leaves no hole in a message", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		flow: { maxBufferedBytes: 1024, overflow: "drop-newest" },
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	const part = Buffer.alloc(600, "x");
	// The first one is dropped, and so are the others.
	t.is(connection.send(part), SendStatus.Queued);
	t.is(connection.send(part, { fin: false }), SendStatus.Dropped);
	t.is(connection.send("-", { fin: false }), SendStatus.Dropped);
	t.is(connection.send("-"), SendStatus.Dropped);
	t.is(connection.send("next"), SendStatus.Queued);
	t.is(connection.dropped, 1);
	t.is((await readFrame(client)).payload.length, 600);
	t.like(await readFrame(client), { fin: true, opcode: 1 });
	await connection.sent();
	// A later one is dropped: the peer must not take what follows for the rest.
	t.is(connection.send(part, { fin: false }), SendStatus.Queued);
	t.is(connection.send(part, { fin: false }), SendStatus.Dropped);
	t.is(connection.send("unrelated"), SendStatus.Closed);
	t.like((await recorder.next("close")).reason, { cause: "limit" });
});

test("a close frame on top of a full buffer is no limit exceeded", async (t) => {
	const recorder = new Recorder();
	const maxBufferedBytes = 64 * KIB;
	const { port } = await serve(t, recorder, {
		flow: { maxBufferedBytes, overflow: "drop-newest" },
	});
	const client = await upgraded(t, port);
	client.socket.pause();
	const { connection } = await recorder.next("connect");
	const fill = async (bytes: number) => {
		while (maxBufferedBytes - connection.writeBufferLength >= bytes + FRAMING) {
			connection.send(Buffer.alloc(bytes));
			await new Promise(setImmediate);
		}
	};
	for (const bytes of [16 * KIB, 1024, 121]) await fill(bytes);
	const left = maxBufferedBytes - connection.writeBufferLength;
	if (left >= FRAMING) connection.send(Buffer.alloc(left - FRAMING));
	connection.close(4000, "a reason of mine");
	client.write(frame(BINARY, "late"));
	client.socket.resume();
	let last = await readFrame(client);
	while (last.opcode === BINARY) last = await readFrame(client);
	t.is(last.payload.readUInt16BE(), 4000);
	client.write(closeFrame(4000));
	client.socket.end();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 4000, cause: "local", wasClean: true });
});

test("what is sent in corked() goes out when it has returned, together", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	const chunks: number[] = [];
	client.socket.on("data", (chunk) => chunks.push(chunk.length));
	const result = connection.corked(() => {
		for (let n = 0; n < 100; n++) connection.send("0123456789");
		connection.corked(() => connection.send("inner"));
		// Long enough for the loop, if it knew.
		for (let end = performance.now() + 20; performance.now() < end; );
		return "result";
	});
	t.is(result, "result");
	t.throws(
		() =>
			connection.corked(() => {
				connection.send("before it throws");
				throw new Error("thrown");
			}),
		{ message: "thrown" },
	);
	t.is(String(await client.read(1005)).slice(-5), "inner");
	t.is(String(await client.read(16)), "before it throws");
	t.true(chunks[0] !== undefined && chunks[0] >= 1005, `${chunks[0]}`);
});

for (const length of [1, 100, 200, 16 * KIB, 100 * KIB]) {
	test(`messages of ${length} bytes never overshoot maxBufferedBytes, on their way or when framed`, async (t) => {
		const maxBufferedBytes = 512 * KIB;
		const recorder = new Recorder();
		const { port } = await serve(t, recorder, {
			flow: { maxBufferedBytes, overflow: "drop-newest" },
		});
		const client = await upgraded(t, port);
		client.socket.pause();
		const { connection } = await recorder.next("connect");
		const message = Buffer.alloc(length);
		const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
		// A loop without a thread has given the kernel what is long before send() returns.
		const isAtOnce = length > 64 * KIB && process.env[THREADS] === "0";
		let most = 0;
		let sent = 0;
		for (let turns = 0; turns < 20; ) {
			const before = connection.writeBufferLength;
			const status = connection.send(message);
			const after = connection.writeBufferLength;
			if (status === SendStatus.Dropped) {
				// Looked at while the loop takes what is there from the queue, frames it and hands it to the kernel.
				for (let look = 0; look < 10_000; look++) {
					most = Math.max(most, connection.writeBufferLength);
				}
				turns++;
				await new Promise(setImmediate);
			} else {
				sent += length + header;
				if (before === 0 && !isAtOnce) t.is(after, length + FRAMING);
			}
			most = Math.max(most, after);
		}
		t.true(most <= maxBufferedBytes, `${most}`);
		t.true(most > maxBufferedBytes - length - FRAMING);
		client.socket.resume();
		let received = 0;
		client.socket.on("data", (bytes) => {
			received += bytes.length;
		});
		await until(() => received === sent);
		t.is(connection.writeBufferLength, 0);
	});
}

test("callbacks and sent() tell when the kernel has it, in order", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		flow: { maxBufferedBytes: 64 * KIB * KIB },
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	const calls: [string, GevError | undefined][] = [];
	const note = (name: string) => (error?: GevError) =>
		void calls.push([name, error]);
	client.socket.pause();
	connection.send("first", note("first"));
	connection.send(Buffer.alloc(32 * KIB * KIB), { text: false }, note("large"));
	const all = connection.sent();
	connection.send("last", note("last"));
	t.deepEqual(calls, [], "never before send() returns");
	await until(() => calls.length === 1);
	t.deepEqual(calls[0], ["first", undefined]);
	client.socket.resume();
	t.true(await all);
	await connection.sent();
	t.deepEqual(
		calls.map(([name, error]) => [name, error?.code]),
		[
			["first", undefined],
			["large", undefined],
			["last", undefined],
		],
	);
	client.socket.pause();
	connection.send(Buffer.alloc(32 * KIB * KIB), note("lost"));
	const lost = connection.sent();
	client.socket.destroy();
	t.false(await lost);
	t.is(calls[3]?.[1]?.code, "ERR_GEV_SEND");
	await recorder.next("close");
	t.is(connection.send("late", note("late")), SendStatus.Closed);
	t.false(await connection.sent());
	t.is(calls[4]?.[1]?.code, "ERR_GEV_SEND");
	t.is(calls.length, 5);
	t.throws(() => connection.send("x", {}, 5 as never), {
		code: "ERR_GEV_OPTION",
	});
});

test("what a callback throws costs its connection only", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	const { closed } = await connect(t, url);
	const { connection } = await recorder.next("connect");
	connection.send("x", () => {
		throw new Error("a fault of the callback");
	});
	t.is((await closed).code, 1011);
	const { error } = await recorder.next("error");
	t.is(error.message, "a fault of the callback");
});

test("a peer that takes nothing is cut after writeStallMs, and not earlier", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		timeouts: { writeStallMs: 200 },
		flow: { maxBufferedBytes: 64 * KIB * KIB },
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	client.socket.pause();
	const before = performance.now();
	connection.send(Buffer.alloc(32 * KIB * KIB));
	const { reason } = await recorder.next("close");
	t.true(performance.now() - before >= 200);
	t.deepEqual(
		[reason.code, reason.cause, reason.wasClean],
		[1006, "stalled", false],
	);
});

test("a deadline closes a connection, if nobody disarms it", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	await connect(t, url);
	const { connection: kept } = await recorder.next("connect");
	const client = await connect(t, url);
	const { connection } = await recorder.next("connect");
	kept.setDeadline(20);
	kept.setDeadline();
	const before = performance.now();
	connection.setDeadline(100);
	t.is((await client.closed).code, 1001);
	const { reason } = await recorder.next("close");
	t.true(performance.now() - before >= 99);
	t.is(reason.cause, "deadline");
	t.true(kept.connected);
	t.throws(() => kept.setDeadline(-1), { code: "ERR_GEV_OPTION" });
});

test("what is sent after the loop has begun to close is not called sent", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		timeouts: { maxLifetimeMs: 50 },
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	t.is((await readClose(client)).code, 1001);
	// The handler has not been told yet: the peer has not answered.
	t.true(connection.connected);
	const results = new Queue<string | undefined>();
	t.is(
		connection.send("too late", (error) => results.push(error?.code)),
		SendStatus.Queued,
	);
	client.socket.destroy();
	t.is(await results.next(), "ERR_GEV_SEND");
});

test("pings that wait count as what waits", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		flow: { maxBufferedBytes: 1_000_000 },
	});
	await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	let sent = 0;
	while (connection.ping("x".repeat(98)) === SendStatus.Queued) sent++;
	t.true(sent <= 10_000, `${sent}`);
	t.true(connection.writeBufferLength <= 1_000_000);
});
