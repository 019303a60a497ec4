import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { type Connection, webSocket } from "gev";
import {
	frame,
	handshake,
	PING,
	PONG,
	readFrame,
	TEXT,
	UPGRADE,
	upgraded,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { scene, ways } from "../kit/scene.js";
import { serve } from "../kit/server.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";

/** The head says that it was written between `since` and now, and says it once. */
function isDated(t: ExecutionContext, head: string, since: number) {
	const dates = [...head.matchAll(/^Date: (.*)\r$/gim)].map(([, date]) => date);
	t.is(dates.length, 1, head);
	const [date = ""] = dates;
	// RFC 9110 section 5.6.7.
	t.regex(date, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
	const written = Date.parse(date);
	t.is(new Date(written).toUTCString(), date);
	t.true(written > since - 1000 && written <= Date.now(), date);
}

/** Requests of clients that exist, or might. */
const accepted: Record<string, string> = {
	"of Firefox": handshake({ Connection: "keep-alive, Upgrade" }),
	"of Chromium": handshake({ Connection: "Upgrade" }),
	"with other cases": handshake({
		Connection: "UPGRADE",
		Upgrade: "WebSocket",
	}),
	"with lists": handshake({
		Connection: "close,upgrade ,keep-alive",
		Upgrade: "h2c, websocket",
	}),
	"with names in lower case": UPGRADE.replaceAll(/^[\w-]+:/gm, (name) =>
		name.toLowerCase(),
	),
	"with names in upper case": UPGRADE.replaceAll(/^[\w-]+:/gm, (name) =>
		name.toUpperCase(),
	),
	"without spaces": UPGRADE.replaceAll(": ", ":"),
	"for another path": handshake({}, "GET /chat?room=1 HTTP/1.1"),
	"behind an empty line": `\r\n${UPGRADE}`,
	"behind a few empty lines": `\r\n\r\n\r\n${UPGRADE}`,
	"with a body that is empty": handshake({ "Content-Length": "00" }),
	"with an absolute target": handshake({}, "GET ws://127.0.0.1/chat HTTP/1.1"),
	"with extensions, a protocol and much else": handshake({
		"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
		"Sec-WebSocket-Protocol": "chat, superchat",
		Origin: "http://example.com",
		Cookie: "name=grün; other=value",
		"X-Empty": "",
	}),
};
for (const [title, request] of Object.entries(accepted)) {
	test(`a request ${title} is accepted, and no frame behind it is lost`, async (t) => {
		const { recorder, port, undisturbed } = await scene(t);
		for (const [, send] of ways) {
			const since = Date.now();
			const client = await tcp(t, port);
			await send(
				client,
				Buffer.concat([
					Buffer.from(request),
					frame(TEXT, "at once"),
					frame(PING, "at once"),
				]),
			);
			const head = await client.readHead();
			t.true(head.startsWith("HTTP/1.1 101 "), head);
			// RFC 6455 section 1.3 has this pair of keys.
			t.regex(
				head,
				/^Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r$/im,
			);
			t.regex(head, /^Upgrade: websocket\r$/im);
			t.regex(head, /^Connection: Upgrade\r$/im);
			t.notRegex(head, /extensions|protocol:/i);
			isDated(t, head, since);
			t.like(await readFrame(client), { opcode: PONG });
			await recorder.next("connect");
			t.is((await recorder.next("message")).message, "at once");
			client.socket.destroy();
			await recorder.next("close");
			await undisturbed();
		}
	});
}

const lines = (count: number) =>
	Object.fromEntries(
		Array.from({ length: count }, (_, at) => [`X-${at}`, "x"]),
	);
/** A request whose head has this many bytes. */
const headOf = (bytes: number) =>
	handshake({ X: "x".repeat(bytes - handshake({ X: "" }).length) });

/** Requests that are refused: with this status, and with header lines that fit the expressions. */
const refused: Record<string, [status: number, request: string, ...RegExp[]]> =
	{
		"with POST": [405, handshake({}, "POST / HTTP/1.1"), /^Allow: GET/m],
		"with a method that nobody knows": [405, handshake({}, "BREW / HTTP/1.1")],
		"without a key": [400, handshake({ "Sec-WebSocket-Key": undefined })],
		"with a short key": [400, handshake({ "Sec-WebSocket-Key": "c2hvcnQ=" })],
		"with two keys": [
			400,
			UPGRADE.replace(/^Sec-WebSocket-Key:.*\r\n/m, (line) => line + line),
		],
		"with an old version": [
			426,
			handshake({ "Sec-WebSocket-Version": "8" }),
			/^Sec-WebSocket-Version: 13\r$/m,
		],
		"without a version": [
			426,
			handshake({ "Sec-WebSocket-Version": undefined }),
			/^Sec-WebSocket-Version: 13\r$/m,
		],
		"with extensions that are none": [
			400,
			handshake({ "Sec-WebSocket-Extensions": ",,;;==" }),
		],
		"with a length that is no number": [
			400,
			handshake({ "Content-Length": "+0" }),
		],
		"with two lengths": [400, handshake({ "Content-Length": "0, 1" })],
		"without Connection: Upgrade": [
			400,
			handshake({ Connection: "keep-alive" }),
		],
		"for another protocol": [
			426,
			handshake({ Upgrade: "h2c" }),
			/^Upgrade: websocket\r$/m,
		],
		"with one byte more than maxHeaderBytes": [431, headOf(513)],
		"that has no end within maxHeaderBytes": [431, headOf(1000).slice(0, 512)],
		"with one header more than maxHeaders": [431, handshake(lines(6))],
		"in HTTP/1.0": [
			426,
			handshake({}, "GET / HTTP/1.0"),
			/^Upgrade: websocket\r$/m,
		],
		"in HTTP/2": [400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
		"without a Host": [400, handshake({ Host: undefined })],
		"with two Hosts": [400, UPGRADE.replace(/^Host:/m, "Host: a\r\nHost:")],
		"with a target that has no form": [400, handshake({}, "GET chat HTTP/1.1")],
		"with a query alone": [400, handshake({}, "GET ?a HTTP/1.1")],
		"for * without OPTIONS": [400, handshake({}, "GET * HTTP/1.1")],
		"behind too many empty lines": [400, "\r\n".repeat(9) + UPGRADE],
		"that speaks HTTP/2 at once": [400, "PRI * HTTP/2.0\r\n"],
		"of HTTP/0.9": [400, "GET /\r\n"],
		"that is a TLS client's hello": [400, "\x16\x03\x01\x02\0\x01\0\x01\xfc"],
		"that is an SSH banner": [400, "SSH-2.0-OpenSSH_9.6\r\n"],
		"that is a Redis command": [400, "*1\r\n$4\r\nPING\r\n"],
		"that is random": [400, "\xee\x04\x9f"],
		"with a line that is no header": [400, handshake({ "not a name": "x" })],
	};
const small = webSocket({ maxHeaderBytes: 512, maxHeaders: 10 });
for (const [title, [status, request, ...expected]] of Object.entries(refused)) {
	test(`a request ${title} is refused with ${status} and disturbs nobody`, async (t) => {
		const { port, undisturbed } = await scene(t, { protocol: small });
		for (const [, send] of ways) {
			const since = Date.now();
			const client = await tcp(t, port);
			await send(client, Buffer.from(request, "latin1"));
			const response = String(await client.readToEnd());
			const [head = "", body = ""] = response.split("\r\n\r\n");
			t.true(head.startsWith(`HTTP/1.1 ${status} `), head);
			for (const expression of expected) t.regex(`${head}\r\n`, expression);
			t.regex(`${head}\r\n`, /^Connection: .*close\r$/m);
			t.is(Number(/^Content-Length: (\d+)$/m.exec(head)?.[1]), body.length);
			t.true(body.length > 0);
			isDated(t, head, since);
			client.socket.end();
			await undisturbed();
		}
	});
}

test("a TLS client need not wait for the end of the handshake's time", async (t) => {
	const { port, undisturbed } = await scene(t, {
		timeouts: { handshakeMs: 2 ** 30 },
	});
	const client = connectTls({ port, host: "127.0.0.1" });
	const [error] = await once(client, "error");
	t.is(error.code, "ERR_SSL_WRONG_VERSION_NUMBER");
	await undisturbed();
});

test("a request exactly at maxHeaderBytes and maxHeaders is accepted", async (t) => {
	const { recorder, port, undisturbed } = await scene(t, { protocol: small });
	for (const request of [headOf(512), handshake(lines(5))]) {
		for (const [, send] of ways) {
			const client = await tcp(t, port);
			await send(client, Buffer.from(request));
			const head = await client.readHead();
			t.true(head.startsWith("HTTP/1.1 101 "), head);
			await recorder.next("connect");
			client.socket.destroy();
			await recorder.next("close");
		}
	}
	await undisturbed();
});

test("a browser that wants no WebSocket is told to upgrade, or gets the page", async (t) => {
	const { port, undisturbed } = await scene(t);
	const refusal = await fetch(`http://127.0.0.1:${port}/`);
	t.is(refusal.status, 426);
	t.is(refusal.headers.get("upgrade"), "websocket");
	t.regex(await refusal.text(), /WebSocket/);
	await undisturbed();

	const page = "<!doctype html><p>grüße 👋";
	const withPage = await scene(t, { protocol: webSocket({ page }) });
	for (const path of ["/", "/?query"]) {
		const url = `http://127.0.0.1:${withPage.port}${path}`;
		const response = await fetch(url);
		t.is(response.status, 200);
		t.is(response.headers.get("content-type"), "text/html; charset=utf-8");
		t.is(await response.text(), page);
		t.truthy(response.headers.get("date"));
		const head = await fetch(url, { method: "HEAD" });
		t.is(head.status, 200);
		const length = String(Buffer.byteLength(page));
		t.is(head.headers.get("content-length"), length);
	}
	const elsewhere = await fetch(
		`http://127.0.0.1:${withPage.port}/favicon.ico`,
	);
	t.is(elsewhere.status, 404);
	await withPage.undisturbed();
});

/** Clients that never finish their request. */
const slow: Record<string, (client: TcpClient) => unknown> = {
	"says nothing": () => {},
	"stops in the middle": ({ write }) => write(UPGRADE.slice(0, 40)),
	"goes on for ever": ({ socket, write }) => {
		write(UPGRADE.slice(0, -2));
		const timer = setInterval(() => write("X: x\r\n"), 1);
		socket.on("close", () => clearInterval(timer));
	},
};

// One after the other, because handshakes that are to be in time must not wait for the other tests of this process.
test.serial(
	"clients that do not finish their request get 408 after handshakeMs, not before, and disturb nobody",
	async (t) => {
		// Long enough for a busy machine to begin all these requests.
		const handshakeMs = 2000;
		const { port, undisturbed } = await scene(t, { timeouts: { handshakeMs } });
		const cut = async (
			title: string,
			begin: (client: TcpClient) => unknown,
		) => {
			const started = performance.now();
			const client = await tcp(t, port);
			begin(client);
			const response = String(await client.readToEnd());
			if (title === "says nothing") t.is(response, "");
			else t.true(response.startsWith("HTTP/1.1 408 "), response);
			const elapsed = performance.now() - started;
			t.true(elapsed >= handshakeMs, `${title}: ${elapsed} ms`);
			client.socket.destroy();
		};
		const clients = Array.from({ length: 10 }, () =>
			Object.entries(slow),
		).flat();
		await Promise.all(clients.map(([title, begin]) => cut(title, begin)));
		// It has been silent for longer, but its handshake is done.
		await undisturbed();
	},
);

// The deadline of a handshake that is done is not lifted as long as the queue has no room for what follows it.
test.serial(
	"a handshake is done in time, however long handlers are busy then",
	async (t) => {
		const connections = new Queue<Connection>();
		let messages = 0;
		let busyMs = 0;
		const { port, server } = await serve(
			t,
			{
				onConnect(connection) {
					connections.push(connection);
					const end = performance.now() + busyMs;
					while (performance.now() < end);
				},
				onMessage(_, message) {
					messages++;
					return message === "last" ? message : undefined;
				},
			},
			{
				timeouts: { handshakeMs: 1000 },
				eventLoop: { queueBytes: 256 * 1024 },
				threads: true,
			},
		);
		// As events these are larger than the queue, yet not larger than a socket's buffer.
		const flood = Buffer.concat(Array<Buffer>(8500).fill(frame(TEXT, "x")));
		const other = await upgraded(t, port);
		const connection = await connections.next();
		const client = await tcp(t, port);
		// While this thread is here, the queue stays full and nothing is read: later all of the client's bytes at once.
		// Who sends as much as this in one piece is not read before half of the queue is free.
		const patience = performance.now() + 10_000;
		const length = frame(TEXT, "x").length;
		const waiting = () => server.stats().loops[0]?.eventQueueBytes ?? 0;
		for (let at = 0; at < flood.length; at += 3000 * length) {
			const most = Math.min(waiting() + 3000 * 32, 250 * 1024);
			other.write(flood.subarray(at, at + 3000 * length));
			while (waiting() < most) {
				if (performance.now() > patience) throw new Error("nobody reads");
			}
		}
		while (connection.readBufferLength <= length) {
			if (performance.now() > patience) throw new Error("the queue has room");
		}
		client.write(Buffer.concat([Buffer.from(UPGRADE), flood]));
		client.write(frame(TEXT, "last"));
		busyMs = 1500;
		t.true((await client.readHead()).startsWith("HTTP/1.1 101 "));
		t.is(String((await readFrame(client)).payload), "last");
		t.is(messages, 17_001);
	},
);
