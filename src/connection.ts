import { bytesOf, copyOf, lengthOf } from "./base/bytes.js";
import * as check from "./base/check.js";
import { GevError, shown } from "./base/errors.js";
import { boolean, MAX_MS, OptionTable } from "./base/option-table.js";
import type { ProxyTlv } from "./bridge/addresses.js";
import { isCloseText, mayBeSent } from "./bridge/close-payload.js";
import type { CloseReason } from "./bridge/close-reason.js";
import type { FrameError } from "./bridge/frame-error.js";
import type { OpeningDetails } from "./bridge/loop-server.js";
import type { ConnectionCore } from "./flow/connection-core.js";
import type { PreparedMessage } from "./flow/prepared-message.js";
import type {
	Data,
	SendCallback,
	SendOptions,
	SendStatus,
} from "./flow/send.js";

import type { Custom, Messages, Protocol, StreamName } from "./protocol.js";

/** @internal What is behind a `Connection`; nothing for other objects. */
export let coreOf: (connection: object) => ConnectionCore | undefined;

/**
 * One client. Made by the server, given to the handler. All members may be used at any time, also when the connection is
 * gone: then they do nothing and say so.
 *
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam Out - what {@link Connection.send} takes: text and bytes, unless a {@link CustomProtocol} packs something else.
 */
export class Connection<Context = unknown, Out = Data> {
	/**
	 * Yours to use: what the application knows about this client. At first what `onUpgrade` has given, else `undefined`.
	 */
	context: Context;
	/** The peer's IP address; that of a proxy's client where a proxy says so. `""` for a unix socket. */
	readonly remoteAddress: string;
	/** The peer's port; 0 for a unix socket. */
	readonly remotePort: number;
	/** The IP address that the peer has connected to; `""` for a unix socket. */
	readonly localAddress: string;
	/** The port that the peer has connected to; 0 for a unix socket. */
	readonly localPort: number;
	/** What a proxy says besides: the TLVs of the PROXY protocol, version 2, in their order. Mostly none. */
	readonly proxyTlvs: readonly ProxyTlv[];
	/** The subprotocol that was agreed on; `""` for none. */
	readonly subprotocol: string;
	/** The extensions that were agreed on, such as `"permessage-deflate; ..."`; `""` for none. */
	readonly extensions: string;

	readonly #core: ConnectionCore;
	#store: Map<string, unknown> | undefined = undefined;

	static {
		coreOf = (connection) =>
			#core in connection ? connection.#core : undefined;
	}

	/** @internal */
	constructor(core: ConnectionCore, details: OpeningDetails) {
		this.#core = core;
		this.context = details.context as Context;
		this.remoteAddress = details.addresses.remoteAddress;
		this.remotePort = details.addresses.remotePort;
		this.localAddress = details.addresses.localAddress;
		this.localPort = details.addresses.localPort;
		this.proxyTlvs = details.addresses.proxyTlvs;
		this.subprotocol = details.subprotocol;
		this.extensions = details.extensions;
	}

	/**
	 * False as soon as the connection is gone or being closed from this side: nothing can be sent. Messages come no more,
	 * but for those that have arrived and wait for the handler ({@link pause}, `serial`) when the peer leaves. True from
	 * `onConnect` on.
	 */
	get connected(): boolean {
		return this.#core.connected;
	}

	/** Which of the server's event loops serves this connection, from 0. */
	get loopIndex(): number {
		return this.#core.loop.index;
	}

	/**
	 * Sends one message: a string as text, bytes (copied before this returns) as binary, unless `options` say otherwise. Where the
	 * server has a {@link CustomProtocol}, what its `pack` makes of it is sent, and what that throws is thrown here. What
	 * `Server.prepare` has made is sent as was said there, whatever `options` say.
	 *
	 * @param callback - called once: without an error when this message, and with it all before it that were not dropped,
	 * has been handed to the kernel, or with one (`ERR_GEV_SEND`) when that will not happen. Never called before this
	 * returns, and in the context (`AsyncLocalStorage`) of this call.
	 * @returns what became of it; see {@link SendStatus}.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else than a string or bytes, and for bytes that are to be sent
	 * as text and are not UTF-8; `ERR_GEV_OPTION` for a wrong option.
	 */
	send(data: Out | PreparedMessage, callback: SendCallback): SendStatus;
	send(
		data: Out | PreparedMessage,
		options?: SendOptions,
		callback?: SendCallback,
	): SendStatus;
	send(
		data: Out | PreparedMessage,
		options?: SendOptions | SendCallback,
		callback?: SendCallback,
	): SendStatus {
		if (typeof options === "function") return this.send(data, {}, options);
		if (callback !== undefined && typeof callback !== "function") {
			throw check.wrong("callback", "a function", callback);
		}
		const status = this.#core.send(data, options);
		if (callback !== undefined) {
			this.#core.sender.callWhenSent(status, callback);
		}
		return status;
	}

