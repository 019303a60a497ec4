import type { ClientRequestArgs } from "node:http";
import type { ExecutionContext } from "ava";
import WebSocket, { type ClientOptions } from "ws";
import { Queue } from "./queue.js";

/** How the server's close arrived. */
export interface Closed {
	code: number;
	reason: string;
}

/** A client made with `ws`: text arrives as `string`, binary as `Buffer`. */
export interface WsClient {
	socket: WebSocket;
	messages: Queue<string | Buffer>;
	/** Fulfilled when the connection is gone; never rejected. */
	closed: Promise<Closed>;
}

/** A WebSocket that is connecting. A reset, or a handshake that fails, is told by its `close`, as {@link connect}'s is. */
export function openWebSocket(
	url: string,
	options: ClientOptions | ClientRequestArgs = {},
	protocols: string[] = [],
): WebSocket {
	const socket = new WebSocket(url, protocols, {
		perMessageDeflate: false,
		maxPayload: 0,
		...options,
	});
	socket.on("error", () => {});
	return socket;
}

/** Connects, waits for the handshake, and cuts the connection when the test is over. */
export async function connect(
	t: ExecutionContext,
	url: string,
	options: ClientOptions = {},
): Promise<WsClient> {
	const socket = openWebSocket(url, options);
	t.teardown(() => socket.terminate());
	const messages = new Queue<string | Buffer>();
	socket.on("message", (data: Buffer, isBinary) => {
		messages.push(isBinary ? data : data.toString());
	});
	const closed = new Promise<Closed>((resolve) => {
		socket.on("close", (code, reason) =>
			resolve({ code, reason: reason.toString() }),
		);
	});
	await new Promise<void>((resolve, reject) => {
		socket.once("open", resolve);
		socket.once("error", reject);
	});
	return { socket, messages, closed };
}
