import * as check from "../base/check.js";
import type { GevError } from "../base/errors.js";
import { boolean, OptionTable, option } from "../base/option-table.js";
import {
	FLAG_COMPRESS,
	FLAG_CONTINUED,
	FLAG_MORE,
	FLAG_PLAIN,
	FLAG_TEXT,
} from "../bridge/records.js";

/** What can be sent: a string goes out as text, bytes as binary. */
export type Data = string | NodeJS.ArrayBufferView | ArrayBuffer;

/** What became of a message given to `send()`. */
export enum SendStatus {
	/** It is on its way to the event loop, which sends it as soon as the peer takes it. */
	Queued = 0,
	/** As above, and more than `flow.highWaterMarkBytes` wait for the peer: better send no more before `onDrain`. */
	Congested = 1,
	/** It would have exceeded `flow.maxBufferedBytes` and is dropped; the option `flow.overflow` says what else happens. */
	Dropped = 2,
	/** The connection is gone or being closed, or its sending side is; the message is dropped. */
	Closed = 3,
}

/** How a message is sent; for `send()`. Of these raw TCP knows nothing: there they change nothing. */
export class SendOptions {
	/**
	 * As text (UTF-8) or as binary.
	 *
	 * @defaultValue a string as text, bytes as binary
	 */
	text?: boolean | undefined = option(
		(value, name) => check.boolean(name, value),
		undefined,
	);
	/**
	 * Whether to compress the message, where permessage-deflate was agreed on.
	 *
	 * @defaultValue true, if it has at least `threshold` bytes
	 */
	compress?: boolean | undefined = option(
		(value, name) => check.boolean(name, value),
		undefined,
	);
	/**
	 * False for a fragment that others of the same message follow; the next one without it is the last. `text` and
	 * `compress` of the first one count for all. Fragments of text that are given as bytes are not checked. When the first
	 * one is dropped (see `flow.overflow`), so are the others; when a later one would have to be, the connection is closed with
	 * the cause `"limit"`.
	 *
	 * @defaultValue true
	 */
	fin?: boolean = boolean({ default: true });
	/**
	 * True to give the memory of the bytes away instead of having them copied, which saves who sends long messages a copy: what
	 * is longer than 64 KiB is sent from where it is, and its whole `buffer` is detached (see `ArrayBuffer.prototype.transfer`).
	 * What is not, and what cannot be given away, such as a SharedArrayBuffer, is copied all the same. Means nothing for a
	 * string.
	 *
	 * @defaultValue false
	 */
	transfer?: boolean = boolean({ default: false });
}

/** Called when a message has been handed to the kernel, or (with an error) will not be. */
export type SendCallback = (error?: GevError) => void;

/** @internal {@link SendOptions} as they were read, once. */
export interface GivenSendOptions {
	text: boolean;
	more: boolean;
	compress: boolean | undefined;
	transfer: boolean;
}

/** @internal How a message is to be sent. What users have defined may be called here, and nowhere later. */
export function sendOptions(
	options: SendOptions | undefined,
	isString: boolean,
): GivenSendOptions {
	const given = SEND_OPTIONS.check(options);
	const { text = isString, compress, fin, transfer } = given;
	return { text, more: !fin, compress, transfer };
}

/**
 * @internal Flags of the record of a message that is not sent in the ordinary way; `continues` a message whose first
 * fragments were sent before.
 */
export function sendFlags(given: GivenSendOptions, continues: boolean): number {
	const more = given.more ? FLAG_MORE : 0;
	if (continues) return FLAG_CONTINUED | more;
	let flags = (given.text ? FLAG_TEXT : 0) | more;
	if (given.compress !== undefined) {
		flags |= given.compress ? FLAG_COMPRESS : FLAG_PLAIN;
	}
	return flags;
}

const SEND_OPTIONS = new OptionTable("send()", SendOptions);
