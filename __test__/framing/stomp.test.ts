import test from "ava";
import { type FrameError, type StompFrame, type StompReply, stomp } from "gev";
import { tcp } from "../kit/tcp-client.js";
import { recorded, start } from "./lengths.js";

/** Frames as they come, and what they are. */
const frames: [wire: string, frame: StompFrame<string>][] = [
	[
		"CONNECT\naccept-version:1.2\nhost:a\\b:c\n\n\0",
		{
			command: "CONNECT",
			headers: { "accept-version": "1.2", host: "a\\b:c" },
			body: "",
		},
	],
	[
		"SEND\r\ndestination:/queue/a\r\n\r\nhello\r\n\n\0",
		{
			command: "SEND",
			headers: { destination: "/queue/a" },
			body: "hello\r\n\n",
		},
	],
	[
		"SEND\ncontent-length:6\nk\\cy\\\\:\\r\\n\\c€\nk\\cy\\\\:again\n\n\0\n\n€\0",
		{
			command: "SEND",
			headers: { "content-length": "6", "k:y\\": "\r\n:€" },
			body: "\0\n\n€",
		},
	],
	[
		"MESSAGE\n__proto__:a\n x : y \n\n\0",
		{
			command: "MESSAGE",
			headers: JSON.parse('{"__proto__":"a"," x ":" y "}'),
			body: "",
		},
	],
	[
		"STOMP\nhost:a\\b\n\n\0",
		{ command: "STOMP", headers: { host: "a\\b" }, body: "" },
	],
	["DISCONNECT\n\n\0", { command: "DISCONNECT", headers: {}, body: "" }],
];
test("frames are messages, wherever they are cut", async (t) => {
	const got: StompFrame[] = [];
	const { port } = await start(t, stomp(), {
		onMessage(_, frame) {
			got.push(frame);
			return { command: "RECEIPT" };
		},
	});
	const wire = Buffer.from(
		`\n${frames.map(([wire]) => wire).join("\r\n\n")}\n`,
	);
	const answers = "RECEIPT\n\n\0".repeat(frames.length);
	for (let cut = 0; cut <= wire.length; cut++) {
		const client = await tcp(t, port);
		client.write(wire.subarray(0, cut));
		await new Promise((resolve) => setImmediate(resolve));
		client.write(wire.subarray(cut));
		t.is((await client.read(answers.length)).toString(), answers);
		client.socket.destroy();
		t.deepEqual(
			got.map(({ command, headers, body }) => ({
				...{ command, body: `${body}` },
				headers: Object.entries(headers),
			})),
			frames.map(([, { command, headers, body }]) => ({
				...{ command, body },
				headers: Object.entries(headers),
			})),
			`${cut}`,
		);
		t.true(got.every(({ headers }) => Object.getPrototypeOf(headers) === null));
		got.length = 0;
	}
});

const sent: [reply: StompReply | "\n", wire: string][] = [
	["\n", "\n"],
	[
		{ command: "CONNECTED", headers: { version: "1.2", a: "b:c\\" } },
		"CONNECTED\nversion:1.2\na:b:c\\\n\n\0",
	],
	[
		{ command: "MESSAGE", headers: { "a:\n": "\r:\\", n: 5 } },
		"MESSAGE\na\\c\\n:\\r\\c\\\\\nn:5\n\n\0",
	],
	[{ command: "MESSAGE", body: "€\0" }, "MESSAGE\ncontent-length:4\n\n€\0\0"],
	[
		{ command: "MESSAGE", body: Buffer.from("a\0b") },
		"MESSAGE\ncontent-length:3\n\na\0b\0",
	],
	[
		{ command: "ERROR", headers: { "content-length": 1 }, body: "x" },
		"ERROR\ncontent-length:1\n\nx\0",
	],
	[
		{ command: "MESSAGE", headers: { ä: "ö" }, body: new Uint8Array([65]) },
		"MESSAGE\nä:ö\ncontent-length:1\n\nA\0",
	],
];

