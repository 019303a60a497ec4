import { isDeepStrictEqual } from "node:util";
import test from "ava";
import fc from "fast-check";
import {
	type Connection,
	type Custom,
	custom,
	type FrameError,
	type FrameFault,
	frames,
	jsonStream,
	RespAttributed,
	RespError,
	RespPush,
	RespSimple,
	type RespValue,
	RespVerbatim,
	type RingBuffer,
	resp,
	stomp,
	typedProtobuf,
} from "gev";
import { bodies, decoded } from "./cut-by-hand.js";

/** A protocol of values, with what is sent and what comes of that, one by one. */
interface Valued {
	protocol: Custom<unknown, never>;
	sent: unknown[];
	wire: string[];
	messages: unknown[];
}

/** Texts of JSON are values. */
const json = custom(
	{
		unpack: (_: Connection, buffer: RingBuffer): unknown =>
			JSON.parse(buffer.read(buffer.length).toString()),
		pack: (_, value: unknown) => JSON.stringify(value),
	},
	{ over: jsonStream() },
);

/** Words of a length in a digit, several of them in a line; an empty line is one too. */
const words = custom(
	{
		unpack(_: Connection, buffer: RingBuffer) {
			if (buffer.isEmpty) return "";
			const length = Number(String.fromCharCode(buffer.peekUint8() ?? 0));
			if (buffer.length <= length) return undefined;
			return buffer.read(1 + length).toString("latin1", 1);
		},
		pack: (_, text: string) => `${text.length}${text}`,
	},
	{ over: frames({ end: "\n", maxMessageBytes: 9 }) },
);

const hi = Buffer.from("hi\0");
const valued: Record<string, Valued> = {
	"resp()": {
		protocol: resp() as never,
		sent: [["SET", "a", hi], ["ä"]],
		wire: [
			"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nhi\0\r\n",
			"*1\r\n$2\r\nÃ¤\r\n",
		],
		messages: [[Buffer.from("SET"), Buffer.from("a"), hi], [Buffer.from("ä")]],
	},
	"resp(), text": {
		protocol: resp({ text: true }) as never,
		sent: [
			["GET", "a"],
			["ä", ""],
		],
		wire: ["*2\r\n$3\r\nGET\r\n$1\r\na\r\n", "*2\r\n$2\r\nÃ¤\r\n$0\r\n\r\n"],
		messages: [
			["GET", "a"],
			["ä", ""],
		],
	},
	"resp(), any values of version 3": {
		protocol: resp({ values: true, text: true, version: 3 }) as never,
		sent: [
			new RespSimple("OK"),
			new RespError("ERR no"),
			...[null, -5, 2n ** 70n, 1.5, true],
			new Map([["a", new Set(["b"])]]),
			new RespPush(["message", [""]]),
			new RespVerbatim("t"),
			new RespAttributed<RespValue<string>>(1, new Map([["ttl", 2]])),
		],
		wire: [
			"+OK\r\n",
			"-ERR no\r\n",
			...[
				"_\r\n",
				":-5\r\n",
				"(1180591620717411303424\r\n",
				",1.5\r\n",
				"#t\r\n",
			],
			"%1\r\n$1\r\na\r\n~1\r\n$1\r\nb\r\n",
			">2\r\n$7\r\nmessage\r\n*1\r\n$0\r\n\r\n",
			"=5\r\ntxt:t\r\n",
			"|1\r\n$3\r\nttl\r\n:2\r\n:1\r\n",
		],
		messages: [
			...["OK", new RespError("ERR no"), null, -5, 2n ** 70n, 1.5, true],
			new Map([["a", new Set(["b"])]]),
			new RespPush(["message", [""]]),
			new RespVerbatim("t"),
			new RespAttributed<RespValue<string>>(1, new Map([["ttl", 2]])),
		],
	},
	"stomp()": {
		protocol: stomp() as never,
		sent: [
			{ command: "CONNECTED", headers: { version: "1.2" } },
			{ command: "SEND", headers: { "a:": "b\n" }, body: hi },
		],
		wire: [
			"CONNECTED\nversion:1.2\n\n\0",
			"SEND\na\\c:b\\n\ncontent-length:3\n\nhi\0\0",
		],
		messages: [
			{
				command: "CONNECTED",
				headers: bare({ version: "1.2" }),
				body: Buffer.alloc(0),
			},
			{
				command: "SEND",
				headers: bare({ "a:": "b\n", "content-length": "3" }),
				body: hi,
			},
		],
	},
	"typedProtobuf()": {
		protocol: typedProtobuf() as never,
		sent: [
			{ type: "msg1", data: hi },
			{ type: "", data: new ArrayBuffer(0) },
		],
		wire: ["\0\0\0\x09\0\x04msg1hi\0", "\0\0\0\x02\0\0"],
		messages: [
			{ type: "msg1", data: hi },
			{ type: "", data: Buffer.alloc(0) },
		],
	},
	"TypeScript over jsonStream()": {
		protocol: json as never,
		sent: [{ a: ["ä", "}"] }, []],
		wire: ['{"a":["Ã¤","}"]}', "[]"],
		messages: [{ a: ["ä", "}"] }, []],
	},
	"TypeScript over frames()": {
		protocol: words as never,
		sent: ["abc", ""],
		wire: ["3abc\n", "0\n"],
		messages: ["abc", ""],
	},
};

