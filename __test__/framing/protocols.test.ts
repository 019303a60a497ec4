import test from "ava";
import { cutEverywhere, echoed, toldOnly } from "./everywhere.js";
import { protocols } from "./protocols.js";
import { scene } from "./scene.js";
import { twin } from "./twin.js";

for (const [name, protocol] of Object.entries(protocols)) {
	const { framing, wire, messages, isEchoed = true } = protocol;

	test(`${name}: however its bytes are cut, they are the messages of its document`, async (t) => {
		t.deepEqual(twin(framing, wire), toldOnly(messages), "the twin");
		await cutEverywhere(t, await scene(t, framing), protocol);
	});

	test(`${name}: half a frame at the end is told`, async (t) => {
		const { join } = await scene(t, framing);
		const [client, teller] = await join();
		client.socket.end(wire.subarray(0, wire.length - 1));
		const expected = twin(framing, wire.subarray(0, wire.length - 1));
		t.deepEqual(await teller.closed, expected);
		const last = messages.length > 0 && expected.at(-2);
		t.is(last, "closed truncated");
	});

	if (isEchoed) {
		test(`${name}: what is sent is what would have come`, async (t) => {
			await echoed(t, await scene(t, framing, (message) => message), protocol);
		});
	}
}
