import { GevError } from "../base/errors.js";
import { closePayload } from "../bridge/close-payload.js";
import type {
	LoopCalls,
	LoopConnection,
	LoopOfConnection,
	Place,
} from "../bridge/loop-server.js";
import {
	CAUSE_HANDLER,
	CAUSE_LIMIT,
	CAUSE_LOCAL,
	CHUNK_BYTES,
	COMMAND_CLOSE,
	COMMAND_DESTROY,
	COMMAND_END,
	COMMAND_EXPEL,
	COMMAND_SET_DEADLINE,
	COMMAND_SHUTDOWN_WRITE,
	GAUGE_INPUT,
} from "../bridge/records.js";
import type { Unfinished } from "../bridge/unfinished.js";
import type { ConnectionSettings } from "./connection-settings.js";
import { Inbox } from "./inbox.js";
import type { SendOptions, SendStatus } from "./send.js";
import { Sender, type SenderConnection } from "./sender.js";

/**
 * What is behind a `Connection`: where it is in its life, what has arrived for it and what it sends. Inner code knows
 * connections by it; handlers get the `Connection`, which reaches nothing but what it offers itself.
 */
export class ConnectionCore implements LoopConnection, SenderConnection {
	/** The `Connection` that handlers get. */
	face: object = NO_FACE;
	/** False as soon as the connection is gone or being closed from this side. */
	connected = true;
	/** What is there of a message that is too long for one event. */
	unfinished: Unfinished | undefined = undefined;
	/** What has arrived and has to wait, if that was ever needed. */
	inbox: Inbox | undefined = undefined;
	/** See `Connection.frameErrors`. */
	frameErrors = 0;
	/** Who is called for it. */
	calls: ConnectionCalls;
	readonly sender: Sender;

	/** Bytes that are kept on this side: what is there of a message, and what is in the inbox. */
	#kept = 0;
	readonly #server: ConnectionServer;
	/** The connection is being closed by this side: nothing that arrives matters any more. */
	#isDeaf = false;
	/** The peer has said goodbye. */
	#peerEnded = false;
	/** This side does not go on, whatever the application wants. */
	#mustEnd = false;

	constructor(place: Place, server: ConnectionServer) {
		this.calls = server.calls;
		this.sender = new Sender(this, place, this.calls.settings);
		this.#server = server;
	}

	/** What serves it. */
	get loop(): LoopOfConnection {
		return this.sender.loop;
	}

	get slot(): number {
		return this.sender.slot;
	}

	get generation(): number {
		return this.sender.generation;
	}

	/** True until `onClose`. */
	get isThere(): boolean {
		return this.loop.connections[this.slot] === this;
	}

	/** True when what arrives now has to wait. */
	get holds(): boolean {
		return this.inbox?.holds === true;
	}

	/** False when this side is closing: what arrives is not for the handler. */
	get hears(): boolean {
		return !this.#isDeaf;
	}

	get isPaused(): boolean {
		return this.inbox?.isPaused ?? false;
	}

	/** True when the handler can take nothing now, whether something waits or not. */
	get isShut(): boolean {
		return this.inbox?.isShut === true;
	}

	/** True where the protocol in TypeScript makes of each message what is sent. */
	get packs(): boolean {
		return false;
	}

	/** Sends a message, as `Connection.send` says. */
	send(message: unknown, options?: SendOptions): SendStatus {
		return this.sender.send(message, options);
	}

	/**
	 * See `Connection.setProtocol`.
	 *
	 * @throws {@link GevError} `ERR_GEV_STATE`.
	 */
	setProtocol(_protocol: unknown, _handler: unknown): boolean {
		throw new GevError(
			"ERR_GEV_STATE",
			"setProtocol() needs a protocol on TCP, not a WebSocket",
		);
	}

	/** The handler has been told of it. */
	opened(): void {}

	/** Does nothing: what does not change has not changed. */
	switched(): void {}

	/** See `Connection.pause`. */
	pause(): void {
		if (this.connected) this.#needInbox().pause();
	}

	/** See `Connection.setDeadline`. */
	setDeadline(ms: number): void {
		if (!this.connected) return;
		const payload = Buffer.allocUnsafeSlow(4);
		payload.writeUInt32LE(ms);
		this.sender.command(COMMAND_SET_DEADLINE, payload);
	}

	/** Closes as the protocol does, by the word of the application, if that has not begun. */
	close(code: number, reason: string): void {
		this.closeFor(code, reason, CAUSE_LOCAL);
	}

