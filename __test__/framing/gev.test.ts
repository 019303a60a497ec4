import { randomBytes } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { type Connection, type Data, RingBuffer, raw, webSocket } from "gev";
import { loops } from "../kit/loops.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

/**
 * What the tests of the Go library gev (v0.5.0) try, as it is here; each names those that it mirrors. What they try besides has
 * its twins elsewhere: `ExampleServer_RunAfter`, `ExampleServer_RunEvery` in server/timers.test.ts, `TestEventLoop_RunLoop` and
 * those of its poller in crates/reactor. There is no counterpart of `TestLeastConnection`: loops get their connections in turn,
 * or from the kernel; and none of `TestEventLoopSize`, of what a loop of Go takes in memory.
 */

const clientCount = 100;

/** So many at once, each by its number. */
function each<Result>(
	count: number,
	one: (index: number) => Promise<Result>,
): Promise<Result[]> {
	return Promise.all(Array.from({ length: count }, (_, index) => one(index)));
}

/** Of any length from 1 to `most`, with any bytes. */
function anyBytes(most: number): Buffer {
	return randomBytes(1 + Math.floor(Math.random() * most));
}

/** A handler that counts connections, with what it does besides. */
function counting(
	onConnect: (connection: Connection) => void = () => {},
	onMessage?: (connection: Connection, message: Buffer) => Data | undefined,
) {
	const counts = { open: 0, all: 0 };
	return {
		counts,
		onConnect(connection: Connection) {
			counts.open++;
			counts.all++;
			onConnect(connection);
		},
		...(onMessage !== undefined && { onMessage }),
		onClose: () => void counts.open--,
	};
}

// server_test.go, TestServer_Start
test("a hundred clients get back whatever they send, and the server stops", async (t) => {
	const handler = counting(undefined, (connection, message) => {
		connection.send(message);
		return undefined;
	});
	const { server, port } = await serve(t, handler, {
		protocol: raw(),
		...loops(8),
	});
	await each(clientCount, async () => {
		const client = await tcp(t, port);
		for (let round = 0; round < 2; round++) {
			const sent = anyBytes(256 * 1024);
			client.write(sent);
			t.true((await client.read(sent.length)).equals(sent));
		}
		client.socket.end();
		await client.readToEnd();
	});
	await server.stop();
	t.deepEqual(handler.counts, { open: 0, all: clientCount });
});

// server_test.go, TestServer_Stop
test("a hundred clients that connect and leave are all gone, before the server stops", async (t) => {
	const handler = counting();
	const { server, port } = await serve(t, handler, {
		protocol: raw(),
		...loops(8),
	});
	await each(clientCount, async () => {
		const client = await tcp(t, port);
		client.socket.destroy();
	});
	const { counts } = handler;
	await until(() => counts.all === clientCount && counts.open === 0);
	t.is(server.connectionCount, 0);
	await server.stop();
	t.deepEqual(counts, { open: 0, all: clientCount });
});

// server_test.go, TestServer_Stop1, whose clients connect to another port by mistake
test("a hundred clients that leave while they are greeted are all gone", async (t) => {
	const handler = counting((connection) => void connection.send("hello gev"));
	const { server, port } = await serve(t, handler, {
		protocol: raw(),
		...loops(8),
	});
	await each(clientCount, async (index) => {
		const client = await tcp(t, port);
		if (index % 2 === 0) t.is(String(await client.read(9)), "hello gev");
		client.socket.destroy();
	});
	const { counts } = handler;
	await until(() => counts.all === clientCount && counts.open === 0);
	t.is(server.connectionCount, 0);
	t.is(server.heldBytes, 0);
	await server.stop();
});

// server_conn_test.go, TestConnClose
test("who is closed in onConnect reads the end, and nothing else", async (t) => {
	const handler = counting((connection) => connection.close());
	const { port } = await serve(t, handler, { protocol: raw(), ...loops(8) });
	const client = await tcp(t, port);
	t.is((await client.readToEnd()).length, 0);
	client.socket.end();
	await until(() => handler.counts.open === 0);
	t.is(handler.counts.all, 1);
});

// server_conn_test.go, TestIdleTime
test("a hundred clients that are silent are closed when their time is over, and not earlier", async (t) => {
	const idleMs = 300;
	const handler = counting();
	const options = { protocol: raw(), ...loops(8), timeouts: { idleMs } };
	const { port } = await serve(t, handler, options);
	await each(clientCount, async () => {
		const before = performance.now();
		const client = await tcp(t, port);
		t.is((await client.readToEnd()).length, 0);
		t.true(performance.now() - before >= idleMs);
		client.socket.end();
	});
	await until(() => handler.counts.open === 0);
	t.is(handler.counts.all, clientCount);
});

