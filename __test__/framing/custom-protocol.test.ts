import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import test from "ava";
import {
	type Connection,
	type CustomProtocol,
	custom,
	type RingBuffer,
	raw,
	Server,
	webSocket,
} from "gev";
import { promised } from "../kit/promised.js";
import { Queue } from "../kit/queue.js";
import { reset } from "../kit/reset.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { frame, Lengths, recorded, speak } from "./lengths.js";

const echo = { onMessage: (_: unknown, body: Buffer) => body };

const bodies = ["", "one", "", "x".repeat(300), "two"];
const stream = Buffer.concat(bodies.map(frame));

test("messages are the same wherever the bytes are cut", async (t) => {
	const lengths = new Lengths();
	const { port } = await speak(t, lengths, echo);
	for (let at = 1; at < stream.length; at++) {
		const client = await tcp(t, port);
		client.write(stream.subarray(0, at));
		const ends = bodies.map((_, n) => frameEnd(n));
		// Until all of it was seen: what is left over is what is needed for no message, or nothing was left.
		const last = Math.max(0, ...ends.filter((end) => end <= at));
		if (at > last) t.is(await lengths.waiting.next(), at - last);
		client.write(stream.subarray(at));
		t.deepEqual(await client.read(stream.length), stream);
		t.is(lengths.waiting.size, 0);
		client.socket.destroy();
	}
});

function frameEnd(n: number): number {
	return bodies.slice(0, n + 1).reduce((sum, body) => sum + 4 + body.length, 0);
}

test("messages that come byte by byte, or all at once, are the same", async (t) => {
	const { port } = await speak(t, new Lengths(), echo);
	const slow = await tcp(t, port);
	const short = stream.subarray(0, 60);
	await slow.trickle(short);
	slow.write(stream.subarray(60));
	t.deepEqual(await slow.read(stream.length), stream);

	const fast = await tcp(t, port);
	const all = Buffer.concat(Array.from({ length: 3000 }, () => stream));
	fast.write(all);
	t.true((await fast.read(all.length)).equals(all));
});

test("messages of any length keep their bytes, kept by the handler or not", async (t) => {
	const kept: Buffer[] = [];
	const { port } = await speak(
		t,
		new Lengths(),
		{
			onMessage(_connection, body) {
				kept.push(body);
				return body;
			},
		},
		{ borrow: true },
	);
	const client = await tcp(t, port);
	const sent = [1, 4091, 4092, 4096, 16_384, 65_536, 100_000, 1_048_572]
		.flatMap((length) => [length, 7, 0])
		.map((length) => randomBytes(length));
	const all = Buffer.concat(sent.map(frame));
	client.write(all);
	t.true((await client.read(all.length)).equals(all));
	t.true(Buffer.concat(kept).equals(Buffer.concat(sent)));
});

test("a message may be of any kind, and what is sent is what is packed of it", async (t) => {
	const seen: unknown[] = [];
	const { port } = await speak<number | null, { answer: string }>(
		t,
		{
			// A digit is a message, a dash none, and all else is passed over.
			unpack(_connection, buffer) {
				const byte = buffer.readByte();
				if (byte === undefined || byte === 0x20) return undefined;
				return byte === 0x2d ? null : byte - 0x30;
			},
			pack: (_connection, { answer }) =>
				new TextEncoder().encode(answer).buffer,
		},
		{
			onConnect: (connection) => void connection.send({ answer: "hello " }),
			async onMessage(connection, message) {
				seen.push(message);
				if (message === null) return undefined;
				if (message === 0) connection.send({ answer: "zero " });
				return { answer: `${message} ` };
			},
		},
	);
	const client = await tcp(t, port);
	client.write("  0 -12  3 ");
	const expected = "hello zero 0 1 2 3 ";
	t.is((await client.read(expected.length)).toString(), expected);
	t.deepEqual(seen, [0, null, 1, 2, 3]);
});

