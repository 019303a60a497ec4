import { runInNewContext } from "node:vm";
import test from "ava";
import { type Connection, type Data, GevError, SendStatus } from "gev";
import { PING, readFrame, upgraded } from "../kit/frames.js";
import { Recorder } from "../kit/recorder.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

const lying = (own: object) =>
	Object.defineProperties(
		Buffer.from("the truth"),
		Object.getOwnPropertyDescriptors(own),
	);

class Packet extends Uint8Array {
	readonly kind: number;

	constructor(kind: number, size: number) {
		super(size);
		this.kind = kind;
		this.fill(kind);
	}
}

class Elsewhere extends Uint8Array {
	override subarray(): Uint8Array<ArrayBuffer> {
		return new Uint8Array([6, 6, 6]);
	}

	override slice(): Uint8Array<ArrayBuffer> {
		return this.subarray();
	}

	override [Symbol.iterator](): ArrayIterator<number> {
		return Array(1000).fill(6).values();
	}
}

const truth = Buffer.from("the truth");

/** What is sent, and the bytes that have to come. */
const honest: Record<string, [unknown, Buffer]> = {
	"an own length below zero": [lying({ length: -5 }), truth],
	"an own length that is longer": [lying({ length: 1000 }), truth],
	"an own length that is no number": [lying({ length: {} }), truth],
	"an own byteLength, byteOffset and buffer": [
		lying({ byteLength: 1, byteOffset: 3, buffer: new ArrayBuffer(8) }),
		truth,
	],
	"an own constructor": [lying({ constructor: Packet }), truth],
	"a subarray that returns something else": [new Elsewhere(truth), truth],
	"a long one whose subarray returns something else": [
		new Elsewhere(200_000).fill(7),
		Buffer.alloc(200_000, 7),
	],
	"a species with other arguments": [
		new Packet(3, 100_000),
		Buffer.alloc(100_000, 3),
	],
	"a short one of such a species": [new Packet(3, 10), Buffer.alloc(10, 3)],
	"an ArrayBuffer of another realm": [
		runInNewContext("new Uint8Array([1, 2, 3]).buffer"),
		Buffer.from([1, 2, 3]),
	],
	"an Uint8Array of another realm": [
		runInNewContext("new Uint8Array([1, 2, 3])"),
		Buffer.from([1, 2, 3]),
	],
	"a DataView of another realm": [
		runInNewContext("new DataView(new Uint8Array([1, 2, 3]).buffer, 1)"),
		Buffer.from([2, 3]),
	],
	"a SharedArrayBuffer": [new SharedArrayBuffer(4), Buffer.alloc(4)],
	"a DataView": [new DataView(new ArrayBuffer(8), 2, 3), Buffer.alloc(3)],
	words: [new Uint16Array([0x0101, 0x0202]), Buffer.from([1, 1, 2, 2])],
};

for (const [what, [data, expected]] of Object.entries(honest)) {
	test(`of ${what} the bytes that it has are sent`, async (t) => {
		const recorder = new Recorder();
		const { port } = await serve(t, recorder);
		const client = await upgraded(t, port);
		const { connection } = await recorder.next("connect");
		t.is(connection.send(data as Data), SendStatus.Queued);
		connection.send("next");
		t.true((await readFrame(client)).payload.equals(expected));
		t.is(String((await readFrame(client)).payload), "next");
		if (expected.length > 125) return;
		connection.ping(data as Data);
		const { opcode, payload } = await readFrame(client);
		t.is(opcode, PING);
		t.true(payload.equals(expected));
	});
}

const shrunk = () => {
	const Resizable = ArrayBuffer as unknown as new (
		length: number,
		options: { maxByteLength: number },
	) => ArrayBuffer;
	const memory = new Resizable(100_000, { maxByteLength: 200_000 });
	const view = new Uint8Array(memory, 50_000, 50_000);
	(memory as ArrayBuffer & { resize?(length: number): void }).resize?.(10);
	return view;
};

