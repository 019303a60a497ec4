import test from "ava";
import { type Connection, SendStatus } from "gev";
import {
	BINARY,
	CONTINUATION,
	readClose,
	readFrame,
	upgraded,
} from "./kit/frames.js";
import { Queue } from "./kit/queue.js";
import { Recorder } from "./kit/recorder.js";
import { serve } from "./kit/server.js";

const KIB = 1024;

test("with drop-oldest what is too much replaces the oldest that is not on its way", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		highWaterMarkBytes: 64 * KIB,
		maxBufferedBytes: 512 * KIB,
		overflow: "drop-oldest",
	});
	const client = await upgraded(t, port);
	client.socket.pause();
	const { connection } = await recorder.next("connect");
	const length = 10 * KIB;
	const count = 3000;
	const failed = new Set<number>();
	const told = new Queue<void>();
	let all: Promise<boolean> | undefined;
	for (let n = 0; n < count; n++) {
		const message = Buffer.alloc(length, n % 251);
		message.writeUInt32BE(n);
		const status = connection.send(message, (error) => {
			if (error !== undefined) failed.add(n);
			told.push();
		});
		// The bytes are the caller's again.
		message.fill(255);
		t.true(status <= SendStatus.Congested);
		t.true(connection.writeBufferLength <= 512 * KIB);
		if (n === 1000) all = connection.sent();
		if (n % 50 === 0) await new Promise(setImmediate);
	}
	t.true(connection.dropped > 1000);
	client.socket.resume();
	const received: number[] = [];
	do {
		const { payload } = await readFrame(client);
		const n = payload.readUInt32BE();
		t.true(payload.subarray(4).every((byte) => byte === n % 251));
		received.push(n);
	} while (received.at(-1) !== count - 1);
	await told.take(count);
	t.true(await all);
	t.is(received.length, count - connection.dropped);
	// In order, and each is either here or called back with an error.
	const expected = Array.from({ length: count }, (_, n) => n);
	t.deepEqual(
		received,
		expected.filter((n) => !failed.has(n)),
	);
	t.is(connection.writeBufferLength, 0);
});

test("drop-oldest drops whole messages, and none that is half way", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		highWaterMarkBytes: 64 * KIB,
		maxBufferedBytes: 256 * KIB,
		overflow: "drop-oldest",
	});
	const client = await upgraded(t, port);
	client.socket.pause();
	const { connection } = await recorder.next("connect");
	const count = 600;
	for (let n = 0; n < count; n++) {
		const fragment = Buffer.alloc(10 * KIB);
		for (const at of [0, 1, 2]) {
			fragment.writeUInt32BE(n, 0);
			fragment.writeUInt32BE(at, 4);
			t.true(
				connection.send(fragment, { fin: at === 2 }) <= SendStatus.Congested,
			);
		}
		if (n % 10 === 0) await new Promise(setImmediate);
	}
	t.true(connection.dropped > 100);
	client.socket.resume();
	let messages = 0;
	for (let last = -1; last < count - 1; messages++) {
		for (const at of [0, 1, 2]) {
			const { fin, opcode, payload } = await readFrame(client);
			t.is(opcode, at === 0 ? BINARY : CONTINUATION);
			t.is(fin, at === 2);
			if (at === 0) {
				t.true(payload.readUInt32BE() > last);
				last = payload.readUInt32BE();
			}
			t.is(payload.readUInt32BE(), last);
			t.is(payload.readUInt32BE(4), at);
		}
	}
	t.is(messages, count - connection.dropped);
});

test("drop-oldest: onDrain follows, and close() sends what has not been dropped", async (t) => {
	const connections = new Queue<Connection>();
	const drains = new Queue<number>();
	const { port } = await serve(
		t,
		{
			onConnect: (connection) => connections.push(connection),
			onDrain: (connection) => drains.push(connection.writeBufferLength),
		},
		{
			highWaterMarkBytes: 64 * KIB,
			maxBufferedBytes: 1024 * KIB,
			overflow: "drop-oldest",
		},
	);
	const client = await upgraded(t, port);
	const connection = await connections.next();
	for (const round of ["drain", "close"]) {
		client.socket.pause();
		let sent = 0;
		const dropped = connection.dropped;
		while (connection.dropped === dropped) {
			connection.send(Buffer.alloc(16 * KIB));
			sent++;
			if (sent % 20 === 0) await new Promise(setImmediate);
		}
		if (round === "close") {
			connection.send("last");
			connection.close(4000);
		}
		client.socket.resume();
		if (round === "drain") {
			t.true((await drains.next()) <= 16 * KIB);
			await connection.sent();
			t.is(connection.writeBufferLength, 0);
			for (let n = 0; n < sent - 1; n++) await readFrame(client);
		} else if (round === "close") {
			let last = await readFrame(client);
			while (last.opcode === BINARY) last = await readFrame(client);
			t.is(String(last.payload), "last");
			t.is((await readClose(client)).code, 4000);
		}
	}
});

test("drop-oldest: what is larger than everything is dropped itself", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		highWaterMarkBytes: 1024,
		maxBufferedBytes: 64 * KIB,
		overflow: "drop-oldest",
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	t.is(connection.send(Buffer.alloc(65 * KIB)), SendStatus.Dropped);
	// Larger than the high-water mark is fine.
	t.is(connection.send(Buffer.alloc(60 * KIB)), SendStatus.Congested);
	t.is(connection.send(Buffer.alloc(60 * KIB)), SendStatus.Dropped);
	t.is((await readFrame(client)).payload.length, 60 * KIB);
	t.is(connection.dropped, 2);
});
