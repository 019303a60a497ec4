import { crc32 } from "node:zlib";
import test from "ava";
import { type FrameChecksumOptions, type FramesOptions, frames } from "gev";
import { cutEverywhere, echoed } from "./everywhere.js";
import { scene } from "./scene.js";

const kafka: FramesOptions = {
	length: { at: 8, as: "u32" },
	checksum: { as: "crc32", at: 12 },
};

/** A message of Kafka's sets of versions 0 and 1, with the checksum of zlib. */
function kafkaMessage(value: Buffer): Buffer {
	const head = Buffer.alloc(16);
	const rest = Buffer.concat([Buffer.from("0000ffffffff", "hex"), value]);
	head.writeUInt32BE(4 + rest.length, 8);
	head.writeUInt32BE(crc32(rest), 12);
	return Buffer.concat([head, rest]);
}

test("a checksum in the head covers what is behind it", async (t) => {
	const messages = ["", "a", "b".repeat(100)].map((it) =>
		kafkaMessage(Buffer.from(it)),
	);
	const wire = Buffer.concat(messages);
	const protocol = { framing: kafka, source: "zlib", wire, messages };
	await cutEverywhere(t, await scene(t, kafka), protocol);
	const { join } = await scene(t, kafka);
	const [client, teller] = await join();
	const wrong = Buffer.from(messages[1] as Buffer);
	wrong[20] = (wrong[20] as number) ^ 1;
	client.socket.end(wrong);
	t.deepEqual(await teller.closed, ["closed checksum", "protocol"]);
});

test("a checksum right behind start and length is no part of the body, both ways", async (t) => {
	const framing: FramesOptions = {
		start: "<",
		length: "u16",
		checksum: { as: "crc32", at: 3 },
	};
	const frame = (body: Buffer) => {
		const head = Buffer.from("<......");
		head.writeUInt16BE(body.length + 4, 1);
		head.writeUInt32BE(crc32(body), 3);
		return Buffer.concat([head, body]);
	};
	const messages = ["", "a", "b".repeat(1000)].map((it) => Buffer.from(it));
	const wire = Buffer.concat(messages.map(frame));
	const protocol = { framing, source: "zlib", wire, messages };
	await cutEverywhere(t, await scene(t, framing), protocol);
	await echoed(t, await scene(t, framing, (message) => message), protocol);
	for (const length of [65_531, 65_532]) {
		const send = () => frames(framing).encode(Buffer.alloc(length));
		if (length === 65_531) t.is(send().length, length + 7);
		else t.throws(send, { message: /more than the 65531 that a frame takes/ });
	}
});

test("what is long, and sent in parts, has its checksum in front", async (t) => {
	const framing: FramesOptions = {
		length: "u32",
		checksum: { as: "crc32", at: 4 },
	};
	const body = Buffer.alloc(300_000, "0123456789");
	const frame = frames(framing).encode(body);
	t.is(frame.readUInt32BE(4), crc32(body));
	const { join } = await scene(t, framing, (message) => message);
	const [client, teller] = await join();
	client.write(frame);
	t.deepEqual(await client.read(frame.length), frame);
	client.socket.end();
	await teller.closed;
	const { connection } = teller;
	t.false(connection.connected);
});

for (const [itself, count] of [
	["zeros", 4],
	["nothing", 0],
] as const) {
	test(`in the middle of what it covers, a checksum counts as ${itself}`, (t) => {
		const checksum = { as: "crc32", at: 4, from: 0, itself } as const;
		const decoder = frames({ fixed: 12, checksum }).decoder();
		const frame = Buffer.from("abcd....efgh");
		const covered = ["abcd", "\0".repeat(count), "efgh"].join("");
		frame.writeUInt32BE(crc32(Buffer.from(covered)), 4);
		t.deepEqual(decoder.push(frame), [frame]);
		frame[0] = 0;
		t.throws(() => decoder.push(frame), { message: /checksum/ });
	});
}

test("with an end and escapes, it is escaped as the rest", (t) => {
	const protocol = frames({
		start: "~",
		end: "~",
		escape: { byte: "}", xor: 0x20 },
		checksum: { as: "xor8", at: 1 },
	});
	const frame = protocol.encode("?A");
	t.is(frame.toString(), "~}^?A~");
	t.deepEqual(protocol.decoder().push(frame), [Buffer.from("?A")]);
});

for (const [why, options, checksum] of [
	[/checksum\.after: is for/, { length: "u8" }, { at: 1, after: "*" }],
	[/checksum\.at: 0 is not behind/, { start: "<", end: ">" }, { at: 0 }],
	[/have different lengths/, { start: ["<", "(("], fixed: 9 }, { at: 2 }],
	[/in the first 256 bytes/, { fixed: 300 }, { at: 256 }],
	[/fixed: 3 is less than start, check/, { fixed: 3 }, { at: 3 }],
	[/"body" would lose/, { length: "u8", deliver: "body" }, { at: 2 }],
	[/"body" would lose/, { length: "varint", deliver: "body" }, { at: 1 }],
	[/checksum: nothing is escaped/, { end: ">" }, { at: 0 }],
] as [RegExp, FramesOptions, FrameChecksumOptions][]) {
	test(`what cannot be is said: ${why} ${JSON.stringify(options)}`, (t) => {
		const make = () => frames({ ...options, checksum });
		t.throws(make, { code: "ERR_GEV_OPTION", message: why });
	});
}
