import * as check from "./base/check.js";
import {
	boolean,
	integer,
	milliseconds,
	OptionTable,
	oneOf,
	option,
} from "./base/option-table.js";
import { RAW_FRAMING, WEB_SOCKET_FRAMING } from "./bridge/records.js";
import {
	type ByHand,
	Decoder,
	type DecoderOptions,
	NativeByHand,
} from "./by-hand.js";
import type { Packing } from "./flow/packing.js";
import type { Data } from "./flow/send.js";
import { checkFrames } from "./framing/frame-checks.js";
import {
	checkFramesOptions,
	type FramesOptions,
} from "./framing/frames-options.js";
import { framesRecord } from "./framing/frames-record.js";
import { type SendCheck, sendableOf } from "./framing/sendable.js";

/** What the messages of each protocol are. */
export interface Messages {
	/** Runs of bytes. */
	raw: Buffer;
	/** What is delivered of each frame. */
	frames: Buffer;
	/** The same, of frames that are text. */
	textFrames: string;
	/** Text as `string`, everything else as `Buffer`. */
	websocket: string | Buffer;
	/** WebSocket with `text: "buffer"`: text and everything else as `Buffer`. */
	websocketBytes: Buffer;
	/** JSON texts. */
	jsonStream: string;
	/** Values, as they are on the wire. */
	resp: Buffer;
}

/** The names of the protocols. */
export type ProtocolName = keyof Messages;

/** The names of the protocols that are TCP with framing, or without: a peer ends its side by FIN. */
export type StreamName = Exclude<ProtocolName, "websocket" | "websocketBytes">;

/** @internal The names of the codecs of the event loops. */
export type CodecName = Exclude<ProtocolName, "textFrames" | "websocketBytes">;

/** Those of them whose messages are of this type. */
export type StreamNameOf<Message> = {
	[Name in StreamName]: Messages[Name] extends Message ? Name : never;
}[StreamName];

/** A framing protocol and its settings: what turns bytes into messages. Made by {@link raw}, {@link webSocket}, {@link frames} and the like. */
export class Protocol<Name extends ProtocolName | "custom" = ProtocolName> {
	/** Which protocol this is. */
	readonly name: Name;

	/** @internal One that {@link framingOf} does not know is none. */
	constructor(name: Name) {
		this.name = name;
	}
}

/**
 * A {@link Protocol} on TCP, with or without framing, which encodes and decodes without a connection too: by the same rules, for
 * clients, files and tests.
 *
 * @typeParam In - what messages are.
 * @typeParam Out - what can be sent.
 */
export class StreamProtocol<
	Name extends StreamName | "custom" = StreamName,
	In = Name extends StreamName ? Messages[Name] : unknown,
	Out = Data,
> extends Protocol<Name> {
	/**
	 * A message as it goes on the wire: what `Connection.send` would send. A {@link CustomProtocol} packs it for a connection that
	 * is gone.
	 *
	 * @throws {@link GevError} `ERR_GEV_DATA` for what cannot be sent, as `Connection.send` does.
	 */
	encode(message: Out): Buffer {
		return byHandOf(this).encode(message);
	}

	/**
	 * What makes messages of bytes: see {@link Decoder}. A {@link CustomProtocol} unpacks them for a connection that is gone, one
	 * for each decoder.
	 *
	 * @example
	 * ```ts
	 * const lines = frames({ end: "\n" });
	 * const decoder = lines.decoder();
	 * for await (const bytes of createReadStream("log")) {
	 *   for (const line of decoder.push(bytes)) console.log(line.toString());
	 * }
	 * decoder.end();
	 * ```
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
	 */
	decoder(options: DecoderOptions = {}): Decoder<In> {
		return new Decoder<In>(byHandOf(this).source(), options);
	}
}

/** A `CustomProtocol` as the `protocol` of a server, with what its messages are. Made by `custom`. */
export interface Custom<In, Out> extends StreamProtocol<"custom", In, Out> {
	/** Not there: types alone know of it. */
	readonly "~messages"?: { in: In; out: (message: Out) => void };
}

/** @internal A protocol of any kind. */
export type AnyProtocol = Protocol<ProtocolName | "custom">;

/** @internal What is inside of a protocol. */
export interface Framing {
	/** The codec of the event loops. */
	codec: CodecName | "stomp";
	/** Messages of text are handed over as bytes. */
	textAsBytes?: boolean;
	/** The loops wait behind each message until it has been handled. */
	stepwise: boolean;
	/** Its options, checked. */
	options: object;
	/** Largest message in bytes; 0 where there is no limit, or no message. */
	maxMessageBytes: number;
	/** Throws what is wrong with what is to be sent, if anything can be. */
	checkSend?: SendCheck | undefined;
	/** How long a frame may take, in milliseconds; 0 for ever. */
	frameTimeoutMs?: number;
	/** Most bytes that framing adds to a message: the codec's `max_framing`. */
	maxFraming: number;
	/** The end of the peer's input is its goodbye: the codec's `ends_by_fin`. */
	endsByFin: boolean;
	/** What makes messages of what the codec has cut, if something does. */
	custom?: Packing;
	/** Encodes and decodes without connections; `undefined` for a WebSocket. */
	byHand: ByHand | undefined;
}

/** @internal True for what {@link raw}, {@link webSocket}, {@link frames} and the like have made. */
export function isProtocol(value: unknown): value is AnyProtocol {
	return framings.has(value as AnyProtocol);
}

/** @internal Of a protocol, whose users cannot see it. */
export function framingOf(protocol: AnyProtocol): Framing {
	return framings.get(protocol) as Framing;
}

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

