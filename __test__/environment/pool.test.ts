import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { Worker } from "node:worker_threads";
import test, { type ExecutionContext } from "ava";
import { type WorkerExit, WorkerPool, type WorkerPoolOptions } from "gev";
import { FOR_EVER } from "../kit/patience.js";
import { runWith } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { socketPath } from "../kit/socket-path.js";
import { connect, type WsClient } from "../kit/ws-client.js";

const file = new URL("../fixtures/pool-worker.js", import.meta.url);

/** A pool for one test, and what it tells of workers that have ended. */
async function pooled(t: ExecutionContext, options: WorkerPoolOptions = {}) {
	const exits = new Queue<WorkerExit>();
	const pool = new WorkerPool(file, {
		workers: 2,
		host: "127.0.0.1",
		port: 0,
		restartDelayMs: 1,
		onError: (error) => t.fail(error.message),
		onWorkerExit: (exit) => exits.push(exit),
		...options,
	});
	t.teardown(() => pool.stop({ timeoutMs: 1000 }));
	const { port } = await pool.start();
	return { pool, exits, port, url: `ws://127.0.0.1:${port}` };
}

function crowd(t: ExecutionContext, url: string, count: number) {
	const clients = Array.from({ length: count }, () => connect(t, url));
	return Promise.all(clients);
}

async function ask({ socket, messages }: WsClient, message: string) {
	socket.send(message);
	return messages.next();
}

/** Clients by the worker that has them. */
async function byWorker(clients: WsClient[]) {
	const names = await Promise.all(clients.map((it) => ask(it, "who")));
	const groups = new Map<string, WsClient[]>();
	for (const [n, client] of clients.entries()) {
		const name = String(names[n]);
		groups.set(name, [...(groups.get(name) ?? []), client]);
	}
	return groups;
}

/** Of all workers, each of which may have to be replaced first, or need more than the second that its answer is waited for. */
async function counts(pool: WorkerPool) {
	for (;;) {
		const { workers } = await pool.stats();
		const open = workers.map((it) => it?.connections.open);
		if (!open.includes(undefined)) return open;
	}
}

/** Waits until `holds`, asking the pool. */
async function until(holds: () => Promise<boolean>): Promise<void> {
	while (!(await holds())) await new Promise(setImmediate);
}

test("connections are dealt to the least loaded worker", async (t) => {
	for (const threads of [false, true]) {
		const { pool, url } = await pooled(t, { workers: 4, threads });
		const clients = await crowd(t, url, 100);
		t.deepEqual(await counts(pool), [25, 25, 25, 25]);
		const { workers, ...all } = await pool.stats();
		t.is(workers.length, 4);
		t.is(all.connections.open, 100);
		t.is(all.failures, 0);
		t.is((await byWorker(clients)).size, 4);
		const stopped = await pool.stop({ timeoutMs: FOR_EVER });
		t.deepEqual(stopped, { closed: 100, cut: 0 });
	}
});

test("who has lost connections gets the next ones", async (t) => {
	const { pool, url } = await pooled(t, { workers: 3 });
	const workers = [...(await byWorker(await crowd(t, url, 60))).values()];
	const [first = [], second = []] = workers;
	const gone = [...first.slice(0, 15), ...second.slice(0, 6)];
	for (const { socket } of gone) socket.close();
	await Promise.all(gone.map(({ closed }) => closed));
	await until(async () => (await pool.stats()).connections.open === 39);
	await crowd(t, url, 21);
	t.deepEqual(await counts(pool), [20, 20, 20]);
});

