import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	type CustomProtocol,
	custom,
	type FramesHandler,
	frames,
	jsonStream,
	type RingBuffer,
	Server,
	type StreamProtocol,
} from "gev";
import { loops } from "../kit/loops.js";
import { patient } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { tcp } from "../kit/tcp-client.js";

type Texts = Connection<unknown, string>;

/** A server of protocols in TypeScript whose messages are text. */
async function serve(
	t: ExecutionContext,
	protocol: StreamProtocol<"custom", string, string>,
	handler: FramesHandler<unknown, string, string>,
): Promise<number> {
	const server = new Server(handler as never, {
		...{ host: "127.0.0.1", port: 0, ...loops(1), ...patient({}) },
		protocol: protocol as never,
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	return (await server.start()).port;
}

/** Texts up to a mark. */
class UpTo implements CustomProtocol<string, string> {
	readonly #mark: string;

	constructor(mark: string) {
		this.#mark = mark;
	}

	unpack(_: unknown, buffer: RingBuffer): string | undefined {
		const end = buffer.indexOf(this.#mark.charCodeAt(0));
		if (end < 0) return undefined;
		const text = buffer.read(end).toString();
		buffer.retrieve(1);
		return text;
	}

	pack(_: unknown, text: string): string {
		return `${text}${this.#mark}`;
	}
}

/** In the next turn. */
const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

test("what waits for a busy handler is the protocol's that is spoken, also if one before had something wait", async (t) => {
	const calls = new Queue<string>();
	const semicolons = custom(new UpTo(";"));
	const port = await serve(t, custom(new UpTo(".")), {
		onMessage(connection: Texts, text) {
			calls.push(`old ${text}`);
			connection.pause();
			setImmediate(() => connection.resume());
			if (text !== "go") return;
			connection.setProtocol(semicolons, {
				async onMessage(connection, text) {
					calls.push(`new ${text}`);
					connection.pause();
					await soon();
					connection.resume();
				},
			});
		},
	});
	const client = await tcp(t, port);
	client.write("a.b.go.c;d.;e;");
	const story = ["old a", "old b", "old go", "new c", "new d.", "new e"];
	t.deepEqual(await calls.take(6), story);
});

test("frames that were cut before are unpacked by the protocol that they were cut for", async (t) => {
	const calls = new Queue<string>();
	const counted = (text: string) => String.fromCharCode(text.length) + text;
	const under = frames({ length: "u8" });
	const port = await serve(t, custom(new UpTo("."), { over: under }), {
		onMessage(connection: Texts, text) {
			calls.push(`old ${text}`);
			if (text === "b") {
				connection.pause();
				setImmediate(() => connection.resume());
			}
			if (text !== "go") return;
			connection.setProtocol(frames({ end: ";" }), {
				onMessage: (_, bytes) => calls.push(`new ${bytes}`) as never,
			});
			connection.send("gone");
		},
	});
	const client = await tcp(t, port);
	client.write(
		counted("a.") + counted("go.") + counted("b.c.") + counted("d."),
	);
	t.is(`${await client.read(5)}`, "gone;");
	client.write("e;");
	const story = ["old a", "old go", "old b", "old c", "old d", "new e"];
	t.deepEqual(await calls.take(6), story);
});

test("an unpack that does all itself needs an onMessage, or to be stepwise", async (t) => {
	const next = frames({ end: ";" });
	for (const [stepwise, handler, expected] of [
		[false, {}, ""],
		[false, { onMessage: () => {} }, "a;"],
		[true, {}, "a;"],
	] as const) {
		const sniffing: CustomProtocol<string, string> = {
			unpack(connection) {
				connection.setProtocol(next as never, {
					onMessage: (_: unknown, message: unknown) => message as never,
				});
				return undefined;
			},
			pack: (_, text) => text,
		};
		const protocol = custom(sniffing, { stepwise });
		const port = await serve(t, protocol, handler as never);
		const client = await tcp(t, port);
		client.socket.end("a;");
		t.is(`${await client.readToEnd()}`, expected);
	}
});

/** Behind `go` in full stops each of these is spoken, in which messages look so. */
const nexts: [string, object, (text: string) => string][] = [
	["lines", frames({ end: "\n" }), (text) => `${text}\n`],
	["counted", frames({ length: "u8" }), (text) => `\x01${text}`],
	["JSON", jsonStream(), (text) => `["${text}"]`],
	["custom", custom(new UpTo(";")), (text) => `${text};`],
];

for (const stepwise of [false, true]) {
	const how = stepwise ? "stepwise" : "not stepwise";
	test(`${how}, what is left is the next protocol's, with the peer's FIN or without`, async (t) => {
		for (const [name, next, form] of nexts) {
			const calls = new Queue<string>();
			const story = (line: string) => calls.push(line) as never;
			const port = await serve(t, custom(new UpTo("."), { stepwise }), {
				onMessage(connection: Texts, text) {
					story(`old ${text}`);
					if (text !== "go") return;
					connection.setProtocol(next as never, {
						onMessage: (_: unknown, message: unknown) =>
							story(`new ${`${message}`.replace(/\W/g, "")}`),
						onEnd: () => story("end"),
						onFrameError: (_: unknown, { reason }: { reason: string }) =>
							story(reason),
					});
				},
				onEnd: () => story("old end"),
				onFrameError: (_, { reason }) => story(`old ${reason}`),
				onClose: (_, { cause }) => story(cause),
			});
			const bytes = `a.go.${form("b")}${form("c")}`;
			const expected = ["old a", "old go", "new b", "new c"];
			for (let at = 0; at <= bytes.length; at++) {
				for (const ends of [false, true]) {
					const client = await tcp(t, port);
					client.write(bytes.slice(0, at));
					await soon();
					client.write(bytes.slice(at));
					if (ends) client.socket.end();
					const what = `${name} at ${at}, ${ends ? "FIN" : "no FIN"}`;
					t.deepEqual(await calls.take(4), expected, what);
					client.socket.end();
					t.deepEqual(await calls.take(2), ["end", "peer"], what);
				}
			}
			const half = await tcp(t, port);
			half.socket.end(`go.${form("b").slice(0, 1)}`);
			const cut = ["old go", "truncated", "protocol"];
			t.deepEqual(await calls.take(3), cut, name);
		}
	});
}

test("with the peer's FIN behind it all, protocols change at every message", async (t) => {
	const calls = new Queue<string>();
	const marks = [".", ";", ","].map((mark) => custom(new UpTo(mark)));
	const handlerOf = (n: number): FramesHandler<unknown, string, string> => ({
		async onMessage(connection: Texts, text) {
			calls.push(text);
			const next = (n + 1) % marks.length;
			const change = () =>
				connection.setProtocol(marks[next] as never, handlerOf(next) as never);
			if (n === 0) return void change();
			connection.pause();
			change();
			await soon();
			connection.resume();
		},
		onEnd: () => calls.push("end") as never,
		onClose: (_, { cause }) => calls.push(cause) as never,
	});
	const port = await serve(
		t,
		marks[0] as StreamProtocol<"custom", string, string>,
		handlerOf(0),
	);
	const client = await tcp(t, port);
	client.socket.end("a.b;c,d.e;f,");
	t.deepEqual(await calls.take(8), [..."abcdef", "end", "peer"]);
});

test("a stop lets those finish who change their protocol with what has arrived", async (t) => {
	const calls = new Queue<string>();
	const server = new Server(
		{
			onMessage(connection, text) {
				calls.push(text);
				void server.stop({ timeoutMs: 60_000 });
				connection.pause();
				// The loop has told of the stop when this comes.
				setTimeout(() => {
					connection.resume();
				}, 20);
				connection.setProtocol(frames({ end: ";" }), {
					onMessage: (_, message) => calls.push(`new ${message}`) as never,
				});
			},
			onClose: (_, { cause }) => calls.push(cause) as never,
		},
		{
			...{ host: "127.0.0.1", port: 0, ...loops(1), ...patient({}) },
			protocol: custom(new UpTo(".")),
		},
	);
	const { port } = await server.start();
	const client = await tcp(t, port);
	client.socket.end("a.b;c;");
	t.deepEqual(await calls.take(4), ["a", "new b", "new c", "peer"]);
	await server.stop();
});