	/** See `Connection.end`. */
	end(): void {
		if (!this.connected) return;
		if (!this.#settings.endsByFin) this.close(1000, "");
		else if (this.#peerEnded || this.#mustEnd) this.#end(COMMAND_END, NOTHING);
		else this.shutdownWrite();
	}

	/** See `Connection.destroy`. */
	destroy(reset: boolean): void {
		if (!this.isThere) return;
		this.#end(COMMAND_DESTROY, Uint8Array.of(CAUSE_LOCAL, reset ? 1 : 0));
	}

	/** See `Connection.shutdownWrite`. */
	shutdownWrite(): void {
		this.sender.end(COMMAND_SHUTDOWN_WRITE, NOTHING);
		this.#answerEnd();
	}

	/** See `Connection.readBufferLength`. */
	get readBufferLength(): number {
		return this.isThere ? this.loop.gauge(this.slot, GAUGE_INPUT) >>> 0 : 0;
	}

	/** See `Connection.writeBufferLength`. */
	get writeBufferLength(): number {
		return this.isThere ? this.sender.length : 0;
	}

	/** The peer has said goodbye. It is answered when everything is sent that the handler has promised. */
	peerHasEnded(): void {
		this.#peerEnded = true;
		if (this.#settings.endsByFin && this.connected) {
			this.calls.call("onEnd", this);
		}
		this.#answerEnd();
	}

	/** The server is stopping, and nothing more will come. */
	mustEnd(): void {
		this.#mustEnd = true;
		this.#answerEnd();
	}

	/** The server is going to stop: nothing waits for the application any more. */
	prepareStop(): void {
		this.inbox?.resume();
		if (this.#peerEnded) this.mustEnd();
	}

	/** The handler has returned a promise that this connection waits for; {@link replySettled} follows. */
	replyBegun(): void {
		this.#needInbox().begun();
	}

	replySettled(): void {
		this.inbox?.settled();
		this.#answerEnd();
	}

	/** No more output waits in the loop than `flow.lowWaterMarkBytes`, or did not when the loop said so. */
	drained(): void {
		this.sender.drained();
	}

	/** What was sent above the high-water mark has gone: the handler is told. */
	tellDrained(): void {
		this.calls.call("onDrain", this);
	}

	/** The turn of the next one who waits for what was sent. */
	wasSent(): void {
		this.sender.wasSent();
	}

	/** What the application has given to be called has thrown. */
	handlerFailed(error: unknown): void {
		this.calls.handlerFailed(error, this);
	}

	/** So many bytes are going to be kept on this side. */
	keep(bytes: number): void {
		this.#settings.memory.keep(bytes);
		this.#kept += bytes;
	}

	/** So many bytes are kept no longer. */
	release(bytes: number): void {
		this.#kept -= bytes;
		this.#settings.memory.release(bytes);
	}

	/** Keeps nothing any longer of a message that is too long for one event. */
	forgetUnfinished(): void {
		const { unfinished } = this;
		if (unfinished === undefined) return;
		this.unfinished = undefined;
		this.release(unfinished.length);
		unfinished.discard();
	}

	/** About how many bytes are held for it, on this side and in the loop. */
	get held(): number {
		const input = Math.max(this.#kept, this.readBufferLength);
		const output = this.writeBufferLength;
		return input + output + (output > 0 ? CHUNK_BYTES : 0);
	}

	/** So much of what was sent has been dropped on this side. */
	uncount(bytes: number): void {
		this.sender.uncount(bytes);
	}

	/** Closes because memory is short and this connection holds much of it, of which nothing is kept. */
	expel(): void {
		this.inbox?.clear();
		this.forgetUnfinished();
		this.release(this.#kept);
		this.#end(
			COMMAND_EXPEL,
			closePayload(1013, "the server is short of memory", CAUSE_LIMIT),
		);
	}

	/** Nothing follows but what waits in the inbox, and `onClose`. */
	gone(): void {
		this.connected = false;
		this.forgetUnfinished();
		this.sender.gone();
	}

	/** Calls `tell` when everything that has arrived has been delivered: now, unless it waits in the inbox. */
	whenDelivered(tell: () => void): void {
		if (this.inbox === undefined) tell();
		else this.inbox.end(tell);
	}

	/** Closes because the peer takes less than is sent to it. */
	exceeded(): void {
		this.#end(COMMAND_DESTROY, BY_LIMIT);
	}

	/** Closes because a handler threw: 1011 (RFC 6455 section 7.4.1). */
	fail(): void {
		this.#isDeaf = true;
		this.closeFor(1011, "handler failed", CAUSE_HANDLER);
	}

	/** Closes because a message is longer than JavaScript can have it: 1009 (RFC 6455 section 7.4.1). */
	tooLong(): void {
		this.forgetUnfinished();
		this.closeFor(1009, "message too long for JavaScript", CAUSE_LIMIT);
	}

	get #settings(): ConnectionSettings {
		return this.calls.settings;
	}

	/** Closes as the protocol does, if that has not begun. */
	protected closeFor(code: number, reason: string, cause: number): void {
		if (this.connected) {
			this.#end(COMMAND_CLOSE, closePayload(code, reason, cause));
		}
	}

	#end(kind: number, payload: Uint8Array): void {
		this.sender.end(kind, payload);
		this.connected = false;
		this.#isDeaf = true;
	}

	/** Says goodbye too, once the peer has, unless the application wants to go on. */
	#answerEnd(): void {
		const unsettled = this.inbox?.unsettled ?? 0;
		if (!this.connected || unsettled > 0) return;
		const { endsByFin, allowHalfOpen } = this.#settings;
		const mayGoOn = allowHalfOpen && !this.#server.isStopping;
		const goesOn = endsByFin && mayGoOn && !this.sender.isEnded;
		if (this.#mustEnd || (this.#peerEnded && !goesOn)) {
			this.#end(COMMAND_END, NOTHING);
		}
	}

	#needInbox(): Inbox {
		this.inbox ??= new Inbox(this.#settings, (kind) => {
			if (this.isThere) this.sender.command(kind);
		});
		return this.inbox;
	}
}

/** What a connection needs of its server. */
export interface ConnectionServer {
	/** Who is called for connections at first. */
	readonly calls: ConnectionCalls;
	readonly isStopping: boolean;
}

/** Who is called for a connection, and what holds for it then. */
export interface ConnectionCalls extends LoopCalls<ConnectionCore> {
	readonly settings: ConnectionSettings;
	/** Calls a member of the handler. */
	call(
		name: "onDrain" | "onEnd" | "onClose",
		connection: ConnectionCore,
		...args: unknown[]
	): void;
	/** Calls `deliver` when what came before has been delivered. */
	inTurn(connection: ConnectionCore, bytes: number, deliver: () => void): void;
}

const NO_FACE = {};

const NOTHING = new Uint8Array(0);

const BY_LIMIT = Uint8Array.of(CAUSE_LIMIT);
