import { setTimeout } from "node:timers/promises";
import test from "ava";
import {
	FrameError,
	type FramesHandler,
	type FramesOptions,
	frames,
	GevError,
	Server,
} from "gev";
import { patient } from "../kit/patience.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { scene } from "./scene.js";

const lines = { end: "\n" } satisfies FramesOptions;

test("frames are messages, empty ones too, and text is sent in UTF-8", async (t) => {
	const { join } = await scene(t, { length: "u16" });
	const [client, { connection, story }] = await join();
	client.write(Buffer.from("\0\x02ab\0\0\0\x01c", "latin1"));
	await until(() => story.length === 3);
	t.deepEqual(story, [Buffer.from("ab"), Buffer.alloc(0), Buffer.from("c")]);
	connection.send("zwölf");
	connection.send(new Uint8Array(0));
	t.deepEqual(
		await client.read(10),
		Buffer.from("\0\x06zw\xc3\xb6lf\0\0", "latin1"),
	);
});

test("what is no frame is told with all that is known of it", async (t) => {
	const cases: [FramesOptions, string, RegExp, Partial<FrameError>][] = [
		[
			{ length: "u32" },
			"GET / HTTP/1.1\r\n\r\n",
			/^frame too long: 1195725856 bytes announced, at most 1048576; it begins with 47 45 54 .* "GET \/ HTTP\/1\.1\.\."; looks like HTTP$/,
			{ reason: "tooLong", limit: 1_048_576, announced: 1_195_725_856 },
		],
		[
			{ length: "u16", maxMessageBytes: 500 },
			"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03",
			/looks like a TLS ClientHello$/,
			{ reason: "tooLong", announced: 0x1603, limit: 500 },
		],
		[
			{ length: "u32" },
			"\x05\0\0\0hello",
			/in the other byte order its first four bytes are 5$/,
			{ reason: "tooLong", announced: 0x0500_0000 },
		],
		[
			{ start: "$", ...lines },
			"SSH-2.0-x\n",
			/^bytes that begin no frame; .*looks like SSH$/,
			{ reason: "noise", limit: undefined, announced: undefined },
		],
		[
			{ ...lines, maxMessageBytes: 3 },
			"abcd\n",
			/^frame too long, at most 3; it begins with 61 62 63 64 0a "abcd\."$/,
			{ reason: "tooLong", announced: undefined, limit: 3, hint: "" },
		],
	];
	for (const [options, wire, message, expected] of cases) {
		const { join } = await scene(t, options);
		const [client, { errors, closed, connection }] = await join();
		client.socket.end(Buffer.from(wire, "latin1"));
		await closed;
		const [error] = errors as [FrameError];
		t.true(error instanceof FrameError && error instanceof GevError);
		t.regex(error.message, message);
		t.like(error, { code: "ERR_GEV_FRAME", fate: "closed", ...expected });
		t.is(connection.frameErrors, 1);
	}
});

test("frames of text are strings, long ones too, and what is no UTF-8 is malformed", async (t) => {
	const { join } = await scene(
		t,
		{ ...lines, text: true, onNoise: "discard" },
		(message) => message,
	);
	const [client, { closed }] = await join();
	const long = "\u20ac".repeat(50_000);
	client.write(`zw\u00f6lf\n\n${long}\n`);
	client.write(Buffer.from(`${"x".repeat(100_000)}\xe2\x82\n\xff\n`, "latin1"));
	client.socket.end("end\n");
	const wrong = Array<string>(2).fill("discarded malformed");
	t.deepEqual(await closed, [
		...["text zw\u00f6lf", "text ", `text ${long}`],
		...[...wrong, "text end", "end", "peer"],
	]);
	t.is(`${await client.readToEnd()}`, `zw\u00f6lf\n\n${long}\nend\n`);
	t.throws(
		() =>
			frames({
				...lines,
				text: true,
				checksum: { digits: "hex", onBad: "deliver" },
			}),
		{ code: "ERR_GEV_OPTION", message: /^frames\(\): text: / },
	);
});

