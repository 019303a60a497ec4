import { once } from "node:events";
import test from "ava";
import fc from "fast-check";
import {
	type Connection,
	custom,
	type Decoder,
	FrameError,
	type FrameFault,
	frames,
	jsonStream,
	Protocol,
	type RingBuffer,
	raw,
	SendStatus,
	Server,
	type StreamProtocol,
	webSocket,
} from "gev";
import { loops } from "../kit/loops.js";
import { openSocket } from "../kit/tcp-client.js";
import { bodies, decoded } from "./cut-by-hand.js";
import { Lengths } from "./lengths.js";
import { presets } from "./presets.js";
import { protocols } from "./protocols.js";

for (const [name, protocol] of Object.entries({ ...protocols, ...presets })) {
	const { framing, wire, messages, isEchoed = true } = protocol;
	test(`${name}: a decoder has the messages of its document, an encoder its bytes`, (t) => {
		const framed = framing instanceof Protocol ? framing : frames(framing);
		for (let cut = 0; cut <= wire.length; cut++) {
			t.deepEqual(decoded(framed.decoder(), wire, [cut]), messages, `${cut}`);
		}
		const each = Array.from(wire.keys());
		t.deepEqual(decoded(framed.decoder(), wire, each), messages);
		if (!isEchoed) return;
		t.deepEqual(Buffer.concat(messages.map((it) => framed.encode(it))), wire);
		const half = framed.decoder();
		half.push(wire.subarray(0, -1));
		t.throws(() => half.end(), { instanceOf: FrameError });
	});
}

/** Protocols, each with what it sends of a text. */
const kinds: [
	string,
	StreamProtocol<never, unknown, never>,
	fc.Arbitrary<unknown>,
][] = [
	["lengths", frames({ length: "u32" }) as never, bodies(200_000)],
	[
		"escapes",
		frames({
			start: "~",
			end: "~",
			escape: { byte: "}", xor: 0x20 },
			checksum: "crc16-x25",
			maxMessageBytes: 0,
		}) as never,
		bodies(70_000).filter((it) => it.length > 0),
	],
	["COBS", frames({ end: 0, escape: "cobs" }) as never, bodies(2000)],
	[
		"JSON",
		jsonStream() as never,
		fc.array(fc.jsonValue()).map((it) => JSON.stringify(it)),
	],
	["TypeScript", custom(new Lengths()) as never, bodies(2000)],
	[
		"TypeScript over frames",
		custom(new Lengths(), { over: frames({ length: "u32" }) }) as never,
		bodies(2000),
	],
];

for (const [name, protocol, messages] of kinds) {
	test(`what ${name} encode, they decode, wherever it is cut`, (t) => {
		const property = fc.property(
			fc.array(messages, { maxLength: 8 }),
			fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
			(sent, cuts) => {
				const bytes = Buffer.concat(
					sent.map((it) => protocol.encode(it as never)),
				);
				const places = cuts.map((it) => Math.floor(it * bytes.length));
				const isSame = (came: unknown[]) =>
					came.length === sent.length &&
					came.every((it, n) =>
						Buffer.from(it as Buffer).equals(Buffer.from(sent[n] as Buffer)),
					);
				return (
					isSame(decoded(protocol.decoder(), bytes, places)) &&
					isSame(decoded(protocol.decoder(), bytes, []))
				);
			},
		);
		t.notThrows(() => fc.assert(property, { numRuns: 60 }));
	});
}

test("what is encoded is what a server sends, and what it sends is decoded", async (t) => {
	const protocol = frames({
		start: "<",
		end: ">",
		checksum: { as: "crc32", digits: "hex" },
	});
	const server = new Server(
		{ onMessage: (_, message) => message },
		{ host: "127.0.0.1", port: 0, ...loops(1), protocol },
	);
	t.teardown(() => server.stop());
	const { port } = await server.start();
	const socket = openSocket(port);
	t.teardown(() => socket.destroy());
	await once(socket, "connect");
	const sent = ["", "one", "two".repeat(1000)];
	const bytes = Buffer.concat(sent.map((text) => protocol.encode(text)));
	socket.end(bytes);
	const decoder = protocol.decoder();
	const came: string[] = [];
	const all: Buffer[] = [];
	for await (const chunk of socket) {
		all.push(chunk as Buffer);
		came.push(...decoder.push(chunk as Buffer).map(String));
	}
	decoder.end();
	t.deepEqual(came, sent);
	t.deepEqual(Buffer.concat(all), bytes);
});

test("what is wrong is thrown behind the messages before it, and again and again", (t) => {
	const protocol = frames({ length: "u8", maxMessageBytes: 3 });
	for (const cut of [[], [1], [2], [3]]) {
		const decoder = protocol.decoder();
		const bytes = Buffer.from("\x01a\x04bcde\x01f", "latin1");
		const messages: string[] = [];
		const error = t.throws<FrameError>(() => {
			const pieces = [0, ...cut].map((from, index) =>
				bytes.subarray(from, cut[index] ?? bytes.length),
			);
			for (const piece of pieces)
				messages.push(...decoder.push(piece).map(String));
			decoder.end();
		});
		t.deepEqual(messages, ["a"]);
		t.like(error, {
			reason: "tooLong",
			fate: "closed",
			limit: 3,
			announced: 4,
		});
		t.throws(() => decoder.end(), { is: error });
		t.is(decoder.frameErrors, 1);
	}
});

