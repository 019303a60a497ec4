import test from "ava";
import { type TypedMessage, typedProtobuf } from "gev";
import { tcp } from "../kit/tcp-client.js";
import { recorded, start } from "./lengths.js";

/** As the plugin of the Go library writes it: the length counts what follows. */
function frame(type: string, data: Uint8Array): Buffer {
	const name = Buffer.from(type);
	const head = Buffer.alloc(6);
	head.writeUInt32BE(2 + name.length + data.length);
	head.writeUInt16BE(name.length, 4);
	return Buffer.concat([head, name, data]);
}

const messages: [type: string, data: Buffer][] = [
	["msg1", Buffer.from("0a03616263", "hex")],
	["", Buffer.alloc(0)],
	["ä.Empty", Buffer.alloc(0)],
	["", Buffer.from([0, 1])],
	["long", Buffer.alloc(100_000, 7)],
];
const wire = Buffer.concat(messages.map((it) => frame(...it)));

test("messages come and go with their types, wherever they are cut", async (t) => {
	const got: TypedMessage[] = [];
	const { port } = await start(t, typedProtobuf(), {
		onMessage(_, message) {
			got.push(message);
			return message;
		},
	});
	for (let cut = 0; cut < 60; cut++) {
		const client = await tcp(t, port);
		client.write(wire.subarray(0, cut));
		await new Promise((resolve) => setImmediate(resolve));
		client.write(wire.subarray(cut));
		t.true((await client.read(wire.length)).equals(wire), `${cut}`);
		client.socket.destroy();
	}
	t.deepEqual(
		got.slice(0, 5).map(({ type, data }) => [type, data]),
		messages,
	);
});

test("what is no message with a type is malformed, and what announces too much too long", async (t) => {
	const { calls, ...members } = recorded();
	const { port } = await start(t, typedProtobuf({ maxMessageBytes: 1000 }), {
		...members,
		onMessage: (_, message) => message,
	});
	const [first] = messages;
	const good = frame(...(first as [string, Buffer]));
	for (const [bytes, reason] of [
		["00000000", "malformed"],
		["0000000100", "malformed"],
		// The nine bytes that end the whole process of the Go library.
		["00000005ea60010203", "malformed"],
		["ffffffff", "tooLong"],
		["0000", "truncated"],
	] as const) {
		const client = await tcp(t, port);
		client.socket.end(Buffer.concat([good, Buffer.from(bytes, "hex")]));
		t.deepEqual(await client.readToEnd(), good);
		const cause = reason === "tooLong" ? "1009 limit" : "1002 protocol";
		t.deepEqual(await calls.take(2), [`closed ${reason}`, `close ${cause}`]);
	}
});

test("what cannot be sent is refused", async (t) => {
	const codes: string[] = [];
	const { port } = await start(t, typedProtobuf(), {
		onMessage(connection, message) {
			const data = Buffer.alloc(1);
			for (const reply of [
				...[undefined, null, "text", data, { type: 1, data }, { type: "a" }],
				...[{ type: "a".repeat(65_536), data }],
				{ type: "a", data: Buffer.alloc(1024 * 1024) },
			]) {
				try {
					connection.send(reply as never);
				} catch (error) {
					codes.push((error as { code: string }).code);
				}
			}
			return message;
		},
	});
	const client = await tcp(t, port);
	const [first] = messages;
	const good = frame(...(first as [string, Buffer]));
	client.write(good);
	t.deepEqual(await client.read(good.length), good);
	t.deepEqual(codes, Array(8).fill("ERR_GEV_DATA"));
});