/** Settings of {@link raw}. */
export class RawOptions {
	/**
	 * Nothing more is read before a message has been handled, a returned promise included; see {@link Connection.setProtocol}.
	 *
	 * @defaultValue false
	 */
	stepwise?: boolean = boolean({ default: false });
}

/**
 * Every run of bytes that the socket gives is one message (a `Buffer`), and what is sent goes out as it is. Where
 * messages begin and end is up to the network.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export function raw(options: RawOptions = {}): StreamProtocol<"raw"> {
	const { stepwise } = rawOptions.check(options);
	return streamOf("raw", {
		codec: "raw",
		stepwise,
		options: {},
		maxMessageBytes: 0,
		maxFraming: RAW_FRAMING,
		endsByFin: true,
	});
}

/** Settings of {@link jsonStream}. */
export class JsonStreamOptions {
	/**
	 * Longest JSON text in bytes; a longer one closes the connection with 1009 as soon as that can be seen. 0 means no limit
	 * but those of JavaScript and of `limits.maxMemoryBytes`.
	 *
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: MAX_BYTES,
		default: 1024 * 1024,
	});
	/**
	 * Nothing behind a text is looked at before it has been handled, a returned promise included; see
	 * {@link Connection.setProtocol}.
	 *
	 * @defaultValue false
	 */
	stepwise?: boolean = boolean({ default: false });
}

/**
 * JSON texts one behind the other, as they are or with white space or RS (RFC 7464) between them: each object or array is
 * one message, a `string` for `JSON.parse`. It is found by its brackets; whether they match and all else is right,
 * `JSON.parse` says. Something else between texts (numbers, strings and literals have no end of their own) closes the
 * connection with 1002, and bytes that are not UTF-8 with 1007. What is sent goes out as it is.
 *
 * What is wrong is told to `onFrameError`: `"malformed"` in both of these cases, `"tooLong"`, and `"truncated"` for half a text
 * at the end of what a peer sends (FIN), which closes with 1002 too.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * new Server({ onMessage: (_, text) => JSON.stringify(answer(JSON.parse(text))) }, { protocol: jsonStream() });
 * ```
 */
export function jsonStream(
	options: JsonStreamOptions = {},
): StreamProtocol<"jsonStream"> {
	const { maxMessageBytes, stepwise } = jsonStreamOptions.check(options);
	return streamOf("jsonStream", {
		codec: "jsonStream",
		stepwise,
		options: { maxMessageBytes, asBytes: false },
		maxMessageBytes,
		// What is sent goes out as it is.
		maxFraming: 0,
		endsByFin: true,
	});
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

/**
 * Frames by configuration: how they begin, how long they are or what they end with, escapes and checksums. Every frame is
 * one message (a `Buffer`, or with `text: true` a `string`), cut and checked natively, and what is sent is made a frame. Text is
 * sent in UTF-8.
 *
 * The end of what a peer sends (FIN) is its goodbye, as with {@link raw}. What is wrong with a frame is told to
 * `onFrameError`.
 *
 * @example
 * ```ts
 * // Two bytes with the length, and so many bytes.
 * new Server(handler, { protocol: frames({ length: "u16" }) });
 * // Lines.
 * new Server(handler, { protocol: frames({ end: ["\n", "\r\n"] }) });
 * ```
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option, and for options that cannot go together, with the reason.
 */
export function frames(
	options: FramesOptions & { text: true },
): StreamProtocol<"textFrames">;
/** Frames by configuration, as above, whose messages are bytes. */
export function frames(
	options: FramesOptions & { text?: false | undefined },
): StreamProtocol<"frames">;
/** Frames by configuration, as above, where nobody knows before what messages are. */
export function frames(
	options: FramesOptions,
): StreamProtocol<"frames" | "textFrames">;
export function frames(
	options: FramesOptions,
): StreamProtocol<"frames" | "textFrames"> {
	const whole = checkFrames(checkFramesOptions(options));
	const { framing, check } = sendableOf(whole);
	const { frameTimeoutMs, maxMessageBytes, stepwise } = whole;
	return streamOf(whole.text ? "textFrames" : "frames", {
		codec: "frames",
		stepwise,
		options: { record: framesRecord(whole, framing), frameTimeoutMs },
		maxMessageBytes,
		maxFraming: framing,
		endsByFin: true,
		checkSend: check,
		frameTimeoutMs,
	});
}

/** @internal What is inside of a protocol that is native. */
export type NativeFraming = Omit<Framing, "byHand" | "custom">;

/** @internal A native protocol on TCP. */
export function streamOf<Name extends StreamName>(
	name: Name,
	framing: NativeFraming,
): StreamProtocol<Name> {
	const byHand = new NativeByHand(framing);
	return known(new StreamProtocol(name), { ...framing, byHand });
}

/** @internal Makes a protocol known as one. */
export function known<Known extends AnyProtocol>(
	protocol: Known,
	framing: Framing,
): Known {
	framings.set(protocol, framing);
	return protocol;
}

/** @internal Of a protocol on TCP. */
export function byHandOf(protocol: AnyProtocol): ByHand {
	return framingOf(protocol).byHand as ByHand;
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

const framings = new WeakMap<AnyProtocol, Framing>();

const MAX_COUNT = 2 ** 31 - 1;
const MAX_BYTES = Number.MAX_SAFE_INTEGER;

// Tables are made here, where everything is there that rows use.
const deflateOptions = new OptionTable("perMessageDeflate", DeflateOptions);
const rawOptions = new OptionTable("raw()", RawOptions);
const jsonStreamOptions = new OptionTable("jsonStream()", JsonStreamOptions);
const webSocketOptions = new OptionTable("webSocket()", WebSocketOptions);
