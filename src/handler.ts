import type { CloseReason } from "./bridge/close-reason.js";
import type { Fragment } from "./bridge/fragment.js";
import type { FrameError } from "./bridge/frame-error.js";
import type { Connection } from "./connection.js";
import type {
	AnyCustomProtocol,
	Incoming,
	Outgoing,
} from "./custom-protocol.js";
import type { Data } from "./flow/send.js";
import type { Messages, ProtocolName, StreamName } from "./protocol.js";
import type { HttpRequest, HttpResponse, UpgradeReply } from "./request.js";

/**
 * What `onMessage` may return: something to send to the connection that the message came from, or nothing. `null` is nothing, but for
 * {@link resp}, which has it.
 *
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a method without a return statement is a handler too
export type Reply<Out = Data> = Out | undefined | null | void;

/**
 * Your side of a server: one object for all its connections. Its protocol, the second argument, says which members there are
 * and what messages are: see {@link WebSocketHandler}, {@link StreamHandler}, {@link FramesHandler} and, for an object that
 * serves any, {@link CommonHandler}.
 *
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam Kind - name of the protocol, or the type of a {@link CustomProtocol}; default `"websocket"`.
 *
 * @example
 * ```ts
 * class Chat implements Handler<User> {
 *   onMessage(connection: Connection<User>, message: string | Buffer) {}
 * }
 *
 * class Device implements Handler<unknown, "raw"> {
 *   onMessage(connection: Connection, message: Buffer) {}
 * }
 *
 * class Gateway implements Handler<unknown, FrameProtocol> {
 *   onMessage(connection: Connection<unknown, Frame>, message: Frame) {}
 * }
 * ```
 */
export type Handler<
	Context = unknown,
	Kind extends ProtocolName | AnyCustomProtocol = "websocket",
> = [Kind] extends [AnyCustomProtocol]
	? FramesHandler<Context, Incoming<Kind>, Outgoing<Kind>>
	: [Kind] extends [Exclude<StreamName, "raw">]
		? FramesHandler<Context, Messages[Kind]>
		: [Kind] extends [StreamName]
			? StreamHandler<Context, Messages[Kind]>
			: [Kind] extends ["websocket" | "websocketBytes"]
				? WebSocketHandler<Context, Messages[Kind]>
				: CommonHandler<Context>;

/**
 * The members of every {@link Handler}. All members are called on the thread that called
 * `start()`, one at a time; for each connection `onConnect` comes first, then its messages in their order, then
 * `onClose`, exactly once. Each call begins in the asynchronous context (`AsyncLocalStorage`) in which `start()` was called.
 *
 * What a member throws, or what a promise that it returns rejects with, goes to `onError` and closes the connection
 * concerned with code 1011; other connections do not notice.
 *
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam Message - what messages are.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
export interface HandlerBase<
	Context = unknown,
	Message = string | Buffer,
	Out = Data,
> {
	/** A connection is ready: accepted, and its handshake done. */
	onConnect?(connection: Connection<Context, Out>): void | Promise<void>;
	/**
	 * A message has arrived: text as `string`, everything else as `Buffer`. A small one shares its `buffer` with others, as
	 * Node's pooled Buffers do: copy it (`Buffer.from(message)`) for who wants to transfer it to another thread. What is returned, or what a returned promise
	 * is fulfilled with, is sent back; with the option `serial` the next message of the connection waits for that. A peer
	 * that has said goodbye meanwhile (WebSocket: a close frame, raw: FIN) gets
	 * the answer to that when every returned promise is settled; a WebSocket one `timeouts.closeMs` later in any case.
	 *
	 * @param isText - true for text that arrives as `Buffer`, with `webSocket({ text: "buffer" })`.
	 */
	onMessage?(
		connection: Connection<Context, Out>,
		message: Message,
		isText?: boolean,
	): Reply<Out> | Promise<Reply<Out>>;
	/**
	 * After a `send` that returned `Congested`: what waits for the peer has fallen to `flow.lowWaterMarkBytes`. Always follows,
	 * once, unless the connection ends before.
	 */
	onDrain?(connection: Connection<Context, Out>): void | Promise<void>;
	/**
	 * The connection is gone; `send` and the like do nothing from now on. Comes after the last message, also when those have
	 * to wait (`pause`, `serial`), if not longer than `timeouts.closeMs`: then they are delivered at once.
	 */
	onClose?(
		connection: Connection<Context, Out>,
		reason: CloseReason,
	): void | Promise<void>;
	/**
	 * Something went wrong: another member threw (with the connection that it was called for), or an event loop has
	 * news that belong to no connection. Without this member such errors become process warnings, and so does what
	 * this member throws.
	 */
	onError?(
		error: Error,
		connection?: Connection<Context, Out>,
	): void | Promise<void>;
}

/**
 * A {@link Handler} of a server that speaks WebSocket.
 *
 * @typeParam Message - what messages are: `Buffer` only with `webSocket({ text: "buffer" })`.
 */
