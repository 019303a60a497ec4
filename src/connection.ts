import { isUtf8 } from "node:buffer";
import * as check from "./check.js";
import { closePayload, isCloseText, mayBeSent } from "./close-payload.js";
import { GevError, shown } from "./errors.js";
import type { EventLoop } from "./event-loop.js";
import type { Data } from "./handler.js";
import { layout } from "./layout.js";
import type { Ends } from "./request.js";
import {
	notSent,
	SEND_OPTIONS,
	type SendCallback,
	type SendLimits,
	type SendOptions,
	SendStatus,
} from "./send.js";

/**
 * One client. Made by the server, given to the handler. All members may be used at any time, also when the connection is
 * gone: then they do nothing and say so.
 */
export class Connection<Context = unknown> {
	/**
	 * False as soon as the connection is gone or being closed from this side: nothing can be sent, and no messages come
	 * any more. True from `onConnect` on.
	 */
	connected = true;
	/**
	 * Yours to use: what the application knows about this client. At first what `onUpgrade` has given, else `undefined`.
	 */
	context: Context;
	/** The peer's IP address. */
	readonly remoteAddress: string;
	/** The peer's port. */
	readonly remotePort: number;
	/** The IP address that the peer has connected to. */
	readonly localAddress: string;
	/** The port that the peer has connected to. */
	readonly localPort: number;
	/** The subprotocol that was agreed on; `""` for none. */
	readonly protocol: string;
	/** The extensions that were agreed on, such as `"permessage-deflate; ..."`; `""` for none. */
	readonly extensions: string;

	/** @internal Parts of a message that is too long for one event. */
	parts: Buffer[] | undefined = undefined;

	readonly #loop: EventLoop;
	readonly #slot: number;
	readonly #generation: number;
	readonly #limits: SendLimits;
	/** What has been given to the command queue, with its framing, modulo 2^32. */
	#sent = 0;
	/** So many bytes may be sent before the gauges have to be looked at. */
	#credit = 0;
	/** Sent above the high-water mark; `onDrain` follows. */
	#congested = false;
	#dropped = 0;
	/** Who wants to know when what was sent has been handed to the kernel, in order. */
	#waiting: SendCallback[] | undefined = undefined;
	/** Nothing can be sent any more: the connection is not connected, or its sending side is closed. */
	#sendingEnded = false;
	/** A message that was sent with `fin: false` has not come to its end. */
	#sendingFragments = false;
	/** Promises that the handler has returned for messages and that are not settled. */
	#pendingReplies = 0;
	/** The peer has said goodbye, and the answer waits for pending replies. */
	#finishing = false;
	#store: Map<string, unknown> | undefined = undefined;

	/** @internal */
	constructor(
		loop: EventLoop,
		slot: number,
		generation: number,
		details: ConnectionDetails,
	) {
		this.#loop = loop;
		this.#slot = slot;
		this.#generation = generation;
		this.#limits = details.limits;
		this.context = details.context as Context;
		this.remoteAddress = details.ends.remoteAddress;
		this.remotePort = details.ends.remotePort;
		this.localAddress = details.ends.localAddress;
		this.localPort = details.ends.localPort;
		this.protocol = details.protocol;
		this.extensions = details.extensions;
	}

	/** Which of the server's event loops serves this connection, from 0. */
	get loop(): number {
		return this.#loop.index;
	}

	/**
	 * Sends one message: a string as text, bytes (copied before this returns) as binary, unless `options` say otherwise.
	 *
	 * @param callback - called once: without an error when everything up to this message has been handed to the kernel,
	 * or with one (`ERR_GEV_SEND`) when that will not happen. Never called before this returns.
	 * @returns what became of it; see {@link SendStatus}.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else than a string or bytes, and for bytes that are to be sent
	 * as text and are not UTF-8; `ERR_GEV_OPTION` for a wrong option.
	 */
	send(data: Data, callback: SendCallback): SendStatus;
	send(data: Data, options?: SendOptions, callback?: SendCallback): SendStatus;
	send(
		data: Data,
		options?: SendOptions | SendCallback,
		callback?: SendCallback,
	): SendStatus {
		if (typeof options === "function") return this.send(data, {}, options);
		const status =
			typeof data === "string"
				? this.#sendText(data, options)
				: this.#sendBytes(bytesOf(data), options);
		if (callback !== undefined) this.#whenSent(status, callback);
		return status;
	}