test("with discard it goes on, and counts, whether somebody hears of it or not", async (t) => {
	const handler: FramesHandler = {
		onMessage: (connection, message) =>
			`${message} ${connection.frameErrors}\n`.trim(),
	};
	const options = {
		...lines,
		maxMessageBytes: 20,
		onTooLong: "discard",
	} as const;
	const server = new Server(handler, {
		...{ host: "127.0.0.1", port: 0, loops: 1 },
		protocol: frames(options),
	});
	t.teardown(() => server.stop({ timeoutMs: 100 }));
	const { port } = await server.start();
	const client = await tcp(t, port);
	client.write(`a\n${"x".repeat(100)}\nb\n${"y".repeat(21)}\nc\n`);
	t.is(String(await client.read(12)), "a 0\nb 1\nc 2\n");
});

test("a long frame comes in one piece, and one that turns out to be wrong leaves nothing", async (t) => {
	const long = Buffer.alloc(300_000, "abc");
	const { server, join } = await scene(
		t,
		{ length: "u32", checksum: { as: "crc32", onBad: "discard" } },
		(message) => message,
	);
	const [client, { connection, story }] = await join();
	connection.send(long);
	const frame = await client.read(4 + long.length + 4);
	const bad = Buffer.from(frame);
	bad.writeUInt8(bad.readUInt8(100_000) ^ 1, 100_000);
	client.write(bad);
	client.write(frame);
	t.deepEqual(await client.read(frame.length), frame);
	t.deepEqual(story, ["discarded checksum", long]);
	await until(() => server.heldBytes === 0);
	t.is(connection.readBufferLength, 0);
});

