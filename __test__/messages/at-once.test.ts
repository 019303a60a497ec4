import { randomBytes } from "node:crypto";
import test from "ava";
import type { Connection } from "gev";
import { readFrame, upgraded } from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { protocols, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";

/** Longer than what goes through the queue of commands: a loop on this thread writes it from where it is. */
const LONG = 300 * 1024;

for (const [name, protocol] of Object.entries(protocols)) {
	for (const threads of [true, false]) {
		const how = threads ? "a thread" : "no thread";

		test(`long messages to a ${name} client of a loop with ${how} keep their place`, async (t) => {
			const connections = new Queue<Connection>();
			const { port } = await serve(
				t,
				{ onConnect: (connection) => connections.push(connection) },
				{ protocol: protocol(), threads, loops: 1 },
			);
			const client = await (name === "raw" ? tcp : upgraded)(t, port);
			const connection = await connections.next();
			const read = async (length: number) =>
				name === "raw"
					? client.read(length)
					: (await readFrame(client)).payload;
			// In one tick outside of a drain, so much that the kernel does not take it all.
			const messages = Array.from({ length: 60 }, (_, i) =>
				randomBytes(i % 3 === 0 ? LONG : 20 + i),
			);
			const given: Buffer[] = messages.map((message) => {
				const copy = Buffer.allocUnsafeSlow(message.length);
				copy.set(message);
				return copy;
			});
			const sent: Promise<boolean>[] = [];
			for (const [i, message] of given.entries()) {
				connection.send(message, { transfer: i % 2 === 0 });
				sent.push(connection.sent());
				// What has been sent may be changed.
				if (message.length > 0) message.fill(0);
			}
			for (const message of messages) {
				t.true(message.equals(await read(message.length)));
			}
			t.true((await Promise.all(sent)).every(Boolean));
			t.is(connection.writeBufferLength, 0);
		});

		test(`a goodbye behind a long message to a ${name} client of a loop with ${how} stays there`, async (t) => {
			const { port } = await serve(
				t,
				{
					onConnect(connection) {
						connection.send(Buffer.alloc(LONG, 1));
						connection.close();
					},
				},
				{ protocol: protocol(), threads, loops: 1 },
			);
			const client = await (name === "raw" ? tcp : upgraded)(t, port);
			const message =
				name === "raw"
					? await client.read(LONG)
					: (await readFrame(client)).payload;
			t.true(Buffer.alloc(LONG, 1).equals(message));
			if (name !== "raw") t.is((await readFrame(client)).opcode, 8);
		});
	}
}
