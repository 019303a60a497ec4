import { types } from "node:util";
import { GevError } from "../base/errors.js";
import { FrameError } from "../bridge/frame-error.js";
import type { FrameFault } from "../bridge/records.js";
import type { RingBuffer } from "../framing/ring-buffer.js";
import type { ConnectionSettings } from "./connection-settings.js";
import { Dispatcher, type Members } from "./dispatcher.js";
import type { Unpacking } from "./packing.js";
import type { StreamConnection } from "./stream-connection.js";

/** A dispatcher that makes messages of what the loops hand over, and tells what can be none. */
export class ReadingDispatcher extends Dispatcher {
	/** Tells the handler, whose turn it is, what is wrong with what has come, which begins with `head`. It closes for it afterwards. */
	protected tellWrong(
		connection: StreamConnection,
		fault: FrameFault,
		head: Buffer,
		limit?: number,
		length?: number,
	): void {
		connection.frameErrors++;
		const details = { limit, length, head };
		const error = new FrameError(fault, "closed", details);
		this.call("onFrameError", connection, error);
	}
}

/**
 * A dispatcher that makes messages of what the loops have cut, by a protocol in TypeScript. One message at a time: the next one is
 * made when the handler can take it, so that a paused connection stands still, and that what the handler has done with
 * one message is there when the next one is made.
 */
export class PackingDispatcher extends ReadingDispatcher {
	/** The protocol's `unpack`. It needs no `this`. */
	readonly #unpack: Unpacking["unpack"];
	readonly #isCut: boolean;
	/** Most bytes that a message may take. */
	readonly #maxMessageBytes: number;

	constructor(
		handler: Members,
		settings: ConnectionSettings,
		server: object,
		{ unpack, isCut, maxMessageBytes }: Unpacking,
		base?: Dispatcher,
	) {
		super(handler, settings, server, base);
		this.#unpack = unpack;
		this.#isCut = isCut;
		this.#maxMessageBytes = maxMessageBytes || Number.POSITIVE_INFINITY;
	}

	override message(connection: StreamConnection, bytes: Buffer): void {
		if (connection.holds) this.#holdBytes(connection, bytes);
		else this.#cut(connection, bytes);
	}

	override peerEnded(connection: StreamConnection): void {
		this.inTurn(connection, 0, () => {
			if (connection.unpacked > 0 && !connection.isChanging) {
				this.tellWrong(
					connection,
					"truncated",
					headOf(connection.receive(NOTHING)),
				);
				connection.truncated();
			} else {
				connection.peerHasEnded();
			}
		});
	}

	// Apart, as a closure in `message` would be made for every one.
	#holdBytes(connection: StreamConnection, bytes: Buffer): void {
		this.hold(connection, bytes.length, () => this.#cut(connection, bytes));
	}

	/** Makes messages of what is there and has come, and hands them over, until more is needed or the handler can take no more. */
	#cut(connection: StreamConnection, bytes: Buffer, isLate = false): void {
		try {
			const { isChanging, unpacked } = connection;
			// What the loop has cut before a change is this protocol's; what nobody has cut is for the protocol that follows.
			const isOwn = isLate || (this.#isCut && unpacked === 0);
			const buffer = connection.receive(bytes);
			if (isChanging && !isOwn) connection.settleReceived();
			else this.#deliverAll(connection, buffer, isChanging);
		} catch (error) {
			connection.violated();
			this.failed(error, connection);
		}
		if (!connection.hears) connection.forgetReceived();
	}

	/** Throws what `unpack` throws. */
	#deliverAll(
		connection: StreamConnection,
		buffer: RingBuffer,
		isLate: boolean,
	): void {
		do {
			const before = buffer.length;
			const message = this.run(this.#unpack, connection.face, buffer);
			const taken = before - buffer.length;
			if (message === undefined) {
				// It may have passed over something, behind which a message is there already.
				if (taken > 0 && (isLate || !connection.isChanging)) continue;
				break;
			}
			// Only what has come as nothing, cut by the loop, can be a message without a byte.
			if (taken <= 0 && before > 0) throw noProgress(message, before);
			if (taken > this.#maxMessageBytes) {
				this.#exceeded(connection, NOTHING, taken);
				return;
			}
			// Whoever unpacks may have closed the connection, or paused it.
			if (!connection.hears) return;
			if (connection.isShut) {
				this.#waitWith(connection, message, isLate);
				return;
			}
			this.deliver(connection, message);
			if (!connection.hears) return;
			if (connection.isChanging && !isLate) break;
			if (connection.isShut && !buffer.isEmpty) {
				this.#wait(connection, isLate);
				return;
			}
		} while (!buffer.isEmpty);
		this.#wantMore(connection, buffer, isLate);
	}

	/** What is left is kept until more comes, unless it has been cut and is no message. */
	#wantMore(
		connection: StreamConnection,
		buffer: RingBuffer,
		isLate: boolean,
	): void {
		if (this.#isCut && !buffer.isEmpty && (isLate || !connection.isChanging)) {
			if (!connection.hears) return;
			// Nothing more will come of it.
			this.tellWrong(connection, "malformed", headOf(buffer));
			connection.violated();
			return;
		}
		connection.settleReceived();
		if (connection.isChanging || !connection.hears) return;
		if (buffer.length > this.#maxMessageBytes) {
			this.#exceeded(connection, headOf(buffer), buffer.length);
		} else if (this.settings.stepwise) {
			connection.handled();
		}
	}

	#exceeded(connection: StreamConnection, head: Buffer, length: number): void {
		this.tellWrong(connection, "tooLong", head, this.#maxMessageBytes, length);
		connection.exceededLength();
	}

	/** Goes on when the handler can take more, before all that comes after. */
	#wait(connection: StreamConnection, isLate: boolean): void {
		connection.goOn ??= () => this.#goOn(connection, false);
		connection.answerForReceived();
		connection.inbox?.holdBegun(
			isLate ? () => this.#goOn(connection, true) : connection.goOn,
		);
	}

	/** As {@link #wait}, with a message that has been made. */
	#waitWith(
		connection: StreamConnection,
		message: unknown,
		isLate: boolean,
	): void {
		connection.answerForReceived();
		connection.inbox?.holdBegun(() => {
			if (connection.hears) this.deliver(connection, message);
			this.#goOn(connection, isLate);
		});
	}

	#goOn(connection: StreamConnection, isLate: boolean): void {
		if (!connection.hears) {
			connection.forgetReceived();
		} else if (connection.unpacked === 0) {
			connection.forgetReceived();
			if (this.settings.stepwise) connection.handled();
		} else if (connection.isShut) {
			this.#wait(connection, isLate);
		} else {
			this.#cut(connection, NOTHING, isLate);
		}
	}
}

/** A message of which nothing was taken would be made again and again. */
export function noProgress(message: unknown, bytes: number): GevError {
	const hint = types.isPromise(message) ? ", but a promise" : "";
	return new GevError(
		"ERR_GEV_PROTOCOL",
		`unpack() has returned a message${hint} and taken none of the ${bytes} bytes that are there`,
	);
}

/** The first bytes, for who is told of an error. */
function headOf(buffer: RingBuffer): Buffer {
	return Buffer.concat([...buffer.peek(HEAD_BYTES)]);
}

const NOTHING = Buffer.alloc(0);
/** As the loops tell of frames. */
export const HEAD_BYTES = 16;
