import type { ExecutionContext } from "ava";
import type { ServerOptions } from "gev";
import { frame, readFrame, TEXT, upgraded } from "./frames.js";
import { Recorder } from "./recorder.js";
import { serve } from "./server.js";
import type { TcpClient } from "./tcp-client.js";
import { until } from "./until.js";

/** A server whose handler answers nothing, and a client that must not notice what others do: it is inside a message. */
export async function scene(t: ExecutionContext, options: ServerOptions = {}) {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, options);
	const bystander = await upgraded(t, port);
	const { connection } = await recorder.next("connect");
	const message = frame(TEXT, "undisturbed");
	const begin = async () => {
		bystander.write(message.subarray(0, 10));
		await until(() => connection.readBufferLength > 0);
	};
	await begin();
	/** Nothing but the end of the bystander's message is there for the handler. */
	const undisturbed = async () => {
		bystander.write(message.subarray(10));
		const call = await recorder.next("message");
		t.is(call.connection, connection);
		t.is(call.message, "undisturbed");
		connection.send("heard");
		t.is(String((await readFrame(bystander)).payload), "heard");
		await begin();
	};
	return { recorder, port, undisturbed };
}

/** How bytes may come. */
export const ways: [string, (client: TcpClient, bytes: Buffer) => unknown][] = [
	["in one piece", ({ write }, bytes) => write(bytes)],
	["byte by byte", ({ trickle }, bytes) => trickle(bytes)],
];
