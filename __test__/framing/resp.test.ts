import test from "ava";
import {
	type Custom,
	type FrameError,
	RespAttributed,
	RespError,
	RespPush,
	type RespReply,
	RespSimple,
	type RespValue,
	RespVerbatim,
	resp,
	respFrames,
	setRespVersion,
} from "gev";
import { promised } from "../kit/promised.js";
import { tcp } from "../kit/tcp-client.js";
import { recorded, start } from "./lengths.js";

/** Requests, with their words. */
const requests: [wire: string, words: string[]][] = [
	["*1\r\n$4\r\nPING\r\n", ["PING"]],
	["*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n", ["SET", "a", ""]],
	["*2\r\n$4\r\nECHO\r\n$10\r\n\r\n*1\r\n$€\r\n", ["ECHO", "\r\n*1\r\n$€"]],
	["*2\r\n$4\r\nECHO\r\n$12\r\n0123456789ab\r\n", ["ECHO", "0123456789ab"]],
	["PING\r\n", ["PING"]],
	['SET a  \'b c\' \t "\\x41\\n\\"\\\\q"\n', ["SET", "a", "b c", 'A\n"\\q']],
	["GET ''\r\n", ["GET", ""]],
	["  PING\r\n", ["PING"]],
	["\t\v\f *1 'a' \r\n", ["*1", "a"]],
	["ECHO à\u00a0ä\r\n", ["ECHO", "à\u00a0ä"]],
];

/** Passed over, as there is no word in them. */
const nothing = ["*0\r\n", "*-1\r\n", "\r\n", "\n", " \t\r\n"];

/** As arrays of bulk strings. */
const asArray = (words: string[]) =>
	`*${words.length}\r\n${words.map((it) => `$${Buffer.byteLength(it)}\r\n${it}\r\n`).join("")}`;

for (const text of [false, true]) {
	test(`requests are words, ${text ? "of text" : "of bytes"}, wherever they are cut`, async (t) => {
		const got: (string | Buffer)[][] = [];
		const protocol = (text ? resp({ text }) : resp()) as Custom<
			(string | Buffer)[],
			RespReply
		>;
		const { port } = await start(t, protocol, {
			onMessage(_, words) {
				got.push(words);
				return words;
			},
		});
		const wire = Buffer.from(
			requests
				.map(([wire], index) => nothing[index % nothing.length] + wire)
				.join(""),
		);
		const words = requests.map(([, words]) => words);
		const answer = Buffer.from(words.map(asArray).join(""));
		for (let cut = 0; cut <= wire.length; cut++) {
			const client = await tcp(t, port);
			client.write(wire.subarray(0, cut));
			await new Promise((resolve) => setImmediate(resolve));
			client.write(wire.subarray(cut));
			t.deepEqual(await client.read(answer.length), answer, `${cut}`);
			client.socket.destroy();
			const kind = text ? "string" : "object";
			t.true(got.flat().every((word) => typeof word === kind));
			t.deepEqual(
				got.map((words) => words.map(String)),
				words,
			);
			got.length = 0;
		}
	});
}

test("long requests and many in one piece keep their bytes", async (t) => {
	const { port } = await start(t, resp({ text: true }), {
		onMessage: (_, words) => words,
	});
	const long = ["SET", "ä".repeat(100_000), "x".repeat(513), "y".repeat(400)];
	const all = Buffer.from(
		Array.from({ length: 200 }, () => asArray(["PING"])).join("") +
			asArray(long) +
			asArray(["GET", "a".repeat(600)]),
	);
	const client = await tcp(t, port);
	client.write(all);
	t.true((await client.read(all.length)).equals(all));
});

const attributed = new Map<RespValue<string>, RespValue<string>>([["ttl", 3]]);

