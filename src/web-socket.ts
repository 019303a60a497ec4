import * as check from "./base/check.js";
import {
	boolean,
	integer,
	milliseconds,
	OptionTable,
	oneOf,
	option,
} from "./base/option-table.js";
import { WEB_SOCKET_FRAMING } from "./bridge/records.js";
import { known, Protocol } from "./protocol.js";

/** Settings of permessage-deflate. */
export class DeflateOptions {
	/**
	 * `"shared"`: the event loops have the compressors, each message is compressed by itself, and a connection between
	 * messages needs no memory for it. `"dedicated"`: each connection has its own, with its history: smaller
	 * messages, for up to 430 KiB a connection (less with smaller windows), as long as `memoryBudgetBytes` lasts.
	 *
	 * @defaultValue "shared"
	 */
	mode?: "shared" | "dedicated" = oneOf(["shared", "dedicated"], {
		default: "shared",
	});
	/**
	 * Messages of fewer bytes are not compressed, unless `send` is told to.
	 *
	 * @defaultValue 1024
	 */
	threshold?: number = integer({ min: 0, max: MAX_BYTES, default: 1024 });
	/**
	 * From 0 (not at all) and 1 (fastest) to 9 (smallest).
	 *
	 * @defaultValue 1
	 */
	level?: number = integer({ min: 0, max: 9, default: 1 });
	/**
	 * Memory of compressors, 1 to 9.
	 *
	 * @defaultValue 8
	 */
	memLevel?: number = integer({ min: 1, max: 9, default: 8 });
	/**
	 * Compress each message by itself also in the mode `"dedicated"`.
	 *
	 * @defaultValue false
	 */
	serverNoContextTakeover?: boolean = boolean({ default: false });
	/**
	 * Have clients compress each message by itself also in the mode `"dedicated"`.
	 *
	 * @defaultValue false
	 */
	clientNoContextTakeover?: boolean = boolean({ default: false });
	/**
	 * Largest window of our compressors, as a power of two: 9 to 15.
	 *
	 * @defaultValue 15
	 */
	serverMaxWindowBits?: number = integer({ min: 9, max: 15, default: 15 });
	/**
	 * Largest window of clients' compressors, where they leave us the choice: 9 to 15.
	 *
	 * @defaultValue 15
	 */
	clientMaxWindowBits?: number = integer({ min: 9, max: 15, default: 15 });
	/**
	 * What all dedicated compressors of a server may take together, in bytes; connections beyond it get `"shared"`. As much
	 * again (and at least 1 MiB) may be lent for compressed messages that are half way in, 48 KiB each; beyond it
	 * such a message closes its connection with 1013.
	 *
	 * @defaultValue 64 MiB
	 */
	memoryBudgetBytes?: number = integer({
		min: 0,
		max: MAX_BYTES,
		default: 64 * 1024 * 1024,
	});
}

