import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import test from "ava";
import {
	type Connection,
	type Handler,
	type HttpRequest,
	webSocket,
} from "gev";
import type { ClientOptions } from "ws";
import { frame, handshake, readFrame, TEXT, UPGRADE } from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { echo, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect, openWebSocket } from "../kit/ws-client.js";

/** The response that a client gets instead of a WebSocket. */
async function refusal(
	url: string,
	options: ClientOptions = {},
): Promise<{ response: IncomingMessage; body: string }> {
	const socket = openWebSocket(url, options);
	const [, response] = (await once(socket, "unexpected-response")) as [
		unknown,
		IncomingMessage,
	];
	return { response, body: await text(response) };
}

async function text(response: IncomingMessage): Promise<string> {
	let body = "";
	for await (const chunk of response.setEncoding("utf8")) body += chunk;
	return body;
}

test("onUpgrade gets a copy of the request, and what it gives is there from onConnect on", async (t) => {
	const requests: HttpRequest[] = [];
	const connections = new Queue<Connection<{ user: string }>>();
	const { port, url } = await serve<{ user: string }>(t, {
		async onUpgrade(request) {
			await new Promise(setImmediate);
			requests.push(request);
			return {
				context: { user: request.headers.get("X-USER") ?? "" },
				subprotocol: "b",
				headers: { "X-One": "1", "Set-Cookie": ["a=1", "b=2"] },
			};
		},
		onConnect: (connection) => connections.push(connection),
		onMessage: (connection, message) =>
			`${connection.context.user}: ${message}`,
	});
	const headers = { "x-user": "eva", "X-List": ["1", "2"] };
	const protocols = ["a", "b"];
	const socket = openWebSocket(`${url}/chat?room=1`, { headers }, protocols);
	const opened = once(socket, "open");
	const [response] = (await once(socket, "upgrade")) as [IncomingMessage];
	t.is(response.headers["x-one"], "1");
	t.deepEqual(response.headers["set-cookie"], ["a=1", "b=2"]);
	await opened;
	t.is(socket.protocol, "b");
	socket.send("hello");
	t.is(String((await once(socket, "message"))[0]), "eva: hello");
	const connection = await connections.next();
	t.is(connection.subprotocol, "b");
	t.is(connection.extensions, "");
	const [request] = requests as [HttpRequest];
	t.is(request.method, "GET");
	t.is(request.url, "/chat?room=1");
	t.deepEqual(request.subprotocols, ["a", "b"]);
	t.is(request.headers.get("host"), `127.0.0.1:${port}`);
	t.deepEqual(request.headers.getAll("x-list"), ["1", "2"]);
	t.is(request.headers.get("x-list"), "1, 2");
	t.is(request.headers.get("x-none"), undefined);
	t.true(request.headers.has("Sec-WebSocket-Key"));
	t.true([...request.headers].some(([name]) => name === "Sec-WebSocket-Key"));
	t.is(request.remoteAddress, connection.remoteAddress);
	t.is(request.remotePort, connection.remotePort);
	t.is(request.localPort, port);
	t.false(request.aborted);
	socket.terminate();
});

test("without a reply onUpgrade accepts, with what the options choose", async (t) => {
	const { url } = await serve(
		t,
		{ onUpgrade() {}, onConnect: (connection) => void connection.send("hi") },
		{ protocol: webSocket({ subprotocols: ["x", "b"] }) },
	);
	const socket = openWebSocket(url, {}, ["a", "b", "x"]);
	t.is(String((await once(socket, "message"))[0]), "hi");
	t.is(socket.protocol, "b");
	socket.terminate();
});

test("onUpgrade refuses with a status, headers and a body", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(
		t,
		Object.assign(recorder, {
			onUpgrade: async ({ url }: HttpRequest) =>
				url === "/none"
					? { status: 404 }
					: {
							status: 401,
							headers: { "WWW-Authenticate": "Basic" },
							body: "né",
						},
		}),
	);
	const { response, body } = await refusal(url);
	t.is(response.statusCode, 401);
	t.is(response.statusMessage, "Unauthorized");
	t.is(response.headers["www-authenticate"], "Basic");
	t.is(response.headers["content-type"], "text/plain; charset=utf-8");
	t.is(response.headers["content-length"], "3");
	t.is(response.headers.connection, "close");
	t.is(body, "né");
	const none = await refusal(`${url}/none`);
	t.is(none.response.statusCode, 404);
	t.is(none.body, "");
	t.is(recorder.calls.size, 0, "a connection that never was has no onClose");
});

