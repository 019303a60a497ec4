import test from "ava";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";
import { client, lineLike, serving } from "./example.js";

test("echo sends back what comes, and counts connections", async (t) => {
	const { program, line, port } = await serving(t, "echo");
	t.regex(line, /^listening on tcp:\/\/127\.0\.0\.1:\d+ with 2 event loops$/);
	const { socket, read } = await tcp(t, port);
	socket.write("hello");
	t.is(String(await read(5)), "hello");
	t.is(await program.line(), "connected: 127.0.0.1");
	await lineLike(program, /^connections: 1$/);
	socket.end();
	await lineLike(program, /^closed: 127\.0\.0\.1$/);
	await lineLike(program, /^connections: 0$/);
});

test("idle-connections answers, and closes who is silent", async (t) => {
	const busy = await tcp(t, (await serving(t, "idle-connections")).port);
	busy.write("hello");
	t.is(String(await busy.read(5)), "hello");

	const example = ["idle-connections", "--idle-ms=50"] as const;
	const { program, port } = await serving(t, ...example);
	const silent = await tcp(t, port);
	t.is((await silent.readToEnd()).length, 0);
	silent.socket.end();
	t.is(await program.line(), "closed: 127.0.0.1, idle");
});

test("max-connections sends away who is too many, until there is room", async (t) => {
	const { program, port } = await serving(t, "max-connections", "--max=2");
	const served = [await tcp(t, port), await tcp(t, port)];
	for (const { socket, read } of served) {
		socket.write("hello");
		t.is(String(await read(5)), "hello");
	}
	const tooMany = await tcp(t, port);
	tooMany.write("let me in");
	t.is(String(await tooMany.readToEnd()), "too many connections\n");
	tooMany.socket.end();
	t.is(await program.line(), "refused: 127.0.0.1");

	served[0]?.socket.end();
	t.is((await served[0]?.readToEnd())?.length, 0);
	// The end of the other one is told to the server a moment after its peer.
	for (;;) {
		const next = await tcp(t, port);
		next.write("hello");
		next.socket.end();
		const answer = String(await next.readToEnd());
		if (answer === "hello") break;
		t.is(answer, "too many connections\n");
	}
});

test("push-messages sends to all, and answers besides", async (t) => {
	const { port } = await serving(t, "push-messages", "--every-ms=20");
	const clients = [await tcp(t, port), await tcp(t, port)];
	for (const { read } of clients) {
		t.is(String(await read(18)), "hello\nhello\nhello\n");
	}
	const [{ socket, readToEnd }] = clients as [(typeof clients)[0]];
	socket.end("bye!\n");
	t.regex(String(await readToEnd()), /^(hello\n)*bye!\n(hello\n)*$/);
});

test("buffer-length leaves out who does not read, until they do", async (t) => {
	const bytes = 300_000;
	const { program, port } = await serving(
		t,
		"buffer-length",
		"--every-ms=5",
		`--bytes=${bytes}`,
	);
	const { socket, read } = await tcp(t, port);
	t.is(String(await read(6)), "hello\n");
	socket.pause();
	t.regex(await lineLike(program, /^skipped/), /^skipped: \d+ bytes wait$/);
	socket.resume();
	// Whole messages only, however many were left out: what follows are lines.
	const more = String(await read(10 * bytes));
	t.is(more, "hello\n".repeat((10 * bytes) / 6));
	socket.write("?");
	t.regex(await lineLike(program, /^read: /), /^read: 0, to write: \d+$/);
});

test("send-async tells how a message fared", async (t) => {
	const { program, port } = await serving(t, "send-async");
	const { socket, read } = await tcp(t, port);
	socket.write("hello\n");
	t.is(String(await read(5)), "1234\n");
	t.is(await program.line(), "message: hello");
	t.regex(await program.line(), /^sent in \d+\.\d ms$/);
});

