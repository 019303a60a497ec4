import { once } from "node:events";
import { Worker } from "node:worker_threads";
import test, { type ExecutionContext } from "ava";
import type { Handler } from "gev";
import { THREADS } from "../kit/loops.js";
import { runWith } from "../kit/program.js";
import { serve } from "../kit/server.js";
import { connect } from "../kit/ws-client.js";

/** An echo server in a worker, which puts its name before what it sends back. */
async function serveInWorker(
	t: ExecutionContext,
	{ name = "", threads = true } = {},
) {
	const worker = new Worker(
		new URL("../fixtures/echo-worker.js", import.meta.url),
		{
			workerData: { name, protocol: "websocket" },
			env: { ...process.env, [THREADS]: threads ? "1" : "0" },
		},
	);
	t.teardown(() => worker.terminate());
	const ended = new Promise<number | Error>((resolve) => {
		worker.on("error", resolve);
		worker.on("exit", resolve);
	});
	const [port] = (await once(worker, "message")) as [number];
	return { worker, url: `ws://127.0.0.1:${port}`, ended };
}

for (const [message, code, expected] of [
	["stop", 1001, 0],
	["exit", 1006, 3],
	["throw", 1006, "thrown elsewhere"],
] as const) {
	for (const threads of [true, false]) {
		test(`a worker with a server ends as it should after "${message}"${threads ? "" : ", without threads"}`, async (t) => {
			const { url, ended } = await serveInWorker(t, { threads });
			const { socket, messages, closed } = await connect(t, url);
			socket.send("hello");
			t.is(await messages.next(), "hello");
			socket.send(message);
			t.is((await closed).code, code);
			const end = await ended;
			t.is(end instanceof Error ? end.message : end, expected);
		});
	}
}

test("servers in the main thread and in workers do not mix", async (t) => {
	const named = (name: string): Handler => ({
		onMessage: (_connection, message) => name + message,
	});
	const servers: Record<string, { url: string }> = {
		one: await serve(t, named("one")),
		other: await serve(t, named("other")),
		worker: await serveInWorker(t, { name: "worker" }),
		second: await serveInWorker(t, { name: "second", threads: false }),
	};
	await Promise.all(
		Object.entries(servers).map(async ([name, { url }]) => {
			const { socket, messages } = await connect(t, url);
			for (let count = 0; count < 200; count++) socket.send(`${count}`);
			const expected = Array.from({ length: 200 }, (_, at) => name + at);
			t.deepEqual(await messages.take(200), expected);
			t.is(messages.size, 0);
		}),
	);
});

for (const [title, program, args, expected] of [
	[
		"workers that are terminated while clients send hard take nothing with them",
		"terminations",
		[],
		{ code: 0, stdout: "0 threads more\n", stderr: "" },
	],
	[
		"what a stopped server had is collected",
		"collected",
		[],
		{ code: 0, stdout: "9 forgotten\n", stderr: "" },
	],
	[
		"100 starts and stops leak neither threads nor descriptors",
		"restarts",
		[],
		{ code: 0, stdout: "0 threads, 0 descriptors more\n", stderr: "" },
	],
	[
		"100 starts that fail hold no memory",
		"refusals",
		[],
		{ code: 0, stdout: "0 MiB each\n", stderr: "" },
	],
	[
		"a process ends by itself after stop()",
		"ending",
		["stop"],
		{ code: 0, stdout: "stopped\n", stderr: "" },
	],
	[
		"a running server keeps the process alive",
		"ending",
		["alive"],
		{ code: 0, stdout: "stopped\n", stderr: "" },
	],
	[
		"process.exit() in onMessage ends the process with its code",
		"ending",
		["exit"],
		{ code: 7, stdout: "", stderr: "" },
	],
	[
		"an uncaught exception ends the process as ever",
		"ending",
		["uncaught"],
		{ code: 1, stdout: "", stderr: /^Error: thrown elsewhere$/m },
	],
	[
		"an uncaught exception may be caught, and the server goes on",
		"ending",
		["caught"],
		{ code: 0, stdout: "caught: thrown elsewhere\nstopped\n", stderr: "" },
	],
	[
		"an unhandled rejection ends the process as ever",
		"ending",
		["rejected"],
		{ code: 1, stdout: "", stderr: /Error: rejected elsewhere$/m },
	],
] as const) {
	for (const threads of ["1", "0"]) {
		test(`${title}${threads === "0" ? ", without threads" : ""}`, async (t) => {
			const { code, signal, stdout, stderr } = await runWith(
				{ [THREADS]: threads },
				program,
				...args,
			);
			t.is(signal, null);
			if (typeof expected.stderr === "string") t.is(stderr, expected.stderr);
			else t.regex(stderr, expected.stderr);
			t.is(stdout, expected.stdout);
			t.is(code, expected.code);
		});
	}
}
