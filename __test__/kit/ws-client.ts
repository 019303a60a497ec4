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

/** Connects, waits for the handshake, and cuts the connection when the test is over. */
export async function connect(
	t: ExecutionContext,
	url: string,
	options: ClientOptions = {},
): Promise<WsClient> {
	const socket = new WebSocket(url, {
		perMessageDeflate: false,
		maxPayload: 0,
		...options,
	});
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
	// A reset is told by `closed` as well.
	socket.on("error", () => {});
	return { socket, messages, closed };
}
