// One after the other: a handler that is busy in one test would be an idle server in another.
import { setTimeout } from "node:timers/promises";
import test from "ava";
import { type Connection, webSocket } from "gev";
import {
	closeFrame,
	frame,
	PING,
	PONG,
	readClose,
	readFrame,
	TEXT,
	UPGRADE,
	upgraded,
} from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

test.serial(
	"a connection that is silent for idleMs is closed, and never earlier",
	async (t) => {
		const recorder = new Recorder();
		const idleMs = 200;
		const { port } = await serve(t, recorder, {
			timeouts: { idleMs },
		});
		const client = await upgraded(t, port);
		await recorder.next("connect");
		let heard = performance.now();
		let stoodStill = false;
		for (let round = 0; round < 3; round++) {
			const sent = performance.now();
			client.write(frame(TEXT, "x"));
			const { name } = await recorder.calls.next();
			// Where this machine has stood still for so long, and nobody has answered.
			stoodStill = name === "close";
			if (stoodStill) break;
			heard = sent;
		}
		const close = await readClose(client);
		t.true(performance.now() - heard >= idleMs, "early");
		t.deepEqual(close, { code: 1001, reason: "idle timeout" });
		if (stoodStill) return;
		client.socket.end(closeFrame(1001));
		const { reason } = await recorder.next("close");
		t.deepEqual(
			[reason.code, reason.cause, reason.wasClean],
			[1001, "idle", true],
		);
	},
);

/** What is above that depends on the machine: it is told, not judged. */
test.serial(
	"silence of a second is ended after a second, by the client's clock",
	async (t) => {
		const idleMs = 1000;
		const { port } = await serve(
			t,
			{},
			{
				protocol: protocols.raw(),
				timeouts: { idleMs },
			},
		);
		const silence = Array.from({ length: 20 }, async (_, n) => {
			// The server may have it before it knows.
			let heard = performance.now();
			let isLate = false;
			const client = await tcp(t, port);
			for (let left = n; left > 0; left--) {
				// Who stands still for so long has been silent, and does not know since when.
				isLate ||= performance.now() - heard > idleMs / 2;
				heard = performance.now();
				client.write("x");
				await setTimeout(7);
			}
			await client.readToEnd();
			client.socket.end();
			return isLate ? [] : [performance.now() - heard - idleMs];
		});
		const late = (await Promise.all(silence)).flat().sort((a, b) => a - b);
		t.true(late.every((ms) => ms >= 0));
		const median = late[late.length >> 1];
		const most = late.at(-1);
		t.log(`late by ${median?.toFixed(1)} ms, at most ${most?.toFixed(1)} ms`);
	},
);

test.serial(
	"what the server sends counts, unless only reading does",
	async (t) => {
		const connections = new Queue<Connection>();
		const closes = new Queue<string>();
		const handler = {
			onConnect: (connection: Connection) => connections.push(connection),
			onClose: (_: Connection, { cause }: { cause: string }) =>
				closes.push(cause),
		};
		const all = await serve(t, handler, {
			protocol: protocols.raw(),
			timeouts: { idleMs: 400, closeMs: 500 },
		});
		const read = await serve(t, handler, {
			protocol: protocols.raw(),
			timeouts: { idleMs: { read: 400 }, closeMs: 500 },
		});
		const first = await tcp(t, all.port);
		const pushed = await connections.next();
		await tcp(t, read.port);
		const quiet = await connections.next();
		const timer = setInterval(() => {
			pushed.send("x");
			quiet.send("x");
		}, 5);
		t.teardown(() => clearInterval(timer));
		t.is(await closes.next(), "idle");
		t.false(quiet.connected);
		// A machine that stands still for so long makes both idle.
		t.true(pushed.connected || closes.size > 0);
		clearInterval(timer);
		t.is(await closes.next(), "idle");
		first.socket.destroy();
	},
);

