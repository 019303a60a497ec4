import { setImmediate } from "node:timers/promises";
import test from "ava";
import { type CloseReason, type Handler, raw, SendStatus } from "gev";
import { frame, readClose, TEXT, upgraded } from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { reset } from "../kit/reset.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect, type WsClient } from "../kit/ws-client.js";

for (const [name, protocol] of Object.entries(protocols)) {
	test(`50 ${name} clients each get onConnect, their messages and onClose, in order and once`, async (t) => {
		const logs: string[][] = [];
		const { server, port, url } = await serve<string[]>(
			t,
			{
				onConnect(connection) {
					connection.context = ["connect"];
					logs.push(connection.context);
				},
				onMessage({ context }, message) {
					// Raw messages are whatever the network made of the bytes.
					if (name === "raw" && context.length > 1) context[1] += `${message}`;
					else context.push(`${message}`);
				},
				onClose({ context }, { cause, wasClean }) {
					context.push(`${cause} ${wasClean}`);
				},
			},
			{ protocol: protocol(), loops: 2 },
		);
		const words = (client: number) =>
			Array.from({ length: 20 }, (_, index) => `${client}:${index};`);
		await Promise.all(
			Array.from({ length: 50 }, async (_, index) => {
				if (name === "raw") {
					const client = await tcp(t, port);
					for (const word of words(index)) client.write(word);
					client.socket.end();
					await client.readToEnd();
				} else {
					const client = await connect(t, url);
					for (const word of words(index)) client.socket.send(word);
					client.socket.close();
					await client.closed;
				}
			}),
		);
		await until(() => server.connectionCount === 0);
		await server.stop({ timeoutMs: FOR_EVER });
		const expected = Array.from({ length: 50 }, (_, index) => [
			"connect",
			...(name === "raw" ? [words(index).join("")] : words(index)),
			"peer true",
		]);
		t.deepEqual(logs.sort(byMessage), expected.sort(byMessage));
	});
}

function byMessage(one: string[], other: string[]): number {
	return String(one[1]) < String(other[1]) ? -1 : 1;
}

test("the server's close code and reason reach the client and onClose", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	for (const [code, reason] of [
		[undefined, undefined],
		[1001, "moved"],
		[1014, ""],
		[3000, "Grüße 👋"],
		[4999, "x".repeat(123)],
	] as const) {
		const client = await connect(t, url);
		const { connection } = await recorder.next("connect");
		connection.send("before");
		connection.close(code, reason);
		t.false(connection.connected);
		const expected = { code: code ?? 1000, reason: reason ?? "" };
		t.deepEqual(await client.closed, expected);
		t.is(await client.messages.next(), "before");
		t.deepEqual((await recorder.next("close")).reason, {
			...expected,
			cause: "local",
			wasClean: true,
		});
	}
});

test("destroy() ends a connection without a goodbye", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	const client = await connect(t, url);
	const { connection } = await recorder.next("connect");
	connection.destroy();
	t.false(connection.connected);
	t.is((await client.closed).code, 1006);
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1006, cause: "local", wasClean: false });
});

test("destroy() ends a close that waits for its peer", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		timeouts: { closeMs: FOR_EVER },
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	connection.close();
	t.true((await client.read(4)).length === 4);
	connection.destroy();
	const { reason } = await recorder.next("close");
	t.like(reason, { cause: "local", wasClean: false });
	t.is((await client.readToEnd()).length, 0);
});

test("after shutdownWrite() the client has seen the end and the server still receives", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	const farewell = Buffer.alloc(3_000_000, "last words ");
	connection.send(farewell);
	connection.shutdownWrite();
	t.true(farewell.equals(await client.readToEnd()));
	client.write("still here");
	const { message } = await recorder.next("message");
	t.is(message.toString(), "still here");
	client.socket.end();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1005, wasClean: true });
});

test("send() after shutdownWrite() says that nothing is sent", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	connection.send("in time");
	connection.shutdownWrite();
	const status = connection.send("too late");
	t.is((await client.readToEnd()).toString(), "in time");
	t.is(status, SendStatus.Closed);
});

/** How a client says goodbye, with how `onClose` has to tell it. */
const goodbyes: {
	title: string;
	leave: (client: WsClient["socket"]) => void;
	expected: Partial<CloseReason>;
}[] = [
	{
		title: "a code and a reason",
		leave: (client) => client.close(3001, "grün"),
		expected: { code: 3001, reason: "grün", cause: "peer", wasClean: true },
	},
	{
		title: "an empty close frame",
		leave: (client) => client.close(),
		expected: { code: 1005, reason: "", cause: "peer", wasClean: true },
	},
	{
		title: "no close frame",
		leave: (client) => client.terminate(),
		expected: { code: 1006, cause: "peer", wasClean: false },
	},
];
for (const { title, leave, expected } of goodbyes) {
	test(`onClose tells a WebSocket client that leaves with ${title}`, async (t) => {
		const recorder = new Recorder();
		const { url } = await serve(t, recorder);
		const client = await connect(t, url);
		await recorder.next("connect");
		leave(client.socket);
		const { reason, connection } = await recorder.next("close");
		t.like(reason, expected);
		t.false(connection.connected);
	});
}

