import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import test from "ava";
import { GevError, raw, Server, webSocket } from "gev";
import { upgraded } from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { echo, protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const sharesPorts = process.platform !== "win32";
const testOfSharing = sharesPorts ? test : test.skip;
const testWithoutSharing = sharesPorts ? test.skip : test;

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
		t.is(server.loops, loops);
		await server.stop({ timeoutMs: FOR_EVER });
		t.deepEqual(log, Array(20).fill("1001 stop true"));
		t.is(server.connectionCount, 0);
		t.is(server.loops, 0);
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
		handshakeTimeoutMs: FOR_EVER,
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
		t.is(server.loops, 0);
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

test("a stopped server can be started again", async (t) => {
	const { server } = await serve(t, echo);
	for (let round = 0; round < 3; round++) {
		await server.stop({ timeoutMs: FOR_EVER });
		const { port } = await server.start();
		const { socket, messages } = await connect(t, `ws://127.0.0.1:${port}`);
		socket.send(`round ${round}`);
		t.is(await messages.next(), `round ${round}`);
	}
});

test("start() and stop() at the wrong time are told so", async (t) => {
	const wrongTime = { instanceOf: GevError, code: "ERR_GEV_STATE" };
	const server = new Server({}, { host: "127.0.0.1", port: 0, loops: 1 });
	const starting = server.start();
	await Promise.all([
		t.throwsAsync(server.start(), wrongTime),
		t.throwsAsync(server.stop(), wrongTime),
	]);
	await starting;
	await t.throwsAsync(server.start(), wrongTime);
	const stopping = server.stop();
	await t.throwsAsync(server.start(), wrongTime);
	await stopping;
});

test("a port in use is an error with the system's code, and no end of the server", async (t) => {
	const node = createServer().listen(0, "127.0.0.1");
	t.teardown(() => node.close());
	await once(node, "listening");
	const { server: first, port } = await serve(t, echo, { loops: 2 });
	for (const taken of [port, (node.address() as AddressInfo).port]) {
		const server = new Server(echo, { host: "127.0.0.1", port: taken });
		const error = await t.throwsAsync(server.start(), {
			instanceOf: GevError,
			code: "EADDRINUSE",
		});
		t.regex(error.message, new RegExp(`127\\.0\\.0\\.1.*${taken}`));
		t.is(server.loops, 0);
		await server.stop();
		if (taken === port) {
			await first.stop();
			t.is((await server.start()).port, port);
			await server.stop();
		}
	}
});

for (const [host, ...codes] of [
	["192.0.2.1", "EADDRNOTAVAIL"],
	["no-such-host.invalid", "ENOTFOUND", "EAI_AGAIN"],
] as const) {
	test(`start() on ${host} rejects with ${codes.join(" or ")}`, async (t) => {
		const server = new Server({}, { host, port: 0, loops: 1 });
		const error = await t.throwsAsync<NodeJS.ErrnoException>(server.start());
		t.true(codes.some((code) => code === error.code));
		t.regex(error.message, new RegExp(host.replaceAll(".", "\\.")));
	});
}

test("every keepAliveMs is one that the system takes", async (t) => {
	for (const keepAliveMs of [0, 1, 999, 1000, 32_768_000, FOR_EVER]) {
		const { port } = await serve(t, echo, { protocol: raw(), keepAliveMs });
		const client = await tcp(t, port);
		client.write("?");
		t.is(String(await client.read(1)), "?");
	}
});

testOfSharing("two servers share a port with reusePort", async (t) => {
	const counts: [number, number] = [0, 0];
	const both = { protocol: raw(), reusePort: true };
	const { server: one, port } = await serve(
		t,
		{ onConnect: () => void counts[0]++ },
		both,
	);
	const { server: other } = await serve(
		t,
		{ onConnect: () => void counts[1]++ },
		{ ...both, port },
	);
	await Promise.all(Array.from({ length: 64 }, () => tcp(t, port)));
	await until(() => one.connectionCount + other.connectionCount === 64);
	t.is(counts[0] + counts[1], 64);
	// Elsewhere the kernel need not deal connections out.
	if (process.platform === "linux") t.true(counts[0] > 0 && counts[1] > 0);
	await t.throwsAsync(
		new Server({}, { host: "127.0.0.1", port, loops: 1 }).start(),
		{ code: "EADDRINUSE" },
	);
});

testWithoutSharing(
	"reusePort is refused where ports cannot be shared",
	async (t) => {
		const shares = { host: "127.0.0.1", port: 0, loops: 1, reusePort: true };
		await t.throwsAsync(new Server({}, shares).start(), { code: "ENOTSUP" });
	},
);

test("stop() cuts peers that do not answer after its own timeoutMs", async (t) => {
	const order: string[] = [];
	const recorder = new Recorder();
	const silent = async (timeoutMs: number) => {
		const { server, port } = await serve(t, recorder, {
			closeTimeoutMs: FOR_EVER,
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
