import { constants } from "node:buffer";
import { once } from "node:events";
import test from "ava";
import { type Connection, type Fragment, SendStatus, webSocket } from "gev";
import {
	BINARY,
	CONTINUATION,
	closeFrame,
	frame,
	PING,
	PONG,
	readClose,
	readFrame,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

test("send() takes text as bytes and bytes as text", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	const { messages } = await connect(t, url);
	const { connection } = await recorder.next("connect");
	connection.send(Buffer.from("grüße"), { text: true });
	connection.send("grüße", { text: false });
	connection.send("grüße", {});
	t.is(await messages.next(), "grüße");
	t.deepEqual(await messages.next(), Buffer.from("grüße"));
	t.is(await messages.next(), "grüße");
	const wrong = t.throws(() =>
		connection.send(Buffer.of(0xc3), { text: true }),
	);
	t.is((wrong as Error & { code: string }).code, "ERR_GEV_DATA");
	for (const options of [{ txt: true }, { fin: 1 }, { compress: "yes" }, 5]) {
		const error = t.throws(() => connection.send("", options as object));
		t.is((error as Error & { code: string }).code, "ERR_GEV_OPTION");
	}
	t.true(connection.connected);
});

test("a message can be sent in fragments, with pings in between", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	const statuses = [
		connection.send("one, ", { fin: false }),
		connection.ping("between"),
		connection.send(Buffer.from("two, "), { fin: false }),
		connection.send("three"),
		connection.send("another"),
	];
	t.deepEqual(statuses, Array(5).fill(SendStatus.Queued));
	const sent = [
		[false, TEXT, "one, "],
		[true, PING, "between"],
		[false, CONTINUATION, "two, "],
		[true, CONTINUATION, "three"],
		[true, TEXT, "another"],
	] as const;
	for (const [fin, opcode, text] of sent) {
		const got = await readFrame(client);
		t.deepEqual(
			[got.fin, got.opcode, String(got.payload)],
			[fin, opcode, text],
		);
	}
});

test("fragments larger than the queue make one message", async (t) => {
	const recorder = new Recorder();
	const { url } = await serve(t, recorder);
	const { messages } = await connect(t, url);
	const { connection } = await recorder.next("connect");
	const part = Buffer.alloc(700_000, 5);
	connection.send(part, { fin: false });
	connection.send(part, { fin: false });
	connection.send(Buffer.alloc(0));
	const message = (await messages.next()) as Buffer;
	t.true(message.equals(Buffer.alloc(1_400_000, 5)));
});

test("control frames wait for the end of a frame that is half way out", async (t) => {
	const length = 3_000_000;
	let busy = true;
	const recorder = new Recorder();
	const { port } = await serve(
		t,
		Object.assign(recorder, {
			onMessage(connection: Connection) {
				connection.send(Buffer.alloc(length, 5));
				// The loop gets what fits into the queue, and no more before this thread is done.
				setImmediate(() => {
					const end = performance.now() + 300;
					while (busy && performance.now() < end);
					busy = false;
				});
			},
		}),
	);
	const client = await upgraded(t, port);
	client.write(frame(TEXT, "go"));
	await client.read(10 + 100_000);
	client.write(frame(PING, "meanwhile"));
	client.write(frame(TEXT, "wrong", { masked: false }));
	const rest = await client.read(length - 100_000);
	t.true(rest.equals(Buffer.alloc(length - 100_000, 5)));
	const pong = await readFrame(client);
	t.deepEqual([pong.opcode, String(pong.payload)], [PONG, "meanwhile"]);
	t.is((await readClose(client)).code, 1002);
	client.socket.end();
	await recorder.next("connect");
	t.is((await recorder.next("close")).reason.code, 1002);
});

