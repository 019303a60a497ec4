import { boolean, integer, OptionTable } from "./base/option-table.js";
import { RAW_FRAMING } from "./bridge/records.js";
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

const framings = new WeakMap<AnyProtocol, Framing>();

const MAX_BYTES = Number.MAX_SAFE_INTEGER;

// Tables are made here, where everything is there that rows use.
const rawOptions = new OptionTable("raw()", RawOptions);
const jsonStreamOptions = new OptionTable("jsonStream()", JsonStreamOptions);
