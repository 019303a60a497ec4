import test from "ava";
import type { Connection, Handler } from "gev";
import {
	BINARY,
	frame,
	PING,
	readFrame,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

/** Ways to take the memory of a message; what they throw is the caller's affair. */
const takers: Record<string, (memory: ArrayBuffer) => unknown> = {
	"structuredClone with a transfer list": (memory) =>
		structuredClone(memory, { transfer: [memory] }),
	"postMessage with a transfer list"(memory) {
		const { port1, port2 } = new MessageChannel();
		try {
			port1.postMessage(memory, [memory]);
		} finally {
			port1.close();
			port2.close();
		}
	},
	"ArrayBuffer.prototype.transfer": (memory) =>
		(memory as ArrayBuffer & { transfer?(): ArrayBuffer }).transfer?.(),
};

for (const [name, protocol] of Object.entries(protocols)) {
	for (const [how, take] of Object.entries(takers)) {
		for (const size of [0, 1, 16, 200, 16 * 1024, 16 * 1024 + 1]) {
			test(`${how} of ${size} bytes takes nothing from other ${name} messages`, async (t) => {
				const kept = new Queue<Buffer>();
				const { port } = await serve(
					t,
					{
						onMessage(_connection, message) {
							kept.push(message as Buffer);
							return message;
						},
					},
					{ protocol: protocol() },
				);
				const client = await (name === "raw" ? tcp : upgraded)(t, port);
				const say = async (byte: number) => {
					const bytes = Buffer.alloc(Math.max(size, 1), byte);
					const sent = size === 0 && name !== "raw" ? "" : bytes;
					client.write(name === "raw" ? bytes : frame(BINARY, sent));
					const echoed =
						name === "raw"
							? await client.read(bytes.length)
							: (await readFrame(client)).payload;
					t.true(echoed.equals(Buffer.from(sent)), `echo of ${byte}`);
				};
				await say(1);
				await say(2);
				const taken = await kept.next();
				const other = await kept.next();
				const before = Buffer.from(other);
				try {
					take(taken.buffer as ArrayBuffer);
				} catch (error) {
					// Newer runtimes know of memory that is not to be taken, and say so.
					const isTransfer = how === "ArrayBuffer.prototype.transfer";
					const expected = isTransfer ? "TypeError" : "DataCloneError";
					t.is((error as Error).name, expected);
				}
				if (how !== "ArrayBuffer.prototype.transfer") {
					t.true(other.equals(before), "what is kept stays");
				}
				// More than a slab has room for.
				for (let byte = 3; byte < 12; byte++) await say(byte);
			});
		}
	}
}

test("pings and fragments are as safe as messages", async (t) => {
	const seen = new Queue<Buffer>();
	const take = (_connection: Connection, data: Buffer) => {
		seen.push(Buffer.from(data));
		try {
			takers["ArrayBuffer.prototype.transfer"]?.(data.buffer as ArrayBuffer);
			structuredClone(data, { transfer: [data.buffer as ArrayBuffer] });
		} catch {
			// That it cannot be taken is right.
		}
	};
	const { port } = await serve(t, { onPing: take, onFragment: take });
	const client = await upgraded(t, port);
	for (let round = 0; round < 5; round++) {
		client.write(frame(PING, `ping ${round}`));
		t.is(String(await seen.next()), `ping ${round}`);
		client.write(frame(BINARY, `begin ${round}`, { fin: false }));
		t.is(String(await seen.next()), `begin ${round}`);
		client.write(frame(0, `end ${round}`));
		t.is(String(await seen.next()), `end ${round}`);
	}
});

test("the parts of a message that is half way are nobody else's", async (t) => {
	const whole = new Queue<Buffer>();
	const { port } = await serve(t, {
		onMessage(_connection, message) {
			if (message.length > 100) return whole.push(message as Buffer);
			new Uint8Array((message as Buffer).buffer).fill(255);
			try {
				takers["ArrayBuffer.prototype.transfer"]?.(
					(message as Buffer).buffer as ArrayBuffer,
				);
			} catch {
				// That it cannot be taken is right.
			}
		},
	});
	const half = await upgraded(t, port);
	const other = await upgraded(t, port);
	const body = Buffer.alloc(70_000, "x");
	const bytes = frame(BINARY, body);
	for (let at = 0; at < bytes.length; at += 9_000) {
		half.write(bytes.subarray(at, at + 9_000));
		other.write(frame(BINARY, "take it"));
		other.write(frame(PING, "seen"));
		t.is(String((await readFrame(other)).payload), "seen");
	}
	t.true((await whole.next()).equals(body));
});

for (const [name, protocol] of Object.entries(protocols)) {
	test(`who spoils all that a borrowed ${name} message shows ends the loop, and nothing else`, async (t) => {
		const errors = new Queue<Error>();
		let closes = 0;
		const spoil: Handler = {
			onMessage(_connection, message) {
				const memory = (message as Buffer).buffer;
				t.true(memory instanceof SharedArrayBuffer);
				t.is(memory.byteLength, 256 * 1024, "events, and nothing else");
				new Uint8Array(memory).fill(255);
			},
			onClose() {
				closes++;
			},
			onError: (error) => errors.push(error),
		};
		const { port, server } = await serve(t, spoil, {
			protocol: protocol(),
			borrow: true,
		});
		const client = await (name === "raw" ? tcp : upgraded)(t, port);
		const bytes = Buffer.alloc(20_000, 1);
		// Several, so that another event follows the one that is spoilt.
		for (let n = 0; n < 8; n++) {
			client.write(name === "raw" ? bytes : frame(BINARY, bytes));
		}
		const { code, message } = (await errors.next()) as Error & {
			code: string;
		};
		t.is(code, "ERR_GEV_LOOP", message);
		await client.readToEnd();
		t.is(closes, 1);
		t.is(server.loopCount, 0);
		t.deepEqual(await server.stop(), { closed: 0, cut: 0 });
		t.is(server.connectionCount, 0);
	});
}

test("a borrowed message shows neither what is sent nor the words of the queues", async (t) => {
	const found = new Queue<boolean>();
	const secret = "what another client is sent";
	const { port } = await serve(
		t,
		{
			onMessage(connection, message) {
				if (typeof message === "string") connection.send(secret);
				else found.push(Buffer.from(message.buffer).includes(secret));
			},
		},
		{ borrow: true },
	);
	const another = await upgraded(t, port);
	another.write(frame(TEXT, "tell me"));
	t.is(String((await readFrame(another)).payload), secret);
	const client = await upgraded(t, port);
	client.write(frame(BINARY, "look"));
	t.false(await found.next());
});