	/**
	 * Fulfilled with true when everything that has been sent so far has been handed to the kernel, or dropped in favour of
	 * later messages (`flow.overflow: "drop-oldest"`), and with false when the connection ends before. Those who ask may
	 * share a promise. In particular, while messages wait that may yet be dropped, all who ask before an earlier promise is
	 * fulfilled get the same next one, for everything that has been sent when that happens: so asking after each message
	 * takes no memory, although messages are dropped without end.
	 */
	sent(): Promise<boolean> {
		return this.#core.sender.allSent();
	}

	/**
	 * Calls `callback`, and hands everything to the event loop together that is sent meanwhile, to whichever connection of
	 * that loop: it goes out in as few packets as possible, and as soon as `callback` has returned. (What handlers send
	 * goes together in any case, when those are done that have something to handle; in a handler this changes nothing.)
	 *
	 * @returns what `callback` has returned.
	 */
	corked<Result>(callback: () => Result): Result {
		return this.#core.loop.commands.together(callback);
	}

	/**
	 * From now on the connection speaks another protocol, between two messages: what is sent from now on is sent by the new one, and
	 * what the peer sends is cut by it as soon as all that came before has been handled.
	 *
	 * Where the protocol that it speaks is `stepwise`, the new one begins with the very next byte behind the message that is being
	 * handled, whatever came with it: so this is for `onMessage` (or `unpack`, which leaves what it has not taken out), and
	 * `onConnect` for what comes first. Elsewhere, and where it is not stepwise, it begins with what the event loop has not
	 * cut when it learns of this; messages that are on their way here are still the old protocol's. One of which a part has been
	 * cut already, as it has more than 64 KiB, closes the connection with 1002.
	 *
	 * The context, and what {@link set} keeps, stays. Times and limits are the new protocol's, all others the server's. A protocol
	 * is best made once, and not for each connection.
	 *
	 * @param protocol - any on TCP: {@link raw}, {@link frames}, {@link custom} and the like. May be the one that it speaks.
	 * @param handler - whose members are called for this connection from the first message of the new protocol on, with messages and
	 * connections of its types; there is no other `onConnect`. Where it has no `onClose` or `onError`, those of the server's
	 * handler are called. Default: the handler that it has, which has to know then which messages it gets.
	 * @returns false when the connection is gone or being closed: then nothing happens.
	 * @throws {@link GevError} `ERR_GEV_STATE` for a WebSocket, and in the middle of a message that is sent with `fin: false`;
	 * `ERR_GEV_OPTION` for what is no protocol on TCP, `ERR_GEV_HANDLER` for what is no handler.
	 *
	 * @example
	 * ```ts
	 * // After this line bytes go both ways as they are.
	 * const requests = frames({ end: "\r\n\r\n", stepwise: true });
	 * new Server({
	 *   onMessage(connection, head) {
	 *     connection.send("HTTP/1.1 200 OK");
	 *     connection.setProtocol(raw(), { onMessage: (_, bytes) => bytes });
	 *   },
	 * }, { protocol: requests });
	 * ```
	 */
	setProtocol<Name extends StreamName>(
		protocol: Protocol<Name>,
		handler?: NextHandler<Context, Messages[Name]>,
	): boolean;
	/** To a protocol in TypeScript. */
	setProtocol<In, Next>(
		protocol: Custom<In, Next>,
		handler?: NextHandler<Context, In, Next>,
	): boolean;
	setProtocol(protocol: object, handler?: object): boolean {
		return this.#core.setProtocol(protocol, handler);
	}

	/**
	 * Closes the connection, cause `"deadline"` (WebSocket: code 1001), when so many milliseconds have passed from now, whatever
	 * happens on it until then. Its event loop sees to it, not this thread. The next call replaces this one.
	 *
	 * @param ms - 0 or nothing for never, which is how a connection begins.
	 * @throws {@link GevError} `ERR_GEV_OPTION`.
	 */
	setDeadline(ms = 0): void {
		this.#core.setDeadline(check.integer("ms", ms, 0, MAX_MS));
	}

	/**
	 * No `onMessage`, `onFragment`, `onPing`, `onPong` or `onEnd` from now on until {@link resume}. What arrives meanwhile
	 * waits, most of it at the peer: the event loop stops reading the socket, so pings are not answered, and it is not seen
	 * that the peer has left. When the connection ends all the same (by a timeout, or by `stop()`), what has arrived is
	 * delivered before `onClose`. A {@link close} from this side needs no `resume`. Does nothing when the connection is gone
	 * or being closed.
	 */
	pause(): void {
		this.#core.pause();
	}

	/** Goes on after {@link pause}, with what waits: before this returns, as far as the handler can take it. */
	resume(): void {
		this.#core.inbox?.resume();
	}

	/** True from {@link pause} to {@link resume}, or to the end of the connection. */
	get isPaused(): boolean {
		return this.#core.isPaused;
	}

	/** How often something was wrong with a frame of the peer, or with what came between frames: see `onFrameError`. */
	get frameErrors(): number {
		return this.#core.frameErrors;
	}

	/** Messages that were dropped because they would have exceeded `flow.maxBufferedBytes`. */
	get dropped(): number {
		return this.#core.sender.dropped;
	}