test("what is left out is counted, and told to who wants to know", (t) => {
	const protocol = frames({ start: "$", end: "\n", onNoise: "discard" });
	const strict = protocol.decoder();
	t.deepEqual(strict.push("noise$a\nmore$b\n").map(String), ["a", "b"]);
	t.is(strict.frameErrors, 2);
	const told: FrameError[] = [];
	const decoder = protocol.decoder({
		onFrameError: (it) => void told.push(it),
	});
	t.deepEqual(decoder.push("noise$a\nmore$b\n$c").map(String), ["a", "b"]);
	decoder.end();
	const reasons = told.map(({ reason, fate }) => `${fate} ${reason}`);
	const noise = "discarded noise";
	t.deepEqual(reasons, [noise, noise, "closed truncated"]);
	t.is(told[0]?.skipped, 5);
});

test("half a message at the end, and what comes behind the end", (t) => {
	const half: [Decoder<unknown>, string][] = [
		[frames({ end: "\n" }).decoder(), "a"],
		[frames({ length: "u32" }).decoder(), "\0\x01\xff\xffx"],
		[jsonStream().decoder(), '{"a":'],
		[custom(new Lengths()).decoder(), "\0\0\0"],
		[custom(new Lengths(), { over: frames({ end: "\n" }) }).decoder(), "a"],
	];
	for (const [decoder, bytes] of half) {
		t.deepEqual(decoder.push(Buffer.from(bytes, "latin1")), []);
		const error = { instanceOf: FrameError };
		t.is(t.throws<FrameError>(() => decoder.end(), error).reason, "truncated");
		t.throws(() => decoder.push("b"), { code: "ERR_GEV_STATE" });
	}
	const whole = raw().decoder();
	t.deepEqual(whole.push("all").map(String), ["all"]);
	t.deepEqual(whole.push(""), []);
	whole.end();
	whole.end();
});

test("JSON texts that are none, or too long", (t) => {
	const wrong: [string | Buffer, FrameFault][] = [
		["[1]x", "malformed"],
		["[1][12345]", "tooLong"],
		[Buffer.from('[1]["\xff"]', "latin1"), "malformed"],
	];
	for (const [bytes, reason] of wrong) {
		const decoder = jsonStream({ maxMessageBytes: 5 }).decoder();
		t.deepEqual(decoder.push(bytes), ["[1]"]);
		t.is(t.throws<FrameError>(() => decoder.push("[]")).reason, reason);
	}
});

test("a protocol in TypeScript has limits, and may throw, and has somebody to ask", (t) => {
	const seen: unknown[] = [];
	const protocol = custom(
		{
			unpack(connection: Connection, buffer: RingBuffer) {
				seen.push(connection.connected, connection.send("x"));
				connection.close();
				connection.end();
				connection.destroy();
				connection.shutdownWrite();
				connection.pause();
				connection.corked(() => connection.ping());
				const length = buffer.peekUint8();
				if (length === 0xff) throw new RangeError("never");
				if (length === 0xfe) return "nothing was taken";
				if (length === undefined || buffer.length <= length) return undefined;
				buffer.retrieve(1);
				return buffer.read(length).toString();
			},
			pack: (_, text: string) => String.fromCharCode(text.length) + text,
		},
		{ maxMessageBytes: 4 },
	);
	t.is(protocol.encode("abc").toString(), "\x03abc");
	const decoder = protocol.decoder();
	t.deepEqual(decoder.push("\x01a\x00\x02b"), ["a", ""]);
	t.deepEqual(decoder.push("c"), ["bc"]);
	t.deepEqual(seen.slice(0, 2), [false, SendStatus.Closed]);
	t.deepEqual(decoder.push(Buffer.of(1, 97, 0xff)), ["a"]);
	t.throws(() => decoder.push("a"), { instanceOf: RangeError });
	const lazy = protocol.decoder();
	t.throws(() => lazy.push(Buffer.of(0xfe)), { code: "ERR_GEV_PROTOCOL" });
	const long = protocol.decoder();
	t.deepEqual(long.push("\x01a\x05bcdef"), ["a"]);
	const error = t.throws<FrameError>(() => long.end());
	t.like(error, { reason: "tooLong", limit: 4 });
});

test("what cannot be sent cannot be encoded, and what is no bytes cannot be decoded", (t) => {
	const lines = frames({ end: "\n" });
	const data = { code: "ERR_GEV_DATA" };
	t.throws(() => lines.encode("a\nb"), data);
	t.throws(() => lines.encode(1 as never), data);
	t.throws(() => frames({ length: "u8" }).encode(Buffer.alloc(256)), data);
	t.throws(() => custom(new Lengths(), { over: lines }).encode("\n"), data);
	for (const wrong of [undefined, 1, {}, [1], null]) {
		t.throws(() => lines.decoder().push(wrong as never), data);
	}
	t.throws(() => lines.decoder({ onFrameError: 1 as never }), {
		code: "ERR_GEV_OPTION",
	});
});

test("a decoder keeps copies, and gives them", (t) => {
	const decoder = frames({ length: "u8" }).decoder();
	const bytes = Buffer.from("\x02a", "latin1");
	decoder.push(bytes);
	bytes.fill(0);
	const [message] = decoder.push("b\x01c");
	t.is(`${message}`, "ab");
	const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(1);
	t.deepEqual(decoder.push(shared), [Buffer.of(1)]);
});

test("a WebSocket's protocol is no stream", (t) => {
	const protocol: object = webSocket();
	t.false("encode" in protocol);
	t.false("decoder" in protocol);
	// @ts-expect-error
	t.throws(() => webSocket().encode("x"));
});
