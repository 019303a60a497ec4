import type { Place } from "../bridge/loop-server.js";
import { CAUSE_LIMIT, CAUSE_PROTOCOL } from "../bridge/records.js";
import { appendTo, RingBuffer, settle } from "../framing/ring-buffer.js";
import { ConnectionCore, type ConnectionServer } from "./connection-core.js";
import type { Packing } from "./packing.js";
import { preparedContent } from "./prepared-message.js";
import { type SendOptions, SendStatus } from "./send.js";

/**
 * A connection whose messages may be made in JavaScript of what the loop has cut: what is there of the next one, it has.
 */
export class PackingConnection extends ConnectionCore {
	/** Goes on with what it has, when the handler can take more; made when that is needed. */
	goOn: (() => void) | undefined = undefined;

	/** What has come and is not a message yet; made for the first bytes. */
	#received: RingBuffer | undefined = undefined;
	/** For so much memory of it the connection has answered. */
	#answeredFor = 0;
	/** The peer has ended its side within a message: it is closed for that when everything has been answered. */
	#isTruncated = false;
	/** What packs and unpacks, if something does. */
	protected packing: Packing | undefined;

	constructor(
		place: Place,
		server: ConnectionServer,
		packing: Packing | undefined,
	) {
		super(place, server);
		this.packing = packing;
	}

	override get packs(): boolean {
		return this.packing !== undefined;
	}

	/** Sends what the protocol packs. */
	override send(message: unknown, options?: SendOptions): SendStatus {
		const { packing } = this;
		if (packing === undefined) return this.sender.send(message, options);
		if (this.sender.isEnded) return SendStatus.Closed;
		const data = preparedContent(message)?.data ?? message;
		return this.sender.send(packing.pack(this.face, data), options);
	}

	/** Bytes of a message that has not come as a whole, with what the loop has of it. */
	override get readBufferLength(): number {
		return super.readBufferLength + this.unpacked;
	}

	/** Bytes that have come and are not a message yet. */
	get unpacked(): number {
		return this.#received?.length ?? 0;
	}

	/** Takes over bytes that have come; returns all that there are. */
	receive(bytes: Buffer): RingBuffer {
		this.#received ??= new RingBuffer(this.packing?.maxMessageBytes ?? 0);
		appendTo(this.#received, bytes);
		return this.#received;
	}

	/** What is left waits for more to come. */
	settleReceived(): void {
		if (this.#received !== undefined) settle(this.#received);
		this.answerForReceived();
	}

	/** What is left waits, and counts. */
	answerForReceived(): void {
		const more = (this.#received?.capacity ?? 0) - this.#answeredFor;
		if (more === 0) return;
		if (more > 0) this.keep(more);
		else this.release(-more);
		// Afterwards, as this may be the connection that has to go for it.
		this.#answeredFor += more;
	}

	/** Takes out all that has come, for a protocol that begins with it. */
	protected takeReceived(): Buffer {
		const received = this.#received;
		if (received === undefined) return NOTHING;
		const bytes = received.read(received.length);
		this.forgetReceived();
		// Another one has another maximum.
		this.#received = undefined;
		return bytes;
	}

	/** What has come will not be a message. */
	forgetReceived(): void {
		this.#received?.reset();
		this.answerForReceived();
	}

	/** Closes because what the peer has sent is no message: 1002 (RFC 6455 section 7.4.1). */
	violated(): void {
		this.closeFor(1002, "not a message of the protocol", CAUSE_PROTOCOL);
	}

	/** Closes because a message is longer than it may be: 1009. */
	exceededLength(): void {
		this.closeFor(1009, "message too big", CAUSE_LIMIT);
	}

	/** Closes because the peer has ended its side within a message, when the handler owes it nothing more. */
	truncated(): void {
		this.#isTruncated = true;
		if ((this.inbox?.unsettled ?? 0) > 0) return;
		this.closeFor(1002, "ended in the middle of a message", CAUSE_PROTOCOL);
	}

	override replySettled(): void {
		super.replySettled();
		if (this.#isTruncated) this.truncated();
	}

	override expel(): void {
		super.expel();
		// Nothing is kept of it any longer.
		this.#answeredFor = 0;
		this.#received?.reset();
	}

	override whenDelivered(tell: () => void): void {
		super.whenDelivered(() => {
			this.forgetReceived();
			tell();
		});
	}
}

const NOTHING = Buffer.alloc(0);