	/**
	 * Sends a ping, which the peer answers with a pong that has the same bytes: see `onPong`. Raw TCP has no such thing:
	 * nothing is sent.
	 *
	 * @param data - at most 125 bytes. Default none.
	 * @returns what became of it; see {@link SendStatus}.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else.
	 */
	ping(data: Data = ""): SendStatus {
		const bytes = typeof data === "string" ? Buffer.from(data) : bytesOf(data);
		const length = lengthOf(bytes);
		if (length > MAX_CONTROL) {
			throw new GevError(
				"ERR_GEV_DATA",
				`ping() takes at most ${MAX_CONTROL} bytes, not ${length}`,
			);
		}
		return this.#core.sender.ping(copyOf(bytes, 0, length));
	}

	/**
	 * Closes as the protocol does: what was sent before goes out first, then for WebSocket a close frame with `code` and
	 * `reason`, then the connection, at the latest after `timeouts.closeMs`. `onClose` follows. Does nothing when the
	 * connection is gone or being closed already.
	 *
	 * @param code - 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 section 7.4). Default 1000.
	 * @param reason - at most 123 bytes in UTF-8. Default none.
	 * @throws {@link GevError} `ERR_GEV_CLOSE` for a code or reason that cannot be sent.
	 */
	close(code = 1000, reason = ""): void {
		if (!mayBeSent(code) || !isCloseText(reason)) {
			throw new GevError(
				"ERR_GEV_CLOSE",
				`close() takes a code that may be sent and a reason of at most 123 bytes, not ${shown(code)} and ${shown(reason)}`,
			);
		}
		this.#core.close(code, reason);
	}

	/**
	 * Ends this side: what was sent before goes out first. Raw TCP: then FIN, so that the peer sees the end, and goes on
	 * receiving what the peer still sends; when the peer has ended its side too, the connection is gone. WebSocket, which
	 * has no half-open connections: as {@link close}. Nothing can be sent after it.
	 */
	end(): void {
		this.#core.end();
	}

	/**
	 * Closes at once: what has not been sent is lost, and no goodbye is said. `onClose` follows. Does nothing when the
	 * connection is gone.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
	 */
	destroy(options: DestroyOptions = {}): void {
		const { reset } = DESTROY_OPTIONS.check(options);
		this.#core.destroy(reset);
	}

	/** The same as {@link destroy}, by the name that the package `ws` has for it. */
	terminate(): void {
		this.destroy();
	}

	/**
	 * Closes the sending side when everything sent so far is out (TCP's FIN), and goes on receiving. Nothing can be sent
	 * after it. Does nothing when the connection is gone. Meant for raw TCP; WebSocket peers expect {@link close}.
	 */
	shutdownWrite(): void {
		this.#core.shutdownWrite();
	}

	/**
	 * Bytes that have arrived and wait for the rest of their message; of a compressed one, what has been inflated. 0 when
	 * the connection is gone.
	 */
	get readBufferLength(): number {
		return this.#core.readBufferLength;
	}

	/**
	 * Bytes that were sent, with their framing, and that the kernel has not taken. Until the event loop has taken a message,
	 * it counts with its whole length, also if it is to be compressed, and with the most that framing may add (10 bytes with
	 * WebSocket). 0 when the connection is gone.
	 */
	get writeBufferLength(): number {
		return this.#core.writeBufferLength;
	}

	/** The value that was {@link set} for `key`. */
	get(key: string): unknown {
		return this.#store?.get(key);
	}

	/** Keeps a value with this connection. */
	set(key: string, value: unknown): void {
		this.#store ??= new Map();
		this.#store.set(key, value);
	}

	/** Forgets the value for `key`; true if there was one. */
	delete(key: string): boolean {
		return this.#store?.delete(key) ?? false;
	}
}

/**
 * What serves a connection after {@link Connection.setProtocol}: the members of a `StreamHandler` or `FramesHandler` that can be
 * called then.
 *
 * @typeParam Message - what messages are.
 * @typeParam Out - what can be sent.
 */
export interface NextHandler<Context = unknown, Message = Buffer, Out = Data> {
	onMessage?(
		connection: Connection<Context, Out>,
		message: Message,
		// biome-ignore lint/suspicious/noConfusingVoidType: a method without a return statement is a handler too
	): Out | undefined | null | void | Promise<Out | undefined | null | void>;
	onFrameError?(
		connection: Connection<Context, Out>,
		error: FrameError,
	): void | Promise<void>;
	onDrain?(connection: Connection<Context, Out>): void | Promise<void>;
	onEnd?(connection: Connection<Context, Out>): void | Promise<void>;
	onClose?(
		connection: Connection<Context, Out>,
		reason: CloseReason,
	): void | Promise<void>;
	onError?(
		error: Error,
		connection?: Connection<Context, Out>,
	): void | Promise<void>;
}

/** Settings of {@link Connection.destroy}. */
export class DestroyOptions {
	/**
	 * Tell the peer by a reset (RST) that the connection was cut, instead of by the ordinary end (FIN).
	 *
	 * @defaultValue false
	 */
	reset?: boolean = boolean({ default: false });
}

/** RFC 6455 section 5.5. */
const MAX_CONTROL = 125;

const DESTROY_OPTIONS = new OptionTable("destroy()", DestroyOptions);
