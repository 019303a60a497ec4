import test from "ava";
import {
	type CustomProtocol,
	type FrameError,
	frames,
	jsonStream,
	type RingBuffer,
} from "gev";
import { promised } from "../kit/promised.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { recorded, speak } from "./lengths.js";

/** A message is a letter and the digits behind it; a dash is passed over. */
class Digits implements CustomProtocol<string, string> {
	/** How many bytes were there when it was asked. */
	readonly lengths: number[] = [];

	unpack(_connection: object, buffer: RingBuffer): string | undefined {
		this.lengths.push(buffer.length);
		if (buffer.length === 0) return "empty";
		if (buffer.peekUint8() === 0x2d) {
			buffer.retrieve(1);
			return undefined;
		}
		const length = 1 + Number(String.fromCharCode(buffer.peekUint8() ?? 0));
		if (buffer.length < length) return undefined;
		return buffer.read(length).toString();
	}

	pack(_connection: object, text: string): string {
		return `(${text})`;
	}
}

const echo = { onMessage: (_: unknown, text: string) => text };
const lines = frames({ end: "\n" });

test("messages that were cut below are unpacked one at a time, wherever the bytes are cut", async (t) => {
	const wire = "2ab\n\n0\n-1x--0-\n-\n3abc\n";
	const echoed = "(2ab)\n(empty)\n(0)\n(1x)\n(0)\n(3abc)\n";
	for (let at = 0; at <= wire.length; at++) {
		const digits = new Digits();
		const { port } = await speak(t, digits, echo, { over: lines });
		const client = await tcp(t, port);
		client.write(wire.slice(0, at));
		await new Promise((resolve) => setImmediate(resolve));
		client.write(wire.slice(at));
		t.is((await client.read(echoed.length)).toString(), echoed);
		t.deepEqual(digits.lengths, [3, 0, 1, 7, 6, 4, 3, 2, 1, 1, 4]);
		client.socket.destroy();
	}
});

test("what is left of a message that was cut is malformed, and nothing is joined to it", async (t) => {
	for (const [bytes, rest] of [
		["3ab\nc\n", "3ab"],
		["0-5abc\n", "5abc"],
	] as const) {
		const { calls, onFrameError, ...members } = recorded();
		const told: FrameError[] = [];
		const { server, port } = await speak(
			t,
			new Digits(),
			{
				...members,
				...echo,
				onFrameError(connection, error) {
					told.push(error);
					onFrameError(connection as never, error);
				},
			},
			{ over: lines },
		);
		const client = await tcp(t, port);
		client.write(`1x\n${bytes}`);
		const answered = bytes.startsWith("0") ? "(1x)\n(0)\n" : "(1x)\n";
		t.is((await client.readToEnd()).toString(), answered);
		client.socket.end();
		t.deepEqual(await calls.take(2), [
			"closed malformed",
			"close 1002 protocol",
		]);
		t.is(told[0]?.head.toString(), rest);
		t.is(server.heldBytes, 0);
	}
});

test("messages of JSON are bytes to who unpacks them", async (t) => {
	const json: CustomProtocol<{ n: number; text: string }, unknown> = {
		unpack: (_, buffer) =>
			JSON.parse(buffer.read(buffer.length).toString()) as never,
		pack: (_, value) => JSON.stringify(value),
	};
	const { calls, ...members } = recorded();
	const { port } = await speak(
		t,
		json,
		{ ...members, onMessage: (_, { n, text }) => [n + 1, text] },
		{ over: jsonStream() },
	);
	const client = await tcp(t, port);
	const long = "€".repeat(100_000);
	await client.trickle('{"n":1,"text":"ä"} ');
	client.write(JSON.stringify({ n: 2, text: long }));
	const echoed = `[2,"ä"][3,"${long}"]`;
	const length = Buffer.byteLength(echoed);
	t.is((await client.read(length)).toString(), echoed);
	client.socket.end('{"n":');
	await client.readToEnd();
	t.deepEqual(await calls.take(2), ["closed truncated", "close 1002 protocol"]);
	const other = await tcp(t, port);
	other.write("[}");
	await other.readToEnd();
	other.socket.end();
	t.regex(await calls.next(), /^error .*JSON/);
	t.is(await calls.next(), "close 1002 protocol");
});

test("what is wrong below is told, and what is too long for the protocol above", async (t) => {
	const { calls, ...members } = recorded();
	const over = frames({ end: "\n", maxMessageBytes: 8 });
	const handler = { ...members, ...echo };
	const options = { over, maxMessageBytes: 3 };
	const { port } = await speak(t, new Digits(), handler, options);
	for (const bytes of ["8abcdefgh\n", "3abc\n", "5abc"]) {
		const client = await tcp(t, port);
		client.socket.end(`2xy\n${bytes}`);
		t.is((await client.readToEnd()).toString(), "(2xy)\n");
	}
	const closed = (await calls.take(6)).sort();
	t.deepEqual(closed, [
		"close 1002 protocol",
		"close 1009 limit",
		"close 1009 limit",
		"closed tooLong",
		"closed tooLong",
		"closed truncated",
	]);
});

test("a message that holds several waits with its rest for the handler", async (t) => {
	const got: string[] = [];
	let release = promised();
	const { port } = await speak(
		t,
		new Digits(),
		{
			async onMessage(_, text) {
				got.push(text);
				await release.promise;
				return text;
			},
		},
		{ over: lines, serial: true },
	);
	const client = await tcp(t, port);
	client.write("0001a\n0\n");
	const expected = ["0", "0", "0", "1a", "0"];
	for (const [index, text] of expected.entries()) {
		const { resolve } = release;
		if (index === 0) await until(() => got.length === 1);
		t.is(got.length, index + 1);
		release = promised();
		resolve();
		t.is((await client.read(text.length + 3)).toString(), `(${text})\n`);
	}
	t.deepEqual(got, expected);
});

test("what is promised goes out before a connection that ends within a message is closed", async (t) => {
	const { calls, ...members } = recorded();
	const ended = promised();
	const { port } = await speak(t, new Digits(), {
		...members,
		onFrameError(connection, error) {
			members.onFrameError(connection as never, error);
			ended.resolve();
		},
		async onMessage(_, text) {
			await ended.promise;
			await new Promise((resolve) => setImmediate(resolve));
			return text;
		},
	});
	const client = await tcp(t, port);
	client.socket.end("1a5abc");
	t.is((await client.readToEnd()).toString(), "(1a)");
	t.deepEqual(await calls.take(2), ["closed truncated", "close 1002 protocol"]);
});