test("what onUpgrade and onRequest throw is answered with 500 and told to onError", async (t) => {
	const errors = new Queue<Error>();
	const fault = new Error("a fault of the handler");
	const replies: Record<string, () => unknown> = {
		"/throw": () => {
			throw fault;
		},
		"/reject": () => Promise.reject(fault),
		"/subprotocol": () => ({ subprotocol: "other" }),
		"/header": () => ({ headers: { "X-A": "a\r\nX-B: b" } }),
		"/name": () => ({ headers: { "X A": "a" } }),
		"/own": () => ({ headers: { "sec-websocket-accept": "a" } }),
		"/status": () => ({ status: 101 }),
		"/body": () => ({ status: 400, body: 5 }),
		"/unknown": () => Promise.resolve({ contxt: 1 }),
	};
	const handler = {
		onUpgrade: ({ url }: HttpRequest) => replies[url]?.(),
		onRequest: ({ url }: HttpRequest) => replies[url]?.(),
		onError: (error: Error) => void errors.push(error),
	} as Handler;
	const { url } = await serve(t, handler);
	for (const path of Object.keys(replies)) {
		const { response } = await refusal(url + path);
		t.is(response.statusCode, 500, path);
		const error = await errors.next();
		if (["/throw", "/reject"].includes(path)) t.is(error, fault);
		else t.is((error as Error & { code: string }).code, "ERR_GEV_RESPONSE");
	}
	const response = await fetch(`${url.replace("ws", "http")}/throw`);
	t.is(response.status, 500);
	t.is(await errors.next(), fault);
	t.is(errors.size, 0);
});

test("a client that leaves before the answer is gone, and nobody gets its connection", async (t) => {
	const requests = new Queue<{
		request: HttpRequest;
		accept: (context: string) => void;
	}>();
	const connected = new Queue<unknown>();
	const { port } = await serve(t, {
		onUpgrade: (request) =>
			new Promise<{ context: string }>((resolve) =>
				requests.push({ request, accept: (context) => resolve({ context }) }),
			),
		onConnect: (connection) => connected.push(connection.context),
	});
	for (const leave of ["destroy", "end"] as const) {
		const first = await tcp(t, port);
		first.write(UPGRADE);
		const asked = await requests.next();
		first.socket[leave]();
		// The next client gets the same slot.
		while (!asked.request.aborted) await new Promise(setImmediate);
		const second = await tcp(t, port);
		second.write(UPGRADE);
		const again = await requests.next();
		asked.accept("for the first");
		again.accept("for the second");
		t.regex(await second.readHead(), /^HTTP\/1\.1 101 /);
		t.is(await connected.next(), "for the second");
		t.false(again.request.aborted);
		second.socket.destroy();
	}
});

test("frames that come before the answer are not lost", async (t) => {
	let accept = () => {};
	const asked = new Queue<void>();
	const { port } = await serve(t, {
		...echo,
		onUpgrade: () =>
			new Promise<void>((resolve) => {
				accept = resolve;
				asked.push();
			}),
	});
	const client = await tcp(t, port);
	client.write(Buffer.concat([Buffer.from(UPGRADE), frame(TEXT, "early")]));
	await asked.next();
	client.write(frame(TEXT, "later"));
	accept();
	await client.readHead();
	t.is(String((await readFrame(client)).payload), "early");
	t.is(String((await readFrame(client)).payload), "later");
});

test("instead of an answer that never comes there is 503 after handshakeMs", async (t) => {
	const requests = new Queue<HttpRequest>();
	const { port } = await serve(
		t,
		{
			onUpgrade(request) {
				requests.push(request);
				return new Promise<void>(() => {});
			},
		},
		{ timeouts: { handshakeMs: 1000 } },
	);
	// Who is kept from asking for so long is cut as well; then another one asks.
	while (requests.size === 0) {
		const client = await tcp(t, port);
		client.write(UPGRADE);
		t.regex(String(await client.readToEnd()), /^HTTP\/1\.1 (503|408) /);
	}
	const request = await requests.next();
	await until(() => request.aborted);
});

test("onRequest answers everything that asks for no WebSocket", async (t) => {
	const { port, url } = await serve(t, {
		...echo,
		async onRequest({ method, url, headers }) {
			await new Promise(setImmediate);
			if (url === "/empty") return { status: 204, headers: { "X-A": "b" } };
			if (url === "/large") return { body: Buffer.alloc(300_000, 7) };
			return { body: `${method} ${url} ${headers.get("x-test")}` };
		},
	});
	const http = `http://127.0.0.1:${port}`;
	const health = await fetch(`${http}/health?now`, {
		headers: { "X-Test": "1" },
	});
	t.is(health.status, 200);
	t.is(await health.text(), "GET /health?now 1");
	const posted = await fetch(http, {
		method: "POST",
		body: "x".repeat(100_000),
	});
	t.is(await posted.text(), "POST / null".replace("null", "undefined"));
	const empty = await fetch(`${http}/empty`);
	t.is(empty.status, 204);
	t.is(empty.headers.get("x-a"), "b");
	t.is(empty.headers.get("content-length"), null);
	const large = Buffer.from(await (await fetch(`${http}/large`)).arrayBuffer());
	t.true(large.equals(Buffer.alloc(300_000, 7)));
	const head = httpRequest(http, { method: "HEAD" }).end();
	const [response] = (await once(head, "response")) as [IncomingMessage];
	t.is(response.headers["content-length"], "16");
	t.is(await text(response), "");
	const { socket, messages } = await connect(t, url);
	socket.send("still a WebSocket server");
	t.is(await messages.next(), "still a WebSocket server");
});

