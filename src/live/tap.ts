import { now } from "../base/clock.js";
import type { Fragment } from "../bridge/fragment.js";
import type { FrameError } from "../bridge/frame-error.js";
import type {
	ConnectionCalls,
	ConnectionCore,
} from "../flow/connection-core.js";
import type { SendOptions } from "../flow/send.js";

/**
 * Listens to the messages of one connection for half a minute. Until then, and afterwards, no message passes through it: it
 * stands in for what the connection calls, and for its `send`, of this one connection only. Of a protocol in TypeScript it
 * sees what its `unpack` gets, and what its `pack` does.
 */
export class Tap {
	#line: TappedCalls | undefined;
	#connection: ConnectionCore | undefined;
	#id = "";
	#endsAt = 0;
	#messages: Tapped[] = [];
	/** How many have come, shown or not. */
	#count = 0;
	#second = 0;
	#inSecond = 0;

	/** From now on this connection, and no other. */
	begin(id: string, connection: ConnectionCore): void {
		this.end();
		this.#messages = [];
		this.#count = 0;
		this.#id = id;
		this.#endsAt = now() + PATIENCE_MS;
		const line = new TappedCalls(connection.calls, this);
		connection.calls = line;
		const send = connection.send;
		connection.send = (message: unknown, options?: SendOptions) => {
			this.note("out", message);
			return send.call(connection, message, options);
		};
		this.#connection = connection;
		this.#line = line;
	}

	/** True while it listens to this connection. */
	isAt(connection: ConnectionCore): boolean {
		return this.#connection === connection;
	}

	/** Listens no longer. What it has heard is there still. */
	end(): void {
		const connection = this.#connection;
		if (connection === undefined) return;
		if (connection.calls === this.#line) connection.calls = this.#line.calls;
		// The method of its class is there again.
		delete (connection as Partial<ConnectionCore>).send;
		this.#connection = undefined;
		this.#line = undefined;
	}

	/** What it has heard behind the message with the number `after`. */
	report(after: number) {
		if (this.#connection?.isThere === false) this.end();
		const leftMs = Math.round(this.#endsAt - now());
		if (leftMs <= 0) this.end();
		const isOn = this.#connection !== undefined;
		const messages = this.#messages.filter(({ number }) => number > after);
		const { id, count } = { id: this.#id, count: this.#count };
		return { id, leftMs: isOn ? leftMs : 0, count, messages };
	}

	/** A message of the connection. */
	note(way: "in" | "out", message: unknown): void {
		const number = ++this.#count;
		const second = Math.floor(now() / 1000);
		if (now() > this.#endsAt) {
			this.end();
			return;
		}
		if (second !== this.#second) this.#inSecond = 0;
		this.#second = second;
		if (++this.#inSecond > MOST_A_SECOND) return;
		if (this.#messages.length === MOST_KEPT) this.#messages.shift();
		this.#messages.push({ number, at: Date.now(), way, ...shown(message) });
	}
}

/** A message as it is shown. */
export interface Tapped {
	/** From 1 on. */
	number: number;
	/** By `Date.now()`. */
	at: number;
	way: "in" | "out";
	/** `"object"` for what only its protocol can say the bytes of. */
	kind: "text" | "bytes" | "object";
	length: number;
	/** The beginning, bytes in hexadecimal. */
	text: string;
}

function shown(message: unknown): Pick<Tapped, "kind" | "length" | "text"> {
	if (typeof message === "string") {
		const text = message.slice(0, MOST_SHOWN);
		return { kind: "text", length: message.length, text };
	}
	if (message instanceof Uint8Array) {
		const bytes = Buffer.from(message.subarray(0, MOST_SHOWN));
		const length = message.byteLength;
		return { kind: "bytes", length, text: bytes.toString("hex") };
	}
	return { kind: "object", length: 0, text: "" };
}

/** What a connection calls, with an ear at its messages. */
class TappedCalls implements ConnectionCalls {
	readonly calls: ConnectionCalls;
	readonly #tap: Tap;

	constructor(calls: ConnectionCalls, tap: Tap) {
		this.calls = calls;
		this.#tap = tap;
	}

	get settings() {
		return this.calls.settings;
	}

	get borrows() {
		return this.calls.borrows;
	}

	get frameTimeoutMs() {
		return this.calls.frameTimeoutMs;
	}

	get takesMessages() {
		return this.calls.takesMessages;
	}

	get takesFragments() {
		return this.calls.takesFragments;
	}

	/** Of a `Dispatcher`, which a change of the protocol asks for it. */
	get handler() {
		return (this.calls as { handler?: unknown }).handler;
	}

	message(connection: ConnectionCore, message: string | Buffer): void {
		this.#tap.note("in", message);
		this.calls.message(connection, message);
	}

	textBytes(connection: ConnectionCore, text: Buffer): void {
		this.#tap.note("in", text.toString());
		this.calls.textBytes(connection, text);
	}

	fragment(connection: ConnectionCore, data: Buffer, fragment: Fragment): void {
		this.#tap.note("in", data);
		this.calls.fragment(connection, data, fragment);
	}

	ping(connection: ConnectionCore, data: Buffer): void {
		this.calls.ping(connection, data);
	}

	pong(connection: ConnectionCore, data: Buffer): void {
		this.calls.pong(connection, data);
	}

	frameFailed(connection: ConnectionCore, error: FrameError): void {
		this.calls.frameFailed(connection, error);
	}

	peerEnded(connection: ConnectionCore): void {
		this.calls.peerEnded(connection);
	}

	mustEnd(connection: ConnectionCore): void {
		this.calls.mustEnd(connection);
	}

	handlerFailed(error: unknown, connection: ConnectionCore): void {
		this.calls.handlerFailed(error, connection);
	}

	failed(error: unknown): void {
		this.calls.failed(error);
	}

	call(
		name: "onDrain" | "onEnd" | "onClose",
		connection: ConnectionCore,
		...args: unknown[]
	): void {
		this.calls.call(name, connection, ...args);
	}

	inTurn(connection: ConnectionCore, bytes: number, deliver: () => void): void {
		this.calls.inTurn(connection, bytes, deliver);
	}
}

const PATIENCE_MS = 30_000;
/** Characters of a text, or bytes. */
const MOST_SHOWN = 256;
const MOST_A_SECOND = 50;
const MOST_KEPT = 200;