test("memory that packs one message can pack the next", async (t) => {
	const memory = Buffer.alloc(1);
	const { port } = await speak<number, number>(
		t,
		{
			unpack: (_connection, buffer) => buffer.readByte(),
			pack(_connection, byte) {
				memory[0] = byte;
				return memory;
			},
		},
		{ onMessage: (_connection, byte) => byte + 1 },
	);
	const client = await tcp(t, port);
	client.write(Uint8Array.from({ length: 100 }, (_, n) => n));
	t.deepEqual(
		[...(await client.read(100))],
		Array.from({ length: 100 }, (_, n) => n + 1),
	);
});

/** Letters are messages; what else there is, these do with it. */
class Letters implements CustomProtocol<string, string> {
	constructor(
		readonly other: (
			connection: Connection<unknown, string>,
			buffer: RingBuffer,
		) => string | undefined,
	) {}

	unpack(connection: Connection<unknown, string>, buffer: RingBuffer) {
		const byte = buffer.peekUint8();
		if (byte === undefined) return undefined;
		const letter = String.fromCharCode(byte);
		if (!/[a-z]/.test(letter)) return this.other(connection, buffer);
		buffer.retrieve(1);
		return letter;
	}

	pack(_connection: unknown, text: string) {
		return text;
	}
}

const wrong: [
	what: string,
	other: Letters["other"],
	error: string,
	close: string,
][] = [
	[
		"throws",
		() => {
			throw new Error("no letter");
		},
		"error no letter",
		"close 1002 protocol",
	],
	[
		"throws what is no error",
		() => {
			throw undefined;
		},
		"error thrown: undefined",
		"close 1002 protocol",
	],
	[
		"takes nothing for its messages",
		() => "a",
		"error ERR_GEV_PROTOCOL",
		"close 1002 protocol",
	],
	[
		"returns a promise",
		(async () => "a") as unknown as Letters["other"],
		"error ERR_GEV_PROTOCOL",
		"close 1002 protocol",
	],
	[
		"puts more into the buffer than it takes",
		(_, buffer) => {
			buffer.retrieve(1);
			buffer.writeString("11");
			return "a";
		},
		"error ERR_GEV_PROTOCOL",
		"close 1002 protocol",
	],
	[
		"fills the buffer beyond its maximum",
		(_, buffer) => {
			for (;;) buffer.write(new Uint8Array(100_000));
		},
		"error ERR_GEV_FULL",
		"close 1002 protocol",
	],
];

for (const [what, other, error, close] of wrong) {
	test(`an unpack() that ${what} costs its connection, and no other`, async (t) => {
		const { calls, ...members } = recorded();
		const got: string[] = [];
		const { server, port } = await speak(t, new Letters(other), {
			...members,
			onMessage(_connection, letter) {
				got.push(letter);
				return letter.toUpperCase();
			},
		});
		const bystander = await tcp(t, port);
		bystander.write("x");
		t.is((await bystander.read(1)).toString(), "X");
		const client = await tcp(t, port);
		client.write("ab1cd");
		t.is((await client.readToEnd()).toString(), "AB");
		client.socket.end();
		t.deepEqual(await calls.take(2), [error, close]);
		bystander.write("y");
		t.is((await bystander.read(1)).toString(), "Y");
		t.deepEqual(got, ["x", "a", "b", "y"]);
		t.is(server.heldBytes, 0);
	});
}

test("what is left behind bytes that were passed over is looked at, and those that wait are kept", async (t) => {
	// A digit says how many bytes are passed over behind it.
	const skipping = new Letters((_, buffer) => {
		const digit = (buffer.peekUint8() ?? 0) - 0x30;
		if (buffer.length > digit) buffer.retrieve(1 + digit);
		return undefined;
	});
	const { port } = await speak(t, skipping, {
		onMessage: (_, letter) => letter,
	});
	const client = await tcp(t, port);
	await client.trickle("a0b3---c2--");
	client.write("1-0d3-");
	t.is((await client.read(4)).toString(), "abcd");
	client.write("--e");
	t.is((await client.read(1)).toString(), "e");
});

