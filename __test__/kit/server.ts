import type { ExecutionContext } from "ava";
import {
	type CommonHandler,
	type Protocol,
	type ProtocolName,
	raw,
	Server,
	type ServerOptions,
	type StreamHandler,
	type WebSocketHandler,
	webSocket,
} from "gev";
import { loops } from "./loops.js";
import { patient } from "./patience.js";

/** A server for one test: on a free port of the loopback, one event loop, stopped when the test is over. */
export interface Started<Context> {
	server: Server<Context>;
	port: number;
	/** `ws://127.0.0.1:PORT` */
	url: string;
}

/** A handler of tests that choose the protocol when they run: it may have the members of all. */
export type AnyHandler<Context = unknown> = Omit<
	WebSocketHandler<Context>,
	"onEnd" | "onFrameError"
> &
	Pick<StreamHandler<Context>, "onEnd">;

/** Starts a server that speaks WebSocket and is patient, unless the options say otherwise. */
export async function serve<Context = unknown>(
	t: ExecutionContext,
	handler: AnyHandler<Context>,
	options: ServerOptions = {},
): Promise<Started<Context>> {
	const server = new Server(handler as unknown as CommonHandler<Context>, {
		host: "127.0.0.1",
		port: 0,
		...((options.loops ?? 1) === 1 && loops(1)),
		protocol: webSocket(),
		...patient(options),
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	const { port } = await server.start();
	return { server, port, url: `ws://127.0.0.1:${port}` };
}

/** Sends every message back. */
export const echo: CommonHandler = {
	onMessage: (_connection, message) => message,
};

/** TCP and WebSocket as they are, for tests that hold for either. */
export const protocols = {
	raw,
	websocket: webSocket,
} satisfies Partial<Record<ProtocolName, () => Protocol>>;

/** The names of {@link protocols}. */
export type PlainName = keyof typeof protocols;