function bare(headers: Record<string, string>): Record<string, string> {
	return Object.assign(Object.create(null), headers);
}

for (const [name, { protocol, sent, wire, messages }] of Object.entries(
	valued,
)) {
	const bytes = Buffer.from(wire.join(""), "latin1");

	test(`${name}: what is encoded is what the protocol says`, (t) => {
		const encoded = sent.map((it) => protocol.encode(it as never));
		t.deepEqual(
			encoded.map((it) => it.toString("latin1")),
			wire,
		);
	});

	test(`${name}: what is encoded is decoded, wherever it is cut`, (t) => {
		for (let cut = 0; cut <= bytes.length; cut++) {
			const came = decoded(protocol.decoder(), bytes, [cut]);
			t.deepEqual(came, messages, `${cut}`);
		}
		const each = Array.from(bytes.keys());
		t.deepEqual(decoded(protocol.decoder(), bytes, each), messages);
	});

	test(`${name}: what is left of a message at the end is told, and no message`, (t) => {
		let whole = 0;
		let next = wire[0]?.length ?? 0;
		for (let cut = 0; cut <= bytes.length; cut++) {
			if (cut === next) next += wire[++whole]?.length ?? 1;
			const decoder = protocol.decoder();
			const came = decoder.push(bytes.subarray(0, cut));
			t.deepEqual(came, messages.slice(0, whole), `${cut}`);
			if (wire.slice(0, whole).join("").length === cut) decoder.end();
			else
				t.like(
					t.throws(() => decoder.end()),
					{ reason: "truncated" },
				);
		}
	});
}

/** Of what is sent what comes, for protocols of values and any messages. */
const anyMessages: [string, Custom<unknown, never>, fc.Arbitrary<unknown>][] = [
	[
		"resp()",
		resp() as never,
		fc.array(bodies(2000), { minLength: 1, maxLength: 5 }),
	],
	[
		"stomp()",
		stomp() as never,
		fc
			.tuple(fc.array(fc.tuple(header(1), header(0))), bodies(2000))
			.map(([headers, body]) => ({
				command: "SEND",
				headers: {
					...bare(Object.fromEntries(headers.map(([k, v]) => [`x${k}`, v]))),
					"content-length": `${body.length}`,
				},
				body,
			})),
	],
	[
		"typedProtobuf()",
		typedProtobuf() as never,
		fc.record(
			{ type: fc.string({ unit: "binary" }), data: bodies(2000) },
			{ noNullPrototype: true },
		),
	],
	[
		"TypeScript over jsonStream()",
		json as never,
		fc.array(fc.jsonValue()).map((it) => JSON.parse(JSON.stringify(it))),
	],
];

/** A name, or a value, of a header. */
function header(minLength: number): fc.Arbitrary<string> {
	const text = fc.string({ unit: "binary", minLength, maxLength: 10 });
	return text.map((it) => it.replaceAll("\0", ":\r\n\\"));
}

for (const [name, protocol, messages] of anyMessages) {
	test(`any messages of ${name} are what they were, encoded and decoded`, (t) => {
		const property = fc.property(
			fc.array(messages, { maxLength: 5 }),
			fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
			(sent, cuts) => {
				const bytes = Buffer.concat(
					sent.map((it) => protocol.encode(it as never)),
				);
				const places = cuts.map((it) => Math.floor(it * bytes.length));
				const came = decoded(protocol.decoder(), bytes, places);
				return isDeepStrictEqual(came.map(plain), sent.map(plain));
			},
		);
		t.notThrows(() => fc.assert(property, { numRuns: 60 }));
	});
}

/** With headers that are an object like others. */
function plain(message: unknown): unknown {
	const { headers } = message as { headers?: object };
	if (headers === undefined) return message;
	return { ...(message as object), headers: { ...headers } };
}

/** What is no message of a protocol, what is wrong with it, and what is told of it. */
const none: [Custom<unknown, never>, string, FrameFault, head?: string][] = [
	[resp() as never, "*1\r\n:1\r\n", "malformed"],
	[resp() as never, 'GET a"b\r\n', "malformed"],
	[resp({ text: true }) as never, "GET 'b\r\n", "malformed"],
	[resp({ maxMessageBytes: 100 }) as never, "*1\r\n$2000\r\n", "tooLong"],
	[resp({ maxValues: 2 }) as never, "*3\r\n", "tooLong"],
	[resp({ values: true }) as never, "#true\r\n", "malformed"],
	[stomp() as never, "SEND\nno colon\n\n\0", "malformed"],
	[stomp() as never, "SEND\na:\\t\n\n\0", "malformed"],
	[stomp({ maxHeaders: 1 }) as never, "SEND\na:b\nc:d\n\n\0", "tooLong"],
	[typedProtobuf() as never, "\0\0\0\0", "malformed", ""],
	[typedProtobuf() as never, "\0\0\0\x01\0", "malformed", "\0"],
	[
		typedProtobuf() as never,
		"\0\0\0\x05\xea\x60\x01\x02\x03",
		"malformed",
		"\xea\x60\x01\x02\x03",
	],
	[typedProtobuf() as never, "\xff\xff\xff\xff", "tooLong"],
	[json as never, "[]x", "malformed", "x"],
	[words as never, "3ab\n", "malformed", "3ab"],
	[words as never, "1x3ab\n", "malformed", "3ab"],
	[words as never, "9abcdefghijk\n", "tooLong"],
];

