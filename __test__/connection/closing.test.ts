import test from "ava";
import { type Connection, type GevError, raw, SendStatus } from "gev";
import { closeFrame, readClose, readFrame, upgraded } from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { reset } from "../kit/reset.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const MIB = 1024 * 1024;

test("end() sends everything, then FIN, and goes on receiving", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	connection.send(Buffer.alloc(8 * MIB));
	connection.end();
	t.is(connection.send("too late"), SendStatus.Closed);
	t.is((await client.readToEnd()).length, 8 * MIB);
	client.write("after your end");
	const { message } = await recorder.next("message");
	t.is(String(message), "after your end");
	t.true(connection.connected);
	client.socket.end();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1005, cause: "peer", wasClean: true });
});

test("end() closes a WebSocket as close() does", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	const { messages, closed } = await connect(t, url);
	const { connection } = await recorder.next("connect");
	connection.send("last");
	connection.end();
	t.is(await messages.next(), "last");
	t.deepEqual(await closed, { code: 1000, reason: "" });
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1000, cause: "local", wasClean: true });
	connection.end();
});

test("with allowHalfOpen this side goes on after the peer's end, until end()", async (t) => {
	const ends = new Queue<Connection>();
	const calls: string[] = [];
	const closes = new Queue<boolean>();
	const { port } = await serve(
		t,
		{
			onMessage: (_, message) => void calls.push(String(message)),
			onEnd(connection) {
				calls.push("end");
				ends.push(connection);
			},
			onClose: (_, { wasClean }) => closes.push(wasClean),
		},
		{ protocol: raw(), socket: { allowHalfOpen: true } },
	);
	const client = await tcp(t, port);
	client.socket.end("all that I have to say");
	const connection = await ends.next();
	t.deepEqual(calls, ["all that I have to say", "end"]);
	t.true(connection.connected);
	for (let n = 0; n < 10; n++) {
		connection.send(`${n}`);
		t.is(String(await client.read(1)), `${n}`);
		t.true(await connection.sent());
	}
	t.is(closes.size, 0);
	connection.send(Buffer.alloc(8 * MIB));
	connection.end();
	t.is((await client.readToEnd()).length, 8 * MIB);
	t.true(await closes.next());
	t.deepEqual(calls.length, 2);
});

test("with allowHalfOpen the connection is gone when both sides have ended", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: raw(),
		socket: { allowHalfOpen: true },
	});
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	connection.end();
	await client.readToEnd();
	client.socket.end();
	t.true((await recorder.next("close")).reason.wasClean);
});

test("with allowHalfOpen shutdownWrite() later ends the connection too", async (t) => {
	const ends = new Queue<Connection>();
	const closes = new Queue<boolean>();
	const { port } = await serve(
		t,
		{
			onEnd: (connection) => ends.push(connection),
			onClose: (_, { wasClean }) => closes.push(wasClean),
		},
		{ protocol: raw(), socket: { allowHalfOpen: true } },
	);
	const client = await tcp(t, port);
	client.socket.end();
	const connection = await ends.next();
	await new Promise(setImmediate);
	connection.shutdownWrite();
	await client.readToEnd();
	t.true(await closes.next());
});

test("a half-open connection ends when its peer resets it", async (t) => {
	const ends = new Queue<void>();
	const closes = new Queue<string>();
	const { port } = await serve(
		t,
		{
			onEnd: () => ends.push(),
			onClose: (_, { cause }) => closes.push(cause),
		},
		{ protocol: raw(), socket: { allowHalfOpen: true } },
	);
	const client = await tcp(t, port);
	client.socket.end();
	await ends.next();
	reset(client.socket);
	t.is(await closes.next(), "reset");
});

test("without allowHalfOpen this side ends when the promise of onEnd is settled", async (t) => {
	const { port } = await serve(
		t,
		{
			async onEnd(connection) {
				for (let n = 0; n < 5; n++) {
					await new Promise(setImmediate);
					connection.send(`${n}`);
				}
			},
		},
		{ protocol: raw() },
	);
	const client = await tcp(t, port);
	client.socket.end();
	t.is(String(await client.readToEnd()), "01234");
});

test("a WebSocket's close frame is no half-open connection", async (t) => {
	let ends = 0;
	const { port } = await serve(
		t,
		{ onEnd: () => void ends++ },
		{ socket: { allowHalfOpen: true } },
	);
	const client = await upgraded(t, port);
	client.write(closeFrame(1000));
	t.is((await readClose(client)).code, 1000);
	await client.readToEnd();
	t.is(ends, 0);
});

test("destroy() ends the connection, and with reset resets it", async (t) => {
	for (const reset of [false, true]) {
		const recorder = new Recorder();
		const { port } = await serve(t, recorder, { protocol: raw() });
		const client = await tcp(t, port);
		const { connection } = await recorder.next("connect");
		const errors: string[] = [];
		client.socket.on("error", (error: NodeJS.ErrnoException) =>
			errors.push(error.code ?? ""),
		);
		const closed = new Promise((resolve) => client.socket.on("close", resolve));
		connection.destroy({ reset });
		connection.destroy();
		client.socket.end();
		await closed;
		t.deepEqual(errors, reset ? ["ECONNRESET"] : []);
		const { reason } = await recorder.next("close");
		t.like(reason, { code: 1006, cause: "local" });
	}
});

test("wrong options of destroy() are named, and nothing is destroyed", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	for (const options of [{ rst: true }, { reset: 1 }, null]) {
		const error = t.throws<GevError>(() =>
			connection.destroy(options as { reset: boolean }),
		);
		t.is(error?.code, "ERR_GEV_OPTION");
	}
	connection.send("still there");
	t.is(String((await readFrame(client)).payload), "still there");
});