test("responses of handlers have a date, their own if they have one", async (t) => {
	const own = { date: "Thu, 01 Jan 1970 00:00:00 GMT" };
	const reply = ({ url }: HttpRequest) => {
		const headers = url.includes("own") ? own : { "X-Date": "x" };
		if (url.includes("throw")) throw new Error("a fault of the handler");
		return url.includes("refuse") ? { status: 403, headers } : { headers };
	};
	const { port } = await serve(t, {
		onUpgrade: reply,
		onRequest: reply,
		onError() {},
	});
	for (const path of ["/", "/refuse", "/throw", "/own", "/own/refuse"]) {
		for (const request of [
			handshake({}, `GET ${path} HTTP/1.1`),
			`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`,
		]) {
			const since = Date.now();
			const client = await tcp(t, port);
			client.write(request);
			const head = await client.readHead();
			const dates = [...head.matchAll(/^date: (.*)\r$/gim)];
			t.is(dates.length, 1, head);
			const date = dates[0]?.[1] ?? "";
			const written = Date.parse(date);
			t.is(new Date(written).toUTCString(), date);
			if (path.startsWith("/own")) t.is(date, own.date);
			else t.true(written > since - 1000 && written <= Date.now(), date);
			client.socket.destroy();
		}
	}
});

test("path and origins are options", async (t) => {
	const { url } = await serve(t, echo, {
		protocol: webSocket({ path: "/live", origins: ["https://a.example"] }),
	});
	t.is((await refusal(url)).response.statusCode, 404);
	t.is(
		(await refusal(`${url}/live`, { origin: "https://b.example" })).response
			.statusCode,
		403,
	);
	for (const options of [{}, { origin: "https://a.example" }]) {
		const { socket, messages } = await connect(t, `${url}/live?q`, options);
		socket.send("in");
		t.is(await messages.next(), "in");
	}
});

test("a response that was given is sent, also when the server is stopped meanwhile", async (t) => {
	const { server, port } = await serve(t, {
		onRequest() {
			void server.stop({ timeoutMs: FOR_EVER });
			return { body: "x".repeat(2_000_000) };
		},
	});
	const response = await fetch(`http://127.0.0.1:${port}`);
	t.is((await response.text()).length, 2_000_000);
	await server.stop();
});

test("a client that has closed its side gets its response", async (t) => {
	const requests = new Queue<HttpRequest>();
	const { port } = await serve(t, {
		async onRequest(request) {
			await new Promise(setImmediate);
			requests.push(request);
			return { body: "still there" };
		},
	});
	const client = await tcp(t, port);
	client.socket.end("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	const response = String(await client.readToEnd());
	t.true(response.endsWith("still there"), response);
	t.false((await requests.next()).aborted);
});

test("Cookie lines are joined by semicolons, others by commas", async (t) => {
	const values = new Queue<(string | undefined)[]>();
	const names = ["cookie", "COOKIE", "x-list", "set-cookie", "cookie2"];
	const { port } = await serve(t, {
		onRequest({ headers }) {
			values.push(names.map((name) => headers.get(name)));
			values.push(headers.getAll("Cookie"));
			values.push(headers.getAll("set-cookie"));
			return {};
		},
	});
	const client = await tcp(t, port);
	const lines = ["Cookie: a=1; b=2", "X-List: 1", "cookie: c=3", "X-List: 2"];
	lines.push("Set-Cookie: a=1", "Cookie2: x", "Set-Cookie: b=2", "Cookie2: y");
	client.write(`GET / HTTP/1.1\r\nHost: a\r\n${lines.join("\r\n")}\r\n\r\n`);
	await client.readToEnd();
	const cookie = "a=1; b=2; c=3";
	t.deepEqual(await values.next(), [
		cookie,
		cookie,
		"1, 2",
		"a=1, b=2",
		"x, y",
	]);
	t.deepEqual(await values.next(), ["a=1; b=2", "c=3"]);
	t.deepEqual(await values.next(), ["a=1", "b=2"]);
});

test("targets and header values are latin1, from which UTF-8 can be had", async (t) => {
	const seen = new Queue<string>();
	const { port } = await serve(t, {
		onRequest({ url, headers }) {
			seen.push(url);
			seen.push(headers.get("x-name") ?? "");
			return { headers: { "X-Name": headers.get("x-name") ?? "" } };
		},
	});
	const client = await tcp(t, port);
	client.write("GET /grün HTTP/1.1\r\nHost: a\r\nX-Name: größer\r\n\r\n");
	const decoded = async () => Buffer.from(await seen.next(), "latin1");
	t.is(String(await decoded()), "/grün");
	t.is(String(await decoded()), "größer");
	t.regex(String(await client.readToEnd()), /^X-Name: größer\r$/m);
});