	#sendText(text: string, options: SendOptions | undefined): SendStatus {
		const flags =
			options === undefined && !this.#sendingFragments
				? FLAG_TEXT
				: this.#flags(options, true);
		if (this.#sendingEnded) return SendStatus.Closed;
		let status = SendStatus.Queued;
		// Most characters take one byte and none takes more than three.
		if (this.#loop.commands.cost(text.length * 3) > this.#credit) {
			status = this.#admit(text);
			if (status === SendStatus.Dropped) return status;
		}
		this.#sendingFragments = (flags & FLAG_MORE) !== 0;
		const cost = this.#loop.commands.sendText(
			this.#slot,
			this.#generation,
			text,
			flags,
		);
		this.#credit -= cost;
		this.#sent = (this.#sent + cost) | 0;
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	#sendBytes(bytes: Uint8Array, options: SendOptions | undefined): SendStatus {
		let flags = 0;
		if (options !== undefined || this.#sendingFragments) {
			flags = this.#flags(options, false);
			if ((flags & TEXT_AND_MORE) === FLAG_TEXT && !isUtf8(bytes)) {
				throw new GevError("ERR_GEV_DATA", "text to send is not UTF-8");
			}
		}
		if (this.#sendingEnded) return SendStatus.Closed;
		let status = SendStatus.Queued;
		if (this.#loop.commands.cost(bytes.length) > this.#credit) {
			status = this.#admit(bytes);
			if (status === SendStatus.Dropped) return status;
		}
		this.#sendingFragments = (flags & FLAG_MORE) !== 0;
		const cost = this.#loop.commands.sendBytes(
			this.#slot,
			this.#generation,
			bytes,
			flags,
		);
		this.#credit -= cost;
		this.#sent = (this.#sent + cost) | 0;
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	/**
	 * Fulfilled with true when everything that has been sent so far has been handed to the kernel, and with false when the
	 * connection ends before.
	 */
	sent(): Promise<boolean> {
		const status = this.#isCurrent() ? SendStatus.Queued : SendStatus.Closed;
		return new Promise((resolve) => {
			this.#whenSent(status, (error) => resolve(error === undefined));
		});
	}

