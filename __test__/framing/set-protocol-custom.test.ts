import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	type CustomProtocol,
	custom,
	type FramesHandler,
	frames,
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