test("ping() is answered, and onPing and onPong hear of it", async (t) => {
	const pings = new Queue<string>();
	const pongs = new Queue<string>();
	const connections = new Queue<Connection>();
	const { url } = await serve(t, {
		onConnect: (connection) => connections.push(connection),
		onPing: (_, data) => pings.push(data.toString()),
		onPong: (_, data) => pongs.push(data.toString()),
	});
	const { socket } = await connect(t, url);
	const connection = await connections.next();
	for (const data of ["", "hello", Buffer.from("bytes"), "é".repeat(62)]) {
		t.is(connection.ping(data), SendStatus.Queued);
		t.is(await pongs.next(), data.toString());
	}
	const answered = new Queue<string>();
	socket.on("pong", (data) => answered.push(String(data)));
	socket.ping("from the client");
	t.is(await pings.next(), "from the client");
	t.is(await answered.next(), "from the client");
	const error = t.throws(() => connection.ping("x".repeat(126)));
	t.is((error as Error & { code: string }).code, "ERR_GEV_DATA");
	connection.terminate();
	t.is(connection.ping(), SendStatus.Closed);
});

test("what onPing throws costs that connection only", async (t) => {
	const recorder = Object.assign(new Recorder(), {
		onPing() {
			throw new Error("a fault of the handler");
		},
	});
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const other = await upgraded(t, port);
	client.write(frame(PING, "x"));
	t.is((await readFrame(client)).opcode, PONG);
	t.is((await readClose(client)).code, 1011);
	client.socket.end();
	other.write(frame(TEXT, "still here"));
	await recorder.next("connect");
	await recorder.next("connect");
	t.is((await recorder.next("error")).error.message, "a fault of the handler");
	const calls = [await recorder.calls.next(), await recorder.calls.next()];
	t.deepEqual(calls.map(({ name }) => name).sort(), ["close", "message"]);
});

test("onFragment gets long messages piece by piece, onMessage the others", async (t) => {
	const pieces = new Queue<[Buffer, Fragment]>();
	const whole = new Queue<string | Buffer>();
	const { port } = await serve(
		t,
		{
			onMessage: (_, message) => void whole.push(message),
			onFragment: (_, data, fragment) => pieces.push([data, fragment]),
		},
		{ protocol: webSocket({ maxMessageBytes: 0 }) },
	);
	const client = await upgraded(t, port);
	const bytes = Buffer.from(
		Uint8Array.from({ length: 1_000_000 }, (_, i) => i * 7),
	);
	client.write(frame(BINARY, bytes));
	const received: Buffer[] = [];
	for (let first = true, last = false; !last; first = false) {
		const [data, fragment] = await pieces.next();
		t.true(data.length <= 64 * 1024);
		t.deepEqual(fragment, { text: false, first, last: fragment.last });
		received.push(data);
		last = fragment.last;
	}
	t.true(Buffer.concat(received).equals(bytes));
	t.true(received.length > 10);
	client.write(frame(TEXT, "short"));
	t.is(await whole.next(), "short");
	client.write(frame(TEXT, "x".repeat(10_000), { fin: false }));
	client.write(frame(CONTINUATION, "y"));
	const text: Buffer[] = [];
	for (let last = false; !last; ) {
		const [data, fragment] = await pieces.next();
		t.true(fragment.text);
		text.push(data);
		last = fragment.last;
	}
	t.is(String(Buffer.concat(text)), `${"x".repeat(10_000)}y`);
	t.is(pieces.size + whole.size, 0);
});

test("onFragment gets the frames of a message as they come", async (t) => {
	const pieces = new Queue<string>();
	const { port } = await serve(t, {
		onFragment: (_, data, { first, last }) =>
			pieces.push(`${data} ${first} ${last}`),
	});
	const client = await upgraded(t, port);
	client.write(frame(TEXT, "Hel", { fin: false }));
	t.is(await pieces.next(), "Hel true false");
	client.write(frame(CONTINUATION, "lo", { fin: false }));
	t.is(await pieces.next(), "lo false false");
	client.write(frame(CONTINUATION, "!"));
	t.is(await pieces.next(), "! false true");
});

test("a burst of pings is not told beyond the limit", async (t) => {
	let pings = 0;
	const closed = new Queue<number>();
	const { port } = await serve(
		t,
		{
			onPing: () => void pings++,
			onClose: (_, { code }) => closed.push(code),
		},
		{ protocol: webSocket({ maxControlFramesPerSecond: 100 }) },
	);
	const client = await upgraded(t, port);
	client.write(Buffer.concat(Array(20_000).fill(frame(PING))));
	let frames = 0;
	while ((await readFrame(client)).opcode === PONG) frames++;
	client.socket.destroy();
	t.is(await closed.next(), 1008);
	// A second may begin within the burst.
	t.true(pings <= 202 && frames <= 202, `${pings} ${frames}`);
});

