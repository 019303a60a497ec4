import { bytesOf, copyOf, lengthOf } from "./base/bytes.js";
import * as check from "./base/check.js";
import { GevError, shown } from "./base/errors.js";
import type { Addresses } from "./bridge/addresses.js";
import {
	closePayload,
	isCloseText,
	mayBeSent,
} from "./bridge/close-payload.js";
import type { EventLoop } from "./bridge/event-loop.js";
import { layout } from "./bridge/layout.js";
import type { ConnectionSettings } from "./flow/connection-settings.js";
import { Inbox } from "./flow/inbox.js";
import type { SendCallback, SendOptions, SendStatus } from "./flow/send.js";
import { type Place, Sender } from "./flow/sender.js";
import type { Data } from "./handler.js";

/**
 * One client. Made by the server, given to the handler. All members may be used at any time, also when the connection is
 * gone: then they do nothing and say so.
 */
export class Connection<Context = unknown> {
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
	/** @internal What has arrived and has to wait, if that was ever needed. */
	inbox: Inbox | undefined = undefined;

	#connected = true;
	/** Bytes that are kept on this side: parts, and what is in the inbox. */
	#kept = 0;
	readonly #loop: EventLoop;
	readonly #slot: number;
	readonly #settings: ConnectionSettings;
	readonly #sender: Sender;
	/** The connection is being closed by this side: nothing that arrives matters any more. */
	#isDeaf = false;
	/** The peer has said goodbye. */
	#peerEnded = false;
	/** This side does not go on, whatever the application wants. */
	#mustEnd = false;
	#store: Map<string, unknown> | undefined = undefined;

	/** @internal */
	constructor(place: Place, details: ConnectionDetails) {
		this.#loop = place.loop;
		this.#slot = place.slot;
		this.#settings = details.settings;
		this.#sender = new Sender(this as Connection, place, details.settings);
		this.context = details.context as Context;
		this.remoteAddress = details.addresses.remoteAddress;
		this.remotePort = details.addresses.remotePort;
		this.localAddress = details.addresses.localAddress;
		this.localPort = details.addresses.localPort;
		this.protocol = details.protocol;
		this.extensions = details.extensions;
	}

	/**
	 * False as soon as the connection is gone or being closed from this side: nothing can be sent. Messages come no more,
	 * but for those that have arrived and wait for the handler ({@link pause}, `serial`) when the peer leaves. True from
	 * `onConnect` on.
	 */
	get connected(): boolean {
		return this.#connected;
	}

	/** Which of the server's event loops serves this connection, from 0. */
	get loop(): number {
		return this.#loop.index;
	}

	/**
	 * Sends one message: a string as text, bytes (copied before this returns) as binary, unless `options` say otherwise.
	 *
	 * @param callback - called once: without an error when this message, and with it all before it that were not dropped,
	 * has been handed to the kernel, or with one (`ERR_GEV_SEND`) when that will not happen. Never called before this
	 * returns, and in the context (`AsyncLocalStorage`) of this call.
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
		if (callback !== undefined && typeof callback !== "function") {
			throw check.wrong("callback", "a function", callback);
		}
		const sender = this.#sender;
		const status =
			typeof data === "string"
				? sender.sendText(data, options)
				: sender.sendBytes(data, options);
		if (callback !== undefined) sender.callWhenSent(status, callback);
		return status;
	}

	/**
	 * Fulfilled with true when everything that has been sent so far has been handed to the kernel, or dropped in favour of
	 * later messages (`overflow: "drop-oldest"`), and with false when the connection ends before. Those who ask may
	 * share a promise. In particular, while messages wait that may yet be dropped, all who ask before an earlier promise is
	 * fulfilled get the same next one, for everything that has been sent when that happens: so asking after each message
	 * takes no memory, although messages are dropped without end.
	 */
	sent(): Promise<boolean> {
		return this.#sender.allSent();
	}

	/**
	 * Calls `callback`, and hands everything to the event loop together that is sent meanwhile, to whichever connection of
	 * that loop: it goes out in as few packets as possible, and as soon as `callback` has returned. (What handlers send
	 * goes together in any case, when those are done that have something to handle; in a handler this changes nothing.)
	 *
	 * @returns what `callback` has returned.
	 */
	corked<Result>(callback: () => Result): Result {
		return this.#loop.commands.together(callback);
	}

