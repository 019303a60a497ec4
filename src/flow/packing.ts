import type { RingBuffer } from "../framing/ring-buffer.js";

/**
 * What makes messages of what a loop hands over, and what is to be sent of messages: of a protocol in TypeScript what connections
 * need. Functions that need no `this`.
 */
export type Packing = Unpacking | Parsing;

/** Of a `CustomProtocol`, with its options. */
export interface Unpacking extends Pack {
	/** The next message, or `undefined` if more is needed for one. */
	unpack: (this: void, connection: object, buffer: RingBuffer) => unknown;
	/** What the loop hands over is a whole message of the protocol below: what is needed for a message is there. */
	isCut: boolean;
}

/** Of a protocol whose messages the loop has cut: each is read where it is. */
export interface Parsing extends Pack {
	/**
	 * The message, or `undefined` for what is none and means nothing.
	 *
	 * @throws {@link NotAMessage}
	 */
	parse: (this: void, cut: string | Buffer) => unknown;
	/** `null` is something that can be sent, also by returning it. */
	sendsNull: boolean;
}

interface Pack {
	/** What is to be sent for a message. */
	pack: (this: void, connection: object, message: unknown) => unknown;
	/** Most bytes that a message may take; 0 for no limit. */
	maxMessageBytes: number;
}

/** Thrown for what a loop has cut and what is no message all the same. */
export class NotAMessage extends Error {}