test("raw connections take the same calls", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, { protocol: protocols.raw() });
	const client = await tcp(t, port);
	const { connection } = await recorder.next("connect");
	t.is(connection.subprotocol, "");
	t.is(connection.extensions, "");
	connection.ping("nothing");
	connection.send("a", { fin: false, compress: true });
	connection.send("b");
	t.is(String(await client.read(2)), "ab");
});

test("too large a frame and too many control frames end a connection", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: webSocket({ maxFrameBytes: 1000, maxControlFramesPerSecond: 50 }),
	});
	const large = await upgraded(t, port);
	large.write(frame(BINARY, Buffer.alloc(1000)));
	await recorder.next("connect");
	t.is(((await recorder.next("message")).message as Buffer).length, 1000);
	large.write(frame(BINARY, Buffer.alloc(1001)));
	t.is((await readClose(large)).code, 1009);
	large.socket.end();
	const { reason } = await recorder.next("close");
	t.deepEqual(
		[reason.code, reason.cause, reason.wasClean],
		[1009, "limit", false],
	);
	const flood = await upgraded(t, port);
	await recorder.next("connect");
	// Until the server has had enough, whatever the clock does meanwhile.
	const pongs = Buffer.concat(Array(200).fill(frame(PONG)));
	const timer = setInterval(() => flood.write(pongs), 1);
	t.is((await readClose(flood)).code, 1008);
	clearInterval(timer);
	flood.socket.end();
	const end = await recorder.next("close");
	t.deepEqual([end.reason.code, end.reason.cause], [1008, "limit"]);
});

test("pings of a peer that does not read cost no memory", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: webSocket({ maxControlFramesPerSecond: 0 }),
		flow: { maxBufferedBytes: 4 * 1024 * 1024 },
	});
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	client.socket.pause();
	// More than sockets take, and less than the limit.
	connection.send(Buffer.alloc(3 * 1024 * 1024));
	const ping = frame(PING, Buffer.alloc(125));
	const flood = Buffer.concat(Array(16_384).fill(ping));
	for (let round = 0; round < 8; round++) {
		await new Promise((resolve) => client.socket.write(flood, resolve));
	}
	client.write(frame(PING, "the last"));
	client.write(frame(TEXT, "done"));
	t.is((await recorder.next("message")).message, "done");
	t.true(connection.connected);
	t.true(connection.writeBufferLength < 4 * 1024 * 1024);
	client.socket.resume();
	let last = "";
	let pongs = 0;
	while (last !== "the last") {
		const { opcode, payload } = await readFrame(client);
		if (opcode === BINARY) t.is(payload.length, 3 * 1024 * 1024);
		else t.is(opcode, PONG);
		last = payload.length < 126 ? String(payload) : "";
		pongs++;
	}
	t.true(pongs < 8 * 16_384, `${pongs} pongs`);
});

test("text that is longer than a string can be closes with 1009", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: webSocket({ maxMessageBytes: 0 }),
	});
	const client = await upgraded(t, port);
	await recorder.next("connect");
	const size = constants.MAX_STRING_LENGTH + 1;
	const head = Buffer.alloc(14);
	head.set([0x80 | TEXT, 0xff]);
	head.writeBigUInt64BE(BigInt(size), 2);
	// With a key of zeros every byte is its own.
	client.write(head);
	const piece = Buffer.alloc(4 * 1024 * 1024, "x");
	for (let left = size; left > 0; left -= piece.length) {
		if (!client.socket.write(piece.subarray(0, Math.min(left, piece.length)))) {
			await once(client.socket, "drain");
		}
	}
	const reason = "message too long for JavaScript";
	t.deepEqual(await readClose(client), { code: 1009, reason });
	client.socket.end(closeFrame(1009));
	const { reason: closed } = await recorder.next("close");
	t.like(closed, { code: 1009, reason, cause: "limit" });
});
