import { setTimeout } from "node:timers/promises";
import test from "ava";
import { protocols } from "./protocols.js";
import { scene } from "./scene.js";
import { twin } from "./twin.js";

/** What a story is that has nothing but these messages. */
const told = (messages: Buffer[]) => [...messages, "end", "peer"];

for (const [name, protocol] of Object.entries(protocols)) {
	const { options, wire, messages, isEchoed = true } = protocol;

	test(`${name}: however its bytes are cut, they are the messages of its document`, async (t) => {
		t.deepEqual(twin(options, wire), told(messages), "the twin");
		const { join } = await scene(t, options);
		const step = Math.ceil(wire.length / 100);
		const cuts = [];
		for (let cut = 0; cut <= wire.length; cut += step) cuts.push(cut);
		const joined = await Promise.all(cuts.map(() => join()));
		for (const [index, [client]] of joined.entries()) {
			client.write(wire.subarray(0, cuts[index]));
		}
		// Enough for most to be two pieces for the server too; if they are not, no harm is done.
		await setTimeout(20);
		for (const [index, [client]] of joined.entries()) {
			client.write(wire.subarray(cuts[index]));
			client.socket.end();
		}
		for (const [index, [, teller]] of joined.entries()) {
			t.deepEqual(await teller.closed, told(messages), `cut at ${cuts[index]}`);
		}
		const [client, teller] = await join();
		await client.trickle(wire);
		client.socket.end();
		t.deepEqual(await teller.closed, told(messages), "byte by byte");
	});

	test(`${name}: half a frame at the end is told`, async (t) => {
		const { join } = await scene(t, options);
		const [client, teller] = await join();
		client.socket.end(wire.subarray(0, wire.length - 1));
		const expected = twin(options, wire.subarray(0, wire.length - 1));
		t.deepEqual(await teller.closed, expected);
		const last = messages.length > 0 && expected.at(-2);
		t.is(last, "closed truncated");
	});

	if (isEchoed) {
		test(`${name}: what is sent is what would have come`, async (t) => {
			const { join } = await scene(t, options, (message) => message);
			const [client, teller] = await join();
			client.socket.end(wire);
			t.deepEqual(await client.readToEnd(), wire);
			await teller.closed;
		});
	}
}