export interface WebSocketHandler<Context = unknown, Message = string | Buffer>
	extends HandlerBase<Context, Message> {
	/**
	 * A client asks for a connection, and its request is all right (method, headers, key, and the options `path`
	 * and `origins`). Accept it, with a context, a subprotocol and headers if you like, or refuse it with a status;
	 * see {@link UpgradeReply}. `onConnect` follows what is accepted, if the client is still there. What this member throws
	 * is answered with 500; without an answer within `timeouts.handshakeMs` the client gets 503. Without this member the
	 * handshake is answered natively. `gev:refused` of {@link Diagnostics} tells of every client that gets no connection.
	 *
	 * Those who know the Upgrader of the Go library gev find `OnRequest`, `OnHost`, `OnHeader` and `OnBeforeUpgrade` here,
	 * in one place: `request.url`, `request.headers.get("host")`, `request.headers`, and the return value, whose
	 * `status`, `headers` and `body` are what `RejectConnectionError` has.
	 */
	onUpgrade?(
		request: HttpRequest,
	): UpgradeReply<Context> | Promise<UpgradeReply<Context>>;
	/**
	 * A request that does not ask for a connection, such as a health check. The body of a request is not read.
	 * A web `Response` may be returned too: its status, its headers (but for those that are set natively) and its body, which
	 * is read to its end first, within `timeouts.handshakeMs` and up to `flow.maxBufferedBytes`. What this member throws is
	 * answered with 500. Without this member requests get the option `page`, or 426.
	 */
	onRequest?(
		request: HttpRequest,
	): HttpResponse | Response | Promise<HttpResponse | Response>;
	/**
	 * A fragment of a message that does not arrive in one piece, as it has several frames, or more than 64 KiB, or as
	 * the network has cut it. With this member such messages are handed over as they arrive, at most 64 KiB at a time,
	 * instead of being put together for `onMessage`, which gets the others: a message of any length needs no memory of
	 * its length (and `maxMessageBytes: 0` to be let in). A fragment of text may end inside a character. With `borrow: true`
	 * fragments are views that are valid during the call only.
	 */
	onFragment?(
		connection: Connection<Context>,
		data: Buffer,
		fragment: Fragment,
	): void | Promise<void>;
	/** A ping has arrived, with at most 125 bytes. It has been answered already. */
	onPing?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
	/** A pong has arrived, with the bytes of the ping that it answers (none for those of `pingIntervalMs`). */
	onPong?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
	/** Of TCP only: a WebSocket has no half-open connections. */
	onEnd?: never;
	/** Of frames only. */
	onFrameError?: never;
}

/**
 * A {@link Handler} of a server that speaks TCP without framing ({@link raw}), or of one with framing that does not care what is
 * wrong with what comes: see {@link FramesHandler}.
 *
 * @typeParam Message - what messages are: see {@link Messages}, and {@link CustomProtocol}.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
export interface StreamHandler<Context = unknown, Message = Buffer, Out = Data>
	extends HandlerBase<Context, Message, Out> {
	/**
	 * The peer has ended its side (FIN), and everything that it has sent has been handled or is being handled.
	 * This side ends too when the promises that this member and `onMessage` have returned are settled, or with the option
	 * `socket.allowHalfOpen` when {@link Connection.end} is called; until then `send` goes on working.
	 */
	onEnd?(connection: Connection<Context, Out>): void | Promise<void>;
	/** Of WebSocket only, as are the members below. */
	onUpgrade?: never;
	onRequest?: never;
	onFragment?: never;
	onPing?: never;
	onPong?: never;
	/** Not without framing. */
	onFrameError?: never;
}

/**
 * A {@link Handler} of a server that cuts messages out of what comes over TCP: {@link frames}, {@link jsonStream}, {@link resp},
 * {@link stomp}, or a {@link CustomProtocol}.
 *
 * @typeParam Message - what messages are: see {@link Messages}, and {@link CustomProtocol}.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
export interface FramesHandler<Context = unknown, Message = Buffer, Out = Data>
	extends HandlerBase<Context, Message, Out> {
	/**
	 * The peer has ended its side (FIN) between two frames, and everything that it has sent has been handled or is being
	 * handled; otherwise as with {@link StreamHandler}. Half a frame at the end is told to `onFrameError`, and closes the
	 * connection.
	 */
	onEnd?(connection: Connection<Context, Out>): void | Promise<void>;
	/**
	 * Something is wrong with a frame, or with what comes between frames; what becomes of it is in the error. Comes in its turn
	 * among the messages, and where the connection is closed for it, before `onClose`; answers to the messages before
	 * still go out then.
	 */
	onFrameError?(
		connection: Connection<Context, Out>,
		error: FrameError,
	): void | Promise<void>;
	/** Of WebSocket only, as are the members below. */
	onUpgrade?: never;
	onRequest?: never;
	onFragment?: never;
	onPing?: never;
	onPong?: never;
}

/**
 * A {@link FramesHandler} of a server with a {@link CustomProtocol}. It is the same; as a type that depends on `In` it has the
 * compiler look at the protocol before it looks at what a handler returns, so that a literal in it is not taken for any string.
 */
export type CustomHandler<Context, In, Out> = [In] extends [never]
	? never
	: FramesHandler<Context, In, Out>;

/** A {@link Handler} that serves any protocol: with members that all have, for messages of any kind. */
export interface CommonHandler<Context = unknown> extends HandlerBase<Context> {
	/** Not of every protocol, as the members below. */
	onEnd?: never;
	onUpgrade?: never;
	onRequest?: never;
	onFragment?: never;
	onPing?: never;
	onPong?: never;
	onFrameError?: never;
}