// server_conn_test.go, TestConnLoadBalanceRoundRobin, TestConnLoadBalanceLeastConnection; load_balance_test.go, TestRoundRobin
for (const [count, expected] of [
	[9, [2, 2, 2, 3]],
	[200, [50, 50, 50, 50]],
] as const) {
	test(`${count} connections are dealt out to four loops in turn`, async (t) => {
		const { server, port } = await serve(t, counting(), {
			...{ protocol: raw(), loops: 4, threads: true },
			balance: "round-robin",
		});
		for (let n = 0; n < count; n++) await tcp(t, port);
		await until(() => server.connectionCount === count);
		const counts = [0, 0, 0, 0];
		for (const { loopIndex } of server.connections()) {
			counts[loopIndex] = (counts[loopIndex] ?? 0) + 1;
		}
		t.deepEqual(counts.sort(), [...expected]);
	});
}

// protocol_test.go, TestDefaultProtocol_UnPacket
test("without framing everything that is there is a message, across the end of a ring too", (t) => {
	const buffer = new RingBuffer();
	buffer.writeString("1234");
	while (buffer.length < buffer.capacity) buffer.writeString("x");
	buffer.retrieve(2);
	buffer.writeString("ab");
	t.true(buffer.isFull);
	const all = `34${"x".repeat(buffer.length - 4)}ab`;
	t.is(String(buffer.read(buffer.length)), all);
	t.true(buffer.isEmpty);
	t.deepEqual(raw().decoder().push("34ab"), [Buffer.from("34ab")]);
});

// context_test.go, TestKeyValueContext
test("a context keeps what a handler puts into it, for one connection", async (t) => {
	type Values = Map<string, string>;
	const { port } = await context(t);
	const [one, other] = [await tcp(t, port), await tcp(t, port)];
	const ask = async (client: typeof one, question: string) => {
		client.write(question);
		return String(await client.read(1));
	};
	t.is(await ask(one, "-1"), "0"); // which is not there
	for (const key of ["1", "2", "3"]) {
		t.is(await ask(one, `=${key}`), key);
		t.is(await ask(one, `?${key}`), key);
	}
	t.is(await ask(one, "-1"), "1");
	t.is(await ask(one, "?1"), "0");
	t.is(await ask(other, "?2"), "0");
	t.is(await ask(one, "!"), "0");
	t.is(await ask(one, "?2"), "0");

	function context(t: ExecutionContext) {
		return serve(
			t,
			{
				onConnect(connection: Connection<Values>) {
					connection.context = new Map();
				},
				onMessage(connection: Connection<Values>, message: Buffer) {
					const { context } = connection;
					const [what, key = ""] = String(message);
					if (what === "=") context.set(key, key);
					if (what === "!") connection.context = new Map();
					if (what === "-") return context.delete(key) ? "1" : "0";
					return connection.context.get(key) ?? "0";
				},
			},
			{ protocol: raw(), ...loops(1) },
		);
	}
});

// example/websocket/wsserver_test.go, TestWebSocketServer_Start
test("a hundred WebSockets get back what they send, returned or sent, until they are closed", async (t) => {
	let count = 0;
	const { port } = await serve(
		t,
		{
			onMessage(connection: Connection, message: string | Buffer) {
				if (String(message) === "enough") connection.close(1000, "close");
				else if (++count % 2 === 0) return message;
				else connection.send(message);
				return undefined;
			},
		},
		{ protocol: webSocket(), ...loops(8) },
	);
	await each(clientCount, async () => {
		const client = await connect(t, `ws://127.0.0.1:${port}`);
		for (let round = 0; round < 5; round++) {
			const sent = anyBytes(3 * 1024);
			client.socket.send(sent);
			t.deepEqual(await client.messages.next(), sent);
		}
		client.socket.send("enough");
		t.deepEqual(await client.closed, { code: 1000, reason: "close" });
	});
	t.is(count, 5 * clientCount);
});

// example/websocket/wsserver_test.go, TestWebSocketServer_CloseConnection
test("of ten WebSockets five leave, and five are still counted", async (t) => {
	const handler = counting();
	const { server, port } = await serve(t, handler as never, {
		protocol: webSocket(),
		...loops(8),
	});
	const clients = await each(10, () => connect(t, `ws://127.0.0.1:${port}`));
	await until(() => handler.counts.open === 10);
	t.is(server.connectionCount, 10);
	for (const { socket } of clients.slice(0, 5)) socket.close();
	for (const { closed } of clients.slice(0, 5)) await closed;
	await until(() => handler.counts.open === 5);
	t.is(server.connectionCount, 5);
	for (const { socket } of clients.slice(5)) {
		t.is(socket.readyState, socket.OPEN);
	}
});