for (const [message, exitCode, reason] of [
	["throw", 1, "thrown elsewhere"],
	["exit", 3, undefined],
	["fill", 1, /memory/],
] as const) {
	test(`a worker that ends by "${message}" costs its own connections only`, async (t) => {
		const { pool, exits, url } = await pooled(t, {
			workers: 4,
			resourceLimits: { maxOldGenerationSizeMb: 32 },
		});
		const workers = await byWorker(await crowd(t, url, 400));
		const [lost, ...others] = [...workers.values()];
		t.is(lost?.length, 100);
		lost?.[0]?.socket.send(message);
		const left = others.flat();
		const answers = left.map((it, n) => ask(it, `still ${n}`));
		t.deepEqual(
			await Promise.all(answers),
			left.map((_, n) => `still ${n}`),
		);
		const exit = await exits.next();
		t.is(exit.exitCode, exitCode);
		if (typeof reason === "string") t.is(exit.error?.message, reason);
		else if (reason === undefined) t.is(exit.error, undefined);
		else t.regex(String(exit.error?.message), reason);
		for (const { closed } of lost ?? []) t.is((await closed).code, 1006);
		await counts(pool);
		await crowd(t, url, 100);
		t.deepEqual(await counts(pool), [100, 100, 100, 100]);
		t.is((await pool.stats()).failures, 1);
	});
}

/** Two bytes: the first is 1 when a worker hangs, the second when one that is busy is to go on. */
function hanging() {
	return new Uint8Array(new SharedArrayBuffer(2));
}

async function allAnswer(t: ExecutionContext, clients: WsClient[]) {
	for (const client of clients) {
		const end = client.closed.then(({ code }) => code);
		t.is(await Promise.race([ask(client, "hello"), end]), "hello");
	}
}

for (const end of ["exit", "tick", "fill"]) {
	test(`whom a busy worker has not looked at that ends by "${end}" is served by others`, async (t) => {
		const hangs = hanging();
		const { exits, url } = await pooled(t, {
			resourceLimits: { maxOldGenerationSizeMb: 32 },
			workerData: { hangs },
		});
		const [busy] = await crowd(t, url, 1);
		busy?.socket.send(`late ${end}`);
		await until(async () => hangs[0] === 1);
		let open = 0;
		const dials = Array.from({ length: 20 }, async () => {
			const client = await connect(t, url);
			open++;
			return client;
		});
		// The others wait for the busy one.
		await until(async () => open >= 10);
		Atomics.store(hangs, 1, 1);
		await allAnswer(t, await Promise.all(dials));
		await exits.next();
		t.is((await busy?.closed)?.code, 1006);
	});
}

for (const threads of [false, true]) {
	const how = threads ? "with" : "without";
	test(`who dials a pool ${how} threads that knows of a worker's end is served`, async (t) => {
		const ends = new Queue<Promise<WsClient[]>>();
		const resourceLimits = { maxOldGenerationSizeMb: 32 };
		const { url } = await pooled(t, {
			...{ workers: 3, threads, resourceLimits },
			onWorkerExit: () => ends.push(crowd(t, url, 10)),
		});
		for (const end of ["exit", "tick", "throw", "fill"]) {
			const [last] = await crowd(t, url, 1);
			last?.socket.send(end);
			await allAnswer(t, await await ends.next());
		}
	});
}

for (const threads of [false, true]) {
	const how = threads ? "with" : "without";
	test(`a pool ${how} threads deals nothing to a busy worker that is being replaced`, async (t) => {
		const hangs = hanging();
		const workerData = { hangs };
		const options = { workers: 1, threads, workerData };
		const { pool, url } = await pooled(t, options);
		const [busy] = await crowd(t, url, 1);
		busy?.socket.send("late who");
		await until(async () => hangs[0] === 1);
		const restarted = pool.restart({ timeoutMs: FOR_EVER });
		// Until the new one is there, the busy one's loop takes them, if it has a thread.
		let isServed = false;
		while (!isServed) {
			const client = await connect(t, url);
			void ask(client, "hello").then(() => {
				isServed = true;
			});
			await new Promise(setImmediate);
		}
		await allAnswer(t, await crowd(t, url, 10));
		Atomics.store(hangs, 1, 1);
		await restarted;
		t.is((await busy?.closed)?.code, 1001);
	});
}

