import { Console } from "node:console";
import { once } from "node:events";
import { connect as dial } from "node:net";
import { Writable } from "node:stream";
import test from "ava";
import { type LogFields, type Logger, type LogLevel, raw, Server } from "gev";
import { pino } from "pino";
import { UPGRADE } from "../kit/frames.js";
import { FOR_EVER } from "../kit/patience.js";
import { runWith } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const failing = {
	onMessage() {
		throw new Error("thrown");
	},
	onError() {},
};

type Line = [level: LogLevel, message: string, fields: LogFields];

/** A logger of one's own, and what it was told. */
function recorder() {
	const lines = new Queue<Line>();
	const of = (level: LogLevel) => (message: string, fields: LogFields) =>
		lines.push([level, message, fields]);
	const logger = {
		error: of("error"),
		warn: of("warn"),
		info: of("info"),
		debug: of("debug"),
	};
	return { lines, logger };
}

test("a logger gets a line for each event, and none for a message", async (t) => {
	const { lines, logger } = recorder();
	const { server, port, url } = await serve(
		t,
		{ onMessage: (_connection, message) => message },
		{ logger },
	);
	const [level, message, fields] = await lines.next();
	t.deepEqual([level, message], ["info", "listening"]);
	t.like(fields, { address: "127.0.0.1", port, loops: 1 });

	const { socket, messages, closed } = await connect(t, url);
	const peer = { remoteAddress: "127.0.0.1", loopIndex: 0 };
	const [, opened, who] = await lines.next();
	t.is(opened, "connection opened");
	t.like(who, peer);
	for (let count = 0; count < 100; count++) {
		socket.send("hello");
		await messages.next();
	}
	t.is(lines.size, 0);
	socket.close(4000, "enough");
	await closed;
	const [closing, text, why] = await lines.next();
	t.deepEqual([closing, text], ["debug", "connection closed"]);
	t.like(why, { ...peer, cause: "peer", code: 4000, reason: "enough" });

	const client = await tcp(t, port);
	client.write(UPGRADE.replace("Version: 13", "Version: 12"));
	await client.readToEnd();
	client.socket.end();
	const [info, failed, refusal] = await lines.next();
	t.deepEqual([info, failed], ["info", "handshake failed"]);
	t.like(refusal, { remoteAddress: "127.0.0.1", status: 426 });

	await server.stop({ timeoutMs: FOR_EVER });
	const stopping = await lines.next();
	t.deepEqual(stopping.slice(0, 2), ["info", "stopping"]);
	t.deepEqual(await lines.next(), ["info", "stopped", { closed: 0, cut: 0 }]);
	t.is(lines.size, 0);
});

test("a logger is told of errors, with whose they are", async (t) => {
	const { lines, logger } = recorder();
	const { port } = await serve(t, failing, { logger, protocol: raw() });
	await lines.next();
	const client = await tcp(t, port);
	await lines.next();
	client.write("hello");
	client.socket.end();
	const [level, message, fields] = await lines.next();
	t.deepEqual([level, message], ["error", "error"]);
	t.is((fields.err as Error).message, "thrown");
	t.is(fields.remotePort, client.socket.localPort);
	t.like((await lines.next())[2], { cause: "handler" });
});

test("a logger is told that a start has failed", async (t) => {
	const { port } = await serve(t, {}, { protocol: raw() });
	const { lines, logger } = recorder();
	const another = new Server({}, { host: "127.0.0.1", port, logger, loops: 1 });
	await t.throwsAsync(another.start(), { code: "EADDRINUSE" });
	const [level, message, fields] = await lines.next();
	t.deepEqual([level, message], ["error", "start failed"]);
	t.like(fields.err, { code: "EADDRINUSE" });
});

test("refused connections are summed up in a line", async (t) => {
	const { lines, logger } = recorder();
	const { server, port } = await serve(
		t,
		{},
		{ logger, protocol: raw(), limits: { maxConnections: 1 } },
	);
	await tcp(t, port);
	await lines.next();
	await lines.next();
	for (let count = 0; count < 3; count++) {
		const client = dial(port, "127.0.0.1").on("error", () => {});
		t.teardown(() => client.destroy());
		await once(client.resume(), "close");
	}
	await server.stop({ timeoutMs: 0 });
	let counted = 0;
	while (lines.size > 0) {
		const [level, message, { count }] = await lines.next();
		if (message !== "connections refused") continue;
		t.is(level, "warn");
		counted += Number(count);
	}
	t.is(counted, 3);
});

