import { execFileSync } from "node:child_process";
import http from "node:http";
import test, { type ExecutionContext } from "ava";
import {
	type WorkerExit,
	WorkerPool,
	type WorkerPoolOptions,
	type WorkerPoolStats,
} from "gev";
import { Queue } from "../kit/queue.js";
import { connect, type WsClient } from "../kit/ws-client.js";

const file = new URL("../fixtures/pool-worker.js", import.meta.url);

/** A pool of two workers for one test, and ten clients, of which each worker has five. */
async function pooled(t: ExecutionContext, options: WorkerPoolOptions = {}) {
	const exits = new Queue<WorkerExit>();
	const pool = new WorkerPool(file, {
		workers: 2,
		host: "127.0.0.1",
		port: 0,
		restartDelayMs: 1,
		onWorkerExit: (exit) => exits.push(exit),
		...options,
	});
	t.teardown(() => pool.stop({ timeoutMs: 1000 }));
	const url = `ws://127.0.0.1:${(await pool.start()).port}`;
	const crowd = () =>
		Promise.all(Array.from({ length: 10 }, () => connect(t, url)));
	return { pool, exits, crowd, clients: await crowd() };
}

/** Each client sends a text of five bytes, and has its answer. */
async function talk(clients: WsClient[]) {
	for (const { socket } of clients) socket.send("hello");
	for (const { messages } of clients) await messages.next();
}

async function reached(
	pool: WorkerPool,
	holds: (stats: WorkerPoolStats) => boolean,
): Promise<WorkerPoolStats> {
	for (;;) {
		const stats = await pool.stats();
		if (holds(stats)) return stats;
		await new Promise(setImmediate);
	}
}

/** The samples of a text, by name and labels. */
function samples(text: string): Map<string, number> {
	const lines = text.split("\n").filter((line) => line.startsWith("gev_"));
	return new Map(
		lines.map((line) => {
			const [, key, value] = /^(.*) (\S+)$/.exec(line) as unknown as string[];
			return [String(key), Number(value)];
		}),
	);
}

test("what all workers count is told together", async (t) => {
	const { pool, clients } = await pooled(t);
	await talk(clients);
	await talk(clients);
	const stats = await reached(pool, (it) => it.sent.bytes >= 20 * 7);
	t.is(stats.state, "running");
	t.is(stats.starts, 1);
	t.like(stats.connections, { open: 10, accepted: 10, acceptErrors: 0 });
	t.deepEqual(stats.handshakes, { opened: 10, failed: {} });
	t.is(stats.received.messages, 20);
	t.is(stats.frames.text, 20);
	t.is(stats.sent.messages, 20);
	t.deepEqual(
		stats.loops.map(({ worker, index, connections, received }) => [
			...[worker, index, connections, received.messages],
		]),
		[
			[0, 0, 5, 10],
			[1, 0, 5, 10],
		],
	);
	const [one, two] = stats.workers;
	t.is(one?.received.messages, 10);
	const all = stats.script.handlerSeconds;
	const each = [one, two].map((it) => it?.script.handlerSeconds.count ?? 0);
	t.is(all.count, (each[0] as number) + (each[1] as number));
	t.deepEqual(all.bounds, one?.script.handlerSeconds.bounds);
	t.is(stats.loops[0]?.eventQueueDepthBytes.bounds[0], 16);
	t.deepEqual(JSON.parse(JSON.stringify(stats)), stats);

	await pool.stop();
	const after = await reached(pool, (it) => it.connections.open === 0);
	t.is(after.state, "idle");
	t.is(after.uptimeSeconds, 0);
	t.is(after.received.messages, 20);
	t.is(after.connections.closed.stop, 10);
	t.is(after.bufferedBytes, 0);
	await pool.start();
	const again = await pool.stats();
	t.is(again.starts, 2);
	t.is(again.received.messages, 20);
	t.is(again.connections.accepted, 10);
});

for (const message of ["throw", "exit", "hang"]) {
	test(`counts of a worker that ends by "${message}" stay`, async (t) => {
		const { pool, exits, crowd, clients } = await pooled(t);
		await talk(clients);
		// One that hangs, or is killed, says nothing any more.
		const before = await reached(pool, (it) => it.received.messages === 10);
		clients[0]?.socket.send(message);
		if (message === "hang") await pool.restart({ timeoutMs: 0 });
		else await exits.next();
		const after = await reached(pool, (it) => !it.workers.includes(undefined));
		const last = message === "hang" ? 0 : 1;
		t.is(after.received.messages, 10 + last);
		t.is(after.frames.text, 10 + last);
		t.is(after.handshakes.opened, 10);
		t.is(after.connections.accepted, 10);
		t.is(after.failures, last);
		for (const [n, loop] of after.loops.entries()) {
			t.true(loop.turns >= (before.loops[n]?.turns ?? 0));
			t.true(loop.received.messages >= 5);
			t.true(loop.running);
		}
		for (const { socket } of clients) socket.terminate();
		await reached(pool, (it) => it.connections.open === 0);
		await talk(await crowd());
		const later = await pool.stats();
		t.is(later.received.messages, 20 + last);
		t.is(later.connections.open, 10);
		t.deepEqual(
			later.loops.map((loop) => loop.connections),
			[5, 5],
		);
	});
}