	/**
	 * No `onMessage`, `onFragment`, `onPing`, `onPong` or `onEnd` from now on until {@link resume}. What arrives meanwhile
	 * waits, most of it at the peer: the event loop stops reading the socket, so pings are not answered, and it is not seen
	 * that the peer has left. When the connection ends all the same (by a timeout, or by `stop()`), what has arrived is
	 * delivered before `onClose`. A {@link close} from this side needs no `resume`. Does nothing when the connection is gone
	 * or being closed.
	 */
	pause(): void {
		if (this.#connected) this.#needInbox().pause();
	}

	/** Goes on after {@link pause}, with what waits: before this returns, as far as the handler can take it. */
	resume(): void {
		this.inbox?.resume();
	}

	/** True from {@link pause} to {@link resume}, or to the end of the connection. */
	get isPaused(): boolean {
		return this.inbox?.isPaused ?? false;
	}

	/** Messages that were dropped because they would have exceeded `maxBufferedBytes`. */
	get dropped(): number {
		return this.#sender.dropped;
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
		return this.#sender.ping(copyOf(bytes, 0, length));
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
		this.#give(code, reason, LOCAL);
	}

	/**
	 * Ends this side: what was sent before goes out first. Raw TCP: then FIN, so that the peer sees the end, and goes on
	 * receiving what the peer still sends; when the peer has ended its side too, the connection is gone. WebSocket, which
	 * has no half-open connections: as {@link close}. Nothing can be sent after it.
	 */
	end(): void {
		if (!this.#connected) return;
		if (!this.#settings.endsByFin) this.close();
		else if (this.#peerEnded || this.#mustEnd)
			this.#end(layout.commandEnd, NOTHING);
		else this.shutdownWrite();
	}

	/**
	 * Closes at once: what has not been sent is lost, and no goodbye is said. `onClose` follows. Does nothing when the
	 * connection is gone.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
	 */
	destroy(options: DestroyOptions = {}): void {
		const given = check.options("destroy()", options, DESTROY_OPTIONS);
		const reset = check.boolean("reset", given.reset, false);
		if (!this.#isCurrent()) return;
		this.#end(layout.commandDestroy, Uint8Array.of(LOCAL, reset ? 1 : 0));
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
		this.#sender.end(layout.commandShutdownWrite, NOTHING);
		this.#answerEnd();
	}

	/**
	 * Bytes that have arrived and wait for the rest of their message; of a compressed one, what has been inflated. 0 when
	 * the connection is gone.
	 */
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
		return this.#isCurrent() ? this.#sender.length : 0;
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

	/** @internal False when this side is closing: what arrives is not for the handler. */
	get hears(): boolean {
		return !this.#isDeaf;
	}

	/** @internal The peer has said goodbye. It is answered when everything is sent that the handler has promised. */
	peerHasEnded(): void {
		this.#peerEnded = true;
		if (this.#settings.endsByFin && this.#connected) {
			this.#loop.server.dispatcher.call("onEnd", this as Connection);
		}
		this.#answerEnd();
	}

	/** @internal The server is stopping, and nothing more will come. */
	mustEnd(): void {
		this.#mustEnd = true;
		this.#answerEnd();
	}

	/** @internal The server is going to stop: nothing waits for the application any more. */
	prepareStop(): void {
		this.inbox?.resume();
		if (this.#peerEnded) this.mustEnd();
	}

	/** @internal The handler has returned a promise that this connection waits for; {@link replyDone} follows. */
	replyPending(): void {
		this.#needInbox().begun();
	}

	/** @internal */
	replyDone(): void {
		this.inbox?.settled();
		this.#answerEnd();
	}

	/** @internal No more output waits in the loop than `lowWaterMarkBytes`, or did not when the loop said so. */
	drained(): void {
		this.#sender.drained();
	}

	/** @internal The turn of the next one who waits for what was sent. */
	wasSent(): void {
		this.#sender.wasSent();
	}

	/** @internal So many bytes are going to be kept on this side. */
	keep(bytes: number): void {
		this.#settings.memory.keep(bytes);
		this.#kept += bytes;
	}

	/** @internal So many bytes are kept no longer. */
	release(bytes: number): void {
		this.#kept -= bytes;
		this.#settings.memory.release(bytes);
	}

	/** @internal The parts of a message that is too long for one event, which are kept here no longer. */
	takeParts(): Buffer[] {
		const parts = this.parts ?? [];
		this.parts = undefined;
		this.release(parts.reduce((sum, { length }) => sum + length, 0));
		return parts;
	}

	/** @internal About how many bytes are held for it, on this side and in the loop. */
	get held(): number {
		const input = Math.max(this.#kept, this.readBufferLength);
		const output = this.writeBufferLength;
		return input + output + (output > 0 ? CHUNK_BYTES : 0);
	}

	/** @internal */
	get place(): Place {
		return this.#sender.place;
	}

	/** @internal So much of what was sent has been dropped on this side. */
	uncount(bytes: number): void {
		this.#sender.uncount(bytes);
	}

	/** @internal Closes because memory is short and this connection holds much of it, of which nothing is kept. */
	expel(): void {
		this.inbox?.clear();
		this.takeParts();
		this.release(this.#kept);
		this.#end(
			layout.commandExpel,
			closePayload(1013, "the server is short of memory", LIMIT),
		);
	}

	/** @internal Nothing follows but what waits in the inbox, and `onClose`. */
	gone(): void {
		this.#connected = false;
		this.takeParts();
		this.#sender.gone();
	}

	/** @internal Closes because the peer takes less than is sent to it. */
	exceeded(): void {
		this.#end(layout.commandDestroy, BY_LIMIT);
	}

	/** @internal Closes because a handler threw: 1011 (RFC 6455 section 7.4.1). */
	fail(): void {
		this.#isDeaf = true;
		this.#give(1011, "handler failed", HANDLER);
	}

	/** @internal Closes because a message is longer than JavaScript can have it: 1009 (RFC 6455 section 7.4.1). */
	tooLong(): void {
		this.#give(1009, "message too long for JavaScript", LIMIT);
	}

	/** Closes as the protocol does, if that has not begun. */
	#give(code: number, reason: string, cause: number): void {
		if (this.#connected) {
			this.#end(layout.commandClose, closePayload(code, reason, cause));
		}
	}

	#end(kind: number, payload: Uint8Array): void {
		this.#sender.end(kind, payload);
		this.#connected = false;
		this.#isDeaf = true;
	}

	/** Says goodbye too, once the peer has, unless the application wants to go on. */
	#answerEnd(): void {
		const unsettled = this.inbox?.unsettled ?? 0;
		if (!this.#connected || unsettled > 0) return;
		const { endsByFin, allowHalfOpen } = this.#settings;
		const mayGoOn = allowHalfOpen && !this.#loop.server.isStopping;
		const goesOn = endsByFin && mayGoOn && !this.#sender.isEnded;
		if (this.#mustEnd || (this.#peerEnded && !goesOn)) {
			this.#end(layout.commandEnd, NOTHING);
		}
	}

	#needInbox(): Inbox {
		this.inbox ??= new Inbox(this.#settings, (kind) => {
			if (this.#isCurrent()) this.#sender.command(kind);
		});
		return this.inbox;
	}

	/** True until `onClose`. */
	#isCurrent(): boolean {
		return this.#loop.connections[this.#slot] === this;
	}
}

/** Settings of {@link Connection.destroy}. */
export interface DestroyOptions {
	/** Tell the peer by a reset (RST) that the connection was cut, instead of by the ordinary end (FIN). Default false. */
	reset?: boolean;
}

/** @internal What a connection is told about itself when it is made. */
export interface ConnectionDetails {
	addresses: Addresses;
	protocol: string;
	extensions: string;
	context: unknown;
	settings: ConnectionSettings;
}

const NOTHING = new Uint8Array(0);

/** Output that waits in a loop takes memory in pieces of this size. */
const CHUNK_BYTES = 16 * 1024;

/** RFC 6455 section 5.5. */
const MAX_CONTROL = 125;

/** Numbers of causes: `CloseCause` in `crates/reactor`. */
const LOCAL = 1;
const LIMIT = 3;
const HANDLER = 6;
const BY_LIMIT = Uint8Array.of(LIMIT);

const DESTROY_OPTIONS: readonly (keyof DestroyOptions)[] = ["reset"];