test("who connects while there is no worker is served by the next", async (t) => {
	const { exits, url } = await pooled(t, { workers: 1, restartDelayMs: 50 });
	const [client] = await crowd(t, url, 1);
	client?.socket.send("exit");
	await exits.next();
	const late = await crowd(t, url, 10);
	t.deepEqual(await Promise.all(late.map((it) => ask(it, "hello"))), [
		...Array(10).fill("hello"),
	]);
});

test("a worker that ends during handshakes leaves the others' alone", async (t) => {
	const { exits, port, url } = await pooled(t, { workers: 2 });
	const half = Array.from({ length: 20 }, () => connectTcp(port, "127.0.0.1"));
	t.teardown(() => {
		for (const socket of half) socket.destroy();
	});
	let ended = 0;
	for (const socket of half) {
		socket.on("error", () => {}).on("close", () => ended++);
		socket.write("GET / HTTP/1.1\r\nHost: a\r\n");
	}
	await Promise.all(half.map((socket) => once(socket, "connect")));
	const [client] = await crowd(t, url, 1);
	client?.socket.send("throw");
	await exits.next();
	const rest =
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	const answers = half.map(async (socket) => {
		if (socket.destroyed) return "";
		socket.write(rest);
		const answer = once(socket, "data").then(([data]) => String(data));
		const gone = once(socket, "close").then(() => "");
		return Promise.race([answer, gone]);
	});
	const opened = (await Promise.all(answers)).filter((it) =>
		it.startsWith("HTTP/1.1 101"),
	);
	t.is(opened.length, 10);
	t.is(ended, 10);
});

test("a stop delivers what is on its way, and ends who hangs by force", async (t) => {
	const { pool, url, port } = await pooled(t, { workers: 2 });
	const clients = await crowd(t, url, 20);
	for (const { socket } of clients) {
		for (let n = 0; n < 50; n++) socket.send(`${n}`);
	}
	for (const { messages } of clients) t.is(await messages.next(), "0");
	const stopped = await pool.stop({ timeoutMs: FOR_EVER });
	t.deepEqual(stopped, { closed: 20, cut: 0 });
	for (const { closed, messages } of clients) {
		t.is((await closed).code, 1001);
		for (let n = 1; n < 50; n++) t.is(await messages.next(), `${n}`);
	}
	t.is(pool.address, undefined);
	await t.throwsAsync(connect(t, url));

	const again = await pooled(t, { workers: 2 });
	t.not(again.port, port);
	const [hanging] = await crowd(t, again.url, 2);
	hanging?.socket.send("hang");
	await t.notThrowsAsync(again.pool.stop({ timeoutMs: 50 }));
	t.is((await hanging?.closed)?.code, 1006);
});

// By itself: who is in the handshake when its worker stops has a second to finish it.
test.serial("a rolling restart refuses nobody", async (t) => {
	const { pool, url } = await pooled(t, { workers: 2 });
	const old = await byWorker(await crowd(t, url, 10));
	let restarting = true;
	const dial = async () => {
		let dials = 0;
		while (restarting) {
			const client = await connect(t, url);
			client.socket.terminate();
			await client.closed;
			dials++;
		}
		return dials;
	};
	const dialing = [dial(), dial(), dial()];
	await pool.restart({ timeoutMs: FOR_EVER });
	restarting = false;
	for (const dials of await Promise.all(dialing)) t.true(dials > 0);
	for (const { closed } of [...old.values()].flat()) {
		t.is((await closed).code, 1001);
	}
	const fresh = await byWorker(await crowd(t, url, 10));
	t.is(new Set([...old.keys(), ...fresh.keys()]).size, 4);
	t.is((await pool.stats()).failures, 0);
});

/** For workers that fail to start as long as the byte is 1. */
function brokenWhen() {
	return new Uint8Array(new SharedArrayBuffer(1));
}

