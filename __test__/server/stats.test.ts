import { once } from "node:events";
import test from "ava";
import { frames, lines, type Protocol, raw, type Server, webSocket } from "gev";
import { reset } from "../kit/reset.js";
import { echo, serve } from "../kit/server.js";
import { openSocket, tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

/** What stands on the wire for "hello", on the way in and out. */
const framed: [name: string, () => Protocol, request: string][] = [
	["raw", () => raw(), "hello"],
	["lines", () => lines() as Protocol, "hello\n"],
	["frames", () => frames({ length: "u8" }) as Protocol, "\u0005hello"],
];

const driven = process.platform !== "win32";

for (const threads of driven ? [true, false] : [true]) {
	const how = threads ? "on a thread" : "driven by Node";
	for (const [name, protocol, request] of framed) {
		test(`stats() counts what clients did: ${name}, ${how}`, async (t) => {
			const options = { protocol: protocol(), loops: 1, threads };
			const { port, server } = await serve(t, echo as never, options);
			const client = await tcp(t, port);
			for (let n = 1; n <= 20; n++) {
				client.write(request);
				await until(() => server.stats().sent.bytes === n * request.length);
			}
			const bytes = 20 * request.length;
			const stats = server.stats();
			t.deepEqual(stats.received, { bytes, messages: 20 });
			t.deepEqual(stats.sent, { bytes, messages: 20 });
			t.is(stats.connections.open, 1);
			t.deepEqual(stats.handshakes, { opened: 1, failed: {} });
			const [loop] = stats.loops;
			t.deepEqual(loop?.received, stats.received);
			t.true((loop?.turns ?? 0) >= 20);
			t.true(loop?.running);
			t.deepEqual(JSON.parse(JSON.stringify(stats)), stats);
		});
	}

	test(`stats() counts WebSocket messages and bytes: ${how}`, async (t) => {
		const { server, url } = await serve(t, echo, { loops: 1, threads });
		const client = await connect(t, url);
		await until(() => server.stats().handshakes.opened === 1);
		const before = server.stats();
		for (let n = 0; n < 10; n++) {
			client.socket.send("hello");
			t.is(await client.messages.next(), "hello");
		}
		await until(() => server.stats().sent.bytes - before.sent.bytes === 10 * 7);
		const after = server.stats();
		// Head and mask, and a text of five bytes.
		t.is(after.received.bytes - before.received.bytes, 10 * (2 + 4 + 5));
		t.is(after.received.messages, 10);
		t.is(after.sent.messages, 10);
	});
}

/** What brings about an end, and the cause that it has. */
const ends: [cause: string, act: (server: Server, socket: Socket) => void][] = [
	["peer", (_, socket) => void socket.end()],
	["reset", (_, socket) => reset(socket)],
	["local", (server) => [...server.connections()][0]?.close()],
	["handler", (_, socket) => void socket.write("throw")],
	["stop", (server) => void server.stop()],
];
type Socket = ReturnType<typeof openSocket>;

for (const [cause, act] of ends) {
	test(`a close is counted by its cause: ${cause}`, async (t) => {
		const handler = {
			onMessage() {
				throw new Error("on purpose");
			},
			onError() {},
		};
		const { port, server } = await serve(t, handler, { protocol: raw() });
		const socket = openSocket(port);
		t.teardown(() => socket.destroy());
		socket.on("error", () => {});
		await until(() => server.connectionCount === 1);
		act(server, socket);
		const counted = () => server.stats().connections.closed;
		await until(() => Object.values(counted()).some((count) => count > 0));
		t.deepEqual(
			Object.entries(counted()).filter(([, count]) => count > 0),
			[[cause, 1]],
		);
	});
}

test("those that are turned away are counted by why", async (t) => {
	const all = {
		maxConnections: 1,
		maxConnectionsPerAddress: 1,
		maxConnectionRatePerAddress: 1,
	};
	for (const reason of Object.keys(all) as (keyof typeof all)[]) {
		const limits = { [reason]: 1 };
		const { port, server } = await serve(t, {}, { protocol: raw(), limits });
		await tcp(t, port);
		await until(() => server.connectionCount === 1);
		const second = openSocket(port);
		second.on("error", () => {});
		await once(second, "close");
		const { accepted, refused } = server.stats().connections;
		t.is(accepted, 2, reason);
		t.is(refused[reason], 1);
		t.is(server.refusedCount, 1);
	}
});

test("handshakes that fail are counted by their status", async (t) => {
	const { port, server } = await serve(t, {}, { protocol: webSocket() });
	const client = await tcp(t, port);
	client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
	await client.readToEnd();
	await until(() => server.refusedHandshakeCount === 1);
	t.deepEqual(server.stats().handshakes, { opened: 0, failed: { 426: 1 } });
});

test("frames with something wrong are counted by what it is", async (t) => {
	const protocol = lines({ maxMessageBytes: 4 });
	const { port, server } = await serve(t, {} as never, {
		protocol: protocol as Protocol,
	});
	const client = await tcp(t, port);
	client.write("hello\n");
	await client.readToEnd();
	client.socket.destroy();
	await until(() => server.stats().connections.closed.limit === 1);
	t.is(server.stats().frameErrors.tooLong, 1);
});

test("counts go on over a stop and a start", async (t) => {
	const { port, server } = await serve(t, echo, { protocol: raw() });
	const talk = async (to: number) => {
		const client = await tcp(t, to);
		client.write("hello");
		const { bytes } = server.stats().sent;
		await until(() => server.stats().sent.bytes === bytes + 5);
	};
	t.is(server.stats().starts, 1);
	await talk(port);
	await server.stop();
	const between = server.stats();
	t.is(between.state, "idle");
	t.is(between.uptimeSeconds, 0);
	t.true(between.loops.every((loop) => !loop.running));
	t.true(between.loops.every((loop) => loop.connections === 0));
	const got = between.loops.map(({ received }) => received.bytes);
	t.is(Math.max(...got), 5, "they are told as they ended");
	t.deepEqual(between.received, { bytes: 5, messages: 1 });
	t.is(between.connections.closed.stop, 1);
	await talk((await server.start()).port);
	t.deepEqual(server.stats().received, { bytes: 10, messages: 2 });
	t.is(server.stats().starts, 2);
	t.true(server.stats().loops.every((loop) => loop.running));
});

test("a loop that waits for JavaScript tells how long", async (t) => {
	let isFull = false;
	const handler = {
		onMessage() {
			if (isFull) return;
			isFull = true;
			// Nothing of the server's is handled meanwhile.
			const until = performance.now() + 200;
			while (performance.now() < until);
		},
	};
	const { port, server } = await serve(t, handler, {
		protocol: raw(),
		loops: 1,
		threads: true,
	});
	const socket = openSocket(port);
	t.teardown(() => socket.destroy());
	await once(socket, "connect");
	// In this process nothing is written while the handler runs: so a good deal of it is there before.
	socket.write(Buffer.alloc(8 << 20));
	await until(() => server.stats().received.bytes === 8 << 20);
	t.true((server.stats().loops[0]?.blockedSeconds ?? 0) > 0);
	// And the rest is handled.
	await until(() => server.stats().loops[0]?.eventQueueBytes === 0);
});

test("messages that are too much are counted", async (t) => {
	const handler = {
		onConnect(connection: { send(data: Buffer): unknown }) {
			for (let n = 0; n < 40; n++) connection.send(Buffer.alloc(1 << 20));
		},
	};
	const { port, server } = await serve(t, handler as never, {
		protocol: raw(),
		flow: { overflow: "drop-newest" },
	});
	const socket = openSocket(port);
	t.teardown(() => socket.destroy());
	socket.pause();
	await until(() => server.stats().sends.dropped > 0);
	t.true(server.stats().sends.congested > 0);
	const [connection] = [...server.connections()];
	t.is(server.stats().sends.dropped, connection?.dropped ?? -1);
});

test("how long handlers take is told of one event in each timed drain", async (t) => {
	const handler = {
		onMessage(_: unknown, message: Buffer) {
			const end = performance.now() + 5;
			while (performance.now() < end);
			return message;
		},
	};
	const { port, server } = await serve(t, handler as never, {
		protocol: raw(),
	});
	const client = await tcp(t, port);
	while (server.stats().script.handlerSeconds.count < 5) {
		client.write("x");
		await client.read(1);
	}
	const { script } = server.stats();
	t.true(script.handlerP50Seconds >= 0.005, `${script.handlerP50Seconds}`);
	t.true(script.handlerP99Seconds >= script.handlerP50Seconds);
	t.true(script.handlerSeconds.sum >= 4 * 0.005);
	t.true(script.busySeconds >= script.handlerSeconds.sum);
	t.true(script.drains >= 8 * script.handlerSeconds.count);
});
