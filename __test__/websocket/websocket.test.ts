import test from "ava";
import { webSocket } from "gev";
import {
	BINARY,
	CLOSE,
	CONTINUATION,
	closeFrame,
	frame,
	PING,
	PONG,
	readClose,
	readFrame,
	TEXT,
	UPGRADE,
	upgraded,
} from "../kit/frames.js";
import { Recorder } from "../kit/recorder.js";
import { scene, ways } from "../kit/scene.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";

test("a conversation byte by byte comes to the same as in one piece", async (t) => {
	const start = Buffer.concat([
		Buffer.from(UPGRADE),
		frame(PING, "first"),
		frame(TEXT, ""),
		frame(TEXT, "grüße 👋"),
		// The cut goes through a character.
		frame(TEXT, Buffer.from("grüße 👋").subarray(0, 10), { fin: false }),
		frame(PING, "between"),
		frame(CONTINUATION, "", { fin: false }),
		frame(CONTINUATION, Buffer.from("grüße 👋").subarray(10)),
		frame(PONG, "nobody asked"),
		frame(BINARY, Buffer.alloc(300, "16 bits of length ")),
	]);
	const long = frame(BINARY, Buffer.alloc(70_000, "64 bits of length "));
	const end = Buffer.concat([
		frame(PING, Buffer.alloc(125, "last ")),
		closeFrame(4000, "grüße 👋"),
	]);
	const outcomes = [];
	for (const [, send] of ways) {
		const recorder = new Recorder();
		const { port } = await serve(t, recorder);
		const client = await tcp(t, port);
		await send(client, start);
		await send(client, long.subarray(0, 100));
		client.write(long.subarray(100));
		await send(client, end);
		const received = (await client.readToEnd()).toString("latin1");
		client.socket.end();
		const calls = (await recorder.calls.take(7)).map(
			({ connection, ...call }) => call,
		);
		outcomes.push({ received: received.replace(/^Date: .*\r\n/m, ""), calls });
	}
	t.deepEqual(outcomes[1], outcomes[0]);
	const [outcome] = outcomes;
	t.deepEqual(
		outcome?.calls.map((call) =>
			"message" in call ? call.message : call.name,
		),
		[
			"connect",
			"",
			"grüße 👋",
			"grüße 👋",
			Buffer.alloc(300, "16 bits of length "),
			Buffer.alloc(70_000, "64 bits of length "),
			"close",
		],
	);
	t.regex(outcome?.received ?? "", /first.*between.*last/s);
});

test("a ping is answered by a pong with its payload, also inside a message", async (t) => {
	const { recorder, port, undisturbed } = await scene(t);
	const client = await upgraded(t, port);
	await recorder.next("connect");
	const bytes = Buffer.from(
		Uint8Array.from({ length: 125 }, (_, at) => 255 - at),
	);
	for (const payload of [bytes.subarray(0, 0), bytes.subarray(0, 1), bytes]) {
		client.write(frame(PING, payload));
		const pong = { fin: true, opcode: PONG, payload };
		t.deepEqual(await readFrame(client), pong);
		client.write(frame(BINARY, "a", { fin: false }));
		client.write(frame(PONG, "nobody asked"));
		client.write(frame(PING, payload));
		t.deepEqual(await readFrame(client), pong);
		client.write(frame(CONTINUATION, "b"));
		const { message } = await recorder.next("message");
		t.deepEqual(message, Buffer.from("ab"));
	}
	await undisturbed();
	client.write(closeFrame(1000));
	t.like(await readClose(client), { code: 1000 });
});

/** A frame with a key of zeros, by its bytes. */
const hex = (digits: string) => Buffer.from(digits.replaceAll(" ", ""), "hex");
const unfinished = { fin: false };
const inMessage = (...frames: Buffer[]) =>
	Buffer.concat([frame(TEXT, "half a message", unfinished), ...frames]);

