import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import type { ServerStats } from "gev";
import {
	closeFrame,
	frame,
	readClose,
	readFrame,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { start } from "../kit/program.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const example = fileURLToPath(
	new URL("../../examples/websocket-echo.js", import.meta.url),
);
/** What `npm start` runs: it builds first what is not up to date, and then becomes the example. */
const starter = fileURLToPath(
	new URL("../../../scripts/start.mjs", import.meta.url),
);

/** The example on a free port, as far as its first line. */
async function listening(t: ExecutionContext, ...args: string[]) {
	const program = start(t, [example, "--port", "0", ...args]);
	const line = await program.line();
	const [, url = "", port] = /^listening on (\S+:(\d+)) with /.exec(line) ?? [];
	const live = /^live page at (http:\S+)$/.exec(await program.line())?.[1];
	return { program, line, url, port: Number(port), live: live ?? "" };
}

test("the example echoes over WebSocket, and says how many connections there are", async (t) => {
	const { program, line, url } = await listening(t, "--loops", "2");
	t.regex(line, /^listening on ws:\/\/127\.0\.0\.1:\d+ with 2 event loops$/);
	const { socket, messages } = await connect(t, url);
	for (const message of ["hello", "grüße 👋", Buffer.from([0, 255])]) {
		socket.send(message);
		t.deepEqual(await messages.next(), message);
	}
	t.is(await program.line(), "connections: 1");
	await connect(t, url);
	t.is(await program.line(), "connections: 2");
	socket.close();
	t.is(await program.line(), "connections: 1");
});

test("the example echoes over raw TCP", async (t) => {
	const { line, port } = await listening(
		t,
		...["--protocol", "raw", "--loops", "1"],
	);
	t.regex(line, /^listening on tcp:\/\/127\.0\.0\.1:\d+ with 1 event loop$/);
	const client = await tcp(t, port);
	client.socket.end("hello");
	t.is(String(await client.readToEnd()), "hello");
});

test("the example has a page for browsers", async (t) => {
	const { url } = await listening(t, "--protocol=websocket");
	const response = await fetch(url.replace("ws:", "http:"));
	t.is(response.status, 200);
	t.is(response.headers.get("content-type"), "text/html; charset=utf-8");
	const page = await response.text();
	t.regex(page, /<title>gev echo<\/title>/);
	t.regex(page, /new WebSocket\(/);
});

test("the example has a live page, which counts the connections of a crowd", async (t) => {
	const { url, live } = await listening(t, "--loops", "2");
	const site = url.replace("ws:", "http:");
	t.regex(await (await fetch(live)).text(), /<title>gev<\/title>/);
	t.is(await (await fetch(`${site}/live`)).text(), live);
	const crowd = await (await fetch(`${site}/crowd`)).text();
	t.regex(crowd, /<title>gev crowd<\/title>/);
	const clients = (count: number, origin: string) =>
		fetch(`${site}/crowd/clients?count=${count}`, {
			method: "POST",
			headers: { origin },
		});
	t.is((await clients(10, "http://example.com")).status, 403);
	t.is((await clients(1001, site)).status, 400);
	/** Undefined when the server has closed a connection that was idle, just as it was to be used again. */
	const counts = async () => {
		const response = await fetch(`${live}json`).catch(() => undefined);
		const stats = (await response?.json()) as ServerStats | undefined;
		return [stats?.connections.open, stats?.received.messages ?? 0] as const;
	};
	t.is((await clients(300, site)).status, 204);
	for (;;) {
		const [open, messages] = await counts();
		if (open === 300 && messages >= 300) break;
		await setTimeout(20);
	}
	t.is((await clients(0, site)).status, 204);
	while ((await counts())[0] !== 0) await setTimeout(20);
});

for (const [args, message] of [
	[["--protocol", "quic"], /^--protocol is websocket or raw, not quic$/],
	[["--port", "many"], /port must be a whole number from 0 to 65535/],
	[["--port", "65536"], /port must be .*, not 65536$/],
	[["--loops", "0"], /loops must be .*, not 0$/],
	[["--host", "192.0.2.1"], /192\.0\.2\.1/],
	[["--prot", "raw"], /--prot/],
	[["raw"], /raw/],
] as const) {
	test(`the example says in one line what is wrong with ${args.join(" ")}`, async (t) => {
		const { ended } = start(t, [example, "--port=0", ...args]);
		const { code, stdout, stderr } = await ended;
		t.regex(stderr, /^[^\n]+\n$/);
		t.regex(stderr.trimEnd(), message);
		t.is(stdout, "");
		t.is(code, 1);
	});
}

test("the example says in one line that its port is in use", async (t) => {
	const node = createServer().listen(0, "127.0.0.1");
	t.teardown(() => node.close());
	await once(node, "listening");
	const { port } = node.address() as AddressInfo;
	const { code, stdout, stderr } = await start(t, [
		...[example, `--port=${port}`, "--live-port=0"],
	]).ended;
	t.regex(stderr, new RegExp(`^EADDRINUSE: .*127\\.0\\.0\\.1.*${port}.*\n$`));
	t.is(stdout, "");
	t.is(code, 1);
});

// On Windows a signal ends a process before it could do anything about it.
const testSignal = process.platform === "win32" ? test.skip : test;
for (const name of ["SIGINT", "SIGTERM"] as const) {
	testSignal(
		`${name} stops the example, which says goodbye to its clients`,
		async (t) => {
			const { program, url } = await listening(t);
			const clients = await Promise.all([connect(t, url), connect(t, url)]);
			program.signal(name);
			for (const { closed } of clients) t.is((await closed).code, 1001);
			const { code, signal, stdout, stderr } = await program.ended;
			t.regex(stdout, /\nstopped\n$/);
			t.is(stderr, "");
			t.is(signal, null);
			t.is(code, 0);
		},
	);
}

testSignal("two Ctrl-C end npm start once and cleanly", async (t) => {
	// Without Rust and npm it cannot build anything under the feet of other tests.
	const nothing = { PATH: "", npm_execpath: undefined };
	const program = start(t, [starter, "--port=0", "--loops=1"], nothing);
	const line = await Promise.race([program.line(), program.ended]);
	if (typeof line !== "string") {
		t.log("another addon than the one that npm start builds is here");
		t.regex(line.stderr, /^gev needs Rust/);
		return;
	}
	t.regex(line, /^listening on ws:\/\/127\.0\.0\.1:\d+ with 1 event loop$/);
	const client = await upgraded(t, Number(/:(\d+) /.exec(line)?.[1]));
	client.write(frame(TEXT, "hello"));
	t.is(String((await readFrame(client)).payload), "hello");
	program.signal("SIGINT");
	t.is((await readClose(client)).code, 1001);
	// It waits for the client's goodbye now.
	program.signal("SIGINT");
	client.write(closeFrame(1001));
	t.is((await client.readToEnd()).length, 0);
	client.socket.end();
	const { code, signal, stdout, stderr } = await program.ended;
	t.regex(stdout, /\nstopped\n$/);
	t.is(stderr, "");
	t.is(signal, null);
	t.is(code, 0);
});