/** Settings of {@link webSocket}. */
export class WebSocketOptions {
	/**
	 * How `onMessage` gets messages of text: as a `"string"`, or as a `"buffer"` of UTF-8, which has been checked, with `true` as a
	 * third argument. The second is for those who forward or store text and need no string of it, which costs most of the
	 * time of a long message; `send(message, { text: true })` sends such bytes as text.
	 *
	 * @defaultValue "string"
	 */
	text?: "string" | "buffer" = oneOf(["string", "buffer"], {
		default: "string",
	});
	/**
	 * Largest message in bytes, all its fragments together, and as it is after decompression. A larger one closes the
	 * connection with 1009 as soon as that can be seen. The default of `flow.maxBufferedBytes` follows it, and what is here of
	 * the messages of all connections is limited by `limits.maxMemoryBytes`. 0 means no limit but that of JavaScript: text
	 * that is longer than a string can be (`constants.MAX_STRING_LENGTH` of `node:buffer`, some 512 MiB) closes with 1009 too.
	 *
	 * @defaultValue 16 MiB
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: MAX_BYTES,
		default: 16 * 1024 * 1024,
	});
	/**
	 * Most frames that one message may consist of, empty ones counted; more close the connection with 1009. Frames leave
	 * nothing behind but their payload, so that a message never takes more memory than `maxMessageBytes` and the
	 * few hundred bytes of each of its parts, most of which have 8 to 64 KiB. 0 means no limit.
	 *
	 * @defaultValue 16,384
	 */
	maxFragments?: number = integer({ min: 0, max: MAX_COUNT, default: 16_384 });
	/**
	 * Largest payload of one frame in bytes, as it is sent; more closes with 1009. 0 means no limit of its own.
	 *
	 * @defaultValue 0
	 */
	maxFrameBytes?: number = integer({ min: 0, max: MAX_BYTES, default: 0 });
	/**
	 * Most messages that a peer may send within a second; more close the connection with 1008. 0 means no limit.
	 *
	 * @defaultValue 0
	 */
	maxMessagesPerSecond?: number = integer({
		min: 0,
		max: MAX_COUNT,
		default: 0,
	});
	/**
	 * Most pings and pongs that a peer may send within a second; more close the connection with 1008. (Answers cannot pile
	 * up: a peer that does not read gets the pong to its latest ping only.) 0 means no limit.
	 *
	 * @defaultValue 1000
	 */
	maxControlFramesPerSecond?: number = integer({
		min: 0,
		max: MAX_COUNT,
		default: 1000,
	});
	/**
	 * Largest request head (request line and headers) in bytes; a larger one is answered with 431.
	 *
	 * @defaultValue 16 KiB
	 */
	maxHeaderBytes?: number = integer({
		min: 512,
		max: 64 * 1024,
		default: 16 * 1024,
	});
	/**
	 * Most header lines of a request; more are answered with 431.
	 *
	 * @defaultValue 100
	 */
	maxHeaders?: number = integer({ min: 4, max: 1000, default: 100 });
	/**
	 * HTML for a browser that asks for `/` without wanting a WebSocket. Without it (and without `onRequest`) every plain
	 * HTTP request is answered with 426 Upgrade Required.
	 *
	 * @defaultValue none
	 */
	page?: string | undefined = option(
		(value, name) => check.text(name, value),
		undefined,
	);
	/**
	 * The only path that can be upgraded, such as `"/chat"`; others get 404. A query does not count.
	 *
	 * @defaultValue every path
	 */
	path?: string | undefined = option(pathName, undefined);
	/**
	 * Origins of pages that may connect, such as `"https://example.com"`; others get 403. Clients that send no `Origin`
	 * header are no browsers, and are let in.
	 *
	 * @defaultValue every origin
	 */
	origins?: readonly string[] | undefined = option(
		(value, name) => check.texts(name, value),
		undefined,
	);
	/**
	 * Subprotocols: of those that a client offers the first one that is in this list is chosen; without a match the
	 * connection comes about without one. `onUpgrade` may choose another.
	 *
	 * @defaultValue []
	 */
	subprotocols?: readonly string[] = option(tokens, () => []);
	/**
	 * Compression of messages (RFC 7692) with clients that offer it: `true`, or its settings. False means none.
	 *
	 * @defaultValue none
	 */
	perMessageDeflate?: boolean | DeflateOptions | undefined = option<
		boolean | DeflateOptions | undefined
	>(
		(value, name) =>
			value === false
				? undefined
				: deflateOptions.check(value === true ? undefined : value, name),
		undefined,
	);
	/**
	 * A peer that has sent nothing for this time is pinged. 0 means never.
	 *
	 * @defaultValue 0
	 */
	pingIntervalMs?: number = milliseconds({ default: 0 });
	/**
	 * A peer that has sent nothing for this time after such a ping is cut, cause `"timeout"`, code 1006. Whatever arrives is
	 * a sign of life, also if it has to wait to be handled, and so is that the peer takes what has been waiting for it.
	 * 0 means never: then there is one ping for each silence.
	 *
	 * @defaultValue 10,000
	 */
	pongTimeoutMs?: number = milliseconds({ default: 10_000 });
}

/**
 * WebSocket (RFC 6455): text messages arrive as `string`, binary ones as `Buffer`; strings are sent as text, bytes as
 * binary. Handshake, fragments, ping, pong and close are dealt with natively.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export function webSocket(
	options: WebSocketOptions & { text: "buffer" },
): Protocol<"websocketBytes">;
export function webSocket(options?: WebSocketOptions): Protocol<"websocket">;
export function webSocket(
	options: WebSocketOptions = {},
): Protocol<"websocket" | "websocketBytes"> {
	const { text, ...checked } = webSocketOptions.check(options);
	const textAsBytes = text === "buffer";
	const name = textAsBytes ? "websocketBytes" : "websocket";
	return known(new Protocol(name), {
		codec: "websocket",
		stepwise: false,
		options: checked,
		textAsBytes,
		maxMessageBytes: checked.maxMessageBytes,
		maxFraming: WEB_SOCKET_FRAMING,
		endsByFin: false,
		byHand: undefined,
	});
}

function pathName(value: unknown, name: string): string {
	const path = check.text(name, value);
	if (!/^\/[\x21-\x3e\x40-\x7e]*$/.test(path)) {
		const expected = "a path that begins with / and has no query";
		throw check.wrong(name, expected, path);
	}
	return path;
}

function tokens(value: unknown, name: string): readonly string[] {
	const texts = check.texts(name, value);
	const notToken = texts.find((text) => !/^[\w!#$%&'*+.^`|~-]+$/.test(text));
	if (notToken !== undefined) {
		throw check.wrong(name, "tokens of HTTP", notToken);
	}
	return texts;
}

const MAX_COUNT = 2 ** 31 - 1;
const MAX_BYTES = Number.MAX_SAFE_INTEGER;

// Tables are made here, where everything is there that rows use.
const deflateOptions = new OptionTable("perMessageDeflate", DeflateOptions);
const webSocketOptions = new OptionTable("webSocket()", WebSocketOptions);
