import { setImmediate } from "node:timers/promises";
import test from "ava";
import type { Connection, GevError, Protocol } from "gev";
import { type Pair, pair } from "./kit/pair.js";
import { run } from "./kit/program.js";
import { Queue } from "./kit/queue.js";

const KIB = 1024;

const unbounded = {
	maxBufferedBytes: 2 ** 31 - 1,
	highWaterMarkBytes: 2 ** 30,
};

// The numbers of these would take hours if what waits cost more the more there is.
const endings: Record<string, [Protocol["name"], (pair: Pair) => void]> = {
	"is reset": ["raw", ({ client }) => client.socket.resetAndDestroy()],
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
			const all = await pair(t, protocol, { ...unbounded, closeTimeoutMs: 50 });
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
		const { client, connection } = await pair(t, "websocket", { overflow });
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