test("a long frame is a message for who takes fragments of a WebSocket too, and is stepped behind", async (t) => {
	const lengths: number[] = [];
	const handler = {
		onMessage: (_: object, { length }: Buffer) => void lengths.push(length),
		onFragment: () => t.fail(),
	};
	const server = new Server(handler as object, {
		...{ host: "127.0.0.1", port: 0, loops: 1, ...patient({}) },
		protocol: frames({ length: "u32", stepwise: true }),
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	const { port } = await server.start();
	const client = await tcp(t, port);
	for (const length of [3, 200_000, 4]) {
		const frame = Buffer.alloc(4 + length);
		frame.writeUInt32BE(length);
		client.write(frame);
	}
	await until(() => lengths.length === 3);
	t.deepEqual(lengths, [3, 200_000, 4]);
});

test("escapes and checksums hold for what is long, both ways", async (t) => {
	const long = Buffer.from(
		Array.from({ length: 200_000 }, (_, at) => (at * 31) & 255),
	);
	for (const options of [
		{
			start: 0x7e,
			end: 0x7e,
			escape: { byte: 0x7d, xor: 0x20 },
			checksum: "crc16-x25",
		},
		{ end: 0, escape: "cobs", checksum: "crc32" },
		{
			start: "a",
			end: ["a", "b"][1] as string,
			length: "u24",
			checksum: "lrc",
		},
	] satisfies FramesOptions[]) {
		const { join } = await scene(t, options, (message) => message);
		const [client, { connection, story }] = await join();
		connection.send(long);
		connection.send("next");
		const sent: Buffer[] = [];
		client.socket.on("data", (bytes) => sent.push(bytes));
		await until(() => Buffer.concat(sent).length > long.length + 10);
		await setTimeout(20);
		const frames = Buffer.concat(sent);
		client.write(frames);
		await until(() => story.length === 2);
		t.deepEqual(story, [long, Buffer.from("next")]);
	}
});

test("a frame that has begun has to come to its end in time", async (t) => {
	const { join } = await scene(t, { ...lines, frameTimeoutMs: 30 });
	const [client, { closed, errors }] = await join();
	client.write("a\n");
	await setTimeout(60);
	client.write("b");
	client.socket.resume().on("end", () => client.socket.end());
	const timeout = ["closed timeout", "timeout"];
	t.deepEqual(await closed, [Buffer.from("a"), ...timeout]);
	t.regex(
		errors[0]?.message ?? "",
		/^frame not complete in time, at most 30 ms/,
	);
});

test("FIN is a goodbye between two frames only", async (t) => {
	const { join } = await scene(t, lines, (message) => message, {
		socket: { allowHalfOpen: true },
	});
	const [client, teller] = await join();
	client.write("a\n");
	client.socket.end();
	await until(() => teller.story.includes("end"));
	teller.connection.send("late");
	teller.connection.end();
	t.is(String(await client.readToEnd()), "a\nlate\n");
	t.deepEqual(await teller.closed, [Buffer.from("a"), "end", "peer"]);
	const [other, another] = await join();
	other.socket.end("a\nb");
	t.is(String(await other.readToEnd()), "a\n");
	const truncated = ["closed truncated", "protocol"];
	t.deepEqual(await another.closed, [Buffer.from("a"), ...truncated]);
});

test("what would break a frame is refused before it is sent", async (t) => {
	const refused: [FramesOptions, (string | Buffer)[], (string | Buffer)[]][] = [
		[lines, ["a\nb", Buffer.from("\n"), "x".repeat(1_048_577)], ["a\rb", ""]],
		[{ end: ["\n", "\r\n"] }, ["a\r", "\r\n", Buffer.from("a\r")], ["\ra"]],
		[{ end: "aa" }, ["ba", "aab", Buffer.from("a")], ["ab", "b"]],
		[{ end: "aba" }, ["xab", "ab", Buffer.from("xab"), "xabax"], ["xa", "b"]],
		[{ end: ["aa", "ÿ"] }, ["a", "xÿ", "xaa", Buffer.from("a")], ["b", "é"]],
		[{ end: 0xff }, [Buffer.of(1, 255)], ["ÿ", Buffer.of(254)]],
		[
			{ length: "u8" },
			["x".repeat(256), "ä".repeat(128)],
			["x".repeat(255), "ä".repeat(100)],
		],
		[
			{ length: { as: "u8", add: 2 } },
			["a", "x".repeat(258)],
			["ab", "x".repeat(257)],
		],
		[{ length: { as: "u8", unit: 4 } }, ["abc"], ["abcd", ""]],
		[{ length: { as: { decimal: 2 } } }, ["x".repeat(100)], ["x".repeat(99)]],
		[{ length: "u16", maxMessageBytes: 4 }, ["abcde"], ["abcd"]],
		[{ fixed: 3 }, ["ab", "abcd"], ["abc"]],
		[{ length: "u16", deliver: { strip: 3 } }, ["a", ""], []],
		[
			{ end: "\n", escape: { byte: "\\", map: { 110: 10, 92: 0x5c } } },
			[],
			["\n\\"],
		],
		[{ ...lines, send: "raw" }, [], ["\n\n"]],
	];
	for (const [options, wrong, right] of refused) {
		const { join } = await scene(t, options);
		const [client, { connection }] = await join();
		for (const data of wrong) {
			const what = `${JSON.stringify(options)}: ${String(data).slice(0, 20)}`;
			const error = t.throws(
				() => connection.send(data),
				{ instanceOf: GevError },
				what,
			);
			t.is(error?.code, "ERR_GEV_DATA");
			t.regex(error?.message ?? "", /^cannot be sent: /);
		}
		t.is(connection.writeBufferLength, 0);
		for (const data of right) t.notThrows(() => connection.send(data));
		client.socket.destroy();
	}
});

test("a handler whose answer would break a frame costs its connection", async (t) => {
	const { join } = await scene(t, lines, () => Buffer.from("\n"));
	const [client, { closed }] = await join();
	client.socket.end("a\n");
	t.deepEqual(await closed, [Buffer.from("a"), "handler"]);
});

test("options that cannot be say why", (t) => {
	const cases: [unknown, RegExp][] = [
		[{}, /end: a frame needs one, or a length, or to be fixed$/],
		[
			{ length: "u16", fixed: 2 },
			/fixed: a frame has either that or a length$/,
		],
		[{ end: "" }, /^end must be text or 1 to 8 bytes.*, not ""$/],
		[{ end: [] }, /^end must be an array that is not empty/],
		[{ end: ["\r", "\r\n"] }, /end: one of them begins with another one/],
		[
			{ fixed: 9, end: ["\n", "\r\n"] },
			/end: one of them ends with another one/,
		],
		[{ length: "u15" }, /^length\.as must be "u8", .*, not "u15"$/],
		[
			{ length: { as: { decimal: 21 } } },
			/^length\.as\.decimal must be .* from 1 to 20, not 21$/,
		],
		[
			{ length: { as: { decimalUntil: "0" } } },
			/decimalUntil must be no digit/,
		],
		[
			{ length: { at: 255, as: "u16" } },
			/^length\.at must be within the first 256/,
		],
		[
			{ length: { as: "u8", shift: 8 } },
			/^length\.shift must be less: nothing is left/,
		],
		[
			{ length: [{ as: "varint" }, { as: "u8" }] },
			/length\[1\]\.at: has to be given/,
		],
		[
			{ length: { at: 1, as: "u16" }, deliver: "body" },
			/deliver: "body" would lose/,
		],
		[
			{ length: "u8", maxMessageBytes: 300 },
			/maxMessageBytes: 300 is more than the length can say/,
		],
		[
			{ length: "u16", onNoise: "discard" },
			/onNoise: "discard" has to find the next frame/,
		],
		[
			{ fixed: 3, maxMessageBytes: 2 },
			/maxMessageBytes: 2 is less than every message/,
		],
		[
			{ fixed: 2, checksum: "crc32" },
			/fixed: 2 is less than start, checksum and end/,
		],
		[{ ...lines, checksum: "xor8" }, /checksum: nothing is escaped/],
		[
			{ end: "~", escape: { byte: "}", map: { 1: 0x7d } } },
			/no code for 0x7e, which an end/,
		],
		[
			{ end: "~", escape: { byte: "}", map: { 1: 0x7e } } },
			/no code for its own byte, 0x7d/,
		],
		[{ end: "~", escape: "cobs" }, /"cobs" leaves 0 free/],
		[
			{ length: "u8", escape: "cobs" },
			/escape: nothing is escaped in frames whose length/,
		],
		[
			{ ...lines, deliver: { strip: 0, stripEnd: 0, x: 1 } },
			/^deliver must be "body"/,
		],
		[
			{ start: "ab", ...lines, deliver: { strip: 1 } },
			/cannot be stripped in part/,
		],
		[{ start: "\n\n", end: "\n\n" }, /need one byte for both/],
		[{ ...lines, first: {} }, /frames\(\): first\.end: a frame needs one/],
		[
			{ ...lines, cases: [{ equals: "a" }] },
			/frames\(\): cases\[0\]\.end: a frame needs one/,
		],
		[
			{ ...lines, cases: [{ equals: "a", mask: 1, end: "x" }] },
			/cases\[0\]\.equals must be without bits/,
		],
		[
			{ ...lines, cases: [{ equals: "ab", mask: 1, end: "x" }] },
			/cases\[0\]\.mask must be as long/,
		],
		[
			{ ...lines, cases: [{ equals: "a", at: 256, end: "x" }] },
			/cases\[0\]\.at must be/,
		],
		[
			{ ...lines, cases: [{ equals: "a", start: "x", end: "x" }] },
			/cases\[0\]\.start is not an option/,
		],
		[{ endd: "\n" }, /^frames\(\)\.endd is not an option/],
	];
	for (const [options, message] of cases) {
		const error = t.throws(() => frames(options as FramesOptions), {
			instanceOf: GevError,
			message,
		});
		t.is(error?.code, "ERR_GEV_OPTION");
	}
});

test("floods of empty frames and noise for ever harm nobody", async (t) => {
	const { join } = await scene(t, {
		start: "##",
		...lines,
		onNoise: "discard",
		maxSkipBytes: 100_000,
	});
	const [flooding, flooded] = await join();
	const frame = Buffer.from("##\n".repeat(20_000));
	flooding.write(frame);
	const [noisy, annoyed] = await join();
	const noise = Buffer.alloc(60_000, "#!");
	noisy.socket.on("close", () => noisy.socket.destroy());
	for (let i = 0; i < 3; i++) noisy.write(noise);
	noisy.socket.end();
	t.deepEqual(await annoyed.closed, ["closed noise", "limit"]);
	t.like(annoyed.errors[0], { limit: 100_000 });
	await until(() => flooded.story.length === 20_000);
	t.true(flooded.story.every((it) => Buffer.isBuffer(it) && it.length === 0));
});
