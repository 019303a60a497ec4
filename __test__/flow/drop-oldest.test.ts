import test from "ava";
import { type Connection, SendStatus } from "gev";
import {
	BINARY,
	CONTINUATION,
	readClose,
	readFrame,
	upgraded,
} from "../kit/frames.js";
import { pair } from "../kit/pair.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { saturate } from "../kit/saturate.js";
import { serve } from "../kit/server.js";

const KIB = 1024;

test("with drop-oldest what is too much replaces the oldest that is not on its way", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		flow: {
			highWaterMarkBytes: 64 * KIB,
			maxBufferedBytes: 512 * KIB,
			overflow: "drop-oldest",
		},
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
		flow: {
			highWaterMarkBytes: 64 * KIB,
			maxBufferedBytes: 256 * KIB,
			overflow: "drop-oldest",
		},
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
			flow: {
				highWaterMarkBytes: 64 * KIB,
				maxBufferedBytes: 1024 * KIB,
				overflow: "drop-oldest",
			},
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
		flow: {
			highWaterMarkBytes: 1024,
			maxBufferedBytes: 64 * KIB,
			overflow: "drop-oldest",
		},
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

test("drop-oldest: sent() waits for what is on its way, although what came behind it is dropped", async (t) => {
	for (const protocol of ["raw", "websocket"] as const) {
		const all = await pair(t, protocol, {
			flow: {
				highWaterMarkBytes: 64 * KIB,
				maxBufferedBytes: 256 * KIB,
				overflow: "drop-oldest",
			},
		});
		const { client, connection } = all;
		client.socket.pause();
		const message = Buffer.alloc(16 * KIB);
		await saturate(all, message);
		const promises = new Set<Promise<boolean>>();
		let settled = 0;
		const ask = () => {
			const promise = connection.sent();
			if (promises.has(promise)) return;
			promises.add(promise);
			void promise.then(() => settled++);
		};
		ask();
		for (let n = 0; n < 1000; n++) {
			connection.send(message);
			ask();
			if (n % 10 === 0) await new Promise(setImmediate);
		}
		await saturate(all, message);
		// Whatever was sent when they asked is gone, or with a loop that cannot get rid of it.
		t.is(settled, 0);
		t.is(promises.size, 2, "which is all that can be told apart");
		client.socket.removeAllListeners("data").resume();
		t.deepEqual(await Promise.all(promises), [true, true]);
		connection.destroy();
	}
});

test("drop-oldest: sent() is true for what close() sends, false for what destroy() drops", async (t) => {
	for (const end of ["close", "destroy"] as const) {
		const recorder = new Recorder();
		const { port } = await serve(t, recorder, {
			flow: {
				highWaterMarkBytes: 64 * KIB,
				maxBufferedBytes: 1024 * KIB,
				overflow: "drop-oldest",
			},
		});
		const client = await upgraded(t, port);
		client.socket.pause();
		const { connection } = await recorder.next("connect");
		const fill = async () => {
			for (let n = 0; connection.writeBufferLength < 512 * KIB; n++) {
				connection.send(Buffer.alloc(16 * KIB));
				if (n % 10 === 0) await new Promise(setImmediate);
			}
		};
		await fill();
		const promises = [connection.sent()];
		for (const text of ["a", "b", "c"]) {
			connection.send(text);
			promises.push(connection.sent());
		}
		connection[end]();
		client.socket.resume();
		if (end === "close") {
			let last = await readFrame(client);
			while (last.opcode === BINARY) last = await readFrame(client);
			t.is(String(last.payload), "a");
		}
		const sent = end === "close";
		t.deepEqual(await Promise.all(promises), [sent, sent, sent, sent]);
	}
});

test("drop-oldest: a mark between the fragments of a message does not outlive or split it", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		flow: {
			highWaterMarkBytes: 64 * KIB,
			maxBufferedBytes: 256 * KIB,
			overflow: "drop-oldest",
		},
	});
	const client = await upgraded(t, port);
	client.socket.pause();
	const { connection } = await recorder.next("connect");
	const results: Promise<boolean>[] = [];
	const count = 300;
	for (let n = 0; n < count; n++) {
		const fragment = Buffer.alloc(10 * KIB);
		fragment.writeUInt32BE(n);
		connection.send(fragment, { fin: false });
		results.push(connection.sent());
		connection.send(fragment, { fin: false });
		connection.send(fragment);
		results.push(connection.sent());
		if (n % 10 === 0) await new Promise(setImmediate);
	}
	t.true(connection.dropped > 0);
	client.socket.resume();
	let messages = 0;
	for (let n = -1; n < count - 1; messages++) {
		const first = await readFrame(client);
		t.is(first.opcode, BINARY);
		t.true(first.payload.readUInt32BE() > n);
		n = first.payload.readUInt32BE();
		for (const fin of [false, true]) {
			const next = await readFrame(client);
			t.like(next, { opcode: CONTINUATION, fin });
			t.is(next.payload.readUInt32BE(), n);
		}
	}
	t.is(messages, count - connection.dropped);
	t.true((await Promise.all(results)).every((sent) => sent));
});
