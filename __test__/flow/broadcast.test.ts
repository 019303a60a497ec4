import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	custom,
	lines,
	SendStatus,
	Server,
	webSocket,
} from "gev";
import type { ClientOptions } from "ws";
import { loops } from "../kit/loops.js";
import { pair } from "../kit/pair.js";
import { type AnyHandler, protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect, type WsClient } from "../kit/ws-client.js";

const silent: AnyHandler = { onMessage() {} };

/** Clients that the server's handlers know of: a broadcast leaves out who has just come. */
async function crowd(
	t: ExecutionContext,
	{ server, url }: { server: Server; url: string },
	count: number,
	options: readonly ClientOptions[] = [],
): Promise<WsClient[]> {
	const clients: WsClient[] = [];
	for (let n = 0; n < count; n++)
		clients.push(await connect(t, url, options[n]));
	await until(() => server.connectionCount === count);
	return clients;
}

for (const count of [1, 4]) {
	test(`a broadcast goes to all, between what is sent before and behind it: ${count} loops`, async (t) => {
		const { server, url } = await serve(t, silent, { loops: count });
		const clients = await crowd(t, { server, url }, 60);
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
	const clients = await crowd(t, { server, url }, 100);
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
	const clients = await crowd(t, { server, url }, 6);
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

test("who has agreed on compression gets it compressed, with and without a context, others as it is", async (t) => {
	const { server, url } = await serve(t, silent, {
		protocol: webSocket({ perMessageDeflate: { threshold: 100 } }),
	});
	const takeover = { serverNoContextTakeover: false };
	const offers = [
		false,
		true,
		{ serverNoContextTakeover: true },
		{ serverNoContextTakeover: true, serverMaxWindowBits: 10 },
		{ serverNoContextTakeover: true },
		takeover,
		takeover,
	].map((perMessageDeflate) => ({ perMessageDeflate }));
	const clients = await crowd(t, { server, url }, offers.length, offers);
	const long = `${"compressible ".repeat(2000)}end`;
	const huge = Buffer.alloc(300_000, "some more of it");
	const expected = ["short", long, huge, long, huge, "short"];
	await server.broadcast("short");
	await server.broadcast(long);
	await server.broadcast(huge);
	await server.broadcast(long, { compress: false });
	await server.broadcast(huge, { compress: false });
	await server.broadcast("short", { compress: true });
	for (const { messages } of clients) {
		for (const message of expected) {
			const got = Buffer.from((await messages.next()) as string);
			if (!got.equals(Buffer.from(message as string))) t.fail();
		}
	}
	t.true(clients.some(({ socket }) => socket.extensions !== ""));
});

for (const name of ["raw", "websocket"] as const) {
	test(`a loop without a thread gives it to all, long and short: ${name}`, async (t) => {
		const { server, port, url } = await serve(t, silent, {
			protocol: protocols[name](),
			loops: 1,
			threads: false,
		});
		const parts = [Buffer.from("ab"), Buffer.alloc(70_000, 7)];
		const sendAll = () =>
			Promise.all(parts.map((part) => server.broadcast(part)));
		if (name === "raw") {
			const clients = [await tcp(t, port), await tcp(t, port)];
			while (server.connectionCount < 2) await new Promise(setImmediate);
			await sendAll();
			for (const client of clients) {
				t.deepEqual(await client.read(70_002), Buffer.concat(parts));
			}
		} else {
			const clients = await crowd(t, { server, url }, 2);
			await sendAll();
			for (const { messages } of clients) {
				for (const part of parts) t.deepEqual(await messages.next(), part);
			}
		}
	});
}

test("a long message is in memory once, however many get it and do not read", async (t) => {
	const limits = { maxMemoryBytes: 64 * 1024 * 1024 };
	const flow = {
		highWaterMarkBytes: 8 * 1024 * 1024,
		maxBufferedBytes: 16 * 1024 * 1024,
	};
	const { server, url } = await serve(t, silent, { limits, flow });
	const clients = await crowd(t, { server, url }, 50);
	for (const { socket } of clients) socket.pause();
	// Fifty times as much as may be held, were each connection to have its own.
	const message = Buffer.alloc(1024 * 1024, 5);
	for (let n = 0; n < 4; n++) {
		const result = await server.broadcast(message);
		t.deepEqual(result, { queued: 50, congested: 0, dropped: 0 });
	}
	for (const { socket } of clients) socket.resume();
	for (const { messages } of clients) {
		for (let n = 0; n < 4; n++) {
			if (!message.equals((await messages.next()) as Buffer)) t.fail();
		}
	}
	t.is(server.connectionCount, 50);
});

test("what is prepared is sent as it was, again and again, by whoever sends", async (t) => {
	const { server, url } = await serve(t, {
		onMessage: (): unknown => reply,
	} as never);
	const reply = server.prepare("reply");
	const [client] = (await crowd(t, { server, url }, 1)) as [WsClient];
	const [connection] = server.connections();
	const bytes = Buffer.from("first");
	const binary = server.prepare(bytes);
	const text = server.prepare(bytes, { text: true });
	t.is(binary.byteLength, 5);
	bytes.fill(0);
	t.is(connection?.send(binary), SendStatus.Queued);
	connection?.send(text);
	await server.broadcast(text);
	await server.broadcast(binary);
	client.socket.send("ask");
	const callback = new Promise((resolve) => connection?.send(text, resolve));
	const first = Buffer.from("first");
	for (const expected of [first, "first", "first", first, "first", "reply"]) {
		t.deepEqual(await client.messages.next(), expected);
	}
	t.is(await callback, undefined);
	const wrong = { code: "ERR_GEV_DATA" };
	t.throws(() => server.prepare(7 as never), wrong);
	t.throws(() => server.prepare(Buffer.from([0xff]), { text: true }), wrong);
	t.throws(() => connection?.send({} as never), wrong);
	t.throws(() => server.prepare("x", { text: 1 as never }), {
		code: "ERR_GEV_OPTION",
	});
	// A fragment of a message is one, whoever has prepared it.
	connection?.send("be", { fin: false });
	await server.broadcast(server.prepare("gun"));
	t.is(await client.messages.next(), "begun");
});

test("who overflows is closed, and the others have got it", async (t) => {
	const all = await pair(t, "websocket", {
		flow: { highWaterMarkBytes: 64 * 1024, maxBufferedBytes: 256 * 1024 },
	});
	const { server, client, connection, recorder } = all;
	client.socket.pause();
	const other = await all.join();
	other.client.socket.resume();
	const message = Buffer.alloc(60_000);
	let sent = 0;
	while (connection.connected) {
		await server.broadcast(message);
		sent++;
		await other.connection.sent();
	}
	const { reason } = await recorder.next("close");
	t.is(reason.cause, "limit");
	t.true(other.connection.connected);
	t.true(sent > 4);
	t.is((await server.broadcast(message)).queued, 1);
});

test("onDrain follows a broadcast that has made it congested", async (t) => {
	const flow = { highWaterMarkBytes: 64 * 1024, lowWaterMarkBytes: 0 };
	let drained: () => void = () => {};
	const drain = new Promise<void>((resolve) => {
		drained = resolve;
	});
	const { server, url } = await serve(
		t,
		{ onMessage() {}, onDrain: () => drained() },
		{ flow },
	);
	const [client] = (await crowd(t, { server, url }, 1)) as [WsClient];
	client.socket.pause();
	const [connection] = server.connections() as Iterable<Connection>;
	let congested = 0;
	while (congested === 0) {
		({ congested } = await server.broadcast(Buffer.alloc(50_000)));
	}
	t.true((connection?.writeBufferLength ?? 0) > 64 * 1024);
	client.socket.resume();
	await drain;
	t.is(connection?.writeBufferLength, 0);
});

test("closes and a stop between broadcasts leave out who is closed, and lose nothing of the others", async (t) => {
	const { server, url } = await serve(t, silent, { loops: 2 });
	const clients = await crowd(t, { server, url }, 20);
	const all = [...server.connections()];
	const first = server.broadcast("first");
	for (const connection of all.slice(0, 10)) connection.close();
	const second = server.broadcast("second", { to: all });
	const stopped = server.stop();
	const third = server.broadcast("third");
	t.is((await first).queued, 20);
	t.is((await second).queued, 10);
	t.true((await third).queued <= 10);
	await stopped;
	let seconds = 0;
	for (const { messages } of clients) {
		t.is(await messages.next(), "first");
		if (messages.size > 0 && (await messages.next()) === "second") seconds++;
	}
	t.is(seconds, 10);
});

test("a broadcast that fails for want of stack counts at those only who get it", async (t) => {
	for (const length of [10, 20_000]) {
		const { server, url } = await serve(t, silent, { loops: 2 });
		const clients = await crowd(t, { server, url }, 10);
		const message = Buffer.alloc(length, 7);
		let tried = 0;
		let isDone = false;
		// At every depth on the way back, until there is enough.
		const dive = (): void => {
			try {
				dive();
			} catch {}
			if (isDone) return;
			try {
				tried++;
				server.broadcast(message);
				isDone = true;
			} catch {}
		};
		dive();
		t.true(tried > 1);
		await server.broadcast("end");
		for (const { messages } of clients) {
			let got = 0;
			for (;;) {
				const next = await messages.next();
				if (next === "end") break;
				if (!message.equals(next as Buffer)) t.fail("not what was sent");
				got++;
			}
			t.true(got > 0 && got <= tried);
		}
		const all = [...server.connections()] as Connection[];
		await Promise.all(all.map((connection) => connection.sent()));
		const left = all.map((connection) => connection.writeBufferLength);
		t.deepEqual(left, Array(10).fill(0));
	}
});
