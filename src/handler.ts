import type { Connection } from "./connection.js";

/** What can be sent: a string goes out as text, bytes as binary. */
export type Data = string | NodeJS.ArrayBufferView | ArrayBuffer;

/** What `onMessage` may return: something to send to the connection that the message came from, or nothing. */
// biome-ignore lint/suspicious/noConfusingVoidType: a method without a return statement is a handler too
export type Reply = Data | undefined | null | void;

/**
 * Your side of a server: one object for all its connections. All members are called on the thread that called
 * `start()`, one at a time; for each connection `onConnect` comes first, then its messages in their order, then
 * `onClose`, exactly once.
 *
 * What a member throws, or what a promise that it returns rejects with, goes to `onError` and closes the connection
 * concerned with code 1011; other connections do not notice.
 */
export interface Handler<Context = unknown> {
	/** A connection is ready: accepted, and its handshake done. */
	onConnect?(connection: Connection<Context>): void | Promise<void>;
	/**
	 * A message has arrived: text as `string`, everything else as `Buffer`. What is returned, or what a returned promise
	 * is fulfilled with, is sent back. A peer that has said goodbye meanwhile (WebSocket: a close frame, raw: FIN) gets
	 * the answer to that when every returned promise is settled; a WebSocket one `closeTimeoutMs` later in any case.
	 */
	onMessage?(
		connection: Connection<Context>,
		message: string | Buffer,
	): Reply | Promise<Reply>;
	/** The connection is gone; `send` and the like do nothing from now on. */
	onClose?(
		connection: Connection<Context>,
		reason: CloseReason,
	): void | Promise<void>;
	/**
	 * Something went wrong: another member threw (with the connection that it was called for), or an event loop has
	 * news that belong to no connection. Without this member such errors become process warnings, and so does what
	 * this member throws.
	 */
	onError?(
		error: Error,
		connection?: Connection<Context>,
	): void | Promise<void>;
}

/** What started the end of a connection. */
export type CloseCause =
	/** The peer closed, or went away. */
	| "peer"
	/** `close()` or `destroy()` was called. */
	| "local"
	/** The peer broke the rules of the protocol. */
	| "protocol"
	/** A limit was exceeded. */
	| "limit"
	/** The socket failed. */
	| "reset"
	/** The peer did not finish the handshake or the close in time. */
	| "timeout"
	/** A handler threw. */
	| "handler"
	/** The server was stopped. */
	| "stop"
	/** The event loop failed: a bug in gev. */
	| "internal";

/** How a connection ended. */
export interface CloseReason {
	/**
	 * The WebSocket close code that decided (RFC 6455 section 7.4): the peer's, or ours if we closed first. 1005 when there
	 * was none (for raw TCP: the ordinary case), 1006 when the connection ended without a goodbye.
	 */
	readonly code: number;
	/** The text that came with the code, or what is known of a failure; often empty. */
	readonly reason: string;
	/** What started the end. */
	readonly cause: CloseCause;
	/** True when both sides have said goodbye as the protocol wants it. */
	readonly wasClean: boolean;
}

/** True for what a handler may return instead of a value: a promise, or anything else that can be awaited. */
export function isThenable<Value>(
	value: Value | PromiseLike<Value>,
): value is PromiseLike<Value> {
	return typeof value === "object" && value !== null && "then" in value;
}

/** Causes by the number that they have in close events: the order of `CloseCause` in `crates/reactor`. */
export const CLOSE_CAUSES: readonly CloseCause[] = [
	"peer",
	"local",
	"protocol",
	"limit",
	"reset",
	"timeout",
	"handler",
	"stop",
	"internal",
];