test("a worker that hangs is told of as it was heard last", async (t) => {
	const hangs = new Uint8Array(new SharedArrayBuffer(1));
	const { pool, clients } = await pooled(t, { workerData: { hangs } });
	await talk(clients);
	await reached(pool, (it) => it.received.messages === 10);
	clients[0]?.socket.send("hang");
	while (hangs[0] === 0) await new Promise(setImmediate);
	const { received, connections } = await pool.stats();
	t.is(received.messages, 10);
	t.is(connections.open, 10);
	await pool.stop({ timeoutMs: 0 });
});

test("a pool tells Prometheus of all workers at one port", async (t) => {
	const metrics = { token: "secret" };
	const { pool, exits, clients } = await pooled(t, { metrics });
	await talk(clients);
	await reached(pool, (it) => it.sent.messages === 10);
	const ask = async (path: string, authorization = "Bearer secret") => {
		const { port } = pool.metricsAddress ?? {};
		const options = { host: "127.0.0.1", port, path, agent: false };
		return new Promise<[number | undefined, string]>((resolve, reject) => {
			const headers = { authorization };
			const request = http.get({ ...options, headers }, async (response) => {
				let body = "";
				for await (const chunk of response) body += chunk;
				resolve([response.statusCode, body]);
			});
			request.on("error", reject);
		});
	};
	const [status, text] = await ask("/metrics");
	t.is(status, 200);
	const found = samples(text);
	t.is(found.get("gev_connections"), 10);
	t.is(found.get("gev_received_messages_total"), 10);
	t.is(found.get('gev_frames_received_total{opcode="text"}'), 10);
	t.is(found.get('gev_loop_connections{worker="1",loop="0"}'), 5);
	t.true((found.get('gev_worker_utilization_ratio{worker="1"}') ?? 0) > 0);
	t.is(found.get("gev_worker_failures_total"), 0);
	t.is((await ask("/metrics", ""))[0], 401);
	t.deepEqual(await ask("/healthz", ""), [200, "ok\n"]);
	t.is((await ask("/"))[0], 404);
	const [, json] = await ask("/json");
	t.is((JSON.parse(json) as WorkerPoolStats).workers.length, 2);

	clients[0]?.socket.send("exit");
	await exits.next();
	const after = samples((await ask("/metrics"))[1]);
	for (const [key, before] of found) {
		if (!/_(total|bucket|count|sum)\b/.test(key)) continue;
		t.true((after.get(key) ?? 0) >= before, key);
	}
	t.is(after.get("gev_worker_failures_total"), 1);
	await pool.stop();
	t.is(pool.metricsAddress, undefined);
});

test("promtool finds nothing wrong with a pool's metrics()", async (t) => {
	const { pool, clients } = await pooled(t);
	await talk(clients);
	const input = await pool.metrics();
	try {
		t.is(execFileSync("promtool", ["check", "metrics"], { input }).length, 0);
	} catch (error) {
		const { code, stdout } = error as { code?: string; stdout?: Buffer };
		if (code !== "ENOENT") t.fail(String(stdout));
		else
			t.pass(t.log("promtool is missing (Debian's package prometheus)") ?? "");
	}
	const lines = input.split("\n").filter((line) => line.startsWith("gev_"));
	const series = lines.map((line) => line.replace(/ \S+$/, ""));
	t.is(new Set(series).size, series.length);
});

test("what the server of a worker says of metrics counts for nothing", async (t) => {
	const { pool } = await pooled(t, { metrics: {} });
	// Two workers could not both have it, nor one of them, as it is taken.
	const workerData = { metrics: pool.metricsAddress?.port };
	const { clients } = await pooled(t, { workerData });
	await t.notThrowsAsync(talk(clients));
});

test("a pool whose metrics cannot be served does not start", async (t) => {
	const { pool } = await pooled(t, { metrics: {} });
	const metrics = { port: pool.metricsAddress?.port ?? 0 };
	const other = new WorkerPool(file, { workers: 1, port: 0, metrics });
	await t.throwsAsync(other.start(), { code: "EADDRINUSE" });
	t.is(other.metricsAddress, undefined);
	t.is((await other.stats()).state, "idle");
});