/** What no client may send, with the code that it is told. Nothing follows that could help the server to decide. */
const violations: Record<string, [code: number, bytes: Buffer]> = {
	"a text frame that is not masked": [
		1002,
		frame(TEXT, "x", { masked: false }),
	],
	"a ping that is not masked": [1002, frame(PING, "", { masked: false })],
	"a continuation without a message": [1002, frame(CONTINUATION, "x")],
	"a text message inside another": [1002, inMessage(frame(TEXT, "x"))],
	"a binary message inside another": [1002, inMessage(frame(BINARY, "x"))],
	"125 bytes with a length of 16 bits": [1002, hex("82 fe 007d 00000000")],
	"no bytes with a length of 16 bits": [1002, hex("82 fe 0000 00000000")],
	"65,535 bytes with a length of 64 bits": [
		1002,
		hex("82 ff 000000000000ffff"),
	],
	"no bytes with a length of 64 bits": [1002, hex("82 ff 0000000000000000")],
	"a length with the most significant bit": [
		1002,
		hex("82 ff 8000000000000000"),
	],
	"text with a character that is cut": [1007, frame(TEXT, hex("636166c3"))],
	"text with a surrogate": [1007, frame(TEXT, hex("eda080"))],
	"text with an overlong character": [1007, frame(TEXT, hex("c0af"))],
	"text beyond U+10FFFF": [1007, frame(TEXT, hex("f4908080"))],
	"text that is wrong in a frame that is not complete": [
		1007,
		frame(TEXT, hex("6f6bff00000000")).subarray(0, 9),
	],
	"text that is wrong in a fragment of a message that is not complete": [
		1007,
		inMessage(frame(CONTINUATION, hex("ff"), unfinished)),
	],
	"a character that is wrong across fragments": [
		1007,
		inMessage(
			frame(CONTINUATION, hex("f09f"), unfinished),
			frame(CONTINUATION, hex("41"), unfinished),
		),
	],
	"a character that is cut at the end of the last fragment": [
		1007,
		inMessage(frame(CONTINUATION, hex("f09f91"))),
	],
	"a close frame of one byte": [1002, frame(CLOSE, hex("03"))],
	"a close reason that is not UTF-8": [1007, frame(CLOSE, hex("03e8 ff"))],
	"a message over maxMessageBytes, by its header": [
		1009,
		frame(BINARY, Buffer.alloc(1001)).subarray(0, 8),
	],
	"fragments over maxMessageBytes together, by their headers": [
		1009,
		inMessage(frame(CONTINUATION, Buffer.alloc(987)).subarray(0, 8)),
	],
	"the largest length that there is": [
		1009,
		hex("82 ff 7fffffffffffffff 00000000"),
	],
	"more than maxFragments, empty ones counted": [
		1009,
		inMessage(
			frame(CONTINUATION, "", unfinished),
			frame(CONTINUATION, "", unfinished),
			frame(CONTINUATION, ""),
		),
	],
};
for (const rsv of [1, 2, 4, 7]) {
	violations[`reserved bits ${rsv}`] = [1002, frame(TEXT, "x", { rsv })];
}
for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
	violations[`reserved opcode ${opcode}`] = [1002, frame(opcode, "x")];
}
for (const [name, opcode] of Object.entries({ CLOSE, PING, PONG })) {
	violations[`a ${name} frame in fragments`] = [
		1002,
		frame(opcode, "", unfinished),
	];
	violations[`a ${name} frame of 126 bytes`] = [
		1002,
		frame(opcode, Buffer.alloc(126)),
	];
}
for (const code of [
	0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
]) {
	violations[`close code ${code}`] = [1002, closeFrame(code)];
}

for (const [title, [code, bytes]] of Object.entries(violations)) {
	test(`${title} ends the connection with ${code} and disturbs no other`, async (t) => {
		const { recorder, port, undisturbed } = await scene(t, {
			protocol: webSocket({ maxMessageBytes: 1000, maxFragments: 3 }),
		});
		for (const [way, send] of ways) {
			const client = await upgraded(t, port);
			await recorder.next("connect");
			await send(client, bytes);
			const close = await readClose(client);
			t.is(close.code, code, way);
			client.write(frame(TEXT, "too late"));
			client.write(frame(PING, "too late"));
			t.is((await client.readToEnd()).length, 0);
			client.socket.end();
			t.deepEqual((await recorder.next("close")).reason, {
				code,
				reason: close.reason,
				cause: code === 1009 ? "limit" : "protocol",
				wasClean: false,
			});
			await undisturbed();
		}
	});
}

test("nothing behind a violation in the same piece is looked at, and what is before it is delivered", async (t) => {
	const { recorder, port, undisturbed } = await scene(t);
	const client = await upgraded(t, port);
	await recorder.next("connect");
	client.write(
		Buffer.concat([
			frame(TEXT, "before"),
			frame(TEXT, "x", { rsv: 1 }),
			frame(TEXT, "behind"),
			frame(PING, "behind"),
			closeFrame(4000),
		]),
	);
	t.is((await recorder.next("message")).message, "before");
	t.like(await readClose(client), { code: 1002 });
	t.is((await client.readToEnd()).length, 0);
	client.socket.end();
	t.like((await recorder.next("close")).reason, { code: 1002 });
	await undisturbed();
});

test("messages exactly at the limits are delivered", async (t) => {
	const { recorder, port, undisturbed } = await scene(t, {
		protocol: webSocket({ maxMessageBytes: 1000, maxFragments: 3 }),
	});
	const whole = Buffer.alloc(1000, "at the limit ");
	for (const [, send] of ways) {
		const client = await upgraded(t, port);
		await recorder.next("connect");
		for (const lengths of [[1000], [999, 1], [500, 0, 500], [0, 0, 1000]]) {
			let at = 0;
			for (const [index, length] of lengths.entries()) {
				await send(
					client,
					frame(
						index === 0 ? BINARY : CONTINUATION,
						whole.subarray(at, at + length),
						{ fin: index === lengths.length - 1 },
					),
				);
				at += length;
				// Control frames are no fragments.
				client.write(frame(PONG, Buffer.alloc(125)));
			}
			t.deepEqual((await recorder.next("message")).message, whole);
		}
		client.write(closeFrame(1000));
		t.like(await readClose(client), { code: 1000 });
		client.socket.end();
		await recorder.next("close");
	}
	await undisturbed();
});

