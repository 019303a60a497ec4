import { isUtf8 } from "node:buffer";
import * as check from "./check.js";
import { GevError, shown } from "./errors.js";
import type { EventLoop } from "./event-loop.js";
import type { Data } from "./handler.js";
import { layout } from "./layout.js";
import type { Ends } from "./request.js";

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
	readonly #maxBufferedBytes: number;
	/** Payload bytes given to the command queue, modulo 2^32. */
	#sent = 0;
	/** So many bytes may be sent before the gauges have to be looked at. */
	#credit = 0;
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
		this.#maxBufferedBytes = details.maxBufferedBytes;
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
	 * @returns what became of it; see {@link SendStatus}.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else than a string or bytes, and for bytes that are to be sent
	 * as text and are not UTF-8; `ERR_GEV_OPTION` for a wrong option.
	 */
	send(data: Data, options?: SendOptions): SendStatus {
		if (typeof data === "string") {
			const flags =
				options === undefined && !this.#sendingFragments
					? FLAG_TEXT
					: this.#flags(options, true);
			if (this.#sendingEnded) return SendStatus.Closed;
			// Most characters take one byte and none takes more than three.
			const most = data.length * 3;
			if (most > this.#credit && !this.#renewCredit(data)) {
				return this.#overflow();
			}
			this.#sendingFragments = (flags & FLAG_MORE) !== 0;
			const length = this.#loop.commands.sendText(
				this.#slot,
				this.#generation,
				data,
				flags,
			);
			this.#credit -= length;
			this.#sent = (this.#sent + length) | 0;
			return SendStatus.Queued;
		}
		const bytes = data instanceof Uint8Array ? data : bytesOf(data);
		let flags = 0;
		if (options !== undefined || this.#sendingFragments) {
			flags = this.#flags(options, false);
			if ((flags & TEXT_AND_MORE) === FLAG_TEXT && !isUtf8(bytes)) {
				throw new GevError("ERR_GEV_DATA", "text to send is not UTF-8");
			}
		}
		if (this.#sendingEnded) return SendStatus.Closed;
		if (bytes.length > this.#credit && !this.#renewCredit(bytes)) {
			return this.#overflow();
		}
		this.#sendingFragments = (flags & FLAG_MORE) !== 0;
		this.#loop.commands.sendBytes(this.#slot, this.#generation, bytes, flags);
		this.#credit -= bytes.length;
		this.#sent = (this.#sent + bytes.length) | 0;
		return SendStatus.Queued;
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
		const cost = bytes.length + CONTROL_HEADER;
		if (cost > this.#credit && !this.#renewCredit(new Uint8Array(cost))) {
			return this.#overflow();
		}
		this.#credit -= cost;
		this.#command(layout.commandPing, Uint8Array.from(bytes));
		return SendStatus.Queued;
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
	 * Bytes that were sent and that the kernel has not taken: payload as long as it is on its way to the event loop, and
	 * with its framing from there on. 0 when the connection is gone.
	 */
	get writeBufferLength(): number {
		if (!this.#isCurrent()) return 0;
		// `taken` is stored after `output`, so that a message that moves from one to the other is not missed.
		const taken = this.#loop.gauge(this.#slot, layout.gaugeTaken);
		const output = this.#loop.gauge(this.#slot, layout.gaugeOutput) >>> 0;
		return ((this.#sent - taken) | 0) + output;
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

	/** @internal Nothing follows. */
	ended(): void {
		this.connected = false;
		this.#sendingEnded = true;
		this.parts = undefined;
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

	/** Looks at how much is buffered; true if `data` may be sent on top of it. */
	#renewCredit(data: string | Uint8Array): boolean {
		this.#credit = this.#maxBufferedBytes - this.writeBufferLength;
		if (typeof data !== "string") return data.length <= this.#credit;
		return (
			data.length * 3 <= this.#credit || Buffer.byteLength(data) <= this.#credit
		);
	}

	/** The peer takes less than is sent: end it before it takes the server's memory. */
	#overflow(): SendStatus {
		this.#end(layout.commandDestroy, BY_LIMIT);
		return SendStatus.Dropped;
	}
}

/** How a message is sent; for {@link Connection.send}. Of these raw TCP knows nothing: there they change nothing. */
export interface SendOptions {
	/** As text (UTF-8) or as binary. Default: a string as text, bytes as binary. */
	text?: boolean;
	/**
	 * Whether to compress the message, where permessage-deflate was agreed on. Default: if it has at least `threshold`
	 * bytes.
	 */
	compress?: boolean;
	/**
	 * False for a fragment that others of the same message follow; the next one without it is the last. `text` and
	 * `compress` of the first one count for all. Fragments of text that are given as bytes are not checked. Default
	 * true.
	 */
	fin?: boolean;
}

/** What became of a message given to {@link Connection.send}. */
export enum SendStatus {
	/** It is on its way to the event loop, which sends it as soon as the peer takes it. */
	Queued = 0,
	/** It would have exceeded `maxBufferedBytes`; it is dropped and the connection is closed. */
	Dropped = 1,
	/** The connection is gone or being closed, or its sending side is; the message is dropped. */
	Closed = 2,
}

/** @internal What a connection is told about itself when it is made. */
export interface ConnectionDetails {
	ends: Ends;
	protocol: string;
	extensions: string;
	context: unknown;
	maxBufferedBytes: number;
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

/** Code (two bytes in native order), cause, an unused byte, text: see `CommandKind::Close` in `crates/reactor`. */
function closePayload(code: number, reason: string, cause: number): Uint8Array {
	const text = typeof reason === "string" ? Buffer.from(reason) : undefined;
	if (!mayBeSent(code) || text === undefined || text.length > 123) {
		throw new GevError(
			"ERR_GEV_CLOSE",
			`close() takes a code that may be sent and a reason of at most 123 bytes, not ${shown(code)} and ${shown(reason)}`,
		);
	}
	const payload = new Uint8Array(4 + text.length);
	new Uint16Array(payload.buffer, 0, 1)[0] = code;
	payload[2] = cause;
	payload.set(text, 4);
	return payload;
}

/** RFC 6455 section 7.4, and the registry of close codes up to 1014. */
function mayBeSent(code: unknown): boolean {
	return (
		typeof code === "number" &&
		Number.isInteger(code) &&
		((code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
			(code >= 3000 && code <= 4999))
	);
}

const NOTHING = new Uint8Array(0);

/** RFC 6455 section 5.5. */
const MAX_CONTROL = 125;
const CONTROL_HEADER = 2;

const SEND_OPTIONS: readonly (keyof SendOptions)[] = [
	"text",
	"compress",
	"fin",
];

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
