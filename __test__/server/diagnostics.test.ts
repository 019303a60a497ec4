import { subscribe, unsubscribe } from "node:diagnostics_channel";
import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	type Diagnostics,
	type Handler,
	type HttpRequest,
	type Refusal,
	type Server,
	type ServerOptions,
	webSocket,
} from "gev";
import { handshake, UPGRADE } from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

/** Messages of a channel, as far as they are about this server. */
function watch<Name extends keyof Diagnostics>(
	t: ExecutionContext,
	name: Name,
	server: Server,
): Queue<Diagnostics[Name]> {
	const messages = new Queue<Diagnostics[Name]>();
	const note = (message: unknown) => {
		const one = message as Diagnostics[Name];
		if (one.server === server) messages.push(one);
	};
	subscribe(name, note);
	t.teardown(() => unsubscribe(name, note));
	return messages;
}

test("channels tell of open, error, close and stop", async (t) => {
	const connections = new Queue<Connection>();
	const { server, url } = await serve(t, {
		onConnect: (connection) => connections.push(connection),
		onMessage() {
			throw new Error("thrown");
		},
		onError() {},
	});
	const opens = watch(t, "gev:open", server);
	const errors = watch(t, "gev:error", server);
	const closes = watch(t, "gev:close", server);
	const stops = watch(t, "gev:stop", server);
	const { socket, closed } = await connect(t, url);
	const connection = await connections.next();
	t.is((await opens.next()).connection, connection);
	socket.send("");
	const error = await errors.next();
	t.is(error.connection, connection);
	t.is(error.error.message, "thrown");
	t.is((await closed).code, 1011);
	const close = await closes.next();
	t.is(close.connection, connection);
	t.like(close.reason, { code: 1011, cause: "handler" });
	const result = await server.stop({ timeoutMs: FOR_EVER });
	t.deepEqual(await stops.next(), { server, result });
	t.is(opens.size + errors.size + closes.size + stops.size, 0);
});

const PLAIN = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const never = () => new Promise<never>(() => {});

/** Clients that get no connection: what they do, what they are told, and what those who watch. */
const refused: Record<
	string,
	{
		handler?: Handler;
		options?: ServerOptions;
		begin(client: TcpClient): unknown;
		status?: number;
		reason: RegExp;
	}