test("a message of maxMessageBytes is let in and one of a byte more is not, in whatever pieces", async (t) => {
	const { calls, ...members } = recorded();
	const got = new Queue<number>();
	const { server, port } = await speak(
		t,
		new Lengths(),
		{ ...members, onMessage: (_, body) => got.push(body.length) },
		{ maxMessageBytes: 1000 },
	);
	for (const pieces of [false, true]) {
		const send = async (body: string) => {
			const client = await tcp(t, port);
			const bytes = frame(body);
			if (pieces) await client.trickle(bytes.subarray(0, 5));
			client.write(pieces ? bytes.subarray(5) : bytes);
			return client;
		};
		await send("x".repeat(996));
		t.is(await got.next(), 996);
		const client = await send("x".repeat(997));
		await client.readToEnd();
		client.socket.end();
		t.is(await calls.next(), "closed tooLong");
		t.is(await calls.next(), "close 1009 limit");
	}
	// One that is announced and never comes takes no more than that either.
	const client = await tcp(t, port);
	client.write(Buffer.alloc(10_000, 0x7f));
	await client.readToEnd();
	client.socket.end();
	t.is(await calls.next(), "closed tooLong");
	t.is(await calls.next(), "close 1009 limit");
	t.is(got.size, 0);
	await until(() => server.heldBytes === 0);
	t.pass();
});

test("without a limit a message may be as long as it is", async (t) => {
	const { port } = await speak(t, new Lengths(), echo, { maxMessageBytes: 0 });
	const client = await tcp(t, port);
	const body = randomBytes(5_000_000);
	client.write(frame(body));
	t.true((await client.read(4 + body.length)).equals(frame(body)));
});

test("bytes of a message that has not come as a whole are counted until it has", async (t) => {
	const lengths = new Lengths();
	const sizes = new Queue<number>();
	const { server, port } = await speak(t, lengths, {
		onMessage(connection) {
			sizes.push(connection.readBufferLength);
		},
	});
	const client = await tcp(t, port);
	client.write(frame("whole"));
	t.is(await sizes.next(), 0);
	t.is(server.heldBytes, 0);
	client.write(frame("x".repeat(100_000)).subarray(0, 90_000));
	while ((await lengths.waiting.next()) < 90_000);
	const [connection] = server.connections();
	t.is(connection?.readBufferLength, 90_000);
	t.true(server.heldBytes >= 90_000 && server.heldBytes <= 270_000);
	client.write("x".repeat(10_004));
	t.is(await sizes.next(), 0);
	await until(() => server.heldBytes === 0);
	// And who leaves in the middle leaves nothing.
	client.write(frame("x".repeat(100_000)).subarray(0, 50_000));
	while ((await lengths.waiting.next()) < 50_000);
	t.true(server.heldBytes >= 50_000);
	reset(client.socket);
	await until(() => server.heldBytes === 0 && server.connectionCount === 0);
});

test("halves of messages that are more than all may hold cost those who hold the most", async (t) => {
	const { calls, ...members } = recorded();
	const { server, port } = await speak(
		t,
		new Lengths(),
		{ ...members, ...echo },
		{ limits: { maxMemoryBytes: 2 ** 20 } },
	);
	const small = await tcp(t, port);
	small.write(frame("half").subarray(0, 6));
	for (let n = 0; n < 8; n++) {
		const client = await tcp(t, port);
		client.write(frame("x".repeat(400_000)).subarray(0, 300_000));
	}
	t.is(await calls.next(), "close 1013 limit");
	await until(() => server.heldBytes <= 2 ** 20);
	small.write("lf");
	t.is((await small.read(8)).toString(), "\0\0\0\x04half");
});

test("half a message at FIN is told, and what came before is answered", async (t) => {
	const { calls, ...members } = recorded();
	const { port } = await speak(t, new Lengths(), { ...members, ...echo });
	const client = await tcp(t, port);
	client.socket.end(Buffer.concat([frame("whole"), frame("half").subarray(1)]));
	t.is((await client.readToEnd()).toString(), "\0\0\0\x05whole");
	t.deepEqual(await calls.take(2), ["closed truncated", "close 1002 protocol"]);
	const other = await tcp(t, port);
	other.socket.end(frame("whole"));
	await other.readToEnd();
	t.deepEqual(await calls.take(2), ["end", "close 1005 peer"]);
});

