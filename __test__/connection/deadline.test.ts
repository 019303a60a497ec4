import { once } from "node:events";
import { connect as toSocket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { type Connection, GevError, type ServerOptions } from "gev";
import { loops } from "../kit/loops.js";
import { FOR_EVER } from "../kit/patience.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { socketPath } from "../kit/socket-path.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

/** A client, and when its server has let it go. */
type Enter = (
	t: ExecutionContext,
	recorder: Recorder,
) => Promise<{ gone: Promise<unknown> }>;

const rawOptions: ServerOptions = { protocol: protocols.raw() };
const kinds: Record<string, Enter> = {
	async raw(t, recorder) {
		const { port } = await serve(t, recorder, rawOptions);
		const client = await tcp(t, port);
		return { gone: client.readToEnd().then(() => client.socket.end()) };
	},
	async websocket(t, recorder) {
		const { url } = await serve(t, recorder);
		const { closed } = await connect(t, url);
		return { gone: closed };
	},
};
if (process.platform !== "win32") {
	kinds.unix = async (t, recorder) => {
		const path = socketPath();
		await serve(t, recorder, { ...rawOptions, host: undefined, path });
		const socket = toSocket({ path });
		t.teardown(() => socket.destroy());
		await once(socket, "connect");
		return { gone: once(socket.resume(), "end") };
	};
}

for (const [name, enter] of Object.entries(kinds)) {
	test(`a connection ends when its time is over, never before: ${name}`, async (t) => {
		const recorder = new Recorder();
		const { gone } = await enter(t, recorder);
		const { connection } = await recorder.next("connect");
		const before = performance.now();
		connection.setDeadline(150);
		await gone;
		t.true(performance.now() - before >= 150);
		const { reason } = await recorder.next("close");
		t.is(reason.cause, "deadline");
		t.is(reason.code, 1001);
	});

	test(`a deadline may be moved, either way: ${name}`, async (t) => {
		const recorder = new Recorder();
		const { gone } = await enter(t, recorder);
		const { connection } = await recorder.next("connect");
		const before = performance.now();
		connection.setDeadline(50);
		connection.setDeadline(FOR_EVER);
		connection.setDeadline(200);
		await gone;
		t.true(performance.now() - before >= 200);
		const { reason } = await recorder.next("close");
		t.is(reason.cause, "deadline");
	});
}

test("traffic does not put a deadline off", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, rawOptions);
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	connection.setDeadline(100);
	const timer = setInterval(() => {
		client.write("still here");
		connection.send("so am I");
	}, 5);
	t.teardown(() => clearInterval(timer));
	await client.readToEnd();
	clearInterval(timer);
	client.socket.end();
	let call = await recorder.calls.next();
	while (call.name === "message") call = await recorder.calls.next();
	t.is(call.name === "close" && call.reason.cause, "deadline");
});

test("one that is disarmed ends nothing", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, rawOptions);
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	for (const off of [
		() => connection.setDeadline(0),
		() => connection.setDeadline(),
	]) {
		connection.setDeadline(30);
		off();
		// Another connection's time, set afterwards, is over.
		const other = await tcp(t, port);
		const { connection: short } = await recorder.next("connect");
		short.setDeadline(60);
		await other.readToEnd();
		other.socket.end();
		t.is((await recorder.next("close")).connection, short);
		t.true(connection.connected);
	}
	client.write("x");
	t.is(String((await recorder.next("message")).message), "x");
});

test("each connection has a deadline of its own", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { ...rawOptions, ...loops(2) });
	const order = [180, 60, 120];
	const deadlines = new Map<Connection, number>();
	for (const ms of order) {
		const client = await tcp(t, port);
		client.readToEnd().then(() => client.socket.end());
		const { connection } = await recorder.next("connect");
		deadlines.set(connection, performance.now() + ms);
		connection.setDeadline(ms);
	}
	for (let n = 0; n < order.length; n++) {
		const { connection, reason } = await recorder.next("close");
		t.is(reason.cause, "deadline");
		t.true(performance.now() >= (deadlines.get(connection) ?? FOR_EVER));
	}
});

test("wrong times are refused, and change nothing", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, rawOptions);
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	const wrong: [unknown, RegExp][] = [
		[-1, /^ms must be .*, not -1$/],
		[0.5, /not 0\.5$/],
		[Number.NaN, /not NaN$/],
		[Number.POSITIVE_INFINITY, /not Infinity$/],
		[2 ** 31, /not 2147483648$/],
		["5", /not "5"$/],
		[null, /not null$/],
		[5n, /not 5n$/],
	];
	for (const [ms, message] of wrong) {
		const call = () => connection.setDeadline(ms as number);
		t.throws(call, { instanceOf: GevError, code: "ERR_GEV_OPTION", message });
	}
	client.write("x");
	t.is(String((await recorder.next("message")).message), "x");
});

test("after a close a deadline means nothing, and of a close it does not change the cause", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	const { closed } = await connect(t, url);
	const { connection } = await recorder.next("connect");
	connection.setDeadline(FOR_EVER);
	connection.close(1000, "enough");
	connection.setDeadline(1);
	t.is((await closed).code, 1000);
	const { reason } = await recorder.next("close");
	t.is(reason.cause, "local");
	connection.setDeadline(1);
	t.false(connection.connected);
	t.is(recorder.calls.size, 0);
});