/** What is written, line by line. */
function written() {
	const lines: string[] = [];
	const stream = new Writable({
		write(chunk, _encoding, done) {
			lines.push(...String(chunk).trimEnd().split("\n"));
			done();
		},
	});
	return { lines, stream };
}

test("pino gets the fields first, and writes one line each", async (t) => {
	const { lines, stream } = written();
	const logger = pino({ level: "debug" }, stream);
	let onClose = () => {};
	const closed = new Promise<void>((resolve) => {
		onClose = resolve;
	});
	const handler = { ...failing, onClose };
	const { server, port } = await serve(t, handler, { logger, protocol: raw() });
	const client = await tcp(t, port);
	client.write("hello");
	await client.readToEnd();
	client.socket.end();
	await closed;
	await server.stop({ timeoutMs: FOR_EVER });
	const told = lines.map((line) => JSON.parse(line));
	t.deepEqual(
		told.map(({ level, msg }) => `${level} ${msg}`),
		[
			"30 listening",
			"20 connection opened",
			"50 error",
			"20 connection closed",
			"30 stopping",
			"30 stopped",
		],
	);
	t.is(told[0].port, port);
	t.is(told[2].err.message, "thrown");
	t.is(told[3].cause, "handler");
});

test("console gets one line each, whatever a peer has said", async (t) => {
	const { lines, stream } = written();
	const logger = new Console(stream);
	let onClose = () => {};
	const closed = new Promise<void>((resolve) => {
		onClose = resolve;
	});
	const { server, url, port } = await serve(t, { onClose }, { logger });
	const { socket } = await connect(t, url);
	socket.close(4000, "two\nlines, and \x1b[31m red");
	await closed;
	await server.stop({ timeoutMs: FOR_EVER });
	t.is(lines.length, 5);
	t.is(lines[0], `listening address=127.0.0.1 port=${port} loops=1`);
	t.regex(lines[1] ?? "", /^connection opened remoteAddress=127\.0\.0\.1 /);
	t.regex(
		lines[2] ?? "",
		/ cause=peer code=4000 wasClean=true reason="two\\nlines, and \\u001b\[31m red"$/,
	);
});

const broken: Record<string, () => unknown> = {
	throws: () => {
		throw new Error("logger");
	},
	rejects: () => Promise.reject(new Error("logger")),
};
for (const [title, method] of Object.entries(broken)) {
	test(`a logger that ${title} costs nothing`, async (t) => {
		const logger: Logger = {
			error: method,
			warn: method,
			info: method,
			debug: method,
		};
		const errors = new Queue<Error>();
		const { server, url } = await serve(
			t,
			{
				onMessage: (_connection, message) => message,
				onError: (error) => errors.push(error),
			},
			{ logger },
		);
		const { socket, messages } = await connect(t, url);
		socket.send("hello");
		t.is(await messages.next(), "hello");
		await server.stop({ timeoutMs: FOR_EVER });
		t.is(errors.size, 0);
	});
}

const expected: Record<string, RegExp[]> = {
	debug: [
		/ info listening address=127\.0\.0\.1 port=\d+ loops=1$/,
		/ debug connection opened /,
		/ error error err="Error: two\\nlines" /,
		/ debug connection closed .* cause=handler /,
		/ info stopping connections=0 timeoutMs=5000$/,
		/ info stopped /,
	],
	"1": [/ listening /, / error error /, / stopping /, / stopped /],
	error: [/ error error /],
	off: [],
	"": [],
};
for (const [GEV_LOG, patterns] of Object.entries(expected)) {
	test(`GEV_LOG=${GEV_LOG} writes ${patterns.length} lines to standard error`, async (t) => {
		const { code, stderr } = await runWith({ GEV_LOG }, "logged");
		t.is(code, 0, stderr);
		const lines = stderr.split("\n").slice(0, -1);
		t.is(lines.length, patterns.length, stderr);
		for (const [at, line] of lines.entries()) {
			t.regex(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z gev /);
			t.regex(line, patterns[at] as RegExp);
		}
	});
}