test("a replacement that fails is told and tried again", async (t) => {
	const broken = brokenWhen();
	const errors = new Queue<Error>();
	const { exits, url } = await pooled(t, {
		workers: 1,
		workerData: { broken },
		onError: (error) => errors.push(error),
	});
	const [client] = await crowd(t, url, 1);
	broken[0] = 1;
	client?.socket.send("exit");
	await exits.next();
	for (const error of await errors.take(3)) {
		t.like(error, { code: "ERR_GEV_WORKER" });
		t.regex(error.message, /pool-worker.js cannot serve: broken/);
	}
	broken[0] = 0;
	const [late] = await crowd(t, url, 1);
	t.is(late && (await ask(late, "hello")), "hello");
	t.is(exits.size, 0);
});

test("a restart that fails leaves nobody's place empty", async (t) => {
	const broken = brokenWhen();
	const restarts = new Queue<unknown>();
	const { pool, url } = await pooled(t, {
		workers: 1,
		workerData: { broken },
		onError: () => {},
		// The replacement is due, and the restart takes its place.
		onWorkerExit: () => {
			broken[0] = 1;
			pool.restart().then(
				() => restarts.push(undefined),
				(error) => restarts.push(error),
			);
		},
	});
	const [client] = await crowd(t, url, 1);
	client?.socket.send("exit");
	t.like(await restarts.next(), { code: "ERR_GEV_WORKER" });
	broken[0] = 0;
	const [late] = await crowd(t, url, 1);
	t.is(late && (await ask(late, "hello")), "hello");
	await pool.restart();
	const { workers } = await pool.stats();
	t.is(workers.length, 1);
	t.not(workers[0], undefined);
});

test("a worker whose native loop fails is replaced", async (t) => {
	for (const threads of [false, true]) {
		const { pool, exits, url } = await pooled(t, {
			threads,
			workerData: { borrow: true },
		});
		const clients = await crowd(t, url, 10);
		const groups = [...(await byWorker(clients)).values()];
		const [lost = [], kept = []] = groups;
		// Several, so that another event follows the one that is spoilt.
		for (let n = 0; n < 8; n++) lost[0]?.socket.send(Buffer.from("spoil"));
		const { error, exitCode } = await exits.next();
		t.like(error, { code: "ERR_GEV_LOOP" });
		t.is(exitCode, 1);
		for (const { closed } of lost) t.is((await closed).code, 1006);
		for (const client of kept) t.is(await ask(client, "hello"), "hello");
		await counts(pool);
		await crowd(t, url, 5);
		t.deepEqual(await counts(pool), [5, 5]);
		t.is((await pool.stats()).failures, 1);
	}
});

test("workers share the memory that one server has by default", async (t) => {
	for (const [workers, fits] of [
		[1, true],
		[2, false],
	] as const) {
		// A server has 64 MiB of this.
		const workerData = { memory: 256 * 1024 ** 2 };
		const { url } = await pooled(t, { workers, workerData });
		const { socket, messages, closed } = await connect(t, url);
		socket.send("flood");
		const end = closed.then(({ code }) => code);
		const got = messages.next().then((message) => message.length);
		t.is(await Promise.race([got, end]), fits ? 48 * 1024 ** 2 : 1006);
	}
});

test("a restart ends who hangs by force", async (t) => {
	const hangs = new Uint8Array(new SharedArrayBuffer(1));
	const { pool, exits, url } = await pooled(t, {
		workers: 1,
		workerData: { hangs },
	});
	const [hanging] = await crowd(t, url, 1);
	hanging?.socket.send("hang");
	await until(async () => hangs[0] === 1);
	await pool.restart({ timeoutMs: 0 });
	t.is((await hanging?.closed)?.code, 1006);
	const clients = await crowd(t, url, 10);
	t.deepEqual(await Promise.all(clients.map((it) => ask(it, "hello"))), [
		...Array(10).fill("hello"),
	]);
	t.is((await pool.stats()).failures, 0);
	t.is(exits.size, 0);
});

