import test from "ava";
import { type HttpRequest, raw, Server, webSocket } from "gev";
import {
	closeFrame,
	numbers,
	readClose,
	UPGRADE,
	upgraded,
} from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { reset } from "../kit/reset.js";
import { echo, protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

for (const loops of [1, 3]) {
	test(`stop() tells every client and every onClose before it is done, and frees the port: ${loops} loops`, async (t) => {
		const log: string[] = [];
		const { server, port, url } = await serve(
			t,
			{
				onClose(_, { code, cause, wasClean }) {
					log.push(`${code} ${cause} ${wasClean}`);
				},
			},
			{ loops },
		);
		const clients = await Promise.all(
			Array.from({ length: 20 }, () => connect(t, url)),
		);
		await until(() => server.connectionCount === 20);
		t.is(server.loopCount, loops);
		await server.stop({ timeoutMs: FOR_EVER });
		t.deepEqual(log, Array(20).fill("1001 stop true"));
		t.is(server.connectionCount, 0);
		t.is(server.loopCount, 0);
		t.deepEqual([...server.connections()], []);
		for (const { closed } of clients) {
			t.deepEqual(await closed, { code: 1001, reason: "server stopped" });
		}
		const { url: another } = await serve(t, echo, { port });
		const { socket, messages } = await connect(t, another);
		socket.send("free");
		t.is(await messages.next(), "free");
	});
}

test("stop() sends what raw clients are owed, then FIN", async (t) => {
	const recorder = new Recorder();
	const { server, port } = await serve(t, recorder, { protocol: raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	const owed = Buffer.alloc(8_000_000, "owed to you");
	connection.send(owed);
	const stopped = server.stop({ timeoutMs: FOR_EVER });
	t.true(owed.equals(await client.readToEnd()));
	client.socket.end();
	await stopped;
	const { reason } = await recorder.next("close");
	t.like(reason, { cause: "stop", wasClean: true });
});

test("stop() does not wait for handshakes for long", async (t) => {
	const recorder = new Recorder();
	const { server, port, url } = await serve(t, recorder, {
		timeouts: { handshakeMs: FOR_EVER },
	});
	const client = await tcp(t, port);
	client.write("GET / HTTP/1.1\r\nHost: ");
	// The loop accepts in order, so that it knows the first client as well when it has answered the second.
	await connect(t, url);
	await server.stop({ timeoutMs: FOR_EVER });
	t.regex(String(await client.readToEnd()), /^HTTP\/1\.1 408 /);
	await recorder.next("connect");
	t.like((await recorder.next("close")).reason, { cause: "stop" });
	t.is(recorder.calls.size, 0);
});

test("stop() may be called several times, before start() too", async (t) => {
	let closes = 0;
	const server = new Server(
		{ onClose: () => void closes++ },
		{ host: "127.0.0.1", port: 0, loops: 2, protocol: webSocket() },
	);
	t.teardown(() => server.stop());
	await server.stop();
	const { port } = await server.start();
	await connect(t, `ws://127.0.0.1:${port}`);
	await until(() => server.connectionCount === 1);
	await Promise.all(
		[1, 2, 3].map(async () => {
			await server.stop();
			t.is(closes, 1);
		}),
	);
	await server.stop();
	t.is(closes, 1);
});

for (const name of ["onConnect", "onMessage", "onClose"] as const) {
	test(`stop() may be awaited in ${name}`, async (t) => {
		const done = new Queue<string>();
		const { server, url } = await serve(t, {
			[name]: async () => {
				await server.stop();
				done.push(name);
			},
		});
		const stays = await connect(t, url);
		// The first connection may have stopped the server by now.
		const { socket } = await connect(t, url).catch(() => stays);
		if (name === "onMessage") socket.send("stop");
		if (name === "onClose") socket.close();
		t.is(await done.next(), name);
		t.is((await stays.closed).code, 1001);
		t.is(server.loopCount, 0);
	});
}

for (const [name, protocol] of Object.entries(protocols)) {
	test(`stop() loses no onClose while ${name} clients send hard`, async (t) => {
		let opened = 0;
		let closed = 0;
		const enough = new Queue<void>();
		let messages = 0;
		const { server, port, url } = await serve(
			t,
			{
				onConnect: () => void opened++,
				onClose: () => void closed++,
				onMessage: (_, message) => {
					if (++messages === 2000) enough.push();
					return message;
				},
			},
			{ protocol: protocol(), loops: 2 },
		);
		for (let index = 0; index < 20; index++) {
			if (name === "raw") {
				const { socket } = await tcp(t, port);
				socket.on("data", (data) => socket.write(data));
				socket.on("end", () => socket.end());
				socket.write("x".repeat(20_000));
			} else {
				const { socket } = await connect(t, url);
				socket.on("message", (data) => socket.send(data));
				for (let copy = 0; copy < 50; copy++) socket.send("x".repeat(200));
			}
		}
		await enough.next();
		await server.stop({ timeoutMs: FOR_EVER });
		t.is(opened, 20);
		t.is(closed, 20);
	});
}

test("stop() cuts peers that do not answer after its own timeoutMs", async (t) => {
	const order: string[] = [];
	const recorder = new Recorder();
	const silent = async (timeoutMs: number) => {
		const { server, port } = await serve(t, recorder, {
			timeouts: { closeMs: FOR_EVER },
		});
		await upgraded(t, port);
		await recorder.next("connect");
		return async () => {
			await server.stop({ timeoutMs });
			order.push(`${timeoutMs} ms`);
		};
	};
	const later = await silent(1000);
	const atOnce = await silent(0);
	await Promise.all([later(), atOnce()]);
	t.deepEqual(order, ["0 ms", "1000 ms"]);
	for (let count = 0; count < 2; count++) {
		const { reason } = await recorder.next("close");
		t.like(reason, { code: 1006, cause: "stop", wasClean: false });
	}
});

test("stop() takes a code and a reason, and counts how connections ended", async (t) => {
	const recorder = new Recorder();
	const { server, url, port } = await serve(t, recorder);
	const { closed } = await connect(t, url);
	const silent = await upgraded(t, port);
	await recorder.next("connect");
	await recorder.next("connect");
	const stopped = server.stop({
		timeoutMs: FOR_EVER,
		code: 1012,
		reason: "back soon",
	});
	t.deepEqual(await closed, { code: 1012, reason: "back soon" });
	reset(silent.socket);
	t.deepEqual(await stopped, { closed: 1, cut: 1 });
	t.deepEqual(await server.stop(), { closed: 1, cut: 1 }, "of the last stop");
	t.deepEqual(await new Server({}).stop(), { closed: 0, cut: 0 });
});

test("a server can be disposed of", async (t) => {
	const dispose = Symbol.asyncDispose as typeof Symbol.asyncDispose | undefined;
	if (dispose === undefined) {
		t.pass("this runtime has no such symbol");
		return;
	}
	const { server, url } = await serve(t, {});
	const { closed } = await connect(t, url);
	await server[dispose]();
	t.is((await closed).code, 1001);
	t.is(server.loopCount, 0);
});

test("stop() ends those in time that are closing already", async (t) => {
	const recorder = new Recorder();
	const { server, port } = await serve(t, recorder, {
		timeouts: { closeMs: 60_000 },
	});
	const silent = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	connection.close(4000);
	t.is((await readClose(silent)).code, 4000);
	t.deepEqual(await server.stop({ timeoutMs: 20 }), { closed: 0, cut: 1 });
});

test("stop() resumes paused connections, and delivers what has arrived before onClose", async (t) => {
	const calls: string[] = [];
	const paused = new Queue<void>();
	const { port, server } = await serve(t, {
		onMessage(connection, message) {
			calls.push(String(message));
			if (message !== "2") return;
			connection.pause();
			paused.push();
		},
		onClose: (_, { cause }) => void calls.push(cause),
	});
	const client = await upgraded(t, port);
	client.write(numbers(0, 6));
	await paused.next();
	t.deepEqual(calls, ["0", "1", "2"]);
	const stopped = server.stop({ timeoutMs: FOR_EVER });
	t.is((await readClose(client)).code, 1001);
	client.write(closeFrame(1001));
	client.socket.end();
	t.deepEqual(await stopped, { closed: 1, cut: 0 });
	t.deepEqual(calls, ["0", "1", "2", "3", "4", "5", "stop"]);
});

for (const way of ["serial", "paused"]) {
	test(`stop() does not wait for half-open connections whose end has to wait: ${way}`, async (t) => {
		const settles = new Queue<() => void>();
		const { port, server } = await serve(
			t,
			{
				onMessage(connection) {
					if (way === "paused") connection.pause();
					return new Promise<void>((resolve) => settles.push(resolve));
				},
			},
			{
				protocol: raw(),
				socket: { allowHalfOpen: true },
				serial: way === "serial",
			},
		);
		const client = await tcp(t, port);
		client.socket.end("last words");
		const settle = await settles.next();
		const stopped = server.stop({ timeoutMs: FOR_EVER });
		settle();
		t.deepEqual(await stopped, { closed: 1, cut: 0 });
	});
}

test("stop() does not wait for what onClose promises, one at a time or not", async (t) => {
	for (const serial of [true, false]) {
		const closed = new Queue<void>();
		const { server, url } = await serve(
			t,
			{
				// A connection that has waited for a promise once.
				onMessage: async (_connection, message) => message,
				onClose() {
					closed.push();
					return new Promise<void>(() => {});
				},
			},
			{ serial },
		);
		const client = await connect(t, url);
		client.socket.send("hello");
		t.is(await client.messages.next(), "hello");
		client.socket.close();
		await closed.next();
		t.deepEqual(await server.stop(), { closed: 0, cut: 0 });
	}
});

test("stop() does not wait for an answer", async (t) => {
	const requests = new Queue<HttpRequest>();
	const { server, port } = await serve(t, {
		onUpgrade(request) {
			requests.push(request);
			return new Promise<void>(() => {});
		},
	});
	const client = await tcp(t, port);
	client.write(UPGRADE);
	const request = await requests.next();
	await server.stop({ timeoutMs: FOR_EVER });
	t.true(request.aborted);
	t.regex(String(await client.readToEnd()), /^HTTP\/1\.1 503 /);
});