test.serial(
	"a connection is closed at maxLifetimeMs, however busy it is",
	async (t) => {
		const recorder = new Recorder();
		const started = performance.now();
		const { port } = await serve(t, recorder, {
			timeouts: { maxLifetimeMs: 100 },
		});
		const client = await upgraded(t, port);
		await recorder.next("connect");
		const timer = setInterval(() => client.write(frame(PONG)), 5);
		const close = await readClose(client);
		clearInterval(timer);
		t.true(performance.now() - started >= 100);
		t.deepEqual(close, { code: 1001, reason: "lifetime over" });
		client.socket.end(closeFrame(1001));
		const { reason } = await recorder.next("close");
		t.deepEqual([reason.code, reason.cause], [1001, "limit"]);
	},
);

test.serial(
	"a silent peer is pinged; whoever answers stays, whoever does not is cut",
	async (t) => {
		const pongs = new Queue<Connection>();
		const recorder = Object.assign(new Recorder(), {
			onPong: (connection: Connection) => pongs.push(connection),
		});
		const { port } = await serve(t, recorder, {
			protocol: webSocket({ pingIntervalMs: 30, pongTimeoutMs: FOR_EVER }),
		});
		const client = await upgraded(t, port);
		const { connection } = await recorder.next("connect");
		for (let round = 0; round < 3; round++) {
			const { opcode, payload } = await readFrame(client);
			t.is(opcode, PING);
			client.write(frame(PONG, payload));
			t.is(await pongs.next(), connection);
		}
		t.is(recorder.calls.size, 0);
		const strict = await serve(t, recorder, {
			protocol: webSocket({ pingIntervalMs: 30, pongTimeoutMs: 50 }),
		});
		const dead = await upgraded(t, strict.port);
		await recorder.next("connect");
		t.is((await readFrame(dead)).opcode, PING);
		const { reason } = await recorder.next("close");
		t.deepEqual(
			[reason.code, reason.cause, reason.wasClean],
			[1006, "timeout", false],
		);
	},
);

test.serial(
	"a peer whose bytes wait for a busy handler is not taken for dead",
	async (t) => {
		const recorder = new Recorder();
		let busy = true;
		const { port } = await serve(
			t,
			{
				onConnect: (connection) => recorder.onConnect(connection),
				onMessage(connection, message) {
					const end = performance.now() + 400;
					while (busy && performance.now() < end);
					busy = false;
					recorder.onMessage(connection, message);
				},
				onClose: (connection, reason) => recorder.onClose(connection, reason),
			},
			{
				protocol: webSocket({ pingIntervalMs: 50, pongTimeoutMs: 50 }),
				timeouts: { idleMs: 100 },
				eventLoop: { queueBytes: 256 * 1024 },
				flow: { maxBufferedBytes: 2 ** 26 },
			},
		);
		const client = await tcp(t, port);
		// More than the queue and the loop's buffers take: the rest waits in the socket. In one go with the handshake, as
		// this client may be kept from writing for longer than it may be silent.
		const large = frame(TEXT, "x".repeat(60_000));
		const count = 60;
		client.write(
			Buffer.concat([
				Buffer.from(UPGRADE),
				...Array<Buffer>(count).fill(large),
				frame(TEXT, "still here"),
			]),
		);
		await recorder.next("connect");
		for (let n = 0; n < count; n++) {
			t.is((await recorder.next("message")).message.length, 60_000);
		}
		t.is((await recorder.next("message")).message, "still here");
	},
);

test.serial(
	"a raw client that has closed its side does not stay for ever",
	async (t) => {
		const recorder = new Recorder();
		const { port } = await serve(
			t,
			{
				onConnect: (connection) => recorder.onConnect(connection),
				onMessage: () => new Promise<void>(() => {}),
				onClose: (connection, reason) => recorder.onClose(connection, reason),
			},
			{
				protocol: protocols.raw(),
				timeouts: { maxLifetimeMs: 100, closeMs: 100 },
			},
		);
		const client = await tcp(t, port);
		await recorder.next("connect");
		client.socket.end("x");
		t.is((await recorder.next("close")).reason.cause, "limit");
	},
);
