import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	type CustomProtocol,
	custom,
	frames,
	jsonStream,
	type NextHandler,
	type Protocol,
	type RingBuffer,
	raw,
	Server,
	webSocket,
} from "gev";
import { loops } from "../kit/loops.js";
import { patient } from "../kit/patience.js";
import { promised } from "../kit/promised.js";
import { Queue } from "../kit/queue.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

type AnyHandler = NextHandler<string[], unknown, string>;
type AnyConnection = Connection<string[], string>;

/** A server of any of these protocols, whose handler gets whatever they make. */
async function serve(
	t: ExecutionContext,
	protocol: object,
	handler: AnyHandler & { onConnect?(connection: AnyConnection): unknown },
	options: object = {},
): Promise<number> {
	const server = new Server(handler as never, {
		...{ host: "127.0.0.1", port: 0, ...loops(1), ...patient({}) },
		...options,
		protocol: protocol as Protocol<"raw">,
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	return (await server.start()).port;
}

function change(
	connection: AnyConnection,
	protocol: object,
	handler?: AnyHandler,
): boolean {
	return connection.setProtocol(protocol as Protocol<"raw">, handler as never);
}

/** Texts with a full stop behind them. */
class Dots implements CustomProtocol<string, string> {
	unpack(_: unknown, buffer: RingBuffer): string | undefined {
		const text = Buffer.concat(buffer.peekAll()).toString("latin1");
		const end = text.indexOf(".");
		if (end < 0) return undefined;
		buffer.retrieve(end + 1);
		return text.slice(0, end);
	}

	pack(_: unknown, text: string): string {
		return `${text}.`;
	}
}

const counted = (text: string) => String.fromCharCode(text.length) + text;

/** Protocols, and how a text looks in each. */
const kinds = (stepwise: boolean): [object, (text: string) => string][] => [
	[frames({ end: "\n", stepwise }), (text) => `${text}\n`],
	[frames({ length: "u8", stepwise }), counted],
	[jsonStream({ stepwise }), (text) => `["${text}"]`],
	[custom(new Dots(), { stepwise }), (text) => `${text}.`],
	[
		custom(new Dots(), { over: frames({ length: "u8", stepwise }) }),
		(text) => counted(`${text}.`),
	],
];
const names = ["lines", "counted", "JSON", "custom", "custom over counted"];

/** The text of a message of any of them. */
const textOf = (message: unknown) => String(message).replace(/[["\]]/g, "");

for (const [from, [protocol, form]] of kinds(true).entries()) {
	test(`behind a message of ${names[from]} the very next byte is another protocol's`, async (t) => {
		const stories = new Queue<string[]>();
		const handler = (next: object, isLate: boolean): AnyHandler => ({
			async onMessage(connection, message) {
				connection.context ??= [];
				connection.context.push(textOf(message));
				if (textOf(message) !== "go") return;
				if (isLate) await Promise.resolve();
				change(connection, next, {
					onMessage({ context }, message) {
						context.push(`new ${textOf(message)}`);
						if (context.length === 5) stories.push(context);
					},
				});
			},
		});
		for (const [to, [next, nextForm]] of kinds(false).entries()) {
			const messages = ["a", "b", "c"].map(nextForm).join("");
			const bytes = Buffer.from(form("x") + form("go") + messages, "latin1");
			const port = await serve(t, protocol, handler(next, to % 2 === 1));
			const pieces = Array.from(bytes.keys(), (at) => [
				bytes.subarray(0, at),
				bytes.subarray(at),
			]);
			for (const [at, [one, two]] of pieces.entries()) {
				const client = await tcp(t, port);
				client.write(one as Buffer);
				// The server has mostly seen the first piece when the second one comes.
				await new Promise((resolve) => setImmediate(resolve));
				client.write(two as Buffer);
				const expected = ["x", "go", "new a", "new b", "new c"];
				t.deepEqual(await stories.next(), expected, `${names[to]} at ${at}`);
				client.socket.destroy();
			}
		}
	});
}

test("protocols change again and again, each with the next byte", async (t) => {
	const all = kinds(true);
	const kind = (n: number) => all[n] as (typeof all)[0];
	const port = await serve(t, kind(0)[0], {
		onMessage(connection, message) {
			const next = Number(textOf(message)) % all.length;
			connection.send("!");
			change(connection, kind(next)[0]);
		},
	});
	const client = await tcp(t, port);
	let now = 0;
	let sent = "";
	let expected = "";
	for (let n = 0; n < 500; n++) {
		const next = (n * 7 + now * 3) % all.length;
		sent += kind(now)[1](`${next}`);
		expected += now === 2 ? "!" : kind(now)[1]("!");
		now = next;
	}
	client.write(Buffer.from(sent, "latin1"));
	const answer = await client.read(expected.length);
	t.is(answer.toString("latin1"), expected);
});

test("what is sent before has the old form, what is sent and returned after it the new one", async (t) => {
	const port = await serve(t, frames({ end: "\n", stepwise: true }), {
		onMessage(connection) {
			connection.send("old");
			change(connection, frames({ length: "u8" }));
			connection.send("new");
			return "returned";
		},
	});
	const client = await tcp(t, port);
	client.write("go\n");
	const answer = `old\n${counted("new")}${counted("returned")}`;
	t.is(`${await client.read(answer.length)}`, answer);
});

test("what cannot be sent in the new form is refused by it", async (t) => {
	const errors = new Queue<unknown>();
	const port = await serve(t, frames({ length: "u16", stepwise: true }), {
		onMessage(connection) {
			connection.send("a\nb");
			change(connection, frames({ end: "\n" }));
			try {
				connection.send("a\nb");
			} catch (error) {
				errors.push(error);
			}
		},
	});
	const client = await tcp(t, port);
	client.write("\0\0");
	t.is(`${await client.read(5)}`, "\0\x03a\nb");
	t.like(await errors.next(), { code: "ERR_GEV_DATA" });
});

test("the first byte of all is the protocol's that onConnect chooses", async (t) => {
	const greeted = promised();
	const port = await serve(t, raw({ stepwise: true }), {
		async onConnect(connection) {
			await greeted.promise;
			change(connection, frames({ length: "u8" }));
		},
		onMessage: (_, message) => `${textOf(message)}!`,
	});
	const client = await tcp(t, port);
	client.write(counted("one") + counted("two"));
	greeted.resolve();
	t.is(`${await client.read(10)}`, counted("one!") + counted("two!"));
});

test("unpack changes the protocol for what it leaves", async (t) => {
	const lines = frames({ end: "\n" });
	const json = jsonStream();
	const sniffing = custom({
		unpack(connection: AnyConnection, buffer) {
			const first = buffer.peekUint8();
			if (first !== undefined)
				change(connection, first === 0x7b ? json : lines);
			return undefined;
		},
		pack: (_, text: string) => text,
	});
	const port = await serve(t, sniffing, {
		onMessage: (_, message) => `<${message}>`,
	});
	for (const [bytes, answer] of [
		['{"a":1} {"b":[]}', '<{"a":1}><{"b":[]}>'],
		["one\ntwo\n", "<one>\n<two>\n"],
	] as const) {
		for (let at = 1; at <= bytes.length; at++) {
			const client = await tcp(t, port);
			client.write(bytes.slice(0, at));
			await new Promise((resolve) => setImmediate(resolve));
			client.write(bytes.slice(at));
			t.is(`${await client.read(answer.length)}`, answer);
			client.socket.destroy();
		}
	}
});

test("a protocol in TypeScript need not be stepwise to give back what it has not cut", async (t) => {
	const port = await serve(t, custom(new Dots()), {
		onMessage(connection, text) {
			if (text === "go") change(connection, frames({ end: "\n" }));
			return textOf(text);
		},
	});
	const client = await tcp(t, port);
	const long = "x".repeat(300_000);
	client.write(`a.go.one\n${long}\ntwo\n`);
	const answer = `a.go\none\n${long}\ntwo\n`;
	t.true((await client.read(answer.length)).equals(Buffer.from(answer)));
});

test("bytes that are left wait while a handler is busy or paused, and then are the new protocol's", async (t) => {
	const going = promised();
	const paused = new Queue<AnyConnection>();
	const port = await serve(t, custom(new Dots(), { stepwise: true }), {
		async onMessage(connection, text) {
			connection.send(textOf(text));
			if (text !== "go") return;
			change(connection, frames({ length: "u8" }), {
				onMessage: (_, message) => textOf(message),
			});
			connection.pause();
			paused.push(connection);
			await going.promise;
		},
	});
	const client = await tcp(t, port);
	client.write(`a.go.${counted("b")}${counted("c")}`);
	t.is(`${await client.read(5)}`, "a.go.");
	const connection = await paused.next();
	going.resolve();
	await new Promise((resolve) => setImmediate(resolve));
	connection.resume();
	t.is(`${await client.read(4)}`, counted("b") + counted("c"));
});

test("FIN waits for what came before it, whichever protocol that is", async (t) => {
	const calls = new Queue<string>();
	const port = await serve(t, frames({ end: "\n", stepwise: true }), {
		async onMessage(connection, message) {
			calls.push(textOf(message));
			await Promise.resolve();
			change(connection, frames({ length: "u8" }), {
				onMessage: (_, message) => calls.push(`new ${message}`) as never,
				onEnd: () => calls.push("end") as never,
				onFrameError: (_, { reason }) => calls.push(reason) as never,
			});
		},
		onClose: (_, { cause }) => calls.push(`close ${cause}`) as never,
	});
	const whole = await tcp(t, port);
	whole.socket.end(`a\n${counted("b")}`);
	t.deepEqual(await calls.take(4), ["a", "new b", "end", "close peer"]);
	const half = await tcp(t, port);
	half.socket.end(`a\n${counted("b")}\x05c`);
	const story = ["a", "new b", "truncated", "close protocol"];
	t.deepEqual(await calls.take(4), story);
});

test("behind FIN what is sent has the new form too", async (t) => {
	const closed = new Queue<unknown>();
	const port = await serve(
		t,
		frames({ end: "\n", stepwise: true }),
		{
			onMessage: (_, message) => `old ${message}`,
			onClose: (_, reason) => closed.push(reason) as never,
			onEnd(connection) {
				change(connection, frames({ length: "u8" }), {});
				connection.send("new");
				return new Promise<void>((resolve) => {
					setImmediate(() => {
						connection.send("late");
						connection.end();
						resolve();
					});
				});
			},
		},
		{ socket: { allowHalfOpen: true } },
	);
	const client = await tcp(t, port);
	client.socket.end("a\n");
	const answer = `old a\n${counted("new")}${counted("late")}`;
	t.is(`${await client.readToEnd()}`, answer);
	t.like(await closed.next(), { cause: "peer", wasClean: true });
});

test("members that a handler lacks are not called, but for those of the server that end and fail", async (t) => {
	const calls = new Queue<string>();
	const port = await serve(t, frames({ end: "\n", stepwise: true }), {
		onMessage(connection) {
			change(connection, frames({ end: ";" }), {
				onMessage(_, message) {
					calls.push(`second ${message}`);
					throw new Error("failed");
				},
			});
		},
		onEnd: () => calls.push("end") as never,
		onError: (error) => calls.push(`first ${error.message}`) as never,
		onClose: (_, { cause }) => calls.push(`first ${cause}`) as never,
	});
	const client = await tcp(t, port);
	client.socket.end("a\nb;");
	const story = ["second b", "first failed", "first handler"];
	t.deepEqual(await calls.take(3), story);
});

test("time-outs are those of the protocol that is spoken", async (t) => {
	const errors = new Queue<unknown>();
	const timed = frames({ end: ";", frameTimeoutMs: 20 });
	const port = await serve(t, frames({ end: "\n", stepwise: true }), {
		onMessage(connection) {
			change(connection, timed, {
				onFrameError: (_, error) => errors.push(error) as never,
			});
		},
	});
	const client = await tcp(t, port);
	client.write("a\nb");
	t.like(await errors.next(), { reason: "timeout", limit: 20, fate: "closed" });
	await client.readToEnd();
});

test("a message of which a part has been cut leaves no protocol to change to", async (t) => {
	const opened = new Queue<AnyConnection>();
	const closed = new Queue<unknown>();
	const port = await serve(t, frames({ length: "u32" }), {
		onConnect: (connection) => opened.push(connection),
		onClose: (_, reason) => closed.push(reason) as never,
	});
	const client = await tcp(t, port);
	const connection = await opened.next();
	const head = Buffer.alloc(4);
	head.writeUInt32BE(200_000);
	client.write(Buffer.concat([head, Buffer.alloc(150_000)]));
	while (connection.readBufferLength < 100_000) {
		await new Promise((resolve) => setImmediate(resolve));
	}
	t.true(change(connection, raw()));
	client.socket.end();
	t.like(await closed.next(), { code: 1002, cause: "protocol" });
});

test("with overflow drop-oldest, what waits goes out in the form in which it was sent", async (t) => {
	const port = await serve(
		t,
		frames({ end: "\n", stepwise: true }),
		{
			onMessage(connection) {
				for (let n = 0; n < 40; n++) connection.send("x".repeat(99_999));
				change(connection, frames({ length: "u32" }));
				connection.send("new");
			},
		},
		{
			flow: {
				overflow: "drop-oldest",
				highWaterMarkBytes: 100_000,
				maxBufferedBytes: 64 * 1024 * 1024,
			},
		},
	);
	const client = await tcp(t, port);
	client.write("go\n");
	const old = `${"x".repeat(99_999)}\n`.repeat(40);
	const answer = Buffer.from(`${old}\0\0\0\x03new`);
	t.true((await client.read(answer.length)).equals(answer));
});

test("a stop lets those finish who step through what has arrived", async (t) => {
	const calls = new Queue<string>();
	const going = promised();
	const server = new Server(
		{
			async onMessage(connection, message) {
				calls.push(`${message}`);
				await going.promise;
				connection.setProtocol(frames({ end: ";" }));
			},
			onClose: (_, { cause }) => calls.push(cause) as never,
		},
		{
			...{ host: "127.0.0.1", port: 0, ...loops(1), ...patient({}) },
			protocol: frames({ end: "\n", stepwise: true }),
		},
	);
	const { port } = await server.start();
	const client = await tcp(t, port);
	client.write("a\nb;c;");
	t.is(await calls.next(), "a");
	const stopped = server.stop({ timeoutMs: 60_000 });
	going.resolve();
	await client.readToEnd();
	client.socket.end();
	t.deepEqual(await calls.take(3), ["b", "c", "stop"]);
	t.deepEqual(await stopped, { closed: 1, cut: 0 });
});

test("a server that was started again changes protocols again", async (t) => {
	const handler = {
		onMessage(connection: Connection, message: Buffer) {
			connection.send(message);
			connection.setProtocol(frames({ end: ";" }));
		},
	};
	const server = new Server(handler, {
		...{ host: "127.0.0.1", port: 0, ...loops(1) },
		protocol: frames({ end: "\n", stepwise: true }),
	});
	for (let round = 0; round < 3; round++) {
		const { port } = await server.start();
		const client = await tcp(t, port);
		client.write("a\nb;");
		t.is(`${await client.read(4)}`, "a\nb;");
		client.socket.end();
		await server.stop();
	}
});

test("many connections change at once, to protocols made anew for each", async (t) => {
	const port = await serve(
		t,
		raw({ stepwise: true }),
		{
			onMessage(connection, message) {
				change(connection, frames({ end: `${message}`.slice(-1) }), {
					onMessage: (_, message) => textOf(message),
				});
				return "ok";
			},
		},
		loops(2),
	);
	const clients = Array.from({ length: 100 }, async (_, n) => {
		const end = String.fromCharCode(65 + (n % 20));
		const client = await tcp(t, port);
		client.write(`by ${end}`);
		t.is(`${await client.read(3)}`, `ok${end}`);
		client.write(`1${end}2${end}`);
		t.is(`${await client.read(4)}`, `1${end}2${end}`);
	});
	await Promise.all(clients);
});

test("a connection that is gone, and what is no protocol or handler", async (t) => {
	const opened = new Queue<AnyConnection>();
	const port = await serve(t, raw(), {
		onConnect: (connection) => opened.push(connection),
	});
	const client = await tcp(t, port);
	const connection = await opened.next();
	const wrong = (protocol: unknown, handler?: unknown) => () =>
		connection.setProtocol(protocol as Protocol<"raw">, handler as never);
	t.throws(wrong(webSocket()), { code: "ERR_GEV_OPTION" });
	t.throws(wrong({ name: "raw" }), { code: "ERR_GEV_OPTION" });
	t.throws(wrong(raw(), { onMessage: 1 }), { code: "ERR_GEV_HANDLER" });
	t.throws(wrong(raw(), null), { code: "ERR_GEV_HANDLER" });
	connection.send("half", { fin: false });
	t.throws(wrong(raw()), { code: "ERR_GEV_STATE" });
	connection.send("", { fin: true });
	t.true(change(connection, raw()));
	connection.destroy();
	t.false(change(connection, raw()));
	await client.readToEnd();
});

test("a WebSocket stays one", async (t) => {
	const errors = new Queue<unknown>();
	const server = new Server(
		{
			onMessage(connection) {
				connection.setProtocol(raw());
			},
			onError: (error) => errors.push(error),
		},
		{ host: "127.0.0.1", port: 0, protocol: webSocket() },
	);
	t.teardown(() => server.stop());
	const { port } = await server.start();
	const client = await connect(t, `ws://127.0.0.1:${port}`);
	client.socket.send("change");
	t.like(await errors.next(), { code: "ERR_GEV_STATE" });
});