test("no message is made while the connection is paused, and all are when it goes on", async (t) => {
	const { calls, ...members } = recorded();
	const paused = promised<Connection<unknown, string>>();
	const letters = new Letters((_, buffer) => void buffer.retrieve(1));
	const unpacked: string[] = [];
	const { port } = await speak(
		t,
		{
			pack: letters.pack,
			unpack(connection, buffer) {
				const letter = letters.unpack(connection, buffer);
				if (letter !== undefined) unpacked.push(letter);
				return letter;
			},
		},
		{
			...members,
			onMessage(connection, letter) {
				calls.push(letter);
				if (letter !== "p") return;
				connection.pause();
				paused.resolve(connection);
			},
		},
	);
	const client = await tcp(t, port);
	client.write("apbcpd");
	const connection = await paused.promise;
	client.socket.end("ef");
	await new Promise((resolve) => setImmediate(resolve));
	t.deepEqual(unpacked, ["a", "p"]);
	connection.resume();
	t.deepEqual(unpacked, ["a", "p", "b", "c", "p"]);
	t.true(connection.isPaused);
	connection.resume();
	t.deepEqual(await calls.take(9), [..."apbcpdef", "end"]);
	t.is(await calls.next(), "close 1005 peer");
});

test("an unpack() that pauses its connection has its message wait, before all others", async (t) => {
	const got: string[] = [];
	let connection: Connection<unknown, string> | undefined;
	const letters = new Letters((its, buffer) => {
		connection = its;
		its.pause();
		buffer.retrieve(1);
		return "!";
	});
	const { port } = await speak(t, letters, {
		onMessage: (_, letter) => void got.push(letter),
	});
	const client = await tcp(t, port);
	client.write("ab1cd1");
	await until(() => connection !== undefined);
	t.deepEqual(got, ["a", "b"]);
	connection?.resume();
	t.deepEqual(got, ["a", "b", "!", "c", "d"]);
	connection?.resume();
	t.deepEqual(got, ["a", "b", "!", "c", "d", "!"]);
});

test("with serial a message is made when the promise for the one before is settled", async (t) => {
	// A letter in upper case is what follows one that has switched it.
	const upper = new WeakSet<object>();
	const letters = new Letters(() => undefined);
	const { port } = await speak<string, string>(
		t,
		{
			pack: letters.pack,
			unpack(connection, buffer) {
				const letter = letters.unpack(connection, buffer);
				return upper.has(connection) ? letter?.toUpperCase() : letter;
			},
		},
		{
			async onMessage(connection, letter) {
				await new Promise((resolve) => setImmediate(resolve));
				if (letter === "u") upper.add(connection);
				if (letter === "L") upper.delete(connection);
				return letter;
			},
		},
		{ serial: true },
	);
	const client = await tcp(t, port);
	const text = "abucdlef".repeat(20);
	client.write(text.slice(0, 100));
	client.write(text.slice(100));
	const expected = "abuCDLef".repeat(20);
	t.is((await client.read(text.length)).toString(), expected);
});

test("a connection that its handler closes gets no more messages made", async (t) => {
	const { calls, ...members } = recorded();
	const { port } = await speak(t, new Letters(() => undefined), {
		...members,
		onMessage(connection, letter) {
			calls.push(letter);
			if (letter === "b") connection.close();
			return letter;
		},
	});
	const client = await tcp(t, port);
	client.write("abcd");
	t.is((await client.readToEnd()).toString(), "a");
	client.socket.end();
	t.deepEqual(await calls.take(3), ["a", "b", "close 1000 local"]);
});

