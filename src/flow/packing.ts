import type { RingBuffer } from "../framing/ring-buffer.js";

/** What makes messages of bytes, and bytes of messages: of a `CustomProtocol` what connections need, with its options. Functions that need no `this`. */
export interface Packing {
	/** The next message, or `undefined` if more is needed for one. */
	unpack: (this: void, connection: object, buffer: RingBuffer) => unknown;
	/** What is to be sent for a message. */
	pack: (this: void, connection: object, message: unknown) => unknown;
	/** Most bytes that a message may take; 0 for no limit. */
	maxMessageBytes: number;
}
