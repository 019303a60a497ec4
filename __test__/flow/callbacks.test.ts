import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import test from "ava";
import type { Connection, GevError } from "gev";
import { upgraded } from "../kit/frames.js";
import { type Pair, pair } from "../kit/pair.js";
import { run } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { reset } from "../kit/reset.js";
import { saturate } from "../kit/saturate.js";
import { type PlainName, serve } from "../kit/server.js";

const KIB = 1024;

const unbounded = {
	flow: { maxBufferedBytes: 2 ** 31 - 1, highWaterMarkBytes: 2 ** 30 },
};

// The numbers of these would take hours if what waits cost more the more there is.
const endings: Record<string, [PlainName, (pair: Pair) => void]> = {
	"is reset": ["raw", ({ client }) => reset(client.socket)],
	"is destroyed": ["websocket", ({ connection }) => connection.destroy()],
	"ends with the server": [
		"raw",
		({ server }) => void server.stop({ timeoutMs: 0 }),
	],
	"is closed in vain": ["websocket", ({ connection }) => connection.close()],
};
for (const [ending, [protocol, end]] of Object.entries(endings)) {
	test.serial(
		`a million callbacks that wait are called when their connection ${ending}: ${protocol}`,
		async (t) => {
			const all = await pair(t, protocol, {
				...unbounded,
				timeouts: { closeMs: 50 },
			});
			const { client, connection, recorder } = all;
			client.socket.pause();
			connection.send(Buffer.alloc(64 * KIB * KIB));
			const count = 1_000_000;
			let called = 0;
			let wrong = 0;
			const message = Buffer.from("small");
			const callback = (error?: GevError) => {
				called++;
				if (error?.code !== "ERR_GEV_SEND") wrong++;
			};
			for (let n = 0; n < count; n++) {
				connection.send(message, callback);
				// A turn for the loop now and then.
				if (n % 1000 === 0) await setImmediate();
			}
			t.is(called, 0);
			const last = connection.sent();
			end(all);
			t.false(await last);
			await recorder.next("close");
			t.deepEqual([called, wrong], [count, 0]);
		},
	);
}

const waysToAsk: Record<
	string,
	(connection: Connection, then: () => void) => void
> = {
	"send()": (connection, then) => void connection.send("x", then),
	"sent()": (connection, then) => {
		connection.send("x");
		void connection.sent().then(then);
	},
};
for (const [way, ask] of Object.entries(waysToAsk)) {
	for (const protocol of ["raw", "websocket"] as const) {
		test.serial(
			`400,000 messages of one tick to a client that reads are each called back for: ${way}, ${protocol}`,
			async (t) => {
				const { client, connection } = await pair(t, protocol, unbounded);
				client.socket.removeAllListeners("data").resume();
				const count = 400_000;
				let called = 0;
				let wrong = 0;
				const done = new Queue<void>();
				for (let n = 0; n < count; n++) {
					ask(connection, () => {
						if (called !== n) wrong++;
						if (++called === count) done.push();
					});
				}
				await done.next();
				t.deepEqual([called, wrong], [count, 0]);
			},
		);
	}
}

test("who asks where somebody has asked already shares the promise, until it is fulfilled", async (t) => {
	for (const overflow of ["close", "drop-newest", "drop-oldest"] as const) {
		const { client, connection } = await pair(t, "websocket", {
			flow: { overflow },
		});
		client.socket.pause();
		connection.send("first");
		const first = connection.sent();
		t.is(connection.sent(), first);
		connection.send("second");
		const second = connection.sent();
		t.not(second, first);
		t.is(connection.sent(), second);
		t.deepEqual(await Promise.all([first, second]), [true, true]);
		const third = connection.sent();
		t.not(third, second);
		t.true(await third);
		connection.destroy();
		const lost = connection.sent();
		t.false(await lost);
		t.false(await connection.sent());
	}
});

for (const [overflow, way] of [
	["drop-oldest", "sent"],
	["drop-oldest", "callback"],
	["drop-newest", "sent"],
	["drop-newest", "callback"],
] as const) {
	test(`who asks after each of very many messages that are dropped takes no memory: ${overflow}, ${way}`, async (t) => {
		const { stdout, stderr, code } = await run("overflowing", overflow, way);
		t.deepEqual([stdout, stderr, code], ["0 MiB more\n", "", 0]);
	});
}