> = {
	"speaks TLS": {
		begin: ({ write }) => write("\x16\x03\x01"),
		status: 400,
		reason: /^bad request line: TLS/,
	},
	"sends a header line that is none": {
		begin: ({ write }) => write(handshake({ "X-A": "b\r\nno colon" })),
		status: 400,
		reason: /^header line 7 has no colon$/,
	},
	"sends too much": {
		begin: ({ write }) => write(handshake({ X: "x".repeat(20_000) })),
		status: 431,
		reason: /too large/,
	},
	"asks for no WebSocket": {
		begin: ({ write }) => write(PLAIN),
		status: 426,
		reason: /WebSocket/,
	},
	"asks for another path": {
		options: { protocol: webSocket({ path: "/chat" }) },
		begin: ({ write }) => write(UPGRADE),
		status: 404,
		reason: /path/,
	},
	"says nothing": {
		options: { timeouts: { handshakeMs: 1000 } },
		begin: () => {},
		reason: /^no handshake in time$/,
	},
	"does not finish its request": {
		options: { timeouts: { handshakeMs: 1000 } },
		begin: ({ write }) => write(UPGRADE.slice(0, 40)),
		status: 408,
		reason: /^request not complete in time$/,
	},
	"leaves at once": {
		begin: ({ socket }) => socket.end(),
		reason: /ended during the handshake/,
	},
	"leaves in the middle": {
		begin: ({ socket }) => socket.end(UPGRADE.slice(0, 40)),
		reason: /ended during the handshake/,
	},
	"is refused by onUpgrade": {
		handler: { onUpgrade: () => ({ status: 401 }) },
		begin: ({ write }) => write(UPGRADE),
		status: 401,
		reason: /^refused by onUpgrade$/,
	},
	"is refused by onUpgrade, later": {
		handler: { onUpgrade: async () => ({ status: 299 }) },
		begin: ({ write }) => write(UPGRADE),
		status: 299,
		reason: /^refused by onUpgrade$/,
	},
	"meets an onUpgrade that throws": {
		handler: { onUpgrade: () => Promise.reject(new Error("thrown")) },
		begin: ({ write }) => write(UPGRADE),
		status: 500,
		reason: /^the handler failed$/,
	},
	"meets an onRequest that throws": {
		handler: {
			onRequest() {
				throw new Error("thrown");
			},
		},
		begin: ({ write }) => write(PLAIN),
		status: 500,
		reason: /^the handler failed$/,
	},
	"meets an onUpgrade that does not answer": {
		handler: { onUpgrade: never },
		options: { timeouts: { handshakeMs: 1000 } },
		begin: ({ write }) => write(UPGRADE),
		status: 503,
		reason: /^request not answered in time$/,
	},
	"meets an onRequest that does not answer": {
		handler: { onRequest: never },
		options: { timeouts: { handshakeMs: 1000 } },
		begin: ({ write }) => write(PLAIN),
		status: 503,
		reason: /^request not answered in time$/,
	},
	"does not wait for onUpgrade": {
		handler: { onUpgrade: never },
		begin: ({ socket }) => socket.end(UPGRADE),
		reason: /ended before the request was answered/,
	},
};
for (const [title, { status, reason, ...scenario }] of Object.entries(
	refused,
)) {
	test(`a client that ${title} is told of and counted`, async (t) => {
		const { handler, options, begin } = scenario;
		const { server, port } = await serve(
			t,
			{ onError() {}, ...handler },
			options,
		);
		const messages = watch(t, "gev:refused", server);
		const client = await tcp(t, port);
		const { localPort: clientPort } = client.socket;
		begin(client);
		const { remoteAddress, remotePort, localAddress, localPort, ...message } =
			await messages.next();
		t.is(message.status, status);
		t.regex(message.reason, reason);
		t.is(server.refusedHandshakeCount, 1);
		t.deepEqual([remoteAddress, remotePort], ["127.0.0.1", clientPort]);
		t.deepEqual([localAddress, localPort], ["127.0.0.1", port]);
		const response = String(await client.readToEnd());
		if (status === undefined) t.is(response, "");
		else t.true(response.startsWith(`HTTP/1.1 ${status} `), response);
		await server.stop();
		t.is(messages.size, 0, "once");
		t.is(server.refusedHandshakeCount, 0);
		await server.start();
		t.is(server.refusedHandshakeCount, 0);
	});
}

test("clients that get what they ask for are not told of", async (t) => {
	const page = "<!doctype html>";
	const statuses = [200, 404, 500];
	const handlers: Handler[] = [
		{},
		{ onRequest: () => ({ status: statuses.pop() ?? 200 }) },
	];
	for (const handler of handlers) {
		const { server, port, url } = await serve(t, handler, {
			protocol: webSocket({ page }),
		});
		const messages = watch(t, "gev:refused", server);
		for (let at = 0; at < 3; at++) {
			const client = await tcp(t, port);
			client.write(PLAIN);
			await client.readToEnd();
			client.socket.destroy();
		}
		const { socket } = await connect(t, url);
		socket.terminate();
		await server.stop();
		t.is(messages.size, 0);
	}
	t.is(statuses.length, 0);
});

test("a client that leaves before it is accepted is told of, and a late answer is not", async (t) => {
	const requests = new Queue<{ request: HttpRequest; refuse: () => void }>();
	const { server, port } = await serve(t, {
		onUpgrade: (request) =>
			new Promise<Refusal>((resolve) => {
				requests.push({ request, refuse: () => resolve({ status: 403 }) });
			}),
	});
	const messages = watch(t, "gev:refused", server);
	const client = await tcp(t, port);
	client.write(UPGRADE);
	const { request, refuse } = await requests.next();
	client.socket.destroy();
	t.is((await messages.next()).status, undefined);
	t.true(request.aborted);
	refuse();
	await server.stop();
	t.is(messages.size, 0);
});
