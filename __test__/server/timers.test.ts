import test from "ava";
import { GevError, Server } from "gev";
import { FOR_EVER } from "../kit/patience.js";
import { run } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { echo, serve } from "../kit/server.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

test("timers fire, until they are stopped", async (t) => {
	const { server } = await serve(t, echo);
	const fired = new Queue<string>();
	let left = 3;
	const every = server.runEvery(1, () => {
		fired.push("every");
		if (--left === 0) every.stop();
	});
	const never = server.runAfter(2, () => fired.push("never"));
	never.stop();
	never.stop();
	const once = server.runAfter(1, () => {
		fired.push("once");
		once.stop();
	});
	const all = await fired.take(4);
	t.deepEqual(all.sort(), ["every", "every", "every", "once"]);
	server.runAfter(20, () => fired.push("later"));
	t.is(await fired.next(), "later", "nothing of those that have ended");
});

test("what a timer throws goes to onError without a connection, and the timer goes on", async (t) => {
	const recorder = new Recorder();
	const { server } = await serve(t, recorder);
	const error = new Error("a fault of the timer");
	const timer = server.runEvery(1, () => {
		throw error;
	});
	for (let count = 0; count < 2; count++) {
		const call = await recorder.next("error");
		t.is(call.error, error);
		t.is(call.connection, undefined);
	}
	timer.stop();
});

test("timers end with their server, also those that are made while it stops", async (t) => {
	const { server: another } = await serve(t, echo);
	const first = new Queue<void>();
	let stopped = false;
	const late: string[] = [];
	const beat = (name: string) =>
		server.runEvery(1, () => {
			if (stopped) late.push(name);
			first.push();
		});
	const { server, url } = await serve(t, { onClose: () => void beat("late") });
	await connect(t, url);
	await until(() => server.connectionCount === 1);
	beat("early");
	await first.next();
	await server.stop({ timeoutMs: FOR_EVER });
	stopped = true;
	const later = new Queue<void>();
	another.runAfter(40, () => later.push());
	await later.next();
	t.deepEqual(late, []);
});

test("timers refuse wrong delays and callbacks", (t) => {
	const server = new Server({});
	const wrong: [() => unknown, RegExp][] = [
		[() => server.runAfter(-1, () => {}), /delayMs.*-1/],
		[() => server.runAfter(Number.NaN, () => {}), /delayMs.*NaN/],
		[() => server.runAfter("5" as never, () => {}), /delayMs.*"5"/],
		[() => server.runEvery(0, () => {}), /intervalMs.*0/],
		[() => server.runEvery(1.5, () => {}), /intervalMs.*1\.5/],
		[() => server.runAfter(1, "call" as never), /callback.*"call"/],
		[() => server.runEvery(1, undefined as never), /callback.*undefined/],
	];
	for (const [call, message] of wrong) {
		t.throws(call, { instanceOf: GevError, code: "ERR_GEV_OPTION", message });
	}
});

test("timers fire before the server has started, and those that wait end with its stop", async (t) => {
	const fired = new Queue<string>();
	const server = new Server({}, { host: "127.0.0.1", port: 0, loops: 1 });
	server.runAfter(1, () => fired.push("early"));
	t.is(await fired.next(), "early");
	server.runEvery(1, () => fired.push("tick"));
	await server.start();
	t.is(await fired.next(), "tick");
	await server.stop();
	const { size } = fired;
	await server.start();
	server.runAfter(30, () => fired.push("again"));
	await fired.take(size);
	t.is(await fired.next(), "again");
	await server.stop();
});

test("a timer keeps a process alive if it is asked to", async (t) => {
	t.deepEqual(await run("kept-by-timers"), {
		code: 0,
		signal: null,
		stdout: "fired\n",
		stderr: "",
	});
});

test("timers do not keep a process alive", async (t) => {
	t.deepEqual(await run("timers"), {
		code: 0,
		signal: null,
		stdout: "fired\n",
		stderr: "",
	});
});