const storage = new AsyncLocalStorage<string>();

/** Sends in several contexts; the result has for each callback the context that it was called in, and the error. */
function sendInContexts(connection: Connection, data: string | Buffer = "x") {
	const calls: Promise<[string | undefined, string | undefined]>[] = [];
	const send = () => {
		const call = new Promise<[string | undefined, string | undefined]>(
			(resolve) =>
				connection.send(data, (error) =>
					resolve([storage.getStore(), error?.code]),
				),
		);
		calls.push(call);
	};
	for (const name of ["a", "b"]) storage.run(name, send);
	storage.run("c", () => {
		send();
		storage.enterWith("d");
		send();
	});
	storage.exit(send);
	return Promise.all(calls);
}

/** As above, for `sent()`. */
function awaitInContexts(connection: Connection) {
	const wait = async () => [await connection.sent(), storage.getStore()];
	return Promise.all([
		storage.run("a", wait),
		storage.run("b", wait),
		storage.exit(wait),
	]);
}

const sentInContexts = (code: string | undefined) =>
	["a", "b", "c", "d", undefined].map((name) => [name, code]);
const awaitedInContexts = (sent: boolean) =>
	["a", "b", undefined].map((name) => [sent, name]);

for (const protocol of ["raw", "websocket"] as const) {
	test(`callbacks are called in the context of the caller: ${protocol}`, async (t) => {
		const { client, connection, recorder } = await storage.run("server", () =>
			pair(t, protocol, unbounded),
		);
		const [sent, awaited] = storage.run("other", () => [
			sendInContexts(connection),
			awaitInContexts(connection),
		]);
		t.deepEqual(await sent, sentInContexts(undefined));
		t.deepEqual(await awaited, awaitedInContexts(true));
		// What ends with the connection.
		client.socket.pause();
		connection.send(Buffer.alloc(64 * KIB * KIB));
		const lost = sendInContexts(connection);
		const awaitedInVain = awaitInContexts(connection);
		storage.run("other", () => connection.destroy());
		t.deepEqual(await lost, sentInContexts("ERR_GEV_SEND"));
		t.deepEqual(await awaitedInVain, awaitedInContexts(false));
		// What comes too late.
		await recorder.next("close");
		t.deepEqual(
			await sendInContexts(connection),
			sentInContexts("ERR_GEV_SEND"),
		);
		t.deepEqual(await awaitInContexts(connection), awaitedInContexts(false));
	});

	test(`as are those of messages that are dropped, and that wait meanwhile: ${protocol}`, async (t) => {
		for (const overflow of ["drop-newest", "drop-oldest"] as const) {
			const all = await pair(t, protocol, {
				flow: {
					maxBufferedBytes: 256 * KIB,
					highWaterMarkBytes: 64 * KIB,
					overflow,
				},
			});
			const { client, connection } = all;
			client.socket.pause();
			const message = Buffer.alloc(10 * KIB);
			const fill = () => saturate(all, message);
			await fill();
			const isOldest = overflow === "drop-oldest";
			const first = sendInContexts(connection, message);
			const awaited = awaitInContexts(connection);
			if (isOldest) await storage.run("other", fill);
			t.deepEqual(await first, sentInContexts("ERR_GEV_SEND"));
			const second = isOldest ? sendInContexts(connection, message) : undefined;
			client.socket.removeAllListeners("data").resume();
			t.deepEqual(await awaited, awaitedInContexts(true));
			if (second) t.deepEqual(await second, sentInContexts(undefined));
		}
	});
}

test("what a callback throws leaves the next one in its own context", async (t) => {
	const stores: (string | undefined)[] = [];
	const connections = new Queue<Connection>();
	const told = new Queue<string | undefined>();
	const { port } = await serve(t, {
		onConnect: (connection) => connections.push(connection),
		onError: () => {},
	});
	await upgraded(t, port);
	const connection = await connections.next();
	storage.run("first", () =>
		connection.send("x", () => {
			stores.push(storage.getStore());
			throw new Error("a fault of the callback");
		}),
	);
	storage.run("second", () =>
		connection.send("y", () => told.push(storage.getStore())),
	);
	t.is(await told.next(), "second");
	t.deepEqual(stores, ["first"]);
});
