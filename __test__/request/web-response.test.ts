import test from "ava";
import type { Handler } from "gev";
import * as undici from "undici";
import { answering } from "../kit/answering.js";
import { Queue } from "../kit/queue.js";
import { reset } from "../kit/reset.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";

const COOKIES = ["a=1", "b=2"];

function withCookies(headers: Headers): Headers {
	for (const cookie of COOKIES) headers.append("Set-Cookie", cookie);
	return headers;
}

function streamOf(...chunks: unknown[]): ReadableStream {
	return new ReadableStream({
		pull(controller) {
			const chunk = chunks.shift();
			if (chunk === undefined) controller.close();
			else controller.enqueue(chunk);
		},
	});
}

interface Expected {
	status: number;
	body: string;
	lines: RegExp[];
}

const responses: Record<string, [make: () => unknown, expected: Expected]> = {
	"with text": [
		() => new Response("grüße", { status: 404 }),
		{
			status: 404,
			body: "grüße",
			lines: [/^content-type: text\/plain/i, /^Content-Length: 7$/],
		},
	],
	"with JSON": [
		() => Response.json({ a: 1 }),
		{ status: 200, body: '{"a":1}', lines: [/application\/json/] },
	],
	"without a body": [
		() => new Response(null, { status: 204, headers: { "X-A": "1" } }),
		{ status: 204, body: "", lines: [/^x-a: 1$/i] },
	],
	"with an empty body": [
		() => new Response(""),
		{ status: 200, body: "", lines: [/^Content-Length: 0$/] },
	],
	"that redirects": [
		() => Response.redirect("http://a/b", 302),
		{ status: 302, body: "", lines: [/^location: http:\/\/a\/b$/i] },
	],
	"with a stream": [
		() => new Response(streamOf(Buffer.from("a"), new Uint8Array([98, 99]))),
		{
			status: 200,
			body: "abc",
			lines: [
				/^Content-Type: application\/octet-stream$/,
				/^Content-Length: 3$/,
			],
		},
	],
	"with headers that are set natively": [
		() =>
			new Response("abc", {
				headers: { "Content-Length": "1", Connection: "x", Upgrade: "h2c" },
			}),
		{
			status: 200,
			body: "abc",
			lines: [/^Content-Length: 3$/, /^Connection: close$/],
		},
	],
	"with cookies": [
		() => new Response("", { headers: withCookies(new Headers()) }),
		{
			status: 200,
			body: "",
			lines: COOKIES.map((it) => new RegExp(`: ${it}$`)),
		},
	],
	"of undici": [
		() => new undici.Response("abc", { status: 418 }),
		{ status: 418, body: "abc", lines: [/^Content-Length: 3$/] },
	],
	"that is promised": [
		async () => new Response("abc"),
		{ status: 200, body: "abc", lines: [] },
	],
};
for (const [title, [make, expected]] of Object.entries(responses)) {
	test(`a Response ${title} is sent`, async (t) => {
		const { ask, errors } = await answering(t);
		for (const upgrade of [false, true]) {
			const response = await ask(make, upgrade);
			t.is(response.status, expected.status);
			t.is(response.body, expected.body);
			for (const line of expected.lines) {
				const { lines } = response;
				t.is(lines.filter((it) => line.test(it)).length, 1, lines.join());
			}
			t.false(response.lines.some((line) => /h2c/.test(line)));
		}
		const head = await ask(make, false, "HEAD");
		t.is(head.body, "");
		t.is(head.status, expected.status);
		t.is(errors.size, 0);
	});
}

const used = () => {
	const response = new Response("abc");
	void response.text();
	return response;
};
const locked = () => {
	const response = new Response("abc");
	response.body?.getReader();
	return response;
};
const badResponses: Record<string, [make: () => unknown, seen: RegExp]> = {
	"that has been read": [used, /must not have been read/],
	"that is being read": [locked, /must not have been read/],
	"of an error": [() => Response.error(), /status.*not 0/],
	"that is too large": [
		() => new Response("x".repeat(5000)),
		/must not exceed 4096 bytes, not 5\d\d\d/,
	],
	"whose stream fails": [
		() =>
			new Response(
				new ReadableStream({
					pull: (controller) => controller.error(new Error("a fault")),
				}),
			),
		/a fault/,
	],
	"whose stream gives something else": [
		() => new Response(streamOf(Buffer.from("a"), 5)),
		/not 5|Received non-Uint8Array chunk/,
	],
};
for (const [title, [make, seen]] of Object.entries(badResponses)) {
	test(`a Response ${title} is an error, and the answer is 500`, async (t) => {
		const { ask, errors } = await answering(t, {
			flow: { maxBufferedBytes: 4096 },
		});
		for (const upgrade of [false, true]) {
			const { status, body } = await ask(make, upgrade);
			t.is(status, 500);
			t.is(body, "the server failed\n");
			t.regex((await errors.next()).message, seen);
		}
		t.is(errors.size, 0);
	});
}

test("the body of a Response is not read beyond the largest response", async (t) => {
	const { ask, errors } = await answering(t, {
		flow: { maxBufferedBytes: 4096 },
	});
	let pulled = 0;
	let cancelled = false;
	const endless = new ReadableStream(
		{
			pull(controller) {
				pulled++;
				controller.enqueue(new Uint8Array(1000));
			},
			cancel() {
				cancelled = true;
			},
		},
		{ highWaterMark: 0 },
	);
	t.is((await ask(new Response(endless), false)).status, 500);
	t.is((await errors.next()).code, "ERR_GEV_RESPONSE");
	t.is(pulled, 5);
	t.true(cancelled);
});

test("nobody reads the body of a Response for a client that has left, or whose time is over", async (t) => {
	let cancelled = 0;
	const asked = new Queue<void>();
	const handler: Handler = {
		onRequest() {
			asked.push();
			return new Response(
				new ReadableStream({
					start: (controller) => controller.enqueue(new Uint8Array(1)),
					cancel: () => void cancelled++,
				}),
			);
		},
		onError: (error) => t.fail(error.message),
	};
	const plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	const left = await serve(t, handler);
	const leaver = await tcp(t, left.port);
	leaver.write(plain);
	await asked.next();
	reset(leaver.socket);
	await until(() => cancelled === 1);
	const late = await serve(t, handler, { timeouts: { handshakeMs: 500 } });
	const waiter = await tcp(t, late.port);
	waiter.write(plain);
	t.regex(String(await waiter.readToEnd()), /^HTTP\/1\.1 503 /);
	await until(() => cancelled === 2);
	t.is(asked.size, 1);
});
