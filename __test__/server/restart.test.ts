import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import test, { type ExecutionContext } from "ava";
import type { Acceptance } from "gev";
import {
	frame,
	readClose,
	readFrame,
	TEXT,
	UPGRADE,
	upgraded,
} from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { type Program, start } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

/** More than AVA waits for: what takes as long fails the test. */

const testOfSharing = process.platform === "win32" ? test.skip : test;

for (const [name, protocol] of Object.entries(protocols)) {
	test(`stop() sends what handlers have promised before its goodbye: ${name}`, async (t) => {
		let settle = (_: string) => {};
		const called = new Queue<void>();
		const { port, server } = await serve(
			t,
			{
				onMessage() {
					called.push();
					return new Promise<string>((resolve) => {
						settle = resolve;
					});
				},
			},
			{ protocol: protocol() },
		);
		const client =
			name === "raw" ? await tcp(t, port) : await upgraded(t, port);
		client.write(name === "raw" ? "question" : frame(TEXT, "question"));
		await called.next();
		const stopped = server.stop({ timeoutMs: FOR_EVER });
		// The listener is closed by then.
		await t.throwsAsync(async () => {
			for (;;) (await tcp(t, port)).socket.destroy();
		});
		settle("answer");
		if (name === "raw") {
			t.is(String(await client.readToEnd()), "answer");
		} else {
			t.is(String((await readFrame(client)).payload), "answer");
			t.is((await readClose(client)).code, 1001);
		}
		client.socket.end();
		await stopped;
	});
}

test("stop() takes in those whom the kernel has ready", async (t) => {
	const count = 20;
	const shared = new Int32Array(new SharedArrayBuffer(4));
	const stopped = new Queue<void>();
	const { port, url, server } = await serve(t, {
		onMessage() {
			if (Atomics.load(shared, 0) !== 0) return;
			Atomics.store(shared, 0, 1);
			Atomics.wait(shared, 0, 1);
			void server.stop({ timeoutMs: FOR_EVER }).then(() => stopped.push());
		},
	});
	const worker = new Worker(
		new URL("../fixtures/latecomers.js", import.meta.url),
		{ workerData: { port, url, count, shared } },
	);
	const [codes] = await once(worker, "message");
	t.deepEqual(codes, Array(count).fill("1001"));
	await stopped.next();
});

test("stop() lets those finish who are in their handshake", async (t) => {
	const recorder = new Recorder();
	const { port, url, server } = await serve(t, recorder, {
		timeouts: { handshakeMs: FOR_EVER },
	});
	const [half, silent] = [await tcp(t, port), await tcp(t, port)];
	half.write(UPGRADE.slice(0, 50));
	// The loop accepts in order, so that it knows those before when it has answered this one.
	const other = await connect(t, url);
	const stopped = server.stop({ timeoutMs: FOR_EVER });
	t.is((await other.closed).code, 1001);
	half.write(UPGRADE.slice(50));
	t.regex(await half.readHead(), /^HTTP\/1.1 101 /);
	t.is((await readClose(half)).code, 1001);
	half.socket.destroy();
	t.is((await silent.readToEnd()).length, 0);
	const { closed, cut } = await stopped;
	t.deepEqual([closed, cut], [1, 1]);
});

test("stop() waits for answers of onUpgrade", async (t) => {
	const asked = new Queue<(reply: Acceptance) => void>();
	const { port, server } = await serve(t, {
		onUpgrade: () => new Promise<Acceptance>((resolve) => asked.push(resolve)),
	});
	const client = await tcp(t, port);
	client.write(UPGRADE);
	const accept = await asked.next();
	const stopped = server.stop({ timeoutMs: FOR_EVER });
	accept({});
	t.regex(await client.readHead(), /^HTTP\/1.1 101 /);
	t.is((await readClose(client)).code, 1001);
	client.socket.destroy();
	t.is((await stopped).cut, 1);
});

testOfSharing("servers in several workers share one port", async (t) => {
	const file = new URL("../fixtures/sharing-worker.js", import.meta.url);
	const counts: number[] = [];
	const workers: Worker[] = [];
	let port = 0;
	for (let index = 0; index < 4; index++) {
		const worker = new Worker(file, { workerData: port });
		t.teardown(() => worker.terminate());
		[port] = await once(worker, "message");
		counts.push(0);
		worker.on("message", (message) => {
			if (message === "connected") counts[index] = (counts[index] ?? 0) + 1;
		});
		workers.push(worker);
	}
	for (let n = 0; n < 200; n++) {
		const client = await tcp(t, port);
		client.write("?");
		t.is(String(await client.read(1)), "?");
		client.socket.destroy();
	}
	// What a worker says takes a way of its own.
	await until(() => counts.reduce((sum, count) => sum + count) === 200);
	// Elsewhere the kernel need not deal connections out.
	if (process.platform === "linux") t.true(counts.every((count) => count > 0));
	for (const worker of workers) {
		const exited = once(worker, "exit");
		worker.postMessage("stop");
		t.deepEqual(await exited, [0]);
	}
});

test("a new process takes the port over, and no client is refused or reset", async (t) => {
	if (process.platform !== "linux") {
		t.log("needs a kernel that deals connections out");
		t.pass();
		return;
	}
	let server = sharing(t, 0);
	const port = Number(await server.line());
	const outcomes = { answered: 0, closed: 0, refused: 0, reset: 0 };
	let goesOn = true;
	const clients = Array.from({ length: 8 }, async () => {
		while (goesOn) outcomes[await visit(port)]++;
	});
	for (let round = 0; round < 5; round++) {
		const next = sharing(t, port);
		await next.line();
		server.signal("SIGTERM");
		t.regex(await server.line(), /^\d+ closed, \d+ cut$/);
		t.is((await server.ended).code, 0);
		server = next;
	}
	goesOn = false;
	await Promise.all(clients);
	t.log(outcomes);
	t.is(outcomes.refused, 0);
	t.true(outcomes.answered > 100);
	// Linux resets what it completes between the last accept and the close, unless net.ipv4.tcp_migrate_req is 1.
	t.true(outcomes.reset <= 2, `${outcomes.reset} were reset`);
});

function sharing(t: ExecutionContext, port: number): Program {
	const file = new URL("../fixtures/sharing-server.js", import.meta.url);
	return start(t, [fileURLToPath(file), `${port}`, "2", "raw"]);
}

/** Connects, asks, and says how that ended. */
function visit(
	port: number,
): Promise<"answered" | "closed" | "refused" | "reset"> {
	return new Promise((resolve) => {
		const socket = connectTcp(port, "127.0.0.1");
		socket.on("connect", () => socket.write("?"));
		socket.on("data", () => {
			socket.end();
			resolve("answered");
		});
		socket.on("error", (error: NodeJS.ErrnoException) =>
			resolve(error.code === "ECONNREFUSED" ? "refused" : "reset"),
		);
		socket.on("close", () => resolve("closed"));
	});
}
