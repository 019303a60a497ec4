import {
	type Acceptance,
	type CloseReason,
	type Connection,
	type Handler,
	type HttpRequest,
	Server,
	type ServerOptions,
	type WebSocketOptions,
	webSocket,
} from "gev";
import { Queue } from "../queue.js";
import { socketPath } from "../socket-path.js";

/** What the server knows of a connection. */
interface Seen {
	/** The extensions that the client has offered. */
	offered: string;
	/** The name that the client has given it. */
	tag?: string;
}

/** Where the other servers are. */
interface Others {
	dedicatedUrl: string;
	path: string;
}

/**
 * The handler that clients of other people are checked with. It echoes, except for text that begins with `!`:
 *
 * - `!tag NAME` gives the connection a name, without an answer;
 * - `!closed NAME` is answered with how the connection of that name ended, as soon as it has: `CODE clean REASON`, or
 *   `unclean` in the middle;
 * - `!close CODE REASON` closes;
 * - `!ping DATA` pings, and the pong is followed by the text `pong DATA`;
 * - `!fragments ONE TWO THREE` is answered with one text message in as many frames as there are words;
 * - `!protocol`, `!extensions` and `!offered` are answered with the subprotocol and the extensions that the server
 *   believes are agreed on, and the extensions that the client has offered;
 * - `!dedicated` is answered with the URL of a server that compresses in another mode;
 * - `!path` is answered with the path of a server of a unix socket, or nothing where there are none.
 */
class InteropHandler implements Handler<Seen> {
	readonly #others: Others;
	readonly #closes = new Map<string, Queue<string>>();

	constructor(others: Others) {
		this.#others = others;
	}

	onUpgrade({ headers }: HttpRequest): Acceptance<Seen> {
		const offered = headers.get("Sec-WebSocket-Extensions") ?? "";
		return { context: { offered } };
	}

	onMessage(connection: Connection<Seen>, message: string | Buffer) {
		if (typeof message !== "string" || !message.startsWith("!")) return message;
		const [command = "", ...words] = message.slice(1).split(" ");
		return this.#obey(connection, command, words);
	}

	onPong(connection: Connection<Seen>, data: Buffer): void {
		connection.send(`pong ${data}`);
	}

	onClose({ context }: Connection<Seen>, reason: CloseReason): void {
		if (context.tag === undefined) return;
		const clean = reason.wasClean ? "clean" : "unclean";
		this.#closesOf(context.tag).push(
			`${reason.code} ${clean} ${reason.reason}`,
		);
	}

	#obey(connection: Connection<Seen>, command: string, words: string[]) {
		const [first = "", ...others] = words;
		switch (command) {
			case "tag":
				connection.context.tag = first;
				return undefined;
			case "closed":
				return this.#closesOf(first).next();
			case "close":
				connection.close(Number(first), others.join(" "));
				return undefined;
			case "ping":
				connection.ping(first);
				return undefined;
			case "fragments":
				for (const [index, word] of words.entries()) {
					connection.send(word, { fin: index === words.length - 1 });
				}
				return undefined;
			case "protocol":
				return connection.subprotocol;
			case "extensions":
				return connection.extensions;
			case "offered":
				return connection.context.offered;
			case "dedicated":
				return this.#others.dedicatedUrl;
			case "path":
				return this.#others.path;
			default:
				return `no such command: ${command}`;
		}
	}

	#closesOf(tag: string): Queue<string> {
		const closes = this.#closes.get(tag) ?? new Queue();
		this.#closes.set(tag, closes);
		return closes;
	}
}

/** Starts the server that {@link InteropHandler} tells of, and the other ones. */
export async function startInteropServer(): Promise<{
	url: string;
	stop(): Promise<void>;
}> {
	const path = process.platform === "win32" ? "" : socketPath();
	const places = path === "" ? [] : [await start({ path }, nowhere)];
	const dedicated = await start(anyPort, nowhere, {
		perMessageDeflate: {
			mode: "dedicated",
			threshold: 0,
			serverMaxWindowBits: 10,
			clientMaxWindowBits: 11,
		},
	});
	const others = { dedicatedUrl: dedicated.url, path };
	const server = await start(anyPort, others, {
		// The scripts of a browser need a page to come from.
		page: "<!doctype html><title>gev</title>",
		perMessageDeflate: true,
		subprotocols: ["echo.v2", "echo.v1"],
	});
	return {
		url: server.url,
		stop: async () => {
			for (const one of [server, dedicated, ...places]) await one.stop();
		},
	};
}

const nowhere: Others = { dedicatedUrl: "", path: "" };

const anyPort = { host: "127.0.0.1", port: 0 };

async function start(
	place: Pick<ServerOptions, "host" | "port" | "path">,
	others: Others,
	options?: WebSocketOptions,
) {
	const server = new Server(new InteropHandler(others), {
		...place,
		loops: 2,
		protocol: webSocket(options),
	});
	const { port } = await server.start();
	return {
		url: `ws://127.0.0.1:${port}`,
		stop: () => server.stop({ timeoutMs: 1000 }),
	};
}
