/**
 * What the types of handlers allow, and what they do not: compiled with the tests, where a line that should be an error and
 * is none fails the build. Never run.
 */
import {
	type CommonHandler,
	type Connection,
	type FrameError,
	frames,
	type Handler,
	type Protocol,
	raw,
	Server,
	type ServerOptions,
	webSocket,
} from "gev";

/** Compiles if both types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}
type Same<A, B> =
	(<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
		? true
		: false;

interface User {
	name: string;
}

export function literals(either: Protocol, options: ServerOptions): void {
	new Server(
		{
			onMessage(connection, message) {
				same<typeof message, string | Buffer>();
				same<typeof connection, Connection<unknown>>();
			},
			onUpgrade: ({ subprotocols }) => ({ subprotocol: subprotocols[0] ?? "" }),
			onRequest: () => ({ status: 200 }),
			onFragment: (_connection, data) => same<typeof data, Buffer>(),
			onPing: (_connection, data) => same<typeof data, Buffer>(),
			onPong: (_connection, data) => same<typeof data, Buffer>(),
		},
		{ protocol: webSocket() },
	);
	new Server<User>(
		{
			onMessage(connection, message) {
				same<typeof message, Buffer>();
				same<typeof connection, Connection<User>>();
			},
			onEnd: ({ context }) => same<typeof context, User>(),
		},
		{ protocol: raw() },
	);
	new Server<User>(
		{
			onMessage(connection, message) {
				same<typeof message, Buffer>();
				same<typeof connection, Connection<User>>();
			},
			onEnd: ({ context }) => same<typeof context, User>(),
			onFrameError: (_connection, error) => same<typeof error, FrameError>(),
		},
		{ protocol: frames({ length: "u16" }) },
	);
	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: frames({ end: "\n" }) });
	// @ts-expect-error
	new Server({ onFrameError() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onFrameError() {} }, { protocol: webSocket() });
	// Raw is what a server speaks that is not told.
	new Server({ onMessage: (_, message) => same<typeof message, Buffer>() });
	new Server({ onMessage: (_, message) => same<typeof message, Buffer>() }, {});
	new Server({ onMessage: (_, message) => message }, { protocol: either });
	new Server({ onMessage: (_, message) => message }, options);

	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onPong() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onUpgrade() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onRequest: () => ({}) }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onFragment() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onPing() {} });
	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: either });
	// @ts-expect-error
	new Server({ onPing() {} }, options);
	// @ts-expect-error
	new Server({ onEnd() {} }, { protocol: webSocket() });
	// @ts-expect-error
	new Server({ onMesage() {} }, { protocol: webSocket() });
}

class Chat implements Handler<User> {
	onPing(connection: Connection<User>, data: Buffer) {
		connection.context.name = `${data}`;
	}
	onMessage({ context }: Connection<User>, message: string | Buffer) {
		return `${context.name} ${message}`;
	}
}

class Device implements Handler<unknown, "raw"> {
	onMessage(_connection: Connection, message: Buffer) {
		return message.subarray(1);
	}
}

class Echo implements Handler<unknown, "raw" | "websocket"> {
	onMessage(_connection: Connection, message: string | Buffer) {
		return message;
	}
}

export class Wrong implements Handler<unknown, "raw"> {
	// @ts-expect-error
	onPing() {}
	// @ts-expect-error
	onUpgrade() {}
	// @ts-expect-error
	onRequest() {
		return {};
	}
	// @ts-expect-error
	onFragment() {}
	// @ts-expect-error
	onPong() {}
}

export function classes(
	either: Protocol,
	typed: Handler,
	common: CommonHandler,
): void {
	new Server(new Chat(), { protocol: webSocket() });
	new Server(new Device(), { protocol: raw() });
	new Server(new Device());
	for (const echo of [new Echo(), common]) {
		new Server(echo, { protocol: webSocket() });
		new Server(echo, { protocol: raw() });
		new Server(echo, { protocol: either });
		new Server(echo);
	}
	new Server(typed, { protocol: webSocket() });

	// @ts-expect-error
	new Server(new Chat(), { protocol: raw() });
	// @ts-expect-error
	new Server(new Chat());
	// @ts-expect-error
	new Server(typed, { protocol: raw() });
	// @ts-expect-error
	new Server(typed, { protocol: either });
}

export async function members(
	server: Server,
	connection: Connection,
): Promise<void> {
	same<typeof server.loopCount, number>();
	same<typeof connection.loopIndex, number>();
	same<typeof connection.subprotocol, string>();
	// @ts-expect-error
	connection.connected = false;
	// @ts-expect-error
	connection.fail();
	// @ts-expect-error
	server.dispatcher.call();
}