test("onClose tells FIN and reset of raw clients apart", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: raw() });
	const polite = await tcp(t, port);
	await recorder.next("connect");
	polite.socket.end();
	t.deepEqual((await recorder.next("close")).reason, {
		code: 1005,
		reason: "",
		cause: "peer",
		wasClean: true,
	});
	const rude = await tcp(t, port);
	await recorder.next("connect");
	reset(rude.socket);
	t.like((await recorder.next("close")).reason, {
		code: 1006,
		cause: "reset",
		wasClean: false,
	});
});

for (const [title, onMessage] of Object.entries<Handler["onMessage"]>({
	"a returned value": (_, message) => reply(message),
	"a promise": async (_, message) => reply(message),
	"send()": (connection, message) => void connection.send(reply(message)),
})) {
	test(`a raw client that ends its side first still gets its reply: ${title}`, async (t) => {
		const closed = new Queue<CloseReason>();
		const { port } = await serve(
			t,
			{
				...(onMessage && { onMessage }),
				onClose: (_, reason) => closed.push(reason),
			},
			{ protocol: raw() },
		);
		const client = await tcp(t, port);
		client.socket.end("question");
		t.true(reply("question").equals(await client.readToEnd()));
		t.like(await closed.next(), { code: 1005, cause: "peer", wasClean: true });
	});
}

for (const [title, onMessage] of Object.entries<Handler["onMessage"]>({
	"a returned value": (_, message) => message,
	"a promise": async (_, message) => {
		await setImmediate();
		return message;
	},
	"send()": async (connection, message) => {
		await setImmediate();
		connection.send(message);
	},
})) {
	test(`a WebSocket client that says goodbye right after its question still gets its reply: ${title}`, async (t) => {
		const closed = new Queue<CloseReason>();
		const { url } = await serve(t, {
			...(onMessage && { onMessage }),
			onClose: (_, reason) => closed.push(reason),
		});
		const client = await connect(t, url);
		client.socket.send("question");
		client.socket.close(4000, "goodbye");
		t.is((await client.closed).code, 4000);
		t.is(client.messages.size, 1);
		t.is(await client.messages.next(), "question");
		t.deepEqual(await closed.next(), {
			code: 4000,
			reason: "goodbye",
			cause: "peer",
			wasClean: true,
		});
	});
}

test("a promise that is never settled holds up the goodbye of a WebSocket for closeMs", async (t) => {
	const closed = new Queue<CloseReason>();
	const { url } = await serve(
		t,
		{
			onMessage: () => new Promise(() => {}),
			onClose: (_, reason) => closed.push(reason),
		},
		{ timeouts: { closeMs: 20 } },
	);
	const client = await connect(t, url);
	client.socket.send("question");
	client.socket.close(4000);
	t.is((await client.closed).code, 1006);
	t.like(await closed.next(), { code: 4000, cause: "peer", wasClean: false });
});

/** More than socket buffers hold, so that it cannot go out at once. */
function reply(message: string | Buffer): Buffer {
	return Buffer.alloc(8_000_000, `to ${message}: `);
}

test("a peer that does not answer the close is cut after closeMs", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { timeouts: { closeMs: 20 } });
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	connection.close(4000, "bye");
	t.deepEqual(await readClose(client), { code: 4000, reason: "bye" });
	await client.readToEnd();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1006, cause: "local", wasClean: false });
});

test("a raw peer that keeps its side open is cut after closeMs", async (t) => {
	const recorder = new Recorder();
	const options = { protocol: raw(), timeouts: { closeMs: 20 } };
	const { port } = await serve(t, recorder, options);
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	connection.close();
	await client.readToEnd();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1006, cause: "local", wasClean: false });
});

test("a raw peer that closes its side too has said goodbye", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	connection.close();
	await client.readToEnd();
	client.socket.end();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1000, cause: "local", wasClean: true });
});

test("the server's close is the reason, whatever the peer does wrong afterwards", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	connection.close(4000, "enough");
	t.is((await readClose(client)).code, 4000);
	client.socket.end(frame(TEXT, "wrong", { masked: false }));
	const { reason } = await recorder.next("close");
	t.deepEqual([reason.code, reason.cause], [4000, "local"]);
});