const refused: unknown[] = [
	...[undefined, null, 5, "SEND\n\n\0", [], {}],
	...[{ command: "send" }, { command: "SEND\n" }, { command: "" }],
	{ command: "RECEIPT", body: "x" },
	{ command: "SEND", body: {} },
	{ command: "SEND", headers: { "": "x" } },
	{ command: "SEND", headers: { a: "\0" } },
	{ command: "SEND", headers: { a: undefined } },
	{ command: "SEND", headers: { "content-length": 5 }, body: "x" },
	{ command: "CONNECTED", headers: { a: "x\ny" } },
	{ command: "CONNECTED", headers: { "a:": "x" } },
];

test("what is sent is a frame, with its escapes, or refused", async (t) => {
	const codes: string[] = [];
	const { port } = await start(t, stomp(), {
		onMessage(connection) {
			for (const [reply] of sent) connection.send(reply);
			for (const reply of refused) {
				try {
					connection.send(reply as never);
				} catch (error) {
					codes.push((error as { code: string }).code);
				}
			}
			return { command: "RECEIPT", headers: { "receipt-id": "last" } };
		},
	});
	const client = await tcp(t, port);
	client.write("SEND\n\n\0");
	const wire = `${sent.map(([, wire]) => wire).join("")}RECEIPT\nreceipt-id:last\n\n\0`;
	const bytes = await client.read(Buffer.byteLength(wire));
	t.is(bytes.toString(), wire);
	t.deepEqual(
		codes,
		refused.map(() => "ERR_GEV_DATA"),
	);
});

test("bodies may be text", async (t) => {
	const { port } = await start(t, stomp({ text: true }), {
		onMessage: (_, { body }) => ({ command: "MESSAGE", body: `${body}!` }),
	});
	const client = await tcp(t, port);
	const body = "€".repeat(100_000);
	client.write(`SEND\n\n${body}\0`);
	const wire = `MESSAGE\ncontent-length:300001\n\n${body}!\0`;
	const bytes = await client.read(Buffer.byteLength(wire));
	t.is(bytes.toString(), wire);
});

const wrong: [wire: string, reason: string][] = [
	["GET / HTTP/1.1\r\n\r\n", "malformed"],
	["SEND\nno colon\n\n\0", "malformed"],
	["SEND\n:empty\n\n\0", "malformed"],
	["SEND\na:\\t\n\n\0", "malformed"],
	["SEND\na:b\\\n\n\0", "malformed"],
	["SEND\na:\xff\n\n\0", "malformed"],
	["SEND\ncontent-length:2\n\nabc\0", "malformed"],
	["SEND\ncontent-length:2000\n\n", "tooLong"],
	[`SEND\n${"a:b\n".repeat(4)}\n\0`, "tooLong"],
	[`SEND\na:${"b".repeat(64)}`, "tooLong"],
	["SEND\n\nhello", "truncated"],
];

for (const [wire, reason] of wrong) {
	test(`${JSON.stringify(wire.slice(0, 40))} is ${reason}, and told`, async (t) => {
		const { calls, onFrameError, ...members } = recorded();
		const told: FrameError[] = [];
		const limits = { maxMessageBytes: 1000, maxHeaderBytes: 64, maxHeaders: 3 };
		const { port } = await start(t, stomp(limits), {
			...members,
			onMessage: () => "\n" as const,
			onFrameError(connection, error) {
				told.push(error);
				onFrameError(connection as never, error);
			},
		});
		const client = await tcp(t, port);
		client.socket.end(Buffer.from(`SEND\n\n\0${wire}`, "latin1"));
		t.is((await client.readToEnd()).toString(), "\n");
		const cause = reason === "tooLong" ? "1009 limit" : "1002 protocol";
		t.deepEqual(await calls.take(2), [`closed ${reason}`, `close ${cause}`]);
		t.is(told[0]?.head.toString("latin1"), wire.slice(0, 16));
	});
}