for (const [protocol, bad, reason, head = bad.slice(0, 16)] of none) {
	test(`${JSON.stringify(bad)} is ${reason} by hand too`, (t) => {
		const whole = Buffer.from(bad, "latin1");
		// What is a message in front of what is none.
		const before = messagesBefore(protocol, bad);
		for (let cut = 0; cut <= whole.length; cut++) {
			const told: FrameError[] = [];
			const onFrameError = (error: FrameError) => void told.push(error);
			for (const options of [{}, { onFrameError }]) {
				const decoder = protocol.decoder(options);
				const came: unknown[] = [];
				const push = () => {
					for (const piece of [whole.subarray(0, cut), whole.subarray(cut)]) {
						came.push(...decoder.push(piece));
					}
					came.push(...decoder.push(whole));
				};
				if ("onFrameError" in options) push();
				else t.like(t.throws(push), { reason, fate: "closed" });
				t.deepEqual(came, before, `${cut}`);
				t.is(decoder.frameErrors, 1);
			}
			t.is(told.length, 1);
			t.like(told[0], { reason, fate: "closed" });
			if (cut === 0) t.is(told[0]?.head.toString("latin1"), head);
		}
	});
}

function messagesBefore(protocol: unknown, bad: string): unknown[] {
	if (protocol === json) return [[]];
	return protocol === words && bad.startsWith("1x") ? ["x"] : [];
}

test("what a protocol over another one throws is thrown behind the messages before it", (t) => {
	const decoder = json.decoder();
	t.deepEqual(decoder.push("[1][}[2]"), [[1]]);
	for (const bytes of ["[3]", ""]) {
		t.throws(() => decoder.push(bytes), { instanceOf: SyntaxError });
	}
	t.throws(() => decoder.end(), { instanceOf: SyntaxError });
	t.is(decoder.frameErrors, 0);
});

test("what was left out below is told before what is wrong above, and nothing behind that", (t) => {
	const over = frames({ start: "$", end: "\n", onNoise: "discard" });
	const protocol = custom(
		{
			unpack(_: Connection, buffer: RingBuffer) {
				const letter = buffer.read(1).toString();
				if (letter === "x") throw new RangeError("x");
				return letter;
			},
			pack: (_, text: string) => text,
		},
		{ over },
	);
	const noise = "discarded noise";
	for (const [bytes, expected, count] of [
		["noise$a\nmore$b\nyet more", [noise, noise, noise], 3],
		["noise$a\n$x\nmore$b\n", [noise], 1],
		["$a\n$x\nmore$b\n", [], 0],
	] as const) {
		const told: string[] = [];
		const decoder = protocol.decoder({
			onFrameError: ({ fate, reason }) => void told.push(`${fate} ${reason}`),
		});
		const came = decoder.push(bytes);
		t.is(came[0], "a");
		t.is(came.length, bytes.includes("x\n") ? 1 : 2);
		if (bytes.includes("x\n")) {
			t.throws(() => decoder.push(""), { instanceOf: RangeError });
		} else decoder.end();
		t.deepEqual(told, [...expected]);
		t.is(decoder.frameErrors, count);
	}
});

test("what means nothing is no message", (t) => {
	const requests = resp({ text: true }).decoder();
	t.deepEqual(requests.push("\r\n*0\r\n\n*1\r\n$1\r\na\r\n"), [["a"]]);
	requests.end();
	const frames = stomp({ text: true }).decoder();
	t.deepEqual(frames.push(stomp().encode("\n")), []);
	t.is(frames.push("\n\r\nSEND\n\na\0\n\n")[0]?.body, "a");
	frames.end();
});

test("values that cannot be sent cannot be encoded", (t) => {
	const wrong: [Custom<unknown, never>, unknown[]][] = [
		[resp() as never, [undefined, Symbol("a"), {}, ["a", undefined]]],
		[
			stomp() as never,
			[null, "\r\n", { command: "a" }, { command: "ACK", body: "b" }],
		],
		[
			typedProtobuf({ maxMessageBytes: 10 }) as never,
			[
				null,
				{ type: 1, data: hi },
				{ type: "a" },
				{ type: "long", data: Buffer.alloc(5) },
			],
		],
		[json as never, [undefined]],
		[words as never, ["a\nb", "123456789"]],
	];
	for (const [protocol, values] of wrong) {
		for (const value of values) {
			t.throws(() => protocol.encode(value as never), { code: "ERR_GEV_DATA" });
		}
	}
});
