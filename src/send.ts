import { GevError } from "./errors.js";

/** What became of a message given to `send()`. */
export enum SendStatus {
	/** It is on its way to the event loop, which sends it as soon as the peer takes it. */
	Queued = 0,
	/** As above, and more than `highWaterMarkBytes` wait for the peer: better send no more before `onDrain`. */
	Congested = 1,
	/** It would have exceeded `maxBufferedBytes` and is dropped; the option `overflow` says what else happens. */
	Dropped = 2,
	/** The connection is gone or being closed, or its sending side is; the message is dropped. */
	Closed = 3,
}

/** How a message is sent; for `send()`. Of these raw TCP knows nothing: there they change nothing. */
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

/** Called when a message has been handed to the kernel, or (with an error) will not be. */
export type SendCallback = (error?: GevError) => void;

/** @internal What the connections of a server have in common. */
export interface SendLimits {
	highWaterMarkBytes: number;
	lowWaterMarkBytes: number;
	maxBufferedBytes: number;
	overflow: "close" | "drop-newest";
	/** The handler has `onDrain`. */
	tellsDrain: boolean;
}

/** What a callback gets for a message that was not sent. */
export function notSent(): GevError {
	return new GevError("ERR_GEV_SEND", "the message was not sent");
}

export const SEND_OPTIONS: readonly (keyof SendOptions)[] = [
	"text",
	"compress",
	"fin",
];