test("a stop delivers what waits, and answers it, before the end", async (t) => {
	const { calls, ...members } = recorded();
	const begun = promised();
	const { server, port } = await speak(
		t,
		new Letters(() => undefined),
		{
			...members,
			async onMessage(connection, letter) {
				calls.push(letter);
				if (letter === "a") connection.pause();
				begun.resolve();
				return letter;
			},
		},
		{ serial: true },
	);
	const client = await tcp(t, port);
	client.write("abcdef");
	await begun.promise;
	const stopped = server.stop();
	t.is((await client.readToEnd()).toString(), "abcdef");
	client.socket.end();
	await stopped;
	t.deepEqual(await calls.take(7), [..."abcdef", "close 1001 stop"]);
});

test("a pack() that throws tells who sends, and costs what a handler costs that throws", async (t) => {
	const { calls, ...members } = recorded();
	const { port } = await speak<number, string>(
		t,
		{
			unpack: (_, buffer) => buffer.readByte(),
			pack(_connection, text) {
				if (text === "bad") throw new RangeError("cannot be packed");
				return text === "none" ? (undefined as never) : text;
			},
		},
		{
			...members,
			onMessage(connection, byte) {
				t.throws(() => connection.send("bad"), { instanceOf: RangeError });
				t.throws(() => connection.send("none"), { code: "ERR_GEV_DATA" });
				connection.send("good ", (error) => calls.push(`sent ${error}`));
				return byte === 0 ? "end" : "bad";
			},
		},
	);
	const client = await tcp(t, port);
	client.write(Buffer.of(0));
	t.is((await client.read(8)).toString(), "good end");
	t.is(await calls.next(), "sent undefined");
	client.write(Buffer.of(1));
	t.is((await client.readToEnd()).toString(), "good ");
	client.socket.end();
	t.deepEqual(
		(await calls.take(3)).sort(),
		["close 1011 handler", "error cannot be packed", "sent undefined"].sort(),
	);
});

test("messages are unpacked in the context of the server's start", async (t) => {
	const storage = new AsyncLocalStorage<string>();
	const seen: unknown[] = [];
	const { port } = await storage.run("start", () =>
		speak<number, string>(
			t,
			{
				unpack(_, buffer) {
					seen.push(storage.getStore());
					storage.enterWith("else");
					return buffer.readByte();
				},
				pack: (_, text) => text,
			},
			{
				onMessage() {
					seen.push(storage.getStore());
					storage.enterWith("else");
					return ".";
				},
			},
		),
	);
	const client = await tcp(t, port);
	client.write("ab");
	t.is((await client.read(2)).toString(), "..");
	t.deepEqual([...new Set(seen)], ["start"]);
});

test("a handler without onMessage has nothing unpacked", async (t) => {
	const { calls, ...members } = recorded();
	const letters = new Letters(() => {
		throw new Error("called");
	});
	const { port } = await speak(t, letters, members);
	const client = await tcp(t, port);
	client.socket.end("1111");
	await client.readToEnd();
	t.deepEqual(await calls.take(2), ["end", "close 1005 peer"]);
});

test("what is no protocol in TypeScript is refused, and so is what cannot be below one", (t) => {
	const lengths = new Lengths();
	for (const none of [undefined, null, 1, {}, { unpack: () => undefined }]) {
		t.throws(() => custom(none as never), {
			code: "ERR_GEV_OPTION",
			message: /^the protocol must be an object with the functions /,
		});
	}
	for (const over of [webSocket(), custom(lengths), { ...raw() }, "raw"]) {
		t.throws(() => custom(lengths, { over: over as never }), {
			code: "ERR_GEV_OPTION",
			message: /^over must be a protocol on TCP that is not in TypeScript/,
		});
	}
	t.throws(() => custom(lengths, { maxMessageBytes: -1 }), {
		code: "ERR_GEV_OPTION",
	});
	// What it does not name is not looked at later.
	const changed = new Lengths();
	const protocol = custom(changed);
	changed.unpack = 1 as never;
	t.is(protocol.name, "custom");
	t.notThrows(() => new Server({}, { protocol }));
});