test("by default a message has up to 16 MiB and 16,384 fragments, and with 0 more", async (t) => {
	const size = 16 * 1024 * 1024;
	const count = 16_384;
	const header = frame(BINARY, Buffer.alloc(size + 1));
	const first = frame(BINARY, "", unfinished);
	const next = frame(CONTINUATION, "", unfinished);
	const fragments = (count: number) =>
		Buffer.concat([
			first,
			...Array<Buffer>(count - 2).fill(next),
			frame(CONTINUATION, "last"),
		]);
	const { recorder, port } = await scene(t);
	for (const [allowed, excessive] of [
		[frame(BINARY, Buffer.alloc(size)), header.subarray(0, 14)],
		[fragments(count), fragments(count + 1)],
	] as const) {
		const client = await upgraded(t, port);
		await recorder.next("connect");
		client.write(allowed);
		await recorder.next("message");
		client.write(excessive);
		t.like(await readClose(client), { code: 1009 });
		client.socket.end();
		await recorder.next("close");
	}
	const unlimited = await scene(t, {
		protocol: webSocket({ maxMessageBytes: 0, maxFragments: 0 }),
	});
	const client = await upgraded(t, unlimited.port);
	await unlimited.recorder.next("connect");
	for (const [bytes, length] of [
		[header, size + 1],
		[fragments(count + 1), 4],
	] as const) {
		client.write(bytes);
		const { message } = await unlimited.recorder.next("message");
		t.is(message.length, length);
	}
});

test("every close code that a client may send reaches onClose and comes back", async (t) => {
	const { recorder, port, undisturbed } = await scene(t);
	for (const code of [
		...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014],
		...[3000, 3999, 4000, 4999],
	]) {
		for (const reason of ["", `ended with ${code} 👋`, "x".repeat(123)]) {
			const client = await upgraded(t, port);
			await recorder.next("connect");
			client.write(closeFrame(code, reason));
			t.is((await readClose(client)).code, code);
			t.is((await client.readToEnd()).length, 0);
			client.socket.end();
			t.deepEqual((await recorder.next("close")).reason, {
				code,
				reason,
				cause: "peer",
				wasClean: true,
			});
		}
	}
	await undisturbed();
});

test("a close frame without a code is answered by one without a code", async (t) => {
	const { recorder, port, undisturbed } = await scene(t);
	const client = await upgraded(t, port);
	await recorder.next("connect");
	client.write(frame(CLOSE));
	t.deepEqual(await readFrame(client), {
		fin: true,
		opcode: CLOSE,
		payload: Buffer.alloc(0),
	});
	t.is((await client.readToEnd()).length, 0);
	client.socket.end();
	const { reason } = await recorder.next("close");
	t.like(reason, { code: 1005, cause: "peer", wasClean: true });
	await undisturbed();
});

test("what a client sends behind its close frame is ignored", async (t) => {
	const { recorder, port, undisturbed } = await scene(t);
	for (const late of [
		frame(TEXT, "late"),
		frame(PING, "late"),
		frame(TEXT, "late", { rsv: 7, masked: false }),
		closeFrame(4001, "late"),
		Buffer.alloc(1_000_000, "no frames at all"),
	]) {
		const client = await upgraded(t, port);
		await recorder.next("connect");
		client.write(Buffer.concat([closeFrame(4000, "first"), late]));
		t.is((await readClose(client)).code, 4000);
		client.write(late);
		t.is((await client.readToEnd()).length, 0);
		client.socket.end();
		const { reason } = await recorder.next("close");
		t.like(reason, { code: 4000, reason: "first", wasClean: true });
		await undisturbed();
	}
});

test("what a client sends between the server's close frame and its own is not delivered", async (t) => {
	const { recorder, port, undisturbed } = await scene(t);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	client.write(frame(TEXT, "half of a message that ", unfinished));
	await until(() => connection.readBufferLength > 0);
	connection.close(4000, "enough");
	t.deepEqual(await readClose(client), { code: 4000, reason: "enough" });
	client.write(frame(CONTINUATION, "is not delivered"));
	client.write(frame(TEXT, "nor is this"));
	client.write(frame(PING, "nor is this answered"));
	client.write(closeFrame(4001, "ignored"));
	t.is((await client.readToEnd()).length, 0);
	client.socket.end();
	t.deepEqual((await recorder.next("close")).reason, {
		code: 4000,
		reason: "enough",
		cause: "local",
		wasClean: true,
	});
	await undisturbed();
});
