import type { ExecutionContext } from "ava";
import {
	type Connection,
	type Data,
	type FrameError,
	type FramesHandler,
	type FramesOptions,
	frames,
	Protocol,
	Server,
	type ServerOptions,
	type StreamProtocol,
} from "gev";
import { patient } from "../kit/patience.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";

/** What has happened on a connection: messages, of which those that are strings have `text ` in front, and what was wrong. */
export type Story = (Buffer | string)[];

/** A server of frames that writes down what it hears. */
export interface Scene {
	server: Server;
	port: number;
	/** Connects, and gives the story of the connection that comes of it. */
	join(): Promise<[client: TcpClient, teller: Teller]>;
}

/** The story of one connection, to which everything that happens is added, and who waits for its end. */
export interface Teller {
	story: Story;
	/** Fulfilled with `onClose`. */
	closed: Promise<Story>;
	connection: Connection;
	errors: FrameError[];
}

/** A message, as a story has it. */
export function told(message: Buffer | string): Buffer | string {
	return typeof message === "string" ? `text ${message}` : message;
}

/** Stories end with the cause of the close; answers are what `reply` makes of a message. */
export async function scene(
	t: ExecutionContext,
	framing: FramesOptions | StreamProtocol<"frames" | "textFrames">,
	reply: (message: Buffer | string) => Data | undefined = () => undefined,
	more: ServerOptions = {},
): Promise<Scene> {
	const waiting: ((teller: Teller) => void)[] = [];
	const closing = new Map<Connection, (story: Story) => void>();
	const tellers = new Map<Connection, Teller>();
	const of = (connection: Connection) => tellers.get(connection) as Teller;
	const handler: FramesHandler<unknown, Buffer | string> = {
		onConnect(connection) {
			const closed = new Promise<Story>((resolve) => {
				closing.set(connection, resolve);
			});
			const teller = { story: [], errors: [], closed, connection };
			tellers.set(connection, teller);
			waiting.shift()?.(teller);
		},
		onMessage(connection, message) {
			of(connection).story.push(told(message));
			return reply(message);
		},
		onFrameError(connection, error) {
			of(connection).errors.push(error);
			of(connection).story.push(`${error.fate} ${error.reason}`);
		},
		onEnd: (connection) => void of(connection).story.push("end"),
		onClose(connection, { cause }) {
			of(connection).story.push(cause);
			closing.get(connection)?.(of(connection).story);
		},
	};
	const protocol = framing instanceof Protocol ? framing : frames(framing);
	const server = new Server(handler, {
		...{ host: "127.0.0.1", port: 0, loops: 1 },
		...patient(more),
		protocol: protocol as Protocol<"frames">,
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	const { port } = await server.start();
	let last: Promise<unknown> = Promise.resolve();
	const join = async (): Promise<[TcpClient, Teller]> => {
		const before = last;
		// One after the other, so that each gets the story that is its own.
		const next = (async () => {
			await before;
			const teller = new Promise<Teller>((resolve) => waiting.push(resolve));
			return [await tcp(t, port), await teller] as [TcpClient, Teller];
		})();
		last = next;
		return next;
	};
	return { server, port, join };
}
