import test from "ava";
import { type Connection, custom, lines, SendStatus, Server } from "gev";
import { loops } from "../kit/loops.js";
import { pair } from "../kit/pair.js";
import { type AnyHandler, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect, type WsClient } from "../kit/ws-client.js";

const silent: AnyHandler = { onMessage() {} };

for (const count of [1, 4]) {
	test(`a broadcast goes to all, between what is sent before and behind it: ${count} loops`, async (t) => {
		const { server, url } = await serve(t, silent, { loops: count });
		const clients: WsClient[] = [];
		for (let n = 0; n < 60; n++) clients.push(await connect(t, url));
		const each = (text: string) => {
			for (const connection of server.connections()) connection.send(text);
		};
		each("before");
		const result = await server.broadcast("text");
		each("between");
		await server.broadcast(Buffer.from([1, 2, 3]));
		await server.broadcast(Buffer.from("bytes"), { text: true });
		// Longer than what the queue shares, and than what it holds.
		const long = [Buffer.alloc(20_000, 1), Buffer.alloc(200_000, 2)];
		for (const bytes of long) {
			t.is((await server.broadcast(bytes)).dropped, 0);
		}
		each("behind");
		t.deepEqual(result, { queued: 60, congested: 0, dropped: 0 });
		const expected = [
			"before",
			"text",
			"between",
			Buffer.from([1, 2, 3]),
			"bytes",
			...long,
			"behind",
		];
		let wrong = 0;
		for (const { messages } of clients) {
			for (const message of expected) {
				// Plain comparisons, as there is much of it.
				const got = Buffer.from((await messages.next()) as string);
				if (!got.equals(Buffer.from(message as string))) wrong++;
			}
		}
		t.is(wrong, 0);
	});
}

test("many long messages that are shared arrive whole and in order", async (t) => {
	const { server, url } = await serve(t, silent);
	const clients: WsClient[] = [];
	for (let n = 0; n < 100; n++) clients.push(await connect(t, url));
	for (let n = 0; n < 20; n++) await server.broadcast(`${n}`.padEnd(16_384));
	for (const { messages } of clients) {
		for (let n = 0; n < 20; n++) {
			const isRight = (await messages.next()) === `${n}`.padEnd(16_384);
			if (!isRight) t.fail(`message ${n}`);
		}
	}
	t.pass();
});

test("to, except and filter say who gets it, each once", async (t) => {
	const { server, url } = await serve(t, silent);
	const clients: WsClient[] = [];
	for (let n = 0; n < 6; n++) clients.push(await connect(t, url));
	const all = [...server.connections()] as Connection<number>[];
	all.forEach((connection, index) => {
		connection.context = index;
	});
	const [a, b, c, d] = all as [Connection, Connection, Connection, Connection];
	const queued = async (options: object) =>
		(await server.broadcast("x", options)).queued;
	t.is(await queued({ to: [a, a, b] }), 2);
	t.is(await queued({ to: new Set([a, b, c]), except: b }), 2);
	t.is(await queued({ except: [a, b, c, d] }), 2);
	const isEven = ({ context }: Connection<number>) => context % 2 === 0;
	t.is(await queued({ filter: isEven }), 3);
	t.is(await queued({ to: [] }), 0);
	a.destroy();
	t.is(await queued({ to: [a, b] }), 1);
	const wrong = () => server.broadcast("x", { to: [{}] as never });
	t.throws(wrong, { code: "ERR_GEV_OPTION" });
	const fails = () => {
		throw new RangeError("mine");
	};
	t.throws(() => server.broadcast("x", { filter: fails }), {
		instanceOf: RangeError,
	});
	t.throws(() => server.broadcast(7 as never), { code: "ERR_GEV_DATA" });
	t.throws(() => server.broadcast(Buffer.from([0xff]), { text: true }), {
		code: "ERR_GEV_DATA",
	});
	server.broadcast("last");
	const got = await Promise.all(
		clients.slice(1).map(async ({ messages }) => {
			let count = 0;
			while ((await messages.next()) !== "last") count++;
			return count;
		}),
	);
	t.is(
		got.reduce((sum, count) => sum + count),
		2 + 2 + 2 + 3 + 1 - 3,
	);
});

for (const overflow of ["drop-newest", "drop-oldest"] as const) {
	test(`who does not read is congested and then dropped, alone: ${overflow}`, async (t) => {
		const all = await pair(t, "websocket", {
			flow: {
				overflow,
				highWaterMarkBytes: 64 * 1024,
				maxBufferedBytes: 256 * 1024,
			},
		});
		const { server, client, connection } = all;
		client.socket.pause();
		const other = await all.join();
		other.client.socket.resume();
		const message = Buffer.alloc(10_000);
		const seen = { queued: 0, congested: 0, dropped: 0 };
		let sent = 0;
		while (connection.dropped < 10) {
			const one = await server.broadcast(message);
			sent++;
			seen.queued += one.queued;
			seen.congested += one.congested;
			seen.dropped += one.dropped;
			await other.connection.sent();
		}
		t.is(seen.queued + seen.congested + seen.dropped, 2 * sent);
		t.true(seen.congested > 0);
		t.is(seen.dropped, overflow === "drop-newest" ? connection.dropped : 0);
		t.is(other.connection.dropped, 0);
		t.true(connection.writeBufferLength <= 256 * 1024);
		t.is(other.connection.writeBufferLength, 0);
		t.is(connection.send(message) === SendStatus.Queued, false);
	});
}

test("lines and protocols in TypeScript frame it their own way", async (t) => {
	const upper = custom<string, string>({
		unpack: () => undefined,
		pack: (_connection: unknown, text: string) => `<${text.toUpperCase()}>`,
	} as never);
	for (const [protocol, expected] of [
		[lines(), "hello\n"],
		[upper, "<HELLO>"],
	] as const) {
		const server = new Server({ onMessage() {} } as never, {
			host: "127.0.0.1",
			port: 0,
			protocol: protocol as never,
			...loops(1),
		});
		t.teardown(() => server.stop({ timeoutMs: 1000 }));
		const opened = new Promise<void>((resolve) => {
			server.runEvery(1, () => {
				if (server.connectionCount === 1) resolve();
			});
		});
		const { port } = await server.start();
		const client = await tcp(t, port);
		await opened;
		t.is((await server.broadcast("hello" as never)).queued, 1);
		t.is(`${await client.read(expected.length)}`, expected);
	}
});

test("without connections, before the start and behind the stop nothing is sent", async (t) => {
	const nobody = { queued: 0, congested: 0, dropped: 0 };
	const server = new Server(silent as never, { host: "127.0.0.1", port: 0 });
	t.deepEqual(await server.broadcast("x"), nobody);
	await server.start();
	t.deepEqual(await server.broadcast("x"), nobody);
	const stopped = server.stop();
	t.deepEqual(await server.broadcast("x"), nobody);
	await stopped;
	t.deepEqual(await server.broadcast("x"), nobody);
});
