import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import test from "ava";
import { type Connection, SendStatus } from "gev";
import { BINARY, frame, TEXT, upgraded } from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { echo, protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

/** The minimum. */
const queueBytes = 256 * 1024;

for (const [protocol, create] of Object.entries(protocols)) {
	test(`a handler that is busy for two seconds loses nothing that ${protocol} clients send meanwhile`, async (t) => {
		const clients = 20;
		let busy = true;
		let closes = 0;
		const { port, server } = await serve(
			t,
			{
				onMessage(_, message) {
					const end = performance.now() + 2000;
					while (busy && performance.now() < end);
					busy = false;
					return message;
				},
				onClose: () => void closes++,
			},
			{
				protocol: create(),
				loops: 2,
				eventLoop: { queueBytes },
				flow: { maxBufferedBytes: 2 ** 30 },
			},
		);
		const worker = new Worker(
			new URL("../fixtures/flood.js", import.meta.url),
			{
				workerData: { port, protocol, clients, count: 3000 },
			},
		);
		t.teardown(() => worker.terminate());
		const complete = new Queue<boolean>();
		worker.on("message", (message) => complete.push(message));
		t.deepEqual(await complete.take(clients), Array(clients).fill(true));
		await until(() => server.connectionCount === 0);
		t.is(closes, clients);
	});
}

test("a client that sends more than the handlers can take leaves room for others of its loop", async (t) => {
	const bytes = 256 * 1024 * 1024;
	const closed = new Queue<void>();
	const begun = new Queue<void>();
	let taken = 0;
	let other: Connection | undefined;
	const { port } = await serve(
		t,
		{
			onConnect(connection) {
				other ??= connection;
			},
			onMessage(connection, message) {
				if (connection === other) return message;
				createHash("sha256").update(message).digest();
				taken += message.length;
				if (taken > bytes / 64) begun.push();
				return undefined;
			},
			onClose: () => closed.push(),
		},
		{ protocol: protocols.raw() },
	);
	const client = await tcp(t, port);
	await until(() => other !== undefined);
	const worker = new Worker(
		new URL("../fixtures/torrent.js", import.meta.url),
		{
			workerData: { port, bytes },
		},
	);
	t.teardown(() => worker.terminate());
	await begun.next();
	for (let round = 10; round < 20; round++) {
		client.write(`${round}`);
		t.is(String(await client.read(2)), `${round}`);
	}
	t.true(taken < bytes, "the others had to wait for the end");
	await closed.next();
	t.is(taken, bytes);
});

test("messages larger than the queues pass in both directions, between those of others", async (t) => {
	const { url } = await serve(t, echo, { eventLoop: { queueBytes } });
	const sizes = [0, 1, 65_536, 65_537, queueBytes - 16, queueBytes, 5_000_001];
	await Promise.all(
		["a", "é", "👋"].map(async (letter) => {
			const { socket, messages } = await connect(t, url);
			const text = sizes.map((size) => letter.repeat(size / letter.length));
			const sent = [...text, ...text.map((message) => Buffer.from(message))];
			for (const message of sent) socket.send(message);
			for (const [index, message] of sent.entries()) {
				const received = await messages.next();
				t.is(typeof received, typeof message);
				t.is(
					Buffer.compare(Buffer.from(received), Buffer.from(message)),
					0,
					`${letter}: message ${index}`,
				);
			}
		}),
	);
});

test("a raw stream larger than the queues comes back unchanged", async (t) => {
	const { port } = await serve(t, echo, {
		protocol: protocols.raw(),
		eventLoop: { queueBytes, readBufferBytes: 2 * 1024 * 1024 },
	});
	const client = await tcp(t, port);
	const bytes = Buffer.from(
		Uint32Array.from({ length: 2_000_000 }, (_, index) => index).buffer,
	);
	client.socket.end(bytes);
	t.true(bytes.equals(await client.readToEnd()));
});

for (const [name, size] of [
	["many small messages", 1000],
	["large messages", 700_000],
] as const) {
	test(`64 MiB sent in one tick arrive whole: ${name}`, async (t) => {
		const recorder = new Recorder();
		const { url } = await serve(t, recorder, {
			eventLoop: { queueBytes },
			flow: { maxBufferedBytes: 2 ** 30, highWaterMarkBytes: 2 ** 30 },
		});
		const client = await connect(t, url);
		const { connection } = await recorder.next("connect");
		const count = Math.ceil((64 * 1024 * 1024) / size);
		const message = Buffer.alloc(size);
		for (let index = 0; index < count; index++) {
			message.fill(index % 251);
			message.writeUInt32LE(index);
			if (connection.send(message) !== SendStatus.Queued) t.fail();
		}
		t.true(connection.writeBufferLength > 0);
		for (let index = 0; index < count; index++) {
			const received = (await client.messages.next()) as Buffer;
			message.fill(index % 251);
			message.writeUInt32LE(index);
			if (!message.equals(received)) {
				return t.fail(`message ${index} is another`);
			}
		}
		t.is(client.messages.size, 0);
		await until(() => connection.writeBufferLength === 0);
	});
}

test("with a drainBudget of 1 Node's timers run between messages, and nothing is lost", async (t) => {
	const count = 5000;
	const done = new Queue<void>();
	let handled = 0;
	let immediates = 0;
	let timeout = -1;
	const { port } = await serve(
		t,
		{
			onMessage(_, message) {
				t.is(message, `${handled}`);
				if (handled === 0) setTimeout(() => (timeout = handled), 1);
				setImmediate(() => immediates++);
				if (++handled === count) done.push();
			},
		},
		{ eventLoop: { drainBudget: 1 } },
	);
	const client = await upgraded(t, port);
	const frames = Array.from({ length: count }, (_, index) =>
		frame(TEXT, `${index}`),
	);
	client.write(Buffer.concat(frames));
	await done.next();
	// A drain that has found the queue empty may look once more, so that not each message has a turn of its own.
	t.true(immediates > count / 10, `${immediates} turns`);
	t.true(timeout > 0 && timeout < count, `fired at message ${timeout}`);
});

for (const [part, length] of [
	["head", 3],
	["payload", 400],
] as const) {
	test(`readBufferLength tells what waits for the rest of its frame: in the ${part}`, async (t) => {
		const recorder = new Recorder();
		const { port } = await serve(t, recorder);
		const client = await upgraded(t, port);
		const { connection } = await recorder.next("connect");
		t.is(connection.readBufferLength, 0);
		const payload = Buffer.alloc(1000, "payload");
		const bytes = frame(BINARY, payload);
		client.write(bytes.subarray(0, length));
		await until(() => connection.readBufferLength > 0);
		t.true(connection.readBufferLength <= length);
		client.write(bytes.subarray(length));
		const { message } = await recorder.next("message");
		t.deepEqual(message, payload);
		await until(() => connection.readBufferLength === 0);
	});
}

test("writeBufferLength tells what the client has not taken", async (t) => {
	const connections = new Queue<Connection>();
	const { port } = await serve(
		t,
		{ onConnect: (connection) => connections.push(connection) },
		{ protocol: protocols.raw(), flow: { maxBufferedBytes: 2 ** 30 } },
	);
	const client = await tcp(t, port);
	client.socket.pause();
	const connection = await connections.next();
	t.is(connection.writeBufferLength, 0);
	connection.send("12345");
	t.is(connection.writeBufferLength, 5);
	await until(() => connection.writeBufferLength === 0);
	const size = 32 * 1024 * 1024;
	connection.send(Buffer.alloc(size));
	t.true(connection.writeBufferLength > 0);
	t.true(connection.writeBufferLength <= size);
	connection.shutdownWrite();
	client.socket.resume();
	let received = 0;
	for await (const chunk of client.socket) received += chunk.length;
	t.is(received, 5 + size);
	t.is(connection.writeBufferLength, 0);
});

test("replies larger than the queue of commands never wait for other news", async (t) => {
	const { url } = await serve(t, echo);
	const client = await connect(t, url);
	for (const size of [200_000, 300_000, 600_000, 1_200_000]) {
		const message = Buffer.alloc(size, `${size} `);
		for (let count = 0; count < 25; count++) {
			client.socket.send(message);
			const answer = await client.messages.next();
			t.true(message.equals(answer as Buffer));
		}
	}
});
