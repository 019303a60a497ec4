import { setTimeout } from "node:timers/promises";
import type { ExecutionContext } from "ava";
import { type Scene, told } from "./scene.js";
import type { FramedProtocol } from "./vectors.js";

/** What a story is that has nothing but these messages. */
export function toldOnly(messages: (Buffer | string)[]): (Buffer | string)[] {
	return [...messages.map(told), "end", "peer"];
}

/** Sends what comes cut at up to a hundred places, and byte by byte: it has to be the same messages. */
export async function cutEverywhere(
	t: ExecutionContext,
	{ join }: Scene,
	{ wire, messages }: FramedProtocol,
): Promise<void> {
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
		t.deepEqual(
			await teller.closed,
			toldOnly(messages),
			`cut at ${cuts[index]}`,
		);
	}
	const [client, teller] = await join();
	await client.trickle(wire);
	client.socket.end();
	t.deepEqual(await teller.closed, toldOnly(messages), "byte by byte");
}

/** Sends what comes to a server that sends each message back: that has to be the same bytes. */
export async function echoed(
	t: ExecutionContext,
	{ join }: Scene,
	{ wire }: FramedProtocol,
): Promise<void> {
	const [client, teller] = await join();
	client.socket.end(wire);
	t.deepEqual(await client.readToEnd(), wire);
	await teller.closed;
}
