import { randomBytes } from "node:crypto";
import test from "ava";
import { type Connection, type Data, SendStatus } from "gev";
import { readFrame, upgraded } from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { reset } from "../kit/reset.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

const KIB = 1024;

/** The types of Node leave it out. */
interface WithWebAssembly {
	WebAssembly: {
		Memory: new (pages: { initial: number }) => { buffer: ArrayBuffer };
	};
}

/** What is given away, and whether its memory can be taken. */
const given: Record<string, [(bytes: Buffer) => Data, isTaken: boolean]> = {
	"a Buffer of its own memory": [(bytes) => bytes, true],
	"an ArrayBuffer": [(bytes) => bytes.buffer as ArrayBuffer, true],
	"a view of a part": [
		(bytes) => new Uint16Array(bytes.buffer, 0, bytes.length / 2),
		true,
	],
	"shared memory": [
		(bytes) => {
			const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
			shared.set(bytes);
			return shared;
		},
		false,
	],
	"memory of WebAssembly": [
		(bytes) => {
			const pages = Math.ceil(bytes.length / 65_536);
			const { WebAssembly } = globalThis as unknown as WithWebAssembly;
			const { buffer } = new WebAssembly.Memory({ initial: pages });
			const view = new Uint8Array(buffer, 0, bytes.length);
			view.set(bytes);
			return view;
		},
		false,
	],
};

for (const [name, protocol] of Object.entries(protocols)) {
	for (const [what, [give, isTaken]] of Object.entries(given)) {
		test(`${what} is given away to a ${name} client`, async (t) => {
			const connections = new Queue<Connection>();
			const { port } = await serve(
				t,
				{ onConnect: (connection) => connections.push(connection) },
				{ protocol: protocol() },
			);
			const client = await (name === "raw" ? tcp : upgraded)(t, port);
			const connection = await connections.next();
			const read = async (length: number) =>
				name === "raw"
					? client.read(length)
					: (await readFrame(client)).payload;
			for (const length of [2, 64 * KIB, 64 * KIB + 2, 300 * KIB]) {
				const expected = randomBytes(length);
				const bytes = Buffer.allocUnsafeSlow(length);
				bytes.set(expected);
				const data = give(bytes);
				t.is(connection.send(data, { transfer: true }), SendStatus.Queued);
				const { byteLength } = data as Uint8Array;
				t.is(byteLength, isTaken && length > 64 * KIB ? 0 : length);
				t.true(expected.equals(await read(length)));
			}
			// What has been given away cannot be sent again.
			const bytes = Buffer.alloc(100 * KIB);
			connection.send(bytes, { transfer: true });
			t.throws(() => connection.send(bytes), { code: "ERR_GEV_DATA" });
		});
	}
}

test("what is changed after it was sent goes out as it was", async (t) => {
	const connections = new Queue<Connection>();
	const { port } = await serve(
		t,
		{ onConnect: (connection) => connections.push(connection) },
		{ protocol: protocols.raw(), socket: { sendBufferBytes: 64 * KIB } },
	);
	const client = await tcp(t, port);
	client.socket.pause();
	const connection = await connections.next();
	// More than the sockets take, from one memory, and of sizes that share what was lent before.
	const sizes = Array.from({ length: 60 }, (_, at) => 65 * KIB + at * 997);
	const memory = Buffer.alloc(200 * KIB);
	for (const [at, size] of sizes.entries()) {
		memory.fill(at + 1);
		connection.send(memory.subarray(0, size));
	}
	memory.fill(0xff);
	client.socket.resume();
	for (const [at, size] of sizes.entries()) {
		t.true(Buffer.alloc(size, at + 1).equals(await client.read(size)));
	}
});

test("connections that end with long messages half way out spoil no others", async (t) => {
	const connections = new Queue<Connection>();
	const { port } = await serve(
		t,
		{ onConnect: (connection) => connections.push(connection) },
		{ protocol: protocols.raw() },
	);
	const reader = await tcp(t, port);
	const kept = await connections.next();
	for (let round = 0; round < 20; round++) {
		const client = await tcp(t, port);
		client.socket.pause();
		const connection = await connections.next();
		for (let at = 0; at < 40; at++) connection.send(Buffer.alloc(256 * KIB, 1));
		const bytes = Buffer.alloc(256 * KIB, round + 2);
		kept.send(bytes);
		if (round % 2 === 0) connection.destroy();
		else reset(client.socket);
		t.true(bytes.equals(await reader.read(bytes.length)));
	}
});