(process.platform === "win32" ? test.skip : test)(
	"a pool listens on a unix socket",
	async (t) => {
		const path = socketPath();
		const where = { host: undefined, port: undefined, path };
		const { pool, exits } = await pooled(t, { ...where, workers: 2 });
		t.deepEqual(pool.address, { address: path, port: 0 });
		const url = `ws+unix:${path}:/`;
		const clients = await crowd(t, url, 10);
		t.deepEqual(await counts(pool), [5, 5]);
		clients[0]?.socket.send("exit");
		await exits.next();
		const late = await crowd(t, url, 5);
		t.is(late[0] && (await ask(late[0], "hello")), "hello");
		await pool.stop();
		t.false(existsSync(path));
		await pool.start();
		await crowd(t, url, 1);
	},
);

for (const [failing, reason] of [
	["throw", /not me/],
	["exit", /exited with code 5/],
	["nothing", /export as default a Server/],
] as const) {
	test(`a start fails with a worker's file that does "${failing}"`, async (t) => {
		const pool = new WorkerPool(file, {
			workers: 2,
			port: 0,
			workerData: { failing },
		});
		await t.throwsAsync(pool.start(), {
			code: "ERR_GEV_WORKER",
			message: reason,
		});
		t.deepEqual(await pool.stop(), { closed: 0, cut: 0 });
	});
}

test("a start fails without the file, and with a port in use", async (t) => {
	const missing = new WorkerPool("/does/not/exist.js", { port: 0, workers: 1 });
	await t.throwsAsync(missing.start(), { code: "ERR_GEV_WORKER" });
	const { port } = await pooled(t, { workers: 1 });
	const second = new WorkerPool(file, { host: "127.0.0.1", port, workers: 1 });
	await t.throwsAsync(second.start(), { code: "EADDRINUSE" });
	await t.throwsAsync(second.restart(), { code: "ERR_GEV_STATE" });
});

test("options that are wrong are refused", (t) => {
	for (const [options, message] of [
		[{ workers: 0 }, /^workers must be/],
		[{ port: -1 }, /^port must be/],
		[{ workerData: () => {} }, /^workerData must be .* without functions/],
		[{ protocol: {} }, /^options.protocol is not an option/],
		[{ onError: 1 }, /^onError must be a function/],
	] as const) {
		t.throws(() => new WorkerPool(file, options as WorkerPoolOptions), {
			code: "ERR_GEV_OPTION",
			message,
		});
	}
});

test("two pools do not mix, and each has its data", async (t) => {
	const pools = await Promise.all([
		pooled(t, { workerData: { name: "one" } }),
		pooled(t, { workerData: { name: "two" } }),
	]);
	for (const [n, name] of ["one", "two"].entries()) {
		const { url } = pools[n] as (typeof pools)[0];
		for (const client of await crowd(t, url, 4)) {
			t.is(await ask(client, "data"), JSON.stringify({ name }));
		}
	}
	t.deepEqual(await counts(pools[0].pool), [2, 2]);
});

test("a pool in a worker serves until that worker ends", async (t) => {
	const program = `
		const { parentPort } = require("node:worker_threads");
		import("gev").then(async ({ WorkerPool }) => {
			const pool = new WorkerPool(${JSON.stringify(file.href)} && new URL(${JSON.stringify(file.href)}), { workers: 2, host: "127.0.0.1", port: 0 });
			parentPort.postMessage((await pool.start()).port);
		});`;
	const worker = new Worker(program, { eval: true });
	t.teardown(() => worker.terminate());
	const [port] = (await once(worker, "message")) as [number];
	const clients = await crowd(t, `ws://127.0.0.1:${port}`, 4);
	t.is((await byWorker(clients)).size, 2);
	await worker.terminate();
	for (const { closed } of clients) t.is((await closed).code, 1006);
});

test("50 starts and stops leak neither threads nor descriptors", async (t) => {
	const { code, stdout, stderr } = await runWith({}, "pool-restarts");
	t.is(stderr, "");
	t.is(stdout, "0 threads, 0 descriptors more\n");
	t.is(code, 0);
});
