import { randomInt } from "node:crypto";
import test from "ava";
import { type CloseReason, type FrameError, jsonStream, Server } from "gev";
import { patient } from "../kit/patience.js";
import { promised } from "../kit/promised.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

const values = [
	{},
	[],
	{ text: '}]"\\', more: [{ a: [] }, "€𝄞"] },
	["x".repeat(200_000), { ü: "ö".repeat(70_000) }],
];

for (const between of ["", "\n", " \r\n\t", "\x1e"]) {
	test(`JSON texts with ${JSON.stringify(between)} between them are messages`, async (t) => {
		const texts = values.map((value) => JSON.stringify(value));
		const got: string[] = [];
		const { port } = await serve(
			t,
			{
				onMessage(_connection, message) {
					got.push(message as string);
					return message;
				},
				onEnd: (connection) => connection.end(),
			},
			{ protocol: jsonStream() },
		);
		const client = await tcp(t, port);
		const bytes = Buffer.from(texts.join(between) + between);
		for (let at = 0; at < bytes.length; ) {
			const end = at + randomInt(1, 100_000);
			client.socket.write(bytes.subarray(at, end));
			at = end;
		}
		client.socket.end();
		const echoed = await client.readToEnd();
		t.deepEqual(
			got.map((text) => JSON.parse(text)),
			values,
		);
		t.is(echoed.toString(), texts.join(""));
	});
}

const wrong: [what: string, bytes: Buffer, code: number, cause: string][] = [
	["a number", Buffer.from("12 "), 1002, "protocol"],
	["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n"), 1002, "protocol"],
	["half a character", Buffer.from('["\xc3"]', "latin1"), 1007, "protocol"],
	["a text that is too long", Buffer.alloc(1001, "["), 1009, "limit"],
];

for (const [what, bytes, code, cause] of wrong) {
	test(`${what} ends a stream of JSON texts, and no other connection`, async (t) => {
		let closed = (_: CloseReason) => {};
		const reason = new Promise<CloseReason>((resolve) => {
			closed = resolve;
		});
		const { port } = await serve(
			t,
			{
				onMessage: (_connection, message) => message,
				onClose: (_connection, reason) => closed(reason),
			},
			{ protocol: jsonStream({ maxMessageBytes: 1000 }) },
		);
		const other = await tcp(t, port);
		const client = await tcp(t, port);
		client.socket.write(Buffer.concat([Buffer.from("[1]"), bytes]));
		t.is((await client.readToEnd()).toString(), "[1]");
		client.socket.end();
		other.socket.write("[2]");
		t.is((await other.read(3)).toString(), "[2]");
		t.like(await reason, { code, cause });
	});
}

const told: [what: string, bytes: Buffer, reason: string, head: string][] = [
	[
		"a text that is too long",
		Buffer.alloc(1001, "["),
		"tooLong",
		"[".repeat(16),
	],
	[
		"what is no text",
		Buffer.from("GET / HTTP/1.1\r\n"),
		"malformed",
		"GET / HTTP/1.1\r\n",
	],
	[
		"what is not UTF-8",
		Buffer.from('{"a":"\xff"}', "latin1"),
		"malformed",
		'{"a":"\xff"}',
	],
	[
		"half a text at the end",
		Buffer.from('{"a":[1,2,3],"b"'),
		"truncated",
		'{"a":[1,2,3],"b"',
	],
	["a bracket at the end", Buffer.from("{"), "truncated", "{"],
];

for (const [what, bytes, reason, head] of told) {
	test(`${what} is told to onFrameError`, async (t) => {
		const errors: FrameError[] = [];
		const ends: string[] = [];
		const closed = promised<CloseReason>();
		const server = new Server(
			{
				onMessage: (_, text) => text,
				onFrameError: (_, error) => void errors.push(error),
				onEnd: () => void ends.push("end"),
				onClose: (_, reason) => closed.resolve(reason),
			},
			{
				...{ host: "127.0.0.1", port: 0, loops: 1 },
				...patient({}),
				protocol: jsonStream({ maxMessageBytes: 1000 }),
			},
		);
		t.teardown(() => server.stop({ timeoutMs: 1000 }));
		const { port } = await server.start();
		const client = await tcp(t, port);
		client.socket.end(Buffer.concat([Buffer.from("[1] "), bytes]));
		t.is((await client.readToEnd()).toString(), "[1]");
		const { cause } = await closed.promise;
		t.is(cause, reason === "tooLong" ? "limit" : "protocol");
		t.like(errors, { length: 1, 0: { reason, fate: "closed" } });
		t.is(errors[0]?.head.toString("latin1"), head);
		t.deepEqual(ends, []);
	});
}
