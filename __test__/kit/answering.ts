import type { ExecutionContext } from "ava";
import type { Handler, ServerOptions } from "gev";
import { handshake } from "./frames.js";
import { Queue } from "./queue.js";
import { serve } from "./server.js";
import { tcp } from "./tcp-client.js";

/** What can be answered: an upgrade that is accepted, one that is refused, and a plain request. */
export const answers = ["accept", "refuse", "respond"] as const;

/** A server whose handler answers every request as it is told. */
export async function answering(
	t: ExecutionContext,
	options: ServerOptions = {},
) {
	const errors = new Queue<Error & { code?: string }>();
	let reply: unknown;
	const give = () => (typeof reply === "function" ? reply() : reply);
	const handler = {
		onUpgrade: give,
		onRequest: give,
		onError: (error: Error) => void errors.push(error),
	} as Handler;
	const { port } = await serve(t, handler, options);
	/** The response to an upgrade or to a plain request, when the handler replies with `next`, or with what that returns. */
	const ask = async (next: unknown, upgrade: boolean, method = "GET") => {
		reply = next;
		const client = await tcp(t, port);
		client.write(
			upgrade ? handshake() : `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`,
		);
		const head = await client.readHead();
		const lines = head.trimEnd().split("\r\n");
		const isOpen = head.startsWith("HTTP/1.1 101 ");
		const body = isOpen ? "" : String(await client.readToEnd());
		client.socket.destroy();
		return { status: Number(head.slice(9, 12)), lines, body };
	};
	/** The response, where `headers` are those of the answer. */
	const askWith = (headers: unknown, answer: (typeof answers)[number]) =>
		ask(
			answer === "refuse" ? { status: 403, headers } : { headers },
			answer !== "respond",
		);
	return { ask, askWith, errors };
}