/** Values as RESP3 and RESP2 have them, and what comes of the former. */
const values: [value: RespReply, resp3: string, resp2: string][] = [
	["a€", "$4\r\na€\r\n", "$4\r\na€\r\n"],
	["", "$0\r\n\r\n", "$0\r\n\r\n"],
	[
		"x".repeat(40),
		`$40\r\n${"x".repeat(40)}\r\n`,
		`$40\r\n${"x".repeat(40)}\r\n`,
	],
	[0, ":0\r\n", ":0\r\n"],
	[-1000, ":-1000\r\n", ":-1000\r\n"],
	[2n ** 62n, ":4611686018427387904\r\n", ":4611686018427387904\r\n"],
	[-(2n ** 63n), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n"],
	[2n ** 64n, "(18446744073709551616\r\n", "$20\r\n18446744073709551616\r\n"],
	[1.5, ",1.5\r\n", "$3\r\n1.5\r\n"],
	[1e21, ",1e+21\r\n", "$5\r\n1e+21\r\n"],
	[Infinity, ",inf\r\n", "$3\r\ninf\r\n"],
	[-Infinity, ",-inf\r\n", "$4\r\n-inf\r\n"],
	[Number.NaN, ",nan\r\n", "$3\r\nnan\r\n"],
	[true, "#t\r\n", ":1\r\n"],
	[false, "#f\r\n", ":0\r\n"],
	[null, "_\r\n", "$-1\r\n"],
	[[], "*0\r\n", "*0\r\n"],
	[
		["a", [1, null]],
		"*2\r\n$1\r\na\r\n*2\r\n:1\r\n_\r\n",
		"*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n",
	],
	[new Map([["a", 1]]), "%1\r\n$1\r\na\r\n:1\r\n", "*2\r\n$1\r\na\r\n:1\r\n"],
	[
		new Set(["a", "b"]),
		"~2\r\n$1\r\na\r\n$1\r\nb\r\n",
		"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
	],
	[
		new RespPush(["message", "x"]),
		">2\r\n$7\r\nmessage\r\n$1\r\nx\r\n",
		"*2\r\n$7\r\nmessage\r\n$1\r\nx\r\n",
	],
	[new RespVerbatim("a$\n", "mkd"), "=7\r\nmkd:a$\n\r\n", "$3\r\na$\n\r\n"],
	[
		new RespAttributed(7, attributed),
		"|1\r\n$3\r\nttl\r\n:3\r\n:7\r\n",
		":7\r\n",
	],
	[new RespError("ERR no €"), "-ERR no €\r\n", "-ERR no €\r\n"],
];

test("values are read and sent, each in its own type", async (t) => {
	const got: RespValue<string>[] = [];
	const { port } = await start(
		t,
		resp({ values: true, text: true, version: 3 }),
		{
			onMessage(_, value) {
				got.push(value);
				return value;
			},
		},
	);
	const wire = Buffer.from(values.map(([, resp3]) => resp3).join(""));
	for (let cut = 0; cut <= wire.length; cut += 7) {
		const client = await tcp(t, port);
		client.write(wire.subarray(0, cut));
		client.write(wire.subarray(cut));
		t.deepEqual(await client.read(wire.length), wire);
		client.socket.destroy();
	}
	const some = got.slice(0, values.length);
	t.deepEqual(some, values.map(([value]) => value) as RespValue<string>[]);
	t.is((some.at(-1) as RespError).code, "ERR");
});

test("who speaks RESP2 gets what it has, until it is told otherwise", async (t) => {
	const { port } = await start(t, resp(), {
		onMessage(connection, [word]) {
			if (`${word}` === "3") setRespVersion(connection, 3);
			if (`${word}` === "2") setRespVersion(connection, 2);
			for (const [value] of values) connection.send(value);
		},
	});
	for (const [version, at] of [
		["1", 2],
		["3", 1],
		["2", 2],
	] as const) {
		const client = await tcp(t, port);
		client.write(`${version}\r\n`);
		const expected = values.map((row) => row[at]).join("");
		const bytes = await client.read(Buffer.byteLength(expected));
		t.is(bytes.toString(), expected);
	}
	t.throws(() => setRespVersion({}, 4 as never), { code: "ERR_GEV_OPTION" });
});

test("what else comes: simple strings, bytes, errors and nulls of every kind", async (t) => {
	const got: RespValue[] = [];
	const done = promised();
	const { port } = await start(t, resp({ values: true }), {
		onMessage(_, value) {
			if (got.push(value) === 12) done.resolve();
			return new RespSimple("OK");
		},
	});
	const client = await tcp(t, port);
	client.write(
		"+OK\r\n$2\r\nOK\r\n$-1\r\n*-1\r\n:+5\r\n:9007199254740993\r\n,10\r\n,.5E1\r\n,-INF\r\n!9\r\nERR\r\nmore\r\n|1\r\n+a\r\n+b\r\n*1\r\n#t\r\n~0\r\n",
	);
	await done.promise;
	t.deepEqual(got.slice(0, 9), [
		...["OK", Buffer.from("OK"), null, null, 5, 9007199254740993n, 10, 5],
		-Infinity,
	]);
	t.like(got[9], { message: "ERR\r\nmore", code: "ERR" });
	t.deepEqual(
		got[10],
		new RespAttributed<RespValue>([true], new Map([["a", "b"]])),
	);
	t.deepEqual(got[11], new Set());
	t.is((await client.read(60)).toString(), "+OK\r\n".repeat(12));
});

test("bytes of whatever kind go out as bulk strings, also within others", async (t) => {
	const bytes = Buffer.from([0xff, 0, 0x0d, 0x0a]);
	const { port } = await start(t, resp(), {
		onMessage: () => [
			bytes,
			"ä",
			new Uint16Array([0x4141]),
			[new DataView(new ArrayBuffer(2)), new ArrayBuffer(0)],
			new RespSimple("ok"),
		],
	});
	const client = await tcp(t, port);
	client.write("x\r\n");
	const expected = Buffer.concat([
		...[Buffer.from("*5\r\n$4\r\n"), bytes],
		Buffer.from(
			"\r\n$2\r\nä\r\n$2\r\nAA\r\n*2\r\n$2\r\n\0\0\r\n$0\r\n\r\n+ok\r\n",
		),
	]);
	t.deepEqual(await client.read(expected.length), expected);
});

test("what would be more than one value, or none, is refused when it is made or sent", async (t) => {
	const refused: unknown[] = [];
	const { port } = await start(t, resp(), {
		onMessage(connection) {
			const error = new RespError("ok");
			error.message = "a\nb";
			const gone = new Uint8Array(8);
			structuredClone(gone.buffer, { transfer: [gone.buffer] });
			for (const value of [
				...[error, undefined, () => 1, Symbol("a"), {}, ["a", undefined], gone],
				...[new Map([["a", {}]]), new RespError("a\r\n+b")],
			]) {
				try {
					connection.send(value as never);
				} catch (error) {
					refused.push((error as { code: string }).code);
				}
			}
			return "end";
		},
	});
	for (const text of ["a\rb", "a\nb", "\r\n", 5 as never]) {
		t.throws(() => new RespSimple(text), { code: "ERR_GEV_DATA" });
	}
	for (const format of ["", "text", "a\r\n", "tx€"]) {
		t.throws(() => new RespVerbatim("a", format), { code: "ERR_GEV_DATA" });
	}
	const client = await tcp(t, port);
	client.write("x\r\n");
	t.is((await client.read(9)).toString(), "$3\r\nend\r\n");
	t.deepEqual(refused, Array(9).fill("ERR_GEV_DATA"));
});

const wrong: [wire: string, reason: string, values: boolean][] = [
	['GET a"b\r\n', "malformed", false],
	["GET 'b\r\n", "malformed", false],
	[" 'b\r\n", "malformed", false],
	["\x16\x03\x01\r\n", "malformed", false],
	["*1\r\n:1\r\n", "malformed", false],
	["$-1\r\n", "malformed", false],
	["*2\r\n$3\r\nGET\r\n", "truncated", false],
	["*1\r\n$2000\r\n", "tooLong", false],
	["*101\r\n", "tooLong", false],
	[":1x\r\n", "malformed", true],
	[":\r\n", "malformed", true],
	[`(${"1".repeat(990)}x\r\n`, "malformed", true],
	["#true\r\n", "malformed", true],
	["_x\r\n", "malformed", true],
	[",1.2.3\r\n", "malformed", true],
	[",0x10\r\n", "malformed", true],
	["=3\r\ntxt\r\n", "malformed", true],
	["*1\r\n*1\r\n*1\r\n*1\r\n", "malformed", true],
	["PING\r\n", "malformed", true],
];

for (const [wire, reason, values] of wrong) {
	test(`${JSON.stringify(wire.slice(0, 30))} is ${reason}, and told`, async (t) => {
		const { calls, onFrameError, ...members } = recorded();
		const told: FrameError[] = [];
		const options = { maxMessageBytes: 1000, maxValues: 100, maxDepth: 3 };
		const protocol = resp({ ...options, values } as never) as Custom<
			unknown,
			string
		>;
		const { port } = await start(t, protocol, {
			...members,
			onMessage: () => "ok",
			onFrameError(connection, error) {
				told.push(error);
				onFrameError(connection as never, error);
			},
		});
		const client = await tcp(t, port);
		client.socket.end(`*1\r\n$1\r\na\r\n${wire}`);
		t.is((await client.readToEnd()).toString(), "$2\r\nok\r\n");
		const cause = reason === "tooLong" ? "1009 limit" : "1002 protocol";
		t.deepEqual(await calls.take(2), [`closed ${reason}`, `close ${cause}`]);
		t.is(told[0]?.head.toString(), wire.slice(0, 16));
	});
}

test("a line of more than 64 KiB is no request, whatever is in it", async (t) => {
	const { calls, ...members } = recorded();
	const { port } = await start(t, resp({ maxMessageBytes: 0, text: true }), {
		...members,
		onMessage: (_, words) => `${words.at(-1)?.length}`,
	});
	const most = 64 * 1024;
	for (const quote of ["", '"', "'"]) {
		const word = "x".repeat(most - 7 - 2 * quote.length);
		const client = await tcp(t, port);
		client.write(`ECHO ${quote}${word}${quote}\r\n`);
		t.is(`${await client.read(11)}`, `$5\r\n${word.length}\r\n`);
		client.socket.end();
		t.deepEqual(await calls.take(2), ["end", "close 1005 peer"]);
		const long = await tcp(t, port);
		long.socket.end(`ECHO ${quote}${word.repeat(480)}${quote}\r\n`);
		t.is((await long.readToEnd()).length, 0);
		const story = ["closed tooLong", "close 1009 limit"];
		t.deepEqual(await calls.take(2), story);
	}
});

test("whole values as bytes are what a protocol on top of them gets", async (t) => {
	const { port } = await start(t, respFrames({ values: true }), {
		onMessage: (_, bytes) => `<${bytes}>`,
	});
	const client = await tcp(t, port);
	client.write("*1\r\n:1\r\n+a\r\n");
	t.is((await client.read(16)).toString(), "<*1\r\n:1\r\n><+a\r\n>");
});

test("wrong options are refused", (t) => {
	for (const options of [
		{ maxDepth: 0 },
		{ maxDepth: 33 },
		{ version: 1 },
		{ text: 1 },
		{ bulk: true },
	]) {
		t.throws(() => resp(options as never), { code: "ERR_GEV_OPTION" });
	}
});

test("a message that does not come to its end in time closes its connection", async (t) => {
	const { calls, ...members } = recorded();
	const { port } = await start(t, resp({ frameTimeoutMs: 100 }), {
		...members,
		onMessage: () => new RespSimple("OK"),
	});
	const client = await tcp(t, port);
	client.write("*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI");
	t.is((await client.readToEnd()).toString(), "+OK\r\n");
	client.socket.end();
	t.deepEqual(await calls.take(2), ["closed timeout", "close 1008 timeout"]);
});