/** What is no bytes, or whose bytes are gone. */
const impossible: Record<string, () => unknown> = {
	"a view whose memory was transferred"() {
		const view = new Uint8Array(100_000);
		structuredClone(view.buffer, { transfer: [view.buffer] });
		return view;
	},
	"a short one whose memory was transferred"() {
		const view = new Uint8Array(8);
		structuredClone(view.buffer, { transfer: [view.buffer] });
		return view;
	},
	"memory that was transferred"() {
		const memory = new ArrayBuffer(8);
		structuredClone(memory, { transfer: [memory] });
		return memory;
	},
	"a DataView whose memory was transferred"() {
		const view = new DataView(new ArrayBuffer(8));
		structuredClone(view.buffer, { transfer: [view.buffer] });
		return view;
	},
	"words whose memory was transferred"() {
		const view = new Uint32Array(8);
		structuredClone(view.buffer, { transfer: [view.buffer] });
		return view;
	},
	...("resize" in ArrayBuffer.prototype && {
		"a view whose memory was cut off": shrunk,
	}),
	"a Proxy of a view": () => new Proxy(Buffer.from("proxied"), {}),
	"something that calls itself a view": () =>
		Object.setPrototypeOf({ length: 3, 0: 1, 1: 2, 2: 3 }, Buffer.prototype),
	"a Proxy of memory": () => new Proxy(new ArrayBuffer(8), {}),
	"an array": () => [1, 2, 3],
};

for (const [what, make] of Object.entries(impossible)) {
	for (const [name, protocol] of Object.entries(protocols)) {
		test(`${what} is refused by ${name}, and nothing is written`, async (t) => {
			const recorder = new Recorder();
			const { port } = await serve(t, recorder, { protocol: protocol() });
			const client = await (name === "raw" ? tcp : upgraded)(t, port);
			const { connection } = await recorder.next("connect");
			// Often enough that the engine compiles it with what it has seen.
			for (let n = 0; n < 3_000; n++) {
				const refused = { instanceOf: GevError, code: "ERR_GEV_DATA" } as const;
				const data = make() as Data;
				if (n % 1000 === 0) {
					t.throws(() => connection.send(data), refused);
					t.throws(() => connection.send(data, { text: true }), refused);
					t.throws(() => connection.send(data, { fin: false }), refused);
					t.throws(() => connection.ping(data), refused);
				} else {
					try {
						connection.send(data);
						t.fail("sent");
					} catch {}
				}
				t.is(connection.writeBufferLength, 0);
				if (n % 100 !== 0) continue;
				connection.send(`${n}`);
				const expected = `${n}`;
				const received =
					name === "raw"
						? await client.read(expected.length)
						: (await readFrame(client)).payload;
				t.is(String(received), expected);
				await drained(connection);
			}
		});
	}
}

async function drained(connection: Connection): Promise<void> {
	while (connection.writeBufferLength > 0) await new Promise(setImmediate);
}

test("bodies of responses are what they have, or nothing is answered with them", async (t) => {
	const bodies = [
		...Object.values(honest).map(([data]) => data),
		...Object.values(impossible).map((make) => make()),
	];
	const errors: (string | undefined)[] = [];
	const { port } = await serve(t, {
		onRequest: ({ url }) => ({ body: bodies[Number(url.slice(1))] as Data }),
		onError: (error) => void errors.push((error as GevError).code),
	});
	const ask = async (index: number) => {
		const client = await tcp(t, port);
		client.write(`GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`);
		const head = await client.readHead();
		return { status: head.slice(9, 12), body: await client.readToEnd() };
	};
	for (const [index, [, expected]] of Object.values(honest).entries()) {
		const { status, body } = await ask(index);
		t.is(status, "200");
		t.true(body.equals(expected), `${index}`);
	}
	for (const what of Object.keys(impossible)) {
		const index = bodies.length - Object.keys(impossible).length;
		const at = index + Object.keys(impossible).indexOf(what);
		t.is((await ask(at)).status, "500", what);
	}
	const codes = ["ERR_GEV_DATA", "ERR_GEV_RESPONSE"];
	t.is(errors.length, Object.keys(impossible).length);
	t.true(errors.every((code) => codes.includes(code as string)));
});

test("a trap or a getter that sends meanwhile sends before, and whole", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder);
	const client = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	const trap = new Proxy(Buffer.from("proxied"), {
		get(target, name) {
			connection.send(`trap ${String(name)}`);
			return Reflect.get(target, name);
		},
		getPrototypeOf(target) {
			connection.send("trap prototype");
			return Reflect.getPrototypeOf(target);
		},
	});
	t.throws(() => connection.send(trap), { code: "ERR_GEV_DATA" });
	connection.send("begin ", { fin: false });
	connection.send("end", {
		get fin() {
			connection.send("middle ", { fin: false });
			return true;
		},
	});
	const parts: string[] = [];
	for (;;) {
		const { opcode, fin, payload } = await readFrame(client);
		if (String(payload).startsWith("trap")) continue;
		parts.push(`${opcode} ${payload}`);
		if (fin) break;
	}
	t.deepEqual(parts, ["1 begin ", "0 middle ", "0 end"]);
});