	/** Messages that were dropped because they would have exceeded `maxBufferedBytes`. */
	get dropped(): number {
		return this.#dropped;
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
		if (bytes.length > MAX_CONTROL) {
			throw new GevError(
				"ERR_GEV_DATA",
				`ping() takes at most ${MAX_CONTROL} bytes, not ${bytes.length}`,
			);
		}
		if (this.#sendingEnded) return SendStatus.Closed;
		let status = SendStatus.Queued;
		if (this.#loop.commands.cost(bytes.length) > this.#credit) {
			status = this.#admit(bytes);
			if (status === SendStatus.Dropped) return status;
		}
		const cost = this.#loop.commands.ping(
			this.#slot,
			this.#generation,
			Uint8Array.from(bytes),
		);
		this.#credit -= cost;
		this.#sent = (this.#sent + cost) | 0;
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	/**
	 * Closes as the protocol does: what was sent before goes out first, then for WebSocket a close frame with `code` and
	 * `reason`, then the connection, at the latest after `closeTimeoutMs`. `onClose` follows. Does nothing when the
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
		const payload = closePayload(code, reason, LOCAL);
		if (this.connected) this.#end(layout.commandClose, payload);
	}

	/**
	 * Closes at once: what has not been sent is lost, and no goodbye is said. `onClose` follows. Does nothing when the
	 * connection is gone.
	 */
	destroy(): void {
		if (this.#isCurrent()) this.#end(layout.commandDestroy, BY_LOCAL);
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
		if (this.#sendingEnded) return;
		this.#sendingEnded = true;
		this.#command(layout.commandShutdownWrite);
	}

	/** Bytes that have arrived and wait for the rest of their message. 0 when the connection is gone. */
	get readBufferLength(): number {
		return this.#isCurrent()
			? this.#loop.gauge(this.#slot, layout.gaugeInput) >>> 0
			: 0;
	}

	/**
	 * Bytes that were sent, with their framing, and that the kernel has not taken. A message that is to be compressed
	 * counts with its whole length until the event loop has done that. 0 when the connection is gone.
	 */
	get writeBufferLength(): number {
		if (!this.#isCurrent()) return 0;
		return (this.#sent - this.#loop.gauge(this.#slot, layout.gaugeDone)) >>> 0;
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

	/** @internal The peer has said goodbye: answer it when everything is sent that the handler has promised. */
	finish(): void {
		this.#finishing = true;
		if (this.connected && this.#pendingReplies === 0) {
			this.#end(layout.commandEnd, NOTHING);
		}
	}

	/** @internal The handler has returned a promise for a message; {@link replyDone} follows. */
	replyPending(): void {
		this.#pendingReplies++;
	}

	/** @internal */
	replyDone(): void {
		this.#pendingReplies--;
		if (this.#finishing) this.finish();
	}

	/** @internal No more output waits than `lowWaterMarkBytes`, or did not when the loop said so. */
	drained(): void {
		if (this.#sendingEnded) return;
		if (this.writeBufferLength > this.#limits.lowWaterMarkBytes) {
			this.#tellDrained();
			return;
		}
		this.#congested = false;
		this.#loop.server.call("onDrain", this as Connection);
	}

	/** @internal Another one of those who {@link sent | wait} need not any longer. */
	wasSent(error?: GevError): void {
		const callback = this.#waiting?.shift();
		if (this.#waiting?.length === 0) this.#waiting = undefined;
		try {
			callback?.(error);
		} catch (thrown) {
			this.#loop.server.handlerFailed(thrown, this as Connection);
		}
	}

	/** @internal Nothing follows but `onClose`. */
	ended(): void {
		this.connected = false;
		this.#sendingEnded = true;
		this.parts = undefined;
		while (this.#waiting !== undefined) this.wasSent(notSent());
	}

	/** @internal Closes because a handler threw: 1011 (RFC 6455 section 7.4.1). */
	fail(): void {
		if (this.connected) {
			this.#end(
				layout.commandClose,
				closePayload(1011, "handler failed", HANDLER),
			);
		}
	}

	/** Flags of the record of a message that is not sent in the ordinary way. */
	#flags(options: SendOptions | undefined, isString: boolean): number {
		const given = check.options("send()", options, SEND_OPTIONS);
		const text = check.boolean("text", given.text, isString);
		const more = check.boolean("fin", given.fin, true) ? 0 : FLAG_MORE;
		if (this.#sendingFragments) return FLAG_CONTINUED | more;
		let flags = (text ? FLAG_TEXT : 0) | more;
		if (given.compress !== undefined) {
			const compress = check.boolean("compress", given.compress, false);
			flags |= compress ? layout.flagCompress : layout.flagPlain;
		}
		return flags;
	}

	#end(kind: number, payload: Uint8Array): void {
		this.connected = false;
		this.#sendingEnded = true;
		this.#command(kind, payload);
	}

	#command(kind: number, payload: Uint8Array = NOTHING): void {
		this.#loop.commands.command(kind, this.#slot, this.#generation, payload);
	}

	/** True until `onClose`. */
	#isCurrent(): boolean {
		return this.#loop.connections[this.#slot] === this;
	}

	/** Looks at how much is buffered: what becomes of `data` on top of it. */
	#admit(data: string | Uint8Array): SendStatus {
		const { highWaterMarkBytes, maxBufferedBytes } = this.#limits;
		const buffered = this.writeBufferLength;
		this.#credit = highWaterMarkBytes - buffered;
		// The least that is certain about a string's length is enough for most.
		const { commands } = this.#loop;
		const most = typeof data === "string" ? data.length * 3 : data.length;
		if (commands.cost(most) <= this.#credit) return SendStatus.Queued;
		const cost = commands.cost(
			typeof data === "string" ? Buffer.byteLength(data) : most,
		);
		if (buffered + cost > maxBufferedBytes) return this.#overflow();
		return cost > this.#credit ? SendStatus.Congested : SendStatus.Queued;
	}

	/** The peer takes less than is sent: what is too much must not take the server's memory. */
	#overflow(): SendStatus {
		this.#dropped++;
		if (this.#limits.overflow === "close") {
			this.#end(layout.commandDestroy, BY_LIMIT);
		}
		return SendStatus.Dropped;
	}

	/** More is buffered than the high-water mark: `onDrain` is to follow. */
	#congest(): void {
		if (this.#congested || !this.#limits.tellsDrain) return;
		this.#congested = true;
		this.#tellDrained();
	}

	/** Behind everything that has been sent so far. */
	#tellDrained(): void {
		const low = Uint32Array.of(this.#limits.lowWaterMarkBytes);
		this.#command(layout.commandTellDrained, new Uint8Array(low.buffer));
	}

	#whenSent(status: SendStatus, callback: SendCallback): void {
		if (typeof callback !== "function") {
			throw check.wrong("callback", "a function", callback);
		}
		this.#waiting ??= [];
		this.#waiting.push(callback);
		if (status === SendStatus.Queued || status === SendStatus.Congested) {
			this.#command(layout.commandTellSent);
		} else {
			const last = this.#waiting.pop() as SendCallback;
			queueMicrotask(() => this.#failed(last));
		}
		if (this.#waiting.length === 0) this.#waiting = undefined;
	}

	/** Tells one whose message is not going to be sent. */
	#failed(callback: SendCallback): void {
		try {
			callback(notSent());
		} catch (thrown) {
			this.#loop.server.handlerFailed(thrown, this as Connection);
		}
	}
}

/** @internal What a connection is told about itself when it is made. */
export interface ConnectionDetails {
	ends: Ends;
	protocol: string;
	extensions: string;
	context: unknown;
	limits: SendLimits;
}

function bytesOf(data: unknown): Uint8Array {
	if (data instanceof Uint8Array) return data;
	if (ArrayBuffer.isView(data)) {
		return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
	}
	if (data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) {
		return new Uint8Array(data);
	}
	throw new GevError(
		"ERR_GEV_DATA",
		`not a string or bytes, but ${shown(data)}`,
	);
}

const NOTHING = new Uint8Array(0);

/** RFC 6455 section 5.5. */
const MAX_CONTROL = 125;

// Constants of their own, as the engine folds these but not the properties of an object.
const FLAG_TEXT = layout.flagText;
const FLAG_MORE = layout.flagMore;
const FLAG_CONTINUED = layout.flagContinued;
const TEXT_AND_MORE = FLAG_TEXT | FLAG_MORE;

/** Numbers of causes: `CloseCause` in `crates/reactor`. */
const LOCAL = 1;
const LIMIT = 3;
const HANDLER = 6;
const BY_LOCAL = Uint8Array.of(LOCAL);
const BY_LIMIT = Uint8Array.of(LIMIT);