test("protocol speaks with its own client, in a protocol of its own", async (t) => {
	const { program, port } = await serving(t, "protocol/server");
	const lines = ["hello", "", "grüße 👋", "x".repeat(60_000)];
	const { stdout, stderr, code } = await client(
		t,
		"protocol/client",
		port,
		lines,
	);
	t.deepEqual(
		stdout.trimEnd().split("\n"),
		lines.map((line) => `answer: ${line}`),
	);
	t.is(code, 0, stderr);
	for (const line of lines) {
		const { length } = Buffer.from(line);
		t.is(await program.line(), `message: ${length} bytes`);
	}
});

test("protocol takes frames byte by byte, and none that is too long", async (t) => {
	const { port } = await serving(t, "protocol/server");
	const { trickle, write, read, readToEnd } = await tcp(t, port);
	const frames = Buffer.from(
		"0000000268690000000000000001 21".replace(" ", ""),
		"hex",
	);
	await trickle(frames);
	t.deepEqual(await read(frames.length), frames);
	write(Buffer.alloc(70_000, 0xff));
	t.is((await readToEnd()).length, 0);
});

test("protobuf tells types of messages apart", async (t) => {
	const { program, port } = await serving(t, "protobuf/server");
	const names = ["Ada", "Grace"];
	const { stdout, stderr, code } = await client(
		t,
		"protobuf/client",
		port,
		names,
	);
	const contents = [
		"Ada has the id 1",
		"Grace, called big Grace, has the id 2",
	];
	t.is(stdout, contents.map((content) => `answer: ${content}\n`).join(""));
	t.is(code, 0, stderr);
	t.is(await program.line(), `msg1: ${contents[0]}`);
	t.is(await program.line(), `msg2: ${contents[1]}`);
});

test("protobuf takes bytes that were written by hand, and closes who sends a name that is longer than its frame", async (t) => {
	const { program, port } = await serving(t, "protobuf/server");
	const { write, read, readToEnd } = await tcp(t, port);
	// The length 13, the length 4, "msg1", and { name: "Ada", id: 7 } by the rules of protobuf.dev.
	write(Buffer.from("0000000d00046d7367310a034164611007", "hex"));
	t.is(await program.line(), "msg1: Ada has the id 7");
	const length = (await read(4)).readUInt32BE();
	const answer = await read(length);
	t.is(answer.toString("latin1", 2, 10), "response");
	t.is(answer.toString("latin1", 12), "Ada has the id 7");
	write(Buffer.from("00000005ea60010203", "hex")); // which ends the process of the Go library
	t.is((await readToEnd()).length, 0);
	t.regex(await program.line(), /^error: malformed frame/);
	await tcp(t, port);
});

test("websocket sees the request, answers in four ways and has news for all", async (t) => {
	const { program, line, url } = await serving(
		t,
		"websocket",
		"--every-ms=100000",
	);
	t.regex(line, /^listening on ws:/);
	const headers = { "X-Client": "test" };
	const options = { headers };
	const { socket, messages, closed } = await connect(
		t,
		`${url}/a?b=c`,
		options,
	);
	t.is(await program.line(), "uri: /a?b=c");
	t.is(await lineLike(program, /^x-client/i), "X-Client: test");

	socket.send(Buffer.from("one"));
	t.deepEqual(await messages.next(), Buffer.from("one"));
	socket.send(Buffer.from("two"));
	t.is(await messages.next(), "two");
	socket.send("three");
	for (let count = 0; count < 10; count++) {
		t.is(await messages.next(), "sent later");
	}
	socket.send("four");
	t.deepEqual(await closed, { code: 1000, reason: "close" });
	t.is(await lineLike(program, /^closed/), "closed: /a?b=c after 4 messages");
});

test("websocket has news for everybody", async (t) => {
	const { url } = await serving(t, "websocket", "--every-ms=20");
	const clients = [await connect(t, url), await connect(t, url)];
	for (const { messages } of clients) {
		t.is(await messages.next(), "news");
		t.is(await messages.next(), "news");
	}
});
