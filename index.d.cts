// Generated from index.ts by the build (scripts/build-types.mjs), do not edit.
/// <reference types="node" />

import { ResourceLimits, WorkerOptions } from 'node:worker_threads';

/** How connections come to loops, by name: see `ServerOptions.balance`. */
type BalanceMode = "kernel" | "round-robin" | "least-connections" | "source-hash" | "random";
/** A loop, as a function that balances sees it. */
interface BalancedLoop {
	/** Position among the loops: what the function returns to choose it, and `Connection.loopIndex` then. */
	readonly index: number;
	/** Connections that it has, those included that are on their way to it or in their handshake. */
	readonly connections: number;
}
/** Who has connected, as far as it is known before a byte is read: behind a proxy, the proxy. */
interface BalancedPeer {
	/** IP address; empty for a unix socket. */
	readonly remoteAddress: string;
	/** Port; 0 for a unix socket. */
	readonly remotePort: number;
}
/**
 * Says which loop a new connection belongs to.
 *
 * It is called for every one, on the thread of the handlers, which the connection waits for meanwhile; with a single loop there is
 * nothing to say, and it is never called. When it throws, or returns what is no loop's index (a promise is none), `onError` is told
 * and the connection goes to the loop with the fewest, as it does when more than 1,024 wait for an answer.
 */
type BalanceFunction = (loops: readonly BalancedLoop[], peer: BalancedPeer) => number;

/**
 * Codes of the errors that gev itself throws. They are stable: messages may change, codes do not.
 *
 * | code | thrown by | what to do |
 * | --- | --- | --- |
 * | `ERR_GEV_OPTION` | `new Server`, `webSocket()`, `frames()`, `stop` | correct the option that the message names |
 * | `ERR_GEV_HANDLER` | `new Server` | pass an object whose `on...` members are functions |
 * | `ERR_GEV_STATE` | `start()`, `stop()` | call it when the server is in the state that the message names |
 * | `ERR_GEV_DATA` | `send()`, `ping()`; `onError`, for the body of a response | pass a string, a Uint8Array (a Buffer is one), another view, or an ArrayBuffer; valid UTF-8 where it is sent as text; at most 125 bytes to `ping()` |
 * | `ERR_GEV_FRAME` | `onFrameError` | a peer sends what is no frame, or a wrong one: see {@link FrameError} |
 * | `ERR_GEV_FULL` | `write()` of a `RingBuffer` | make its maximum larger, or read something first |
 * | `ERR_GEV_PROTOCOL` | `onError`, for a `CustomProtocol` | let its `unpack` take what it makes a message of |
 * | `ERR_GEV_CLOSE` | `close()` | use a code that may be sent and a reason of at most 123 bytes |
 * | `ERR_GEV_SEND` | callback of `send()` | the connection ended, or too much waited for it, before the message could be handed to the kernel: look at the status |
 * | `ERR_GEV_RESPONSE` | `onError` | let `onUpgrade` and `onRequest` return what the message says; the client got status 500 |
 * | `ERR_GEV_START` | `start()` | the system refused for a reason that has no name, or something is wrong in gev: see the message |
 * | `ERR_GEV_BALANCE` | `onError`, for a function as `balance` | let it return the index of one of the loops that it is given |
 * | `ERR_GEV_LOOP` | `onError` | an event loop failed (a bug in gev) or could not accept; see the message |
 * | `ERR_GEV_WORKER` | `start()` and `restart()` of a `WorkerPool`, `onError` of its options | correct the workers' file: `cause` says what is wrong in it |
 * | `ERR_GEV_BINDING` | loading the package | the native addon is missing, may not or cannot be loaded, or belongs to another version: do what the message says; `cause` is the original error, if there is one |
 *
 * `start()` also rejects with the system's own codes: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EMFILE` (no descriptors), `EAGAIN` (no
 * threads), `ENOMEM`, `ENOTFOUND` and whatever else sockets, polls and resolvers fail with.
 */
type GevErrorCode = "ERR_GEV_OPTION" | "ERR_GEV_HANDLER" | "ERR_GEV_STATE" | "ERR_GEV_DATA" | "ERR_GEV_FULL" | "ERR_GEV_PROTOCOL" | "ERR_GEV_FRAME" | "ERR_GEV_CLOSE" | "ERR_GEV_SEND" | "ERR_GEV_RESPONSE" | "ERR_GEV_START" | "ERR_GEV_BALANCE" | "ERR_GEV_LOOP" | "ERR_GEV_WORKER" | "ERR_GEV_BINDING";
/** An error of gev, told apart by its {@link GevError.code | code}. */
declare class GevError extends Error {
	readonly name = "GevError";
	/** Which error this is: a {@link GevErrorCode}, or a code of the system such as `EADDRINUSE`. */
	readonly code: string;
	constructor(code: GevErrorCode | (string & {}), message: string, options?: ErrorOptions);
}

/** What a proxy says of a connection besides its addresses: a TLV of the PROXY protocol, version 2. */
interface ProxyTlv {
	/** What it is: 0x01 for ALPN, 0x02 for the host name, 0xE0 to 0xEF for what applications have agreed on ... */
	readonly type: number;
	readonly value: Buffer;
}

/** What started the end of a connection. */
type CloseCause = 
/** The peer closed, or went away. */
"peer"
/** `close()` or `destroy()` was called. */
 | "local"
/** The peer broke the rules of the protocol. */
 | "protocol"
/**
 * A limit was exceeded, such as `maxMessageBytes` or `timeouts.maxLifetimeMs`, or that for all connections:
 * `limits.maxMemoryBytes`.
 */
 | "limit"
/** The socket failed. */
 | "reset"
/** The peer did not finish the handshake, the close or a frame, or did not answer a ping, in time. */
 | "timeout"
/** A handler threw. */
 | "handler"
/** The server was stopped. */
 | "stop"
/** The event loop failed: a bug in gev. */
 | "internal"
/** Nothing was received or sent for longer than `timeouts.idleMs`. */
 | "idle"
/** The peer has taken nothing of what was sent to it for `timeouts.writeStallMs`. */
 | "stalled"
/** The time has passed that `connection.setDeadline()` gave it. */
 | "deadline";
/** What is wrong with a frame. */
type FrameFault = 
/** It is longer than `maxMessageBytes`, by what it announces or by what has come of it. */
"tooLong"
/** Its checksum is wrong. */
 | "checksum"
/** Bytes have come that begin no frame. */
 | "noise"
/** It has begun, and has not come to its end within `frameTimeoutMs`. */
 | "timeout"
/** The connection has ended in the middle of it. */
 | "truncated"
/**
 * It is not built as it should be: a length that is none, an escape that means nothing, another end, text that is
 * not UTF-8.
 */
 | "malformed";

/** How a connection ended. */
interface CloseReason {
	/**
	 * The WebSocket close code that decided (RFC 6455 section 7.4): the peer's, or ours if we closed first. 1005 when there
	 * was none (for raw TCP: the ordinary case), 1006 when the connection ended without a goodbye.
	 */
	readonly code: number;
	/** The text that came with the code, or what is known of a failure; often empty. */
	readonly reason: string;
	/** What started the end. */
	readonly cause: CloseCause;
	/** True when both sides have said goodbye as the protocol wants it. */
	readonly wasClean: boolean;
}

/** Where in its message a fragment belongs. */
interface Fragment {
	/** The message is text. */
	readonly text: boolean;
	/** The message begins with this fragment. */
	readonly first: boolean;
	/** The message ends with this fragment. */
	readonly last: boolean;
}

/** What becomes of a frame that something is wrong with. */
type FrameFate = "closed" | "discarded" | "delivered";
/** Something is wrong with a frame, or with what comes between frames: `ERR_GEV_FRAME`. */
declare class FrameError extends GevError {
	/** What is wrong. */
	readonly reason: FrameFault;
	/**
	 * What becomes of it: the connection is closed for it, with the cause `"protocol"`, `"limit"` or `"timeout"`; it is left out;
	 * or it is a message all the same.
	 */
	readonly fate: FrameFate;
	/** The limit that was exceeded, in bytes or (for `"timeout"`) milliseconds; `undefined` where none was. */
	readonly limit: number | undefined;
	/** How long the message would be, as the frame says; `undefined` where it does not, or something else is wrong. */
	readonly announced: number | undefined;
	/** How many bytes in a row begin no frame, of `"noise"` that is left out; `undefined` otherwise. */
	readonly skipped: number | undefined;
	/** The first bytes of the frame: up to 16 of them, as many as are known. */
	readonly head: Buffer;
	/** What it may be that the peer sends, where that can be guessed: "looks like HTTP". Empty where not. */
	readonly hint: string;
}

/** What can be sent: a string goes out as text, bytes as binary. */
type Data = string | NodeJS.ArrayBufferView | ArrayBuffer;
/** What became of a message given to `send()`. */
declare enum SendStatus {
	/** It is on its way to the event loop, which sends it as soon as the peer takes it. */
	Queued = 0,
	/** As above, and more than `flow.highWaterMarkBytes` wait for the peer: better send no more before `onDrain`. */
	Congested = 1,
	/** It would have exceeded `flow.maxBufferedBytes` and is dropped; the option `flow.overflow` says what else happens. */
	Dropped = 2,
	/** The connection is gone or being closed, or its sending side is; the message is dropped. */
	Closed = 3
}
/** How a message is sent; for `send()`. Of these raw TCP knows nothing: there they change nothing. */
interface SendOptions {
	/**
	 * As text (UTF-8) or as binary.
	 * @defaultValue a string as text, bytes as binary
	 */
	text?: boolean | undefined;
	/**
	 * Whether to compress the message, where permessage-deflate was agreed on.
	 * @defaultValue true, if it has at least `threshold` bytes
	 */
	compress?: boolean | undefined;
	/**
	 * False for a fragment that others of the same message follow; the next one without it is the last. `text` and
	 * `compress` of the first one count for all. Fragments of text that are given as bytes are not checked. When the first
	 * one is dropped (see `flow.overflow`), so are the others; when a later one would have to be, the connection is closed with
	 * the cause `"limit"`.
	 * @defaultValue true
	 */
	fin?: boolean;
	/**
	 * True to give the memory of the bytes away instead of having them copied, which saves who sends long messages a copy: what
	 * is longer than 64 KiB is sent from where it is, and its whole `buffer` is detached (see `ArrayBuffer.prototype.transfer`).
	 * What is not, and what cannot be given away, such as a SharedArrayBuffer, is copied all the same. Means nothing for a
	 * string.
	 * @defaultValue false
	 */
	transfer?: boolean;
}
/** Called when a message has been handed to the kernel, or (with an error) will not be. */
type SendCallback = (error?: GevError) => void;

/**
 * A message that has been checked and copied once, by `Server.prepare`, and can be sent any number of times, to anybody: with
 * `Connection.send`, as what a handler returns, or with `Server.broadcast`.
 */
declare class PreparedMessage {
	#private;
	/** How many bytes it has, without framing. */
	get byteLength(): number;
}

/** Some bytes of a protocol: text stands for its bytes in UTF-8, a number from 0 to 255 for one byte. */
type FrameBytes = string | number | Uint8Array;

/**
 * How a length is written: as so many bits in bytes; with seven bits a byte, the lowest ones first, in so many bytes at most
 * (`"varint"` is `{ varint: 5 }`); as in BER; in so many decimal or hexadecimal digits; in so many bytes of two decimal
 * digits; or in decimal digits up to a byte.
 */
type FrameNumber = "u8" | "u16" | "u24" | "u32" | "u64" | "varint" | "ber" | {
	readonly varint: number;
} | {
	readonly decimal: number;
} | {
	readonly hex: number;
} | {
	readonly bcd: number;
} | {
	readonly decimalUntil: FrameBytes;
};
/** Where a frame says how long it is, and what it says. */
interface FrameLengthOptions {
	/**
	 * How many bytes behind the first byte of the frame it stands, or behind which bytes, which are the first ones like that.
	 * @defaultValue right behind the start
	 */
	at?: number | {
		readonly after: FrameBytes;
	};
	/**
	 * How it is written.
	 * @defaultValue "u32"
	 */
	as?: FrameNumber;
	/**
	 * Which byte of `"u16"` and the like comes first: the highest one, or the lowest one.
	 * @defaultValue "big"
	 */
	order?: "big" | "little";
	/**
	 * The bits of it that count; 0 for all.
	 * @defaultValue 0
	 */
	mask?: number;
	/**
	 * How far these are shifted to the right.
	 * @defaultValue 0
	 */
	shift?: number;
	/**
	 * What they are multiplied with then.
	 * @defaultValue 1
	 */
	unit?: number;
	/**
	 * What it counts: the rest, which is everything behind it, checksum and end among it; itself and the rest; or all of the
	 * frame.
	 * @defaultValue "rest"
	 */
	counts?: "rest" | "self" | "frame";
	/**
	 * What is added to it then, such as 1 for a check byte that it does not count.
	 * @defaultValue 0
	 */
	add?: number;
}

/**
 * How a checksum is computed: all bytes combined with exclusive or; their sum, of which 8 or 16 bits count; that of 8 bits
 * negated; or a cyclic redundancy check, by the names that catalogues have for them: MODBUS, ARC (also IBM), IBM-SDLC (also
 * X-25), IBM-3740 (also CCITT-FALSE), XMODEM, ISO-HDLC (which is what most call CRC-32) and ISCSI.
 */
type FrameSum = "xor8" | "sum8" | "lrc" | "sum16" | "crc16-modbus" | "crc16-arc" | "crc16-x25" | "crc16-ccitt" | "crc16-xmodem" | "crc32" | "crc32c";
/** The checksum of a frame. It stands behind everything but the frame's end, or at a place of its own. */
interface FrameChecksumOptions {
	/**
	 * How it is computed.
	 * @defaultValue "xor8"
	 */
	as?: FrameSum;
	/**
	 * Where what it is computed from begins: so many bytes behind the first byte of the frame. It goes up to `after`, or to
	 * the checksum itself; with `at`, up to the frame's end.
	 * @defaultValue right behind the start; with `at`, right behind the checksum
	 */
	from?: number | undefined;
	/**
	 * Where it stands, if that is not in front of the end: so many bytes behind the first byte of the frame. Right behind
	 * the start, or behind a length there that always has as many bytes, it is no part of the body; what is
	 * sent waits for all of its message then.
	 * @defaultValue none, which is in front of the end
	 */
	at?: number | undefined;
	/**
	 * What its own bytes count as, where they are in the middle of what it is computed from: as many zeros, or nothing.
	 * @defaultValue "zeros"
	 */
	itself?: "zeros" | "nothing";
	/**
	 * Bytes that stand in front of it, and that it does not cover, such as `"*"` in NMEA.
	 * @defaultValue none
	 */
	after?: FrameBytes | undefined;
	/**
	 * How it is written: as bytes, or in hexadecimal or decimal digits. Hexadecimal digits of either case are read, and
	 * capitals written.
	 * @defaultValue "binary"
	 */
	digits?: "binary" | "hex" | "decimal";
	/**
	 * Which of its bytes comes first: the highest one, or the lowest one.
	 * @defaultValue "big"
	 */
	order?: "big" | "little";
	/**
	 * How many bytes or digits it has.
	 * @defaultValue as many as it needs
	 */
	width?: number | undefined;
	/**
	 * What becomes of a frame whose checksum is wrong: the connection is closed for it, it is left out, or it is a message all
	 * the same. `onFrameError` is told in each case.
	 * @defaultValue "close"
	 */
	onBad?: "close" | "discard" | "deliver";
}

/**
 * Bytes that stand for others inside of a frame: `byte` and a code for a value, by `map` from codes to values; or `byte` and
 * the value combined with `xor`, for `byte` itself, for what starts and ends begin with, and for the bytes in `also`; or
 * `"cobs"` (consistent overhead byte stuffing), which leaves 0 free for the end; or `sequences`, pairs of some bytes that are
 * meant and of what is written for them, read from left to right and, with `behind`, as if these bytes came first. So
 * mail has a dot more where a line begins with one: `{ sequences: [["\r\n.", "\r\n.."]], behind: "\r\n" }`, with the end
 * `"\r\n.\r\n"`.
 */
type FrameEscape = "cobs" | {
	readonly byte: FrameBytes;
	readonly map: Readonly<Record<number, number>>;
} | {
	readonly byte: FrameBytes;
	readonly xor: number;
	readonly also?: string | Uint8Array;
} | {
	readonly sequences: readonly (readonly [
		meant: FrameBytes,
		written: FrameBytes
	])[];
	readonly behind?: FrameBytes;
};
/** What of a frame is the message: see {@link FramesOptions.deliver}. */
type FrameDelivery = "body" | "frame" | {
	readonly strip?: number;
	readonly stripEnd?: number;
};
/** How one kind of frame is cut. A rule says all of it: nothing is taken over from another rule. */
type FrameRule = Pick<FramesOptions, "fixed" | "length" | "end" | "escape" | "checksum" | "deliver">;
/** A rule for frames that have certain bytes. */
interface FrameCase extends FrameRule {
	/** Where they have them: so many bytes behind their first one. Default 0. */
	readonly at?: number;
	/** What they are there. */
	readonly equals: FrameBytes;
	/** The bits of these that count, as many bytes. Default all. */
	readonly mask?: FrameBytes;
}
/** How frames are cut, and what becomes of those that are wrong: settings of {@link frames}. */
interface FramesOptions {
	/**
	 * What frames begin with, or an array of what they may begin with; the first one is what is sent. Offsets count from its
	 * first byte. Where one byte both begins and ends frames, one of them between two frames is enough, and
	 * what is empty between two of them is no frame.
	 * @defaultValue none
	 */
	start?: FrameBytes | readonly FrameBytes[] | undefined;
	/**
	 * How many bytes every frame has. Each frame has this, or a `length`, or an `end`.
	 * @defaultValue none
	 */
	fixed?: number | undefined;
	/**
	 * Where a frame says how long it is: `"u16"` for a number right behind the start, or its place and more; or an array of
	 * several, which are added up. Nothing is ever allocated for it.
	 * @defaultValue none
	 */
	length?: FrameNumber | FrameLengthOptions | readonly FrameLengthOptions[] | undefined;
	/**
	 * What frames end with, or an array of what they may end with; the first one is what is sent. Where their length is known
	 * otherwise, this is checked.
	 * @defaultValue none
	 */
	end?: FrameBytes | readonly FrameBytes[] | undefined;
	/**
	 * Bytes that stand for others between start and end.
	 * @defaultValue none
	 */
	escape?: FrameEscape | undefined;
	/**
	 * A checksum in front of the end: how it is computed, or that and more.
	 * @defaultValue none
	 */
	checksum?: FrameSum | FrameChecksumOptions | undefined;
	/**
	 * What of a frame is the message, and so what `send` has to be given: the body, without start, length, checksum and end,
	 * which are written around what is sent; all of the frame, which is then sent as it is; or all but so many bytes of its
	 * front and its back, of which start, length, checksum and end are written again if it is just these.
	 * @defaultValue "body"; "frame" where something else stands in front of the length
	 */
	deliver?: FrameDelivery | undefined;
	/**
	 * The rule of a connection's first frame, if it is another one. Such a frame has no `start`.
	 * @defaultValue none
	 */
	first?: FrameRule | undefined;
	/**
	 * Rules for frames that have certain bytes: the first one that fits counts. What is sent has the rule of all others.
	 * @defaultValue []
	 */
	cases?: readonly FrameCase[];
	/**
	 * Longest message in bytes, as it is handed over. See `onTooLong`. 0 means no limit.
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number;
	/**
	 * What becomes of a longer one: the connection is closed as soon as that can be seen, or it is left out, and
	 * `onFrameError` is told once.
	 * @defaultValue "close"
	 */
	onTooLong?: "close" | "discard";
	/**
	 * What becomes of bytes that begin no frame, and of frames that are not built as they should be: the connection is closed,
	 * or they are left out up to where a frame may begin again, and `onFrameError` is told once for bytes in a row. For
	 * that, frames need a start, or an end instead of a length.
	 * @defaultValue "close"
	 */
	onNoise?: "close" | "discard";
	/**
	 * Most bytes in a row that are left out as they begin no frame; more close the connection.
	 * @defaultValue 64 KiB
	 */
	maxSkipBytes?: number;
	/**
	 * How long a frame may take that has begun, in milliseconds; the connection is closed for one that takes longer. 0 means
	 * for ever.
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number;
	/**
	 * Frames whose message is empty are left out. False: they are messages.
	 * @defaultValue false
	 */
	ignoreEmpty?: boolean;
	/**
	 * Messages are text, and handed over as strings; a frame whose message is not UTF-8 is malformed. What is sent is not
	 * looked at. Frames with a wrong checksum cannot be delivered then, as they may be no text.
	 * @defaultValue false
	 */
	text?: boolean;
	/**
	 * Nothing behind a frame is looked at before its message has been handled, a returned promise included: what that is may
	 * depend on the message; see {@link Connection.setProtocol}. Each frame waits for the one before it, which costs a few
	 * microseconds where many come at once.
	 * @defaultValue false
	 */
	stepwise?: boolean;
	/**
	 * What is sent is made a frame, as `deliver` says, or goes out as it is.
	 * @defaultValue "framed"
	 */
	send?: "framed" | "raw";
}

/** Settings of `protocol.decoder()`. */
interface DecoderOptions {
	/**
	 * Is told of everything that is wrong with frames, as `onFrameError` of a handler is, before `push` or `end` returns. Then
	 * nothing of it is thrown, and nothing comes of bytes behind a frame with the fate `"closed"`.
	 * @defaultValue none
	 */
	onFrameError?: ((error: FrameError) => void) | undefined;
}
/**
 * Makes messages of bytes by the rules of a protocol, without a connection: of what a client gets, of a file, in a test. Made by
 * `protocol.decoder()`. It keeps what is there of the message that is half way, as much as a connection would (see
 * `maxMessageBytes`), and nothing else.
 * @typeParam Message - what messages are.
 */
declare class Decoder<Message> {
	#private;
	/** How often something was wrong with a frame, or with what came between frames. */
	get frameErrors(): number;
	/**
	 * Takes the next bytes, wherever they were cut (text: those of its UTF-8), and returns the messages that they complete.
	 * @throws {@link FrameError} for what a connection would be closed for, unless `onFrameError` is told: the messages before it
	 * are returned first, and it is thrown by the next call, and by all after it. What `unpack` of a `CustomProtocol` throws is
	 * thrown in the same way. {@link GevError} `ERR_GEV_DATA` for what is neither bytes nor text, `ERR_GEV_STATE` after
	 * {@link end}.
	 */
	push(bytes: Uint8Array | string): Message[];
	/**
	 * There are no more bytes.
	 * @throws {@link FrameError} with the reason `"truncated"` if there is half a message, or what is left to be thrown, unless
	 * `onFrameError` is told.
	 */
	end(): void;
}

/** What the messages of each protocol are. */
interface Messages {
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
type ProtocolName = keyof Messages;
/** The names of the protocols that are TCP with framing, or without: a peer ends its side by FIN. */
type StreamName = Exclude<ProtocolName, "websocket" | "websocketBytes">;
/** Those of them whose messages are of this type. */
type StreamNameOf<Message> = {
	[Name in StreamName]: Messages[Name] extends Message ? Name : never;
}[StreamName];
/** A framing protocol and its settings: what turns bytes into messages. Made by {@link raw}, {@link webSocket}, {@link frames} and the like. */
declare class Protocol<Name extends ProtocolName | "custom" = ProtocolName> {
	/** Which protocol this is. */
	readonly name: Name;
}
/**
 * A {@link Protocol} on TCP, with or without framing, which encodes and decodes without a connection too: by the same rules, for
 * clients, files and tests.
 * @typeParam In - what messages are.
 * @typeParam Out - what can be sent.
 */
declare class StreamProtocol<Name extends StreamName | "custom" = StreamName, In = Name extends StreamName ? Messages[Name] : unknown, Out = Data> extends Protocol<Name> {
	/**
	 * A message as it goes on the wire: what `Connection.send` would send. A {@link CustomProtocol} packs it for a connection that
	 * is gone.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what cannot be sent, as `Connection.send` does.
	 */
	encode(message: Out): Buffer;
	/**
	 * What makes messages of bytes: see {@link Decoder}. A {@link CustomProtocol} unpacks them for a connection that is gone, one
	 * for each decoder.
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
	decoder(options?: DecoderOptions): Decoder<In>;
}
/** A `CustomProtocol` as the `protocol` of a server, with what its messages are. Made by `custom`. */
interface Custom<In, Out> extends StreamProtocol<"custom", In, Out> {
	/** Not there: types alone know of it. */
	readonly "~messages"?: {
		in: In;
		out: (message: Out) => void;
	};
}
/** Settings of {@link raw}. */
interface RawOptions {
	/**
	 * Nothing more is read before a message has been handled, a returned promise included; see {@link Connection.setProtocol}.
	 * @defaultValue false
	 */
	stepwise?: boolean;
}
/**
 * Every run of bytes that the socket gives is one message (a `Buffer`), and what is sent goes out as it is. Where
 * messages begin and end is up to the network.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
declare function raw(options?: RawOptions): StreamProtocol<"raw">;
/** Settings of {@link jsonStream}. */
interface JsonStreamOptions {
	/**
	 * Longest JSON text in bytes; a longer one closes the connection with 1009 as soon as that can be seen. 0 means no limit
	 * but those of JavaScript and of `limits.maxMemoryBytes`.
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number;
	/**
	 * Nothing behind a text is looked at before it has been handled, a returned promise included; see
	 * {@link Connection.setProtocol}.
	 * @defaultValue false
	 */
	stepwise?: boolean;
}
/**
 * JSON texts one behind the other, as they are or with white space or RS (RFC 7464) between them: each object or array is
 * one message, a `string` for `JSON.parse`. It is found by its brackets; whether they match and all else is right,
 * `JSON.parse` says. Something else between texts (numbers, strings and literals have no end of their own) closes the
 * connection with 1002, and bytes that are not UTF-8 with 1007. What is sent goes out as it is.
 *
 * What is wrong is told to `onFrameError`: `"malformed"` in both of these cases, `"tooLong"`, and `"truncated"` for half a text
 * at the end of what a peer sends (FIN), which closes with 1002 too.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @example
 * ```ts
 * new Server({ onMessage: (_, text) => JSON.stringify(answer(JSON.parse(text))) }, { protocol: jsonStream() });
 * ```
 */
declare function jsonStream(options?: JsonStreamOptions): StreamProtocol<"jsonStream">;
/**
 * Frames by configuration: how they begin, how long they are or what they end with, escapes and checksums. Every frame is
 * one message (a `Buffer`, or with `text: true` a `string`), cut and checked natively, and what is sent is made a frame. Text is
 * sent in UTF-8.
 *
 * The end of what a peer sends (FIN) is its goodbye, as with {@link raw}. What is wrong with a frame is told to
 * `onFrameError`.
 * @example
 * ```ts
 * // Two bytes with the length, and so many bytes.
 * new Server(handler, { protocol: frames({ length: "u16" }) });
 * // Lines.
 * new Server(handler, { protocol: frames({ end: ["\n", "\r\n"] }) });
 * ```
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option, and for options that cannot go together, with the reason.
 */
declare function frames(options: FramesOptions & {
	text: true;
}): StreamProtocol<"textFrames">;
/** Frames by configuration, as above, whose messages are bytes. */
declare function frames(options: FramesOptions & {
	text?: false | undefined;
}): StreamProtocol<"frames">;
/** Frames by configuration, as above, where nobody knows before what messages are. */
declare function frames(options: FramesOptions): StreamProtocol<"frames" | "textFrames">;

/**
 * One client. Made by the server, given to the handler. All members may be used at any time, also when the connection is
 * gone: then they do nothing and say so.
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam Out - what {@link Connection.send} takes: text and bytes, unless a {@link CustomProtocol} packs something else.
 */
declare class Connection<Context = unknown, Out = Data> {
	#private;
	/**
	 * Yours to use: what the application knows about this client. At first what `onUpgrade` has given, else `undefined`.
	 */
	context: Context;
	/** The peer's IP address; that of a proxy's client where a proxy says so. `""` for a unix socket. */
	readonly remoteAddress: string;
	/** The peer's port; 0 for a unix socket. */
	readonly remotePort: number;
	/** The IP address that the peer has connected to; `""` for a unix socket. */
	readonly localAddress: string;
	/** The port that the peer has connected to; 0 for a unix socket. */
	readonly localPort: number;
	/** What a proxy says besides: the TLVs of the PROXY protocol, version 2, in their order. Mostly none. */
	readonly proxyTlvs: readonly ProxyTlv[];
	/** The subprotocol that was agreed on; `""` for none. */
	readonly subprotocol: string;
	/** The extensions that were agreed on, such as `"permessage-deflate; ..."`; `""` for none. */
	readonly extensions: string;
	/**
	 * False as soon as the connection is gone or being closed from this side: nothing can be sent. Messages come no more,
	 * but for those that have arrived and wait for the handler ({@link pause}, `serial`) when the peer leaves. True from
	 * `onConnect` on.
	 */
	get connected(): boolean;
	/** Which of the server's event loops serves this connection, from 0. */
	get loopIndex(): number;
	/**
	 * Sends one message: a string as text, bytes (copied before this returns) as binary, unless `options` say otherwise. Where the
	 * server has a {@link CustomProtocol}, what its `pack` makes of it is sent, and what that throws is thrown here. What
	 * `Server.prepare` has made is sent as was said there, whatever `options` say.
	 * @param callback - called once: without an error when this message, and with it all before it that were not dropped,
	 * has been handed to the kernel, or with one (`ERR_GEV_SEND`) when that will not happen. Never called before this
	 * returns, and in the context (`AsyncLocalStorage`) of this call.
	 * @returns what became of it; see {@link SendStatus}.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else than a string or bytes, and for bytes that are to be sent
	 * as text and are not UTF-8; `ERR_GEV_OPTION` for a wrong option.
	 */
	send(data: Out | PreparedMessage, callback: SendCallback): SendStatus;
	send(data: Out | PreparedMessage, options?: SendOptions, callback?: SendCallback): SendStatus;
	/**
	 * Fulfilled with true when everything that has been sent so far has been handed to the kernel, or dropped in favour of
	 * later messages (`flow.overflow: "drop-oldest"`), and with false when the connection ends before. Those who ask may
	 * share a promise. In particular, while messages wait that may yet be dropped, all who ask before an earlier promise is
	 * fulfilled get the same next one, for everything that has been sent when that happens: so asking after each message
	 * takes no memory, although messages are dropped without end.
	 */
	sent(): Promise<boolean>;
	/**
	 * Calls `callback`, and hands everything to the event loop together that is sent meanwhile, to whichever connection of
	 * that loop: it goes out in as few packets as possible, and as soon as `callback` has returned. (What handlers send
	 * goes together in any case, when those are done that have something to handle; in a handler this changes nothing.)
	 * @returns what `callback` has returned.
	 */
	corked<Result>(callback: () => Result): Result;
	/**
	 * From now on the connection speaks another protocol, between two messages: what is sent from now on is sent by the new one, and
	 * what the peer sends is cut by it as soon as all that came before has been handled.
	 *
	 * Where the protocol that it speaks is `stepwise`, the new one begins with the very next byte behind the message that is being
	 * handled, whatever came with it: so this is for `onMessage` (or `unpack`, which leaves what it has not taken out), and
	 * `onConnect` for what comes first. Elsewhere, and where it is not stepwise, it begins with what the event loop has not
	 * cut when it learns of this; messages that are on their way here are still the old protocol's. One of which a part has been
	 * cut already, as it has more than 64 KiB, closes the connection with 1002.
	 *
	 * The context, and what {@link set} keeps, stays. Times and limits are the new protocol's, all others the server's. A protocol
	 * is best made once, and not for each connection.
	 * @param protocol - any on TCP: {@link raw}, {@link frames}, {@link custom} and the like. May be the one that it speaks.
	 * @param handler - whose members are called for this connection from the first message of the new protocol on, with messages and
	 * connections of its types; there is no other `onConnect`. Where it has no `onClose` or `onError`, those of the server's
	 * handler are called. Default: the handler that it has, which has to know then which messages it gets.
	 * @returns false when the connection is gone or being closed: then nothing happens.
	 * @throws {@link GevError} `ERR_GEV_STATE` for a WebSocket, and in the middle of a message that is sent with `fin: false`;
	 * `ERR_GEV_OPTION` for what is no protocol on TCP, `ERR_GEV_HANDLER` for what is no handler.
	 * @example
	 * ```ts
	 * // After this line bytes go both ways as they are.
	 * const requests = frames({ end: "\r\n\r\n", stepwise: true });
	 * new Server({
	 *   onMessage(connection, head) {
	 *     connection.send("HTTP/1.1 200 OK");
	 *     connection.setProtocol(raw(), { onMessage: (_, bytes) => bytes });
	 *   },
	 * }, { protocol: requests });
	 * ```
	 */
	setProtocol<Name extends StreamName>(protocol: Protocol<Name>, handler?: NextHandler<Context, Messages[Name]>): boolean;
	/** To a protocol in TypeScript. */
	setProtocol<In, Next>(protocol: Custom<In, Next>, handler?: NextHandler<Context, In, Next>): boolean;
	/**
	 * Closes the connection, cause `"deadline"` (WebSocket: code 1001), when so many milliseconds have passed from now, whatever
	 * happens on it until then. Its event loop sees to it, not this thread. The next call replaces this one.
	 * @param ms - 0 or nothing for never, which is how a connection begins.
	 * @throws {@link GevError} `ERR_GEV_OPTION`.
	 */
	setDeadline(ms?: number): void;
	/**
	 * No `onMessage`, `onFragment`, `onPing`, `onPong` or `onEnd` from now on until {@link resume}. What arrives meanwhile
	 * waits, most of it at the peer: the event loop stops reading the socket, so pings are not answered, and it is not seen
	 * that the peer has left. When the connection ends all the same (by a timeout, or by `stop()`), what has arrived is
	 * delivered before `onClose`. A {@link close} from this side needs no `resume`. Does nothing when the connection is gone
	 * or being closed.
	 */
	pause(): void;
	/** Goes on after {@link pause}, with what waits: before this returns, as far as the handler can take it. */
	resume(): void;
	/** True from {@link pause} to {@link resume}, or to the end of the connection. */
	get isPaused(): boolean;
	/** How often something was wrong with a frame of the peer, or with what came between frames: see `onFrameError`. */
	get frameErrors(): number;
	/** Messages that were dropped because they would have exceeded `flow.maxBufferedBytes`. */
	get dropped(): number;
	/**
	 * Sends a ping, which the peer answers with a pong that has the same bytes: see `onPong`. Raw TCP has no such thing:
	 * nothing is sent.
	 * @param data - at most 125 bytes. Default none.
	 * @returns what became of it; see {@link SendStatus}.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else.
	 */
	ping(data?: Data): SendStatus;
	/**
	 * Closes as the protocol does: what was sent before goes out first, then for WebSocket a close frame with `code` and
	 * `reason`, then the connection, at the latest after `timeouts.closeMs`. `onClose` follows. Does nothing when the
	 * connection is gone or being closed already.
	 * @param code - 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 section 7.4). Default 1000.
	 * @param reason - at most 123 bytes in UTF-8. Default none.
	 * @throws {@link GevError} `ERR_GEV_CLOSE` for a code or reason that cannot be sent.
	 */
	close(code?: number, reason?: string): void;
	/**
	 * Ends this side: what was sent before goes out first. Raw TCP: then FIN, so that the peer sees the end, and goes on
	 * receiving what the peer still sends; when the peer has ended its side too, the connection is gone. WebSocket, which
	 * has no half-open connections: as {@link close}. Nothing can be sent after it.
	 */
	end(): void;
	/**
	 * Closes at once: what has not been sent is lost, and no goodbye is said. `onClose` follows. Does nothing when the
	 * connection is gone.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
	 */
	destroy(options?: DestroyOptions): void;
	/** The same as {@link destroy}, by the name that the package `ws` has for it. */
	terminate(): void;
	/**
	 * Closes the sending side when everything sent so far is out (TCP's FIN), and goes on receiving. Nothing can be sent
	 * after it. Does nothing when the connection is gone. Meant for raw TCP; WebSocket peers expect {@link close}.
	 */
	shutdownWrite(): void;
	/**
	 * Bytes that have arrived and wait for the rest of their message; of a compressed one, what has been inflated. 0 when
	 * the connection is gone.
	 */
	get readBufferLength(): number;
	/**
	 * Bytes that were sent, with their framing, and that the kernel has not taken. Until the event loop has taken a message,
	 * it counts with its whole length, also if it is to be compressed, and with the most that framing may add (10 bytes with
	 * WebSocket). 0 when the connection is gone.
	 */
	get writeBufferLength(): number;
	/** The value that was {@link set} for `key`. */
	get(key: string): unknown;
	/** Keeps a value with this connection. */
	set(key: string, value: unknown): void;
	/** Forgets the value for `key`; true if there was one. */
	delete(key: string): boolean;
}
/**
 * What serves a connection after {@link Connection.setProtocol}: the members of a `StreamHandler` or `FramesHandler` that can be
 * called then.
 * @typeParam Message - what messages are.
 * @typeParam Out - what can be sent.
 */
interface NextHandler<Context = unknown, Message = Buffer, Out = Data> {
	onMessage?(connection: Connection<Context, Out>, message: Message): Out | undefined | null | void | Promise<Out | undefined | null | void>;
	onFrameError?(connection: Connection<Context, Out>, error: FrameError): void | Promise<void>;
	onDrain?(connection: Connection<Context, Out>): void | Promise<void>;
	onEnd?(connection: Connection<Context, Out>): void | Promise<void>;
	onClose?(connection: Connection<Context, Out>, reason: CloseReason): void | Promise<void>;
	onError?(error: Error, connection?: Connection<Context, Out>): void | Promise<void>;
}
/** Settings of {@link Connection.destroy}. */
interface DestroyOptions {
	/**
	 * Tell the peer by a reset (RST) that the connection was cut, instead of by the ordinary end (FIN).
	 * @defaultValue false
	 */
	reset?: boolean;
}

/** To whom `broadcast()` sends a message, and how. */
interface BroadcastOptions {
	/**
	 * The connections that get it, each once, of which some may be gone.
	 * @defaultValue undefined, for all open connections of the server
	 */
	to?: Iterable<Connection<any, any>> | undefined;
	/**
	 * A connection that does not get it, or several.
	 * @defaultValue undefined
	 */
	except?: Connection<any, any> | Iterable<Connection<any, any>> | undefined;
	/**
	 * Says which connections get it, of those that would; called for each before anything is sent, so that nothing has been sent
	 * if it throws. What it sends itself goes out before the message.
	 * @defaultValue undefined
	 */
	filter?: ((connection: Connection<any, any>) => boolean) | undefined;
	/**
	 * As that of {@link SendOptions}.
	 * @defaultValue undefined, as there
	 */
	text?: boolean | undefined;
	/**
	 * As that of {@link SendOptions}.
	 * @defaultValue undefined, as there
	 */
	compress?: boolean | undefined;
}
/** For how many connections `send` would have said what; those that are gone or being closed are not counted. */
interface BroadcastResult {
	/** On its way. */
	queued: number;
	/** On its way, and more than `flow.highWaterMarkBytes` wait for the peer. */
	congested: number;
	/** Dropped, as more than `flow.maxBufferedBytes` would wait. */
	dropped: number;
}

/**
 * Bytes in the order in which they have come, to be looked at, read, and read ahead: what a protocol in TypeScript cuts
 * messages from (`CustomProtocol`). Made by a server for each connection, or by whoever cuts messages elsewhere.
 *
 * Numbers are big-endian, as nearly all protocols have them. `peek...` looks at what comes next and takes nothing;
 * `read...` and `retrieve...` take it out. A second cursor reads ahead: {@link RingBuffer.virtualRead | virtualRead} goes on
 * where it stopped before, {@link RingBuffer.virtualFlush | virtualFlush} takes out what it has read, and
 * {@link RingBuffer.virtualRevert | virtualRevert} goes back, so that a message that is not there as a whole can be left for
 * the next time. Whatever takes bytes out in another way puts that cursor back to the front.
 *
 * ```text
 *   | c d e . . . . . a b |      length 5, capacity 10; what is written next follows e
 *           ^ written ^ read     (the contents wrap: a b c d e)
 * ```
 *
 * It has no memory while nothing was written, and grows by doubling, up to its maximum.
 * @example
 * ```ts
 * // A frame is its length, in four bytes, and its body.
 * const length = buffer.peekUint32();
 * if (length === undefined || buffer.length < 4 + length) return undefined;
 * buffer.retrieve(4);
 * return buffer.read(length);
 * ```
 */
declare class RingBuffer {
	#private;
	/**
	 * An empty buffer.
	 * @param maxBytes - most bytes that it may hold; 0 means no limit. Default 1 MiB.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong maximum.
	 */
	constructor(maxBytes?: number);
	/** How many bytes are there. */
	get length(): number;
	/** For how many bytes there is memory now. */
	get capacity(): number;
	/** True when no byte is there. */
	get isEmpty(): boolean;
	/** True when its memory is full: the next byte that is written makes it grow, or is refused at the maximum. */
	get isFull(): boolean;
	/**
	 * The next `count` bytes, or as many as there are, without taking them out, and without a copy: in two runs, the second of
	 * which is empty unless they wrap. Both are good until something is written or taken out.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	peek(count: number): readonly [first: Buffer, end: Buffer];
	/** All bytes, as {@link peek} has them. */
	peekAll(): readonly [first: Buffer, end: Buffer];
	/**
	 * The byte that `at` others come before, without taking it out; `undefined` when it is not there yet.
	 * @param at - default 0, which is the next one.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	peekUint8(at?: number): number | undefined;
	/** The two bytes from `at` on as a number, big-endian; `undefined` when not both are there. Otherwise as {@link peekUint8}. */
	peekUint16(at?: number): number | undefined;
	/** The four bytes from `at` on as a number, big-endian; `undefined` when not all are there. Otherwise as {@link peekUint8}. */
	peekUint32(at?: number): number | undefined;
	/** The eight bytes from `at` on as a number, big-endian; `undefined` when not all are there. Otherwise as {@link peekUint8}. */
	peekUint64(at?: number): bigint | undefined;
	/**
	 * How many bytes come before the first one that is `byte`, or -1 if there is none.
	 * @param from - where the search begins: what has been searched before need not be again. Default 0.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a `byte` or `from` that is none.
	 */
	indexOf(byte: number, from?: number): number;
	/**
	 * Drops the next `count` bytes, or as many as there are.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	retrieve(count: number): void;
	/** Drops all bytes. The memory stays. */
	retrieveAll(): void;
	/**
	 * Takes out the next `count` bytes, or as many as there are. They are the caller's: nobody else writes to them. A few of them
	 * may share their `buffer` with others, as Node's pooled Buffers do.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	read(count: number): Buffer;
	/**
	 * Takes out as many bytes as there are and `target` has room for, and puts them there.
	 * @returns how many; 0 when none is there.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what is no bytes.
	 */
	read(target: Uint8Array): number;
	/** Takes out the next byte; `undefined` when none is there. */
	readByte(): number | undefined;
	/**
	 * Puts bytes behind those that are there, and takes all the memory that this needs.
	 * @throws {@link GevError} `ERR_GEV_FULL` when there would be more than the maximum, `ERR_GEV_DATA` for what is no bytes:
	 * then nothing is written.
	 */
	write(data: Uint8Array): void;
	/**
	 * Puts one byte behind those that are there.
	 * @throws {@link GevError} `ERR_GEV_FULL` as {@link write}, `ERR_GEV_OPTION` for what is no byte.
	 */
	writeByte(byte: number): void;
	/** As {@link write}, of text in UTF-8; `ERR_GEV_DATA` for what is no string. */
	writeString(text: string): void;
	/**
	 * A copy of the next `count` bytes that have not been read ahead, or of as many as there are: they are read ahead now, and
	 * still there.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no whole number from 0.
	 */
	virtualRead(count: number): Buffer;
	/**
	 * Copies as many of them to `target` as it has room for.
	 * @returns how many; 0 when all have been read ahead.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what is no bytes.
	 */
	virtualRead(target: Uint8Array): number;
	/** How many bytes have not been read ahead. */
	get virtualLength(): number;
	/** Takes out what has been read ahead. */
	virtualFlush(): void;
	/** Forgets that anything was read ahead: {@link virtualRead} begins at the front again. */
	virtualRevert(): void;
	/** A copy of all bytes. */
	bytes(): Buffer;
	/** Drops all bytes, and gives the memory back. */
	reset(): void;
}

/**
 * A protocol of your own: makes messages of the bytes of a connection, and bytes of what is sent. One object serves all
 * connections of a server. It is given to {@link custom}, whose result is the server's `protocol`; the handler is a
 * {@link FramesHandler} then, whose messages are what `unpack` returns and whose `send` takes what `pack` does.
 * @typeParam In - what messages are.
 * @typeParam Out - what can be sent.
 * @typeParam Context - type of {@link Connection.context}.
 * @example
 * ```ts
 * class Lengths implements CustomProtocol<Buffer, string> {
 *   unpack(_: Connection<unknown, string>, buffer: RingBuffer) {
 *     const length = buffer.peekUint32();
 *     if (length === undefined || buffer.length < 4 + length) return undefined;
 *     buffer.retrieve(4);
 *     return buffer.read(length);
 *   }
 *   pack(_: Connection<unknown, string>, text: string) {
 *     const frame = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
 *     frame.writeUInt32BE(frame.length - 4);
 *     frame.write(text, 4);
 *     return frame;
 *   }
 * }
 * new Server({ onMessage: (_, body) => body.toString() }, { protocol: custom(new Lengths()) });
 * ```
 */
interface CustomProtocol<In, Out = Data, Context = unknown> {
	/**
	 * Takes the next message out of `buffer` and returns it, or returns `undefined` if more bytes are needed for one: then what
	 * it has left stays, and it is called again when more have come. It may also take bytes out that belong to no message, and
	 * return `undefined`; if it leaves some, it is called again at once.
	 *
	 * It is called for one message at a time, when the handler can take it: what the handler has done with one message, a
	 * returned promise included where the server is `serial`, has happened before the next one is unpacked. It must take
	 * something out for each message; a message itself may be of any kind and empty. What it throws goes to `onError`, and closes the connection with
	 * code 1002 and the cause `"protocol"`; answers to what came before still go out. The buffer is to be used during the call only.
	 *
	 * For a handler without `onMessage` nothing is unpacked, unless the protocol is stepwise: one that does all itself, such as
	 * {@link Connection.setProtocol}, needs an `onMessage` that does nothing.
	 */
	unpack(connection: Connection<Context, Out>, buffer: RingBuffer): In | undefined;
	/**
	 * The bytes of a message that is sent, or text for UTF-8. They are copied before `send` returns, so that memory for them can be
	 * used again. What it throws is thrown by `send`; for a message that a handler returns it goes to `onError`, as the handler's own.
	 */
	pack(connection: Connection<Context, Out>, message: Out): Data;
}
/** Settings of {@link custom}. */
interface CustomOptions {
	/**
	 * What is below: {@link raw}, whose bytes come as the network has them; or what cuts messages natively ({@link frames},
	 * {@link jsonStream}, {@link respFrames}), of which the buffer has one at a time, and nothing else. An empty one
	 * comes as an empty buffer. What is packed goes out as a message of it.
	 *
	 * Of a message that was cut everything is there: an `unpack` that returns `undefined` and leaves something of it says that
	 * it is none. It may well take several messages out of it, one after the other.
	 * @defaultValue {@link raw}
	 */
	over?: Protocol<StreamName>;
	/**
	 * Most bytes that a message may take out of the buffer, and that may be there while more are needed for it; more close the
	 * connection with 1009. 0 means no limit but `limits.maxMemoryBytes`, which counts them.
	 * @defaultValue 1 MiB; none where a protocol below cuts messages, which has a limit of its own
	 */
	maxMessageBytes?: number;
	/**
	 * Nothing is unpacked before the message before it has been handled, a returned promise included, and nothing more is read
	 * before all that is there has been; see {@link Connection.setProtocol}.
	 * @defaultValue that of `over`
	 */
	stepwise?: boolean;
}
/**
 * A protocol in TypeScript, for a server: what is unpacked is a message, and what is sent is packed before. Bytes are handed to
 * it as they come, and only those of a message that has not come as a whole are kept.
 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no such protocol, or for a wrong option.
 */
declare function custom<In, Out = Data, Context = unknown>(protocol: CustomProtocol<In, Out, Context>, options?: CustomOptions): Custom<In, Out>;
/** What can be the protocol of {@link custom}: for constraints of types. */
interface AnyCustomProtocol {
	unpack(connection: never, buffer: RingBuffer): unknown;
	pack(connection: never, message: never): Data;
}
/** What a {@link CustomProtocol} unpacks. */
type Incoming<Protocol extends AnyCustomProtocol> = Exclude<ReturnType<Protocol["unpack"]>, undefined>;
/** What a {@link CustomProtocol} packs. */
type Outgoing<Protocol extends AnyCustomProtocol> = Parameters<Protocol["pack"]>[1];

/**
 * Header lines of a response, each with a value, or with the values of several lines of the same name: a plain object, a
 * web `Headers`, a `Map`, or anything else that gives pairs of name and value, such as an array of arrays.
 */
type ResponseHeaders = Readonly<Record<string, string | readonly string[]>> | Iterable<readonly [name: string, value: string | readonly string[]]> | Headers;

/** The head of an HTTP request, copied: it may be kept and used at any time. */
interface HttpRequest {
	/** `GET` for everything that asks for a WebSocket. */
	readonly method: string;
	/**
	 * The target as it was sent: path and query. One character stands for one byte (latin1); what a client has sent in UTF-8
	 * instead of escaping it, as browsers do, is `Buffer.from(request.url, "latin1").toString()`.
	 */
	readonly url: string;
	readonly headers: RequestHeaders;
	/** Subprotocols that the client offers (`Sec-WebSocket-Protocol`), in its order of preference. */
	readonly subprotocols: readonly string[];
	/** The peer's IP address; that of a proxy's client where a proxy says so. `""` for a unix socket. */
	readonly remoteAddress: string;
	/** The peer's port; 0 for a unix socket. */
	readonly remotePort: number;
	/** The IP address that the peer has connected to; `""` for a unix socket. */
	readonly localAddress: string;
	/** The port that the peer has connected to; 0 for a unix socket. */
	readonly localPort: number;
	/** What a proxy says besides: the TLVs of the PROXY protocol, version 2, in their order. Mostly none. */
	readonly proxyTlvs: readonly ProxyTlv[];
	/** True from the moment that the client is gone, or its time is over, before it has got an answer. */
	readonly aborted: boolean;
}
/**
 * Header lines of a request in their order: names and values as they were sent. Names are compared without regard to case.
 * In values one character stands for one byte (latin1): where a client sends UTF-8, the text is
 * `Buffer.from(value, "latin1").toString()`.
 */
interface RequestHeaders extends Iterable<[name: string, value: string]> {
	/**
	 * The value of a header; several lines of the same name are joined by `", "`, those of `Cookie` by `"; "`. `undefined` when
	 * there is none. Where a value may have commas of its own (`Set-Cookie`), ask {@link getAll}.
	 */
	get(name: string): string | undefined;
	/** The values of all lines of this name. */
	getAll(name: string): string[];
	/** True if there is a line of this name. */
	has(name: string): boolean;
}
/**
 * An answer in HTTP, of at most `flow.maxBufferedBytes`. The connection is closed behind it. Its properties are read once,
 * when it is returned, and have to be its own.
 */
interface HttpResponse {
	/** 200 to 599. Default 200. */
	status?: number;
	/**
	 * Further header lines, of latin1 characters. `Connection`, `Content-Length`, `Transfer-Encoding`, `Upgrade` and
	 * `Sec-WebSocket-...` are set natively and not allowed here; `Date` is too, unless it is here.
	 */
	headers?: ResponseHeaders;
	/** Default none. A string is sent as UTF-8, with the type `text/plain` unless `headers` say otherwise; bytes as they are. */
	body?: string | NodeJS.ArrayBufferView | ArrayBuffer;
}
/** The answer to a client that does not get its WebSocket. */
interface Refusal extends HttpResponse {
	/** 200 to 599; 401, 403, 404 and 503 are the usual ones. */
	status: number;
}
/** How an upgrade is accepted. */
interface Acceptance<Context = unknown> {
	/** What {@link Connection.context} is from the beginning. */
	context?: Context;
	/** The subprotocol: one of those that the client offers. Default: what the option `subprotocols` chooses. */
	subprotocol?: string;
	/** Further header lines of the response, such as `Set-Cookie`; otherwise as in {@link HttpResponse}. */
	headers?: ResponseHeaders;
}
/**
 * What `onUpgrade` may return: nothing, or an {@link Acceptance}, or (an object with a `status`) a {@link Refusal}, or a web
 * `Response`, which refuses too.
 */
type UpgradeReply<Context = unknown> = Acceptance<Context> | Refusal | Response | undefined | null | void;

/**
 * What `onMessage` may return: something to send to the connection that the message came from, or nothing. `null` is nothing, but for
 * {@link resp}, which has it.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
type Reply<Out = Data> = Out | undefined | null | void;
/**
 * Your side of a server: one object for all its connections. Its protocol, the second argument, says which members there are
 * and what messages are: see {@link WebSocketHandler}, {@link StreamHandler}, {@link FramesHandler} and, for an object that
 * serves any, {@link CommonHandler}.
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam Kind - name of the protocol, or the type of a {@link CustomProtocol}; default `"websocket"`.
 * @example
 * ```ts
 * class Chat implements Handler<User> {
 *   onMessage(connection: Connection<User>, message: string | Buffer) {}
 * }
 *
 * class Device implements Handler<unknown, "raw"> {
 *   onMessage(connection: Connection, message: Buffer) {}
 * }
 *
 * class Gateway implements Handler<unknown, FrameProtocol> {
 *   onMessage(connection: Connection<unknown, Frame>, message: Frame) {}
 * }
 * ```
 */
type Handler<Context = unknown, Kind extends ProtocolName | AnyCustomProtocol = "websocket"> = [Kind] extends [AnyCustomProtocol] ? FramesHandler<Context, Incoming<Kind>, Outgoing<Kind>> : [Kind] extends [Exclude<StreamName, "raw">] ? FramesHandler<Context, Messages[Kind]> : [Kind] extends [StreamName] ? StreamHandler<Context, Messages[Kind]> : [Kind] extends ["websocket" | "websocketBytes"] ? WebSocketHandler<Context, Messages[Kind]> : CommonHandler<Context>;
/**
 * The members of every {@link Handler}. All members are called on the thread that called
 * `start()`, one at a time; for each connection `onConnect` comes first, then its messages in their order, then
 * `onClose`, exactly once. Each call begins in the asynchronous context (`AsyncLocalStorage`) in which `start()` was called.
 *
 * What a member throws, or what a promise that it returns rejects with, goes to `onError` and closes the connection
 * concerned with code 1011; other connections do not notice.
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam Message - what messages are.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
interface HandlerBase<Context = unknown, Message = string | Buffer, Out = Data> {
	/** A connection is ready: accepted, and its handshake done. */
	onConnect?(connection: Connection<Context, Out>): void | Promise<void>;
	/**
	 * A message has arrived: text as `string`, everything else as `Buffer`. A small one shares its `buffer` with others, as
	 * Node's pooled Buffers do: copy it (`Buffer.from(message)`) for who wants to transfer it to another thread. What is returned, or what a returned promise
	 * is fulfilled with, is sent back; with the option `serial` the next message of the connection waits for that. A peer
	 * that has said goodbye meanwhile (WebSocket: a close frame, raw: FIN) gets
	 * the answer to that when every returned promise is settled; a WebSocket one `timeouts.closeMs` later in any case.
	 * @param isText - true for text that arrives as `Buffer`, with `webSocket({ text: "buffer" })`.
	 */
	onMessage?(connection: Connection<Context, Out>, message: Message, isText?: boolean): Reply<Out> | Promise<Reply<Out>>;
	/**
	 * After a `send` that returned `Congested`: what waits for the peer has fallen to `flow.lowWaterMarkBytes`. Always follows,
	 * once, unless the connection ends before.
	 */
	onDrain?(connection: Connection<Context, Out>): void | Promise<void>;
	/**
	 * The connection is gone; `send` and the like do nothing from now on. Comes after the last message, also when those have
	 * to wait (`pause`, `serial`), if not longer than `timeouts.closeMs`: then they are delivered at once.
	 */
	onClose?(connection: Connection<Context, Out>, reason: CloseReason): void | Promise<void>;
	/**
	 * Something went wrong: another member threw (with the connection that it was called for), or an event loop has
	 * news that belong to no connection. Without this member such errors become process warnings, and so does what
	 * this member throws.
	 */
	onError?(error: Error, connection?: Connection<Context, Out>): void | Promise<void>;
}
/**
 * A {@link Handler} of a server that speaks WebSocket.
 * @typeParam Message - what messages are: `Buffer` only with `webSocket({ text: "buffer" })`.
 */
interface WebSocketHandler<Context = unknown, Message = string | Buffer> extends HandlerBase<Context, Message> {
	/**
	 * A client asks for a connection, and its request is all right (method, headers, key, and the options `path`
	 * and `origins`). Accept it, with a context, a subprotocol and headers if you like, or refuse it with a status;
	 * see {@link UpgradeReply}. `onConnect` follows what is accepted, if the client is still there. What this member throws
	 * is answered with 500; without an answer within `timeouts.handshakeMs` the client gets 503. Without this member the
	 * handshake is answered natively. `gev:refused` of {@link Diagnostics} tells of every client that gets no connection.
	 *
	 * Those who know the Upgrader of the Go library gev find `OnRequest`, `OnHost`, `OnHeader` and `OnBeforeUpgrade` here,
	 * in one place: `request.url`, `request.headers.get("host")`, `request.headers`, and the return value, whose
	 * `status`, `headers` and `body` are what `RejectConnectionError` has.
	 */
	onUpgrade?(request: HttpRequest): UpgradeReply<Context> | Promise<UpgradeReply<Context>>;
	/**
	 * A request that does not ask for a connection, such as a health check. The body of a request is not read.
	 * A web `Response` may be returned too: its status, its headers (but for those that are set natively) and its body, which
	 * is read to its end first, within `timeouts.handshakeMs` and up to `flow.maxBufferedBytes`. What this member throws is
	 * answered with 500. Without this member requests get the option `page`, or 426.
	 */
	onRequest?(request: HttpRequest): HttpResponse | Response | Promise<HttpResponse | Response>;
	/**
	 * A fragment of a message that does not arrive in one piece, as it has several frames, or more than 64 KiB, or as
	 * the network has cut it. With this member such messages are handed over as they arrive, at most 64 KiB at a time,
	 * instead of being put together for `onMessage`, which gets the others: a message of any length needs no memory of
	 * its length (and `maxMessageBytes: 0` to be let in). A fragment of text may end inside a character. With `borrow: true`
	 * fragments are views that are valid during the call only.
	 */
	onFragment?(connection: Connection<Context>, data: Buffer, fragment: Fragment): void | Promise<void>;
	/** A ping has arrived, with at most 125 bytes. It has been answered already. */
	onPing?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
	/** A pong has arrived, with the bytes of the ping that it answers (none for those of `pingIntervalMs`). */
	onPong?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
	/** Of TCP only: a WebSocket has no half-open connections. */
	onEnd?: never;
	/** Of frames only. */
	onFrameError?: never;
}
/**
 * A {@link Handler} of a server that speaks TCP without framing ({@link raw}), or of one with framing that does not care what is
 * wrong with what comes: see {@link FramesHandler}.
 * @typeParam Message - what messages are: see {@link Messages}, and {@link CustomProtocol}.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
interface StreamHandler<Context = unknown, Message = Buffer, Out = Data> extends HandlerBase<Context, Message, Out> {
	/**
	 * The peer has ended its side (FIN), and everything that it has sent has been handled or is being handled.
	 * This side ends too when the promises that this member and `onMessage` have returned are settled, or with the option
	 * `socket.allowHalfOpen` when {@link Connection.end} is called; until then `send` goes on working.
	 */
	onEnd?(connection: Connection<Context, Out>): void | Promise<void>;
	/** Of WebSocket only, as are the members below. */
	onUpgrade?: never;
	onRequest?: never;
	onFragment?: never;
	onPing?: never;
	onPong?: never;
	/** Not without framing. */
	onFrameError?: never;
}
/**
 * A {@link Handler} of a server that cuts messages out of what comes over TCP: {@link frames}, {@link jsonStream}, {@link resp},
 * {@link stomp}, or a {@link CustomProtocol}.
 * @typeParam Message - what messages are: see {@link Messages}, and {@link CustomProtocol}.
 * @typeParam Out - what can be sent: see {@link Connection}.
 */
interface FramesHandler<Context = unknown, Message = Buffer, Out = Data> extends HandlerBase<Context, Message, Out> {
	/**
	 * The peer has ended its side (FIN) between two frames, and everything that it has sent has been handled or is being
	 * handled; otherwise as with {@link StreamHandler}. Half a frame at the end is told to `onFrameError`, and closes the
	 * connection.
	 */
	onEnd?(connection: Connection<Context, Out>): void | Promise<void>;
	/**
	 * Something is wrong with a frame, or with what comes between frames; what becomes of it is in the error. Comes in its turn
	 * among the messages, and where the connection is closed for it, before `onClose`; answers to the messages before
	 * still go out then.
	 */
	onFrameError?(connection: Connection<Context, Out>, error: FrameError): void | Promise<void>;
	/** Of WebSocket only, as are the members below. */
	onUpgrade?: never;
	onRequest?: never;
	onFragment?: never;
	onPing?: never;
	onPong?: never;
}
/**
 * A {@link FramesHandler} of a server with a {@link CustomProtocol}. It is the same; as a type that depends on `In` it has the
 * compiler look at the protocol before it looks at what a handler returns, so that a literal in it is not taken for any string.
 */
type CustomHandler<Context, In, Out> = [In] extends [never] ? never : FramesHandler<Context, In, Out>;
/** A {@link Handler} that serves any protocol: with members that all have, for messages of any kind. */
interface CommonHandler<Context = unknown> extends HandlerBase<Context> {
	/** Not of every protocol, as the members below. */
	onEnd?: never;
	onUpgrade?: never;
	onRequest?: never;
	onFragment?: never;
	onPing?: never;
	onPong?: never;
	onFrameError?: never;
}

/**
 * What a server has done and does now, as plain JSON: `Server.stats()` makes one. Counts go on over stops and starts of
 * the server; what is "now" is 0 while it does not run.
 */
interface ServerStats {
	/** What the server does: nothing, start, run or stop. */
	readonly state: "idle" | "starting" | "running" | "stopping";
	/** Since its last start; 0 when it does not run. */
	readonly uptimeSeconds: number;
	/** How often it has been started. */
	readonly starts: number;
	readonly connections: ConnectionStats;
	readonly handshakes: HandshakeStats;
	/** What has come from all peers. */
	readonly received: TrafficStats;
	/** Frames of WebSocket that have come, by opcode. */
	readonly frames: Readonly<Record<FrameOpcode, number>>;
	/** What has gone to all peers. */
	readonly sent: TrafficStats;
	readonly sends: SendStats;
	/** Frames with which something was wrong, by what it was. */
	readonly frameErrors: Readonly<Record<FrameFault, number>>;
	/** Bytes that all connections hold now, in and out: see `Server.heldBytes`. */
	readonly bufferedBytes: number;
	/** The event loops that run; after a stop those that have run last, until the next start. */
	readonly loops: readonly LoopStats[];
	readonly script: ScriptStats;
}
/** What a frame of WebSocket is: RFC 6455 section 5.2. */
type FrameOpcode = "continuation" | "text" | "binary" | "close" | "ping" | "pong";
/**
 * What all workers of a pool have come to together: sums, but for `script.utilization`, which is the mean. `state`,
 * `uptimeSeconds` and `starts` are the pool's own; `loops` has one of each worker. What a worker that has died had counted
 * stays, as far as it was heard.
 */
interface WorkerPoolStats extends ServerStats {
	/** Each worker's own, by its index; undefined for one that has just ended, or begun. */
	readonly workers: readonly (ServerStats | undefined)[];
	/** Workers that have ended without being asked to, since the first start. */
	readonly failures: number;
}
/** Why a connection was closed as soon as it was accepted. */
type RefusalReason = 
/** `limits.maxConnections` */
"maxConnections"
/** `limits.maxConnectionsPerAddress` */
 | "maxConnectionsPerAddress"
/** `limits.maxConnectionRatePerAddress` */
 | "maxConnectionRatePerAddress";
/** Connections of a server. */
interface ConnectionStats {
	/** Open now, as far as handlers have been told. */
	readonly open: number;
	/** Taken from the system, whatever became of them. */
	readonly accepted: number;
	/** Of these, such as were closed at once, by why. */
	readonly refused: Readonly<Record<RefusalReason, number>>;
	/** Those that were open and are no more, by what started the end. */
	readonly closed: Readonly<Record<CloseCause, number>>;
	/** Of these, such as have said goodbye as the protocol wants it. */
	readonly closedCleanly: number;
	/** How often the system would not let a loop accept, for want of file descriptors, say. */
	readonly acceptErrors: number;
}
/** What comes before a connection is open: of WebSocket a handshake, elsewhere nothing to speak of. */
interface HandshakeStats {
	/** Connections that were opened. */
	readonly opened: number;
	/**
	 * Those that came to nothing, by the status of the response (`"400"`, `"403"` ...), `"none"` where there was none. A
	 * status that has not come about is not there.
	 */
	readonly failed: Readonly<Record<string, number>>;
}
/** What has gone one way. */
interface TrafficStats {
	/** Bytes that sockets have given or taken, with framing and as they were compressed. */
	readonly bytes: number;
	/** Whole messages. Those sent count when a loop has taken them. */
	readonly messages: number;
}
/** How often what the application sent met too much that waited: `sent.messages` has what was taken. */
interface SendStats {
	/** `SendStatus.Congested` */
	readonly congested: number;
	/** `SendStatus.Dropped` */
	readonly dropped: number;
}
/** One event loop, since its start. */
interface LoopStats {
	/** Position in the server's list. */
	readonly index: number;
	/** In a pool the worker that has it: counts go on when that is replaced. */
	readonly worker?: number;
	/** False when it has ended, by a stop or because it has failed. */
	readonly running: boolean;
	/** Connections that it has now. */
	readonly connections: number;
	/** Taken from the system by this loop; it may have dealt them out to others. */
	readonly accepted: number;
	readonly received: TrafficStats;
	readonly sent: TrafficStats;
	/** How often it has looked for something to do. */
	readonly turns: number;
	/** How long it has been at work, as one turn in eight tells, which is timed. */
	readonly busySeconds: number;
	/** How long the turns took that were timed. */
	readonly turnSeconds: Histogram;
	/** How late it came to timers that were due. */
	readonly timerLagSeconds: Histogram;
	/** How long it could not deliver, and so read nothing, because its event queue was full: JavaScript was at work elsewhere. */
	readonly blockedSeconds: number;
	/** Bytes of events that wait for JavaScript now. */
	readonly eventQueueBytes: number;
	/** How many JavaScript found when it looked. */
	readonly eventQueueDepthBytes: Histogram;
	/** Of which there is room for so many. */
	readonly eventQueueCapacityBytes: number;
}
/** The thread of the handlers. */
interface ScriptStats {
	/** How often it has looked through the event queues. */
	readonly drains: number;
	/** How long that took, with all that handlers do without waiting, as one drain in 32 tells, which is timed. */
	readonly busySeconds: number;
	/**
	 * Share of its time that the whole thread was at work, from the server's first start on: 0 to 1. 0 where the runtime does
	 * not tell.
	 */
	readonly utilization: number;
	/** How long one event took, with what a handler does without waiting: the first event of each drain that was timed. */
	readonly handlerSeconds: Histogram;
	/** Half of them took at most so long. */
	readonly handlerP50Seconds: number;
	/** All but one in a hundred took at most so long. */
	readonly handlerP99Seconds: number;
}
/** How often something was how long, or how much, in the unit that its name has. */
interface Histogram {
	/** Upper bounds in ascending order; what is more than the last is in `count` alone. */
	readonly bounds: readonly number[];
	/** How many were more than the bound before, and at most this one. */
	readonly counts: readonly number[];
	/** All of them. */
	readonly count: number;
	/** What they come to together. */
	readonly sum: number;
}

/** What {@link Server.collect} needs of a `Registry` of `prom-client`. */
interface MetricsRegister {
	registerMetric(metric: never): void;
}

/** How bad it is, or how much of it there is. */
type LogLevel = "error" | "warn" | "info" | "debug";
/** What a line tells besides its message: `remoteAddress`, `cause` and the like; `err` is an error. */
type LogFields = Readonly<Record<string, unknown>>;
/** A logger as `console` is one, and winston, and any object of your own with these four methods. */
type ConsoleLogger = {
	readonly [Level in LogLevel]: (message: string, fields: LogFields) => unknown;
};
/** A logger as pino's are: it has `bindings`, and gets `(fields, message)`. */
type PinoLogger = {
	readonly [Level in LogLevel]: (...line: never[]) => unknown;
} & {
	bindings(): object;
};
/**
 * Who gets a line for each event of a server, never for a message: `info` when it listens, stops, has stopped, and when a handshake
 * has failed; `warn`, at most once a second, with how many connections were refused; `error` for what `onError` is told;
 * `debug` when a connection opens, and closes with its cause.
 *
 * Methods are called as `(message, fields)`; those of an object with a method `bindings`, which tells pino's, as
 * `(fields, message)`. What a method throws, or its promise is rejected with, is of no consequence.
 */
type Logger = ConsoleLogger | PinoLogger;

/** Where a server tells what it does: a live page at `/`, `/metrics` for Prometheus, `/json` and `/healthz`, over HTTP. */
interface MetricsOptions {
	/**
	 * Address or name to listen at.
	 * @defaultValue "127.0.0.1"
	 */
	host?: string;
	/**
	 * Port to listen on; 0 lets the system choose: `Server.metricsAddress` or `WorkerPool.metricsAddress` has it then.
	 * @defaultValue 0
	 */
	port?: number;
	/**
	 * Where the metrics are for Prometheus.
	 * @defaultValue "/metrics"
	 */
	path?: string;
	/**
	 * Who asks has to say it, as `Authorization: Bearer` and the token; but for `/healthz` and the page at `/`, which tell
	 * nothing. Give one where others can reach the address.
	 * @defaultValue undefined, which lets everybody ask
	 */
	token?: string | undefined;
	/**
	 * Names, besides `localhost`, the option `host` and IP addresses, that requests may have in `Host`. Others are turned
	 * away, as a page of a stranger's could reach the address by a name that it has made point there.
	 * @defaultValue []
	 */
	hosts?: readonly string[];
	/**
	 * Let the live page show the messages of one connection for half a minute: see {@link https://github.com/gev-node/gev/blob/main/docs/live-page.md | docs/live-page.md}. A pool has no live
	 * page, so that this means nothing there.
	 * @defaultValue false
	 */
	tap?: boolean;
}

/**
 * The options of a server: a row each, which is all that there is to an option but its use. The native side gets what is
 * made of them as it is, and reads it by the same names. They are in one file, however long that is,
 * so that who looks for one finds it.
 */
/** What the kernel is told of sockets: of those that listen, and of each connection's. */
interface SocketOptions {
	/**
	 * Connections that the kernel keeps ready to be accepted.
	 * @defaultValue 1024
	 */
	backlog?: number;
	/**
	 * Send small messages at once (TCP_NODELAY).
	 * @defaultValue true
	 */
	noDelay?: boolean;
	/**
	 * Silence after which the kernel probes a peer, in whole seconds: rounded up, at most 32,767 of them. 0 means never.
	 * @defaultValue 60,000
	 */
	keepAliveMs?: number;
	/**
	 * Bytes of a connection that the kernel keeps until its peer has taken them (SO_SNDBUF); Linux doubles the number, and
	 * every system has bounds of its own. With many slow peers a small one saves kernel memory, and lets `onDrain` and
	 * `writeBufferLength` tell sooner what a peer is doing. 0 means what the system finds right.
	 * @defaultValue 0
	 */
	sendBufferBytes?: number;
	/**
	 * Bytes of a connection that the kernel keeps until the event loop reads them (SO_RCVBUF), and so what a peer can send
	 * ahead of a busy server; as `sendBufferBytes` otherwise.
	 * @defaultValue 0
	 */
	receiveBufferBytes?: number;
	/**
	 * Who may connect to the unix socket of the option `path`: the mode of its file, such as `0o660`.
	 * @defaultValue undefined, which is what the process makes files with (its umask)
	 */
	mode?: number | undefined;
	/**
	 * Raw TCP: a peer that ends its side (FIN) does not end the connection: `onEnd` is called, and this side goes on until
	 * {@link Connection.end}. False: this side ends too, when everything is answered.
	 * @defaultValue false
	 */
	allowHalfOpen?: boolean;
}
/** How much all connections of a server may be and hold together. */
interface LimitOptions {
	/**
	 * Most connections of all loops together, those counted that are still in their handshake; more are closed as soon as
	 * they are accepted (see `Server.refusedCount`).
	 * @defaultValue 65,536
	 */
	maxConnections?: number;
	/**
	 * As above, of one IP address. Of IPv6 the addresses of one network (64 bits) count as one. Mind that clients behind
	 * one proxy or NAT have one address. 0 means no limit.
	 * @defaultValue 0
	 */
	maxConnectionsPerAddress?: number;
	/**
	 * Most connections that one IP address, as above, may open within a second, which begins with the first of them; more
	 * are closed. 0 means no limit.
	 * @defaultValue 0
	 */
	maxConnectionRatePerAddress?: number;
	/**
	 * Most bytes that all connections hold together, in and out: messages that have not come in as a whole (compressed ones
	 * as they are inflated), messages that wait for the handler (`pause`, `serial`, `flow.maxPending`), and what the kernel
	 * has not taken to send. At least 1 MiB; 0 means no limit. See `Server.heldBytes`.
	 *
	 * When less than half of it is left, sockets of connections that hold something are left unread; each event loop
	 * has one of them go on, until its message is complete, as long as more than an eighth is left. Short messages pass all
	 * the same: up to 64 KiB of a connection, and at worst 4 KiB. Those who hold the most are closed, with 1013 if that can
	 * be said at once and with the cause `"limit"`: when what is sent exceeds the limit, so that a `send` may close
	 * another connection than its own, and when none of those that are left unread has got on for a second.
	 *
	 * On top of it come, for each event loop, its two queues, its read buffer and up to 2 MiB for the next use; 4 KiB for
	 * each connection; a message once or twice more while it is put together; the one that exceeds the limit; compressors
	 * (`memoryBudgetBytes`); and what your code keeps, or V8 has not collected. Small messages that wait share
	 * memory with others, as those of Node's own pool do.
	 * @defaultValue a quarter of the machine's memory, or of what the container lets the process have if that is less; in a
	 * `WorkerPool` divided by the number of workers
	 */
	maxMemoryBytes?: number;
}
/** What happens to one connection when its peer or the handler is slower than messages come. */
interface FlowOptions {
	/**
	 * Most bytes of a connection that were sent and not taken by the kernel yet. No message overshoots it: see `overflow`.
	 * Pongs and close frames do not count. For all connections together there is `limits.maxMemoryBytes`.
	 *
	 * By default what comes in can be sent back, on top of 1 MiB that waits already: with WebSocket's own defaults that
	 * makes 17 MiB and 10 bytes. Where `maxMessageBytes` is 0 only you know how large an answer may be: then it is 16 MiB.
	 * @defaultValue 16 MiB, or what the largest message takes that may come in (`maxMessageBytes` and its framing) and 1 MiB
	 * more, if that is more
	 */
	maxBufferedBytes?: number;
	/**
	 * From so many bytes on `send` returns `Congested`, and `onDrain` follows when `lowWaterMarkBytes` are left. At most
	 * `maxBufferedBytes`.
	 * @defaultValue 1 MiB, or `maxBufferedBytes` if that is less
	 */
	highWaterMarkBytes?: number;
	/**
	 * What is left when `onDrain` is called. At most `highWaterMarkBytes`.
	 * @defaultValue a quarter of `highWaterMarkBytes`
	 */
	lowWaterMarkBytes?: number;
	/**
	 * What a `send` does that would exceed `maxBufferedBytes`: `"close"` drops the message and closes the connection with the
	 * cause `"limit"`, as a peer that misses one message may be lost anyway; `"drop-newest"` drops the message only;
	 * `"drop-oldest"` drops messages in its favour that are not on their way yet, the oldest first, and the message only
	 * if that is not enough. For that, what exceeds `highWaterMarkBytes` waits in JavaScript's memory.
	 * @defaultValue "close"
	 */
	overflow?: "close" | "drop-newest" | "drop-oldest";
	/**
	 * Most messages of a connection whose promises are not settled; others wait. Once so many are pending or waiting, the
	 * connection's socket is not read until half of them are done, so that TCP slows the peer down: what waits is never
	 * more than that and what the event queue has. 0 means no limit.
	 * @defaultValue 256
	 */
	maxPending?: number;
}
/** How long an open connection may be silent. Each is in milliseconds, and 0 means for ever. */
interface IdleOptions {
	/**
	 * Time without anything received. What has arrived and waits for a busy handler counts as received.
	 * @defaultValue 0
	 */
	read?: number;
	/**
	 * Time in which the kernel has taken nothing to send.
	 * @defaultValue 0
	 */
	write?: number;
	/**
	 * Time without either.
	 * @defaultValue 0
	 */
	all?: number;
}
/**
 * How long things may take, in milliseconds.
 *
 * When the process has stood still (by a signal or a debugger, or with a machine that slept), what the kernel has is looked
 * at before any of these judges a connection, and handlers have up to a second to answer it.
 */
interface TimeoutOptions {
	/**
	 * Time from accept to the end of the handshake, your answer included, or to the begin of another response. Then the
	 * connection is closed: with 408 for a client that has not finished its request, with 503 for one that waits for
	 * `onUpgrade` or `onRequest`, without a word for one that has said nothing. Who is told has a second more to read it.
	 * @defaultValue 10,000
	 */
	handshakeMs?: number;
	/**
	 * Time from the begin of a close, or of a response that is no handshake, to the end of the connection, by force if need
	 * be; and how long `onClose` may wait for messages before it that wait themselves.
	 * @defaultValue 10,000
	 */
	closeMs?: number;
	/**
	 * An open connection is closed (WebSocket: code 1001; cause `"idle"`) when nothing was received and nothing sent for this
	 * time, never earlier; 0 means never. An object tells directions apart: a number is the same as its `all`.
	 * @defaultValue 0
	 */
	idleMs?: number | IdleOptions;
	/**
	 * A connection is cut, cause `"stalled"`, when something waits to be sent and the kernel has taken nothing of it for this
	 * time. 0 means never.
	 * @defaultValue 60,000
	 */
	writeStallMs?: number;
	/**
	 * An open connection is closed at this age (WebSocket: code 1001; cause `"limit"`). 0 means never.
	 * @defaultValue 0
	 */
	maxLifetimeMs?: number;
}
/** How much an event loop, and JavaScript for it, does at a time. */
interface EventLoopOptions {
	/**
	 * Size of each of a loop's two queues, a power of two, at least 256 KiB. A full queue of events stops that loop's reading,
	 * a full queue of commands makes sends wait in JavaScript's memory.
	 * @defaultValue 256 KiB
	 */
	queueBytes?: number;
	/**
	 * Bytes that a loop reads from a socket at a time.
	 * @defaultValue 128 KiB
	 */
	readBufferBytes?: number;
	/**
	 * Most events of one loop that are handled before Node's own timers and sockets get their turn.
	 * @defaultValue 4096
	 */
	drainBudget?: number;
}
/**
 * Settings of a {@link Server}. Times are in milliseconds, sizes in bytes. What is rarely changed is in groups: `socket`,
 * `limits` of all connections together, `flow` of each of them, `timeouts`, and `eventLoop`.
 */
interface ServerOptions {
	/**
	 * Name or IP address to listen on; of several addresses that a name has it is the first, as in `node:net`. A link-local
	 * IPv6 address needs its zone, which is the name or number of an interface: `fe80::1%eth0`.
	 * @defaultValue every address, IPv6 and IPv4 (`::`, or `0.0.0.0` where there is no IPv6)
	 */
	host?: string | undefined;
	/**
	 * Port to listen on; 0 lets the system choose one, which `start()` tells.
	 * @defaultValue 1833
	 */
	port?: number;
	/**
	 * Path of a unix socket to listen on, instead of host and port: at most 107 bytes (103 on macOS and FreeBSD). A socket's
	 * file that is there already is replaced if nobody listens to it; the server's own is removed when it stops. On Linux a
	 * path that begins with `"\0"` is an abstract name, which has no file. One loop accepts for all then. Where there are no
	 * unix sockets (Windows), `start()` rejects with `ENOTSUP`.
	 * @example
	 * ```ts
	 * new Server(handler, { path: "/run/chat.sock", socket: { mode: 0o660 } });
	 * ```
	 * @defaultValue undefined
	 */
	path?: string | undefined;
	/**
	 * How many event loops, each on a thread of its own; {@link https://github.com/gev-node/gev/blob/main/docs/event-loops.md | docs/event-loops.md} has measured what that costs and brings.
	 * @defaultValue the number of CPUs
	 */
	loops?: number;
	/**
	 * Whether each event loop has a thread of its own. False, for one loop only, lets Node's own event loop drive it on the
	 * handlers' thread: cheaper where both would share a CPU anyway, but while your code is busy nothing is read, sent or
	 * timed. Needs Node on something else than Windows; elsewhere loops always have threads.
	 * @defaultValue true, unless there is one loop and one CPU
	 */
	threads?: boolean;
	/**
	 * How bytes become messages: {@link raw}, {@link jsonStream} or {@link webSocket}, or one of your own that {@link custom} has made.
	 * @defaultValue {@link raw}
	 */
	protocol?: Protocol;
	/**
	 * Binary messages, and the fragments that `onFragment` gets, as views of shared memory that are valid during the call only,
	 * and change afterwards: saves a copy for handlers that neither keep the message nor `await`. False: messages are the
	 * handler's own; with a protocol of {@link custom} they are in any case.
	 * @defaultValue false
	 */
	borrow?: boolean;
	/**
	 * A promise that a handler's member returns for a connection is awaited before the connection's next message (or
	 * fragment, ping, pong, end or close) is handed over. Other connections do not wait. False: messages are handed over as
	 * they arrive, and the promises of several may be pending.
	 * @defaultValue false
	 */
	serial?: boolean;
	/**
	 * How connections come to loops: `"kernel"` gives each loop a listener of its own (SO_REUSEPORT; where there is
	 * none, macOS and Windows, and with a unix socket, it means `"round-robin"`); a loop that has more than 1.25 times the mean
	 * and 8 connections hands new ones on to the one with the fewest. In the other modes one loop accepts for all:
	 * `"round-robin"` deals out in turn, `"least-connections"` to the loop that has the fewest, those that are on their way to
	 * it included, `"source-hash"` gives connections of one address to the same loop, `"random"` to any. A function chooses itself:
	 * see {@link BalanceFunction}. {@link https://github.com/gev-node/gev/blob/main/docs/balancing.md | docs/balancing.md} compares them.
	 * @example
	 * ```ts
	 * // One loop for peers of this machine, the others for everybody else.
	 * balance: (loops, { remoteAddress }) =>
	 * 	remoteAddress === "127.0.0.1" ? 0 : 1 + Math.floor(Math.random() * (loops.length - 1)),
	 * ```
	 * @defaultValue "kernel"
	 */
	balance?: BalanceMode | BalanceFunction;
	/**
	 * Whether each loop's thread runs on one CPU only, on Linux: the first loop on the first one that the process may run on, and so on,
	 * from the first again where there are more loops. With `balance: "kernel"` a loop's listener gets connections first that come to
	 * its CPU from the network (SO_INCOMING_CPU; since Linux 6.2). For a server that has its CPUs to itself: loops of another server,
	 * of another process too, would share the first CPUs with it. Elsewhere, and for a loop without a thread, it has no effect.
	 * @defaultValue false
	 */
	pinLoops?: boolean;
	/**
	 * Share the port with other processes and threads that ask for it too, as the workers of `node:cluster` or
	 * `node:worker_threads` have to that serve one port: the kernel deals connections out to them. Otherwise a port in use is
	 * an error. Where ports cannot be shared (Windows), `start()` rejects with `ENOTSUP`.
	 * @defaultValue false
	 */
	reusePort?: boolean;
	/**
	 * Whether a header of the PROXY protocol (versions 1 and 2) comes before everything else on a connection, by which
	 * HAProxy, nginx, or a load balancer of a cloud says for whom it connects: {@link Connection.remoteAddress} and
	 * the limits of connections follow it then. `"required"` closes who has none; `"optional"` takes those without as they
	 * are, and says nothing to a client of raw TCP before its first byte, which may begin a header. Only who is
	 * among `trustedProxies` is believed. It has to come within `timeouts.handshakeMs`.
	 * @defaultValue "off"
	 */
	proxyProtocol?: "off" | "optional" | "required";
	/**
	 * Where proxies connect from that may say for whom they do: IP addresses, or networks such as `"10.0.0.0/8"`. From elsewhere
	 * a header means nothing where it is optional, and nobody comes in where it is required; an empty list trusts nobody who
	 * comes over TCP. Who connects to a unix socket is trusted.
	 * @defaultValue ["127.0.0.0/8", "::1"]
	 */
	trustedProxies?: readonly string[];
	/**
	 * Who gets a line for each event of the server, such as pino or `console`: see {@link Logger}. Without one, a variable
	 * `GEV_LOG` of the environment (`error`, `warn`, `info` or `debug`) has such lines written to standard error, from that
	 * level on.
	 * @example
	 * ```ts
	 * new Server(handler, { logger: pino({ level: "debug" }) });
	 * ```
	 * @defaultValue undefined
	 */
	logger?: Logger | undefined;
	/** What the kernel is told of sockets. */
	socket?: SocketOptions;
	/** How much all connections may be and hold together. */
	limits?: LimitOptions;
	/** What happens to a connection when its peer or the handler is slow. */
	flow?: FlowOptions;
	/** How long things may take. */
	timeouts?: TimeoutOptions;
	/** How much an event loop does at a time. */
	eventLoop?: EventLoopOptions;
	/**
	 * Tell over HTTP what the server does, from its start to the end of its stop: `{}` does with the defaults of
	 * {@link MetricsOptions}.
	 * @defaultValue undefined, which tells nobody
	 */
	metrics?: MetricsOptions | undefined;
}

/** Settings of `Server.stop`. */
interface StopOptions {
	/**
	 * How long connections may take to be answered, to get what was sent to them and to say goodbye, before they are cut. In
	 * milliseconds; 0 cuts them at once.
	 * @defaultValue 5000
	 */
	timeoutMs?: number;
	/**
	 * WebSocket close code for every connection, as `Connection.close` takes it.
	 * @defaultValue 1001
	 */
	code?: number;
	/**
	 * Text that goes with the code, at most 123 bytes in UTF-8.
	 * @defaultValue "server stopped"
	 */
	reason?: string;
}
/** What a stop has come to. */
interface StopResult {
	/** Connections that have said goodbye as the protocol wants it. */
	readonly closed: number;
	/** Connections that ended otherwise, most of them by force when the time was over. */
	readonly cut: number;
}

/** A timer of a server: runs on the thread of the server's handlers. Made by `runAfter` and `runEvery`. */
interface Timer {
	/** Ends the timer: when this returns, the callback is not called again. */
	stop(): void;
	/** Lets the timer keep the process alive until it has ended. Returns the timer. */
	ref(): this;
	/** Undoes {@link ref}: a timer does not keep the process alive by itself. Returns the timer. */
	unref(): this;
}

/** Where a started server listens. */
interface ListenAddress {
	/** IP address, or the path of a unix socket. */
	readonly address: string;
	/** Port: the one that the system chose when 0 was asked for. 0 for a unix socket. */
	readonly port: number;
}

/**
 * A TCP or WebSocket server: native event loops that own the sockets, and a {@link Handler} that gets decoded messages.
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam In - with a {@link CustomProtocol}, what it unpacks; the other protocols have messages of their own.
 * @typeParam Out - what can be sent: text and bytes, unless a {@link CustomProtocol} packs something else.
 */
declare class Server<Context = unknown, In = Buffer, Out = Data> {
	#private;
	/**
	 * Checks everything and starts nothing.
	 * @throws {@link GevError} `ERR_GEV_HANDLER` or `ERR_GEV_OPTION`.
	 */
	constructor(handler: WebSocketHandler<Context>, options: ServerOptions & {
		protocol: Protocol<"websocket">;
	});
	/** With text as bytes. */
	constructor(handler: WebSocketHandler<Context, Buffer>, options: ServerOptions & {
		protocol: Protocol<"websocketBytes">;
	});
	/** With frames whose messages are bytes. */
	constructor(handler: FramesHandler<Context>, options: ServerOptions & {
		protocol: Protocol<Exclude<StreamNameOf<Buffer>, "raw">>;
	});
	/** With frames that are text. */
	constructor(handler: FramesHandler<Context, string>, options: ServerOptions & {
		protocol: Protocol<"textFrames">;
	});
	/** With a protocol on TCP whose messages are bytes; without one it is raw. */
	constructor(handler: StreamHandler<Context>, options?: ServerOptions & {
		protocol?: Protocol<StreamNameOf<Buffer>>;
	});
	/** With a protocol on TCP whose messages are text. */
	constructor(handler: FramesHandler<Context, string>, options: ServerOptions & {
		protocol: Protocol<StreamNameOf<string>>;
	});
	/** With a protocol in TypeScript, which says what messages are and what can be sent. */
	constructor(handler: CustomHandler<Context, In, Out>, options: Omit<ServerOptions, "protocol"> & {
		protocol: Custom<In, Out>;
	});
	/** With a protocol that is not known before, for a handler that serves any. */
	constructor(handler: CommonHandler<Context>, options: ServerOptions);
	/** Open connections, as far as their handlers have been told. */
	get connectionCount(): number;
	/**
	 * Connections that were closed as soon as they were accepted, since `start()`, because of `limits.maxConnections`,
	 * `limits.maxConnectionsPerAddress` or `limits.maxConnectionRatePerAddress`. 0 when the server does not run.
	 */
	get refusedCount(): number;
	/**
	 * Connections that ended before they were open, since `start()`: refused, failed, too late, or left by their clients.
	 * `gev:refused` of {@link Diagnostics} tells of each. 0 when the server does not run.
	 */
	get refusedHandshakeCount(): number;
	/**
	 * Bytes that all connections hold now, in and out: what `limits.maxMemoryBytes` limits. 0 when the server does not run.
	 */
	get heldBytes(): number;
	/**
	 * What the server has done since its first start, and does now, as plain JSON. Made anew by every call, at a cost that
	 * does not grow with the connections: nobody pays for it who does not call.
	 */
	stats(): ServerStats;
	/** What {@link stats} says as metrics of Prometheus, in its text format 0.0.4: {@link https://github.com/gev-node/gev/blob/main/docs/metrics.md | docs/metrics.md} has them all. */
	metrics(): string;
	/**
	 * Registers the same metrics with a `Registry` of `prom-client`, to be told with those of the application. Once for a
	 * register: metrics of one name can be there only once.
	 */
	collect(register: MetricsRegister): void;
	/** Where the option `metrics` has the server listen; `undefined` when it does not. */
	get metricsAddress(): ListenAddress | undefined;
	/** Number of event loops that run; 0 when the server does not. One that has failed (`ERR_GEV_LOOP`) is not among them. */
	get loopCount(): number;
	/** The open connections, as far as their handlers have been told. */
	connections(): IterableIterator<Connection<Context, Out>>;
	/**
	 * Sends one message to all open connections, or to those whom the options name, as `send` of each would, but with one command
	 * for all of a loop, or for 6,000 of them or more, framed and compressed once for each; what a {@link CustomProtocol} packs is packed for each.
	 * What was sent to a connection before goes out before it. Overflow, `onDrain` and counts are each connection's own.
	 * @returns what became of it: known when all of it has been given to the event loops. A server that does not run has no
	 * connections, and sends nothing.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what cannot be sent, `ERR_GEV_OPTION` for a wrong option, and what `filter` and
	 * `pack` throw.
	 */
	broadcast(message: Out | PreparedMessage, options?: BroadcastOptions): Promise<BroadcastResult>;
	/**
	 * Checks a message and copies its bytes, once, for who sends it often, or to many: `send` and `broadcast` take what this
	 * returns in place of a message, whose `text` and `compress` are those given here. A {@link CustomProtocol} packs it as it would
	 * what was given here.
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else than a string or bytes, and for bytes that are to be sent as text
	 * and are not UTF-8; `ERR_GEV_OPTION` for a wrong option.
	 */
	prepare(message: Data, options?: Pick<SendOptions, "text" | "compress">): PreparedMessage;
	/**
	 * Binds the port and starts the event loops; connections are accepted when the promise is fulfilled. A running server
	 * keeps the process alive. A stopped one can be started again. In a worker of `node:cluster` it stops, as by {@link stop}
	 * with its defaults, when the worker is disconnected.
	 * @returns where it listens.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_STATE` when it runs already, or an error with the system's code:
	 * `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENOTFOUND` ...
	 */
	start(): Promise<ListenAddress>;
	/**
	 * Stops listening, says goodbye to every connection (WebSocket: close code 1001), ends the event loops and timers. What
	 * has arrived by then is handled first, and what handlers send for it, or promise, goes out before the goodbye; who has
	 * connected and was not accepted yet is accepted, and who is in a handshake has a second to finish it. Every connection
	 * gets its `onClose` before the promise is fulfilled. May be called in a handler, and more than once: later calls wait
	 * for the first. A server that does not run is stopped already.
	 *
	 * A member that awaits it waits for itself, up to `timeoutMs`: its connection is answered when its promise is settled,
	 * and the server stops when its connections are answered. So do not wait there: `void server.stop()`, and have what
	 * comes after it in a `then`.
	 * @returns how the connections ended that were open.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_OPTION` for a wrong option, `ERR_GEV_STATE` while it is starting.
	 */
	stop(options?: StopOptions): Promise<StopResult>;
	/** {@link stop} with its defaults, for `await using`. */
	[Symbol.asyncDispose](): Promise<void>;
	/** While it runs, the server keeps the process alive; this is so from the beginning. */
	ref(): this;
	/** The server does not keep the process alive by itself, whether it runs or not. */
	unref(): this;
	/**
	 * Calls `callback` once, after `delayMs` milliseconds, on the handlers' thread. The timer ends when the server is
	 * stopped (one that is made before `start()` runs as well), and does not keep the process alive by itself. An
	 * exception goes to `onError`, as does what a promise is rejected with that `callback` returns.
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong delay.
	 */
	runAfter(delayMs: number, callback: () => void): Timer;
	/**
	 * Calls `callback` every `intervalMs` milliseconds, counted from due time to due time; times that were missed because
	 * the thread was busy are skipped. Otherwise as {@link runAfter}.
	 */
	runEvery(intervalMs: number, callback: () => void): Timer;
}

/**
 * What all servers of this thread publish with `node:diagnostics_channel`, for tools that watch a program without being
 * part of it: by the name of the channel, what its messages are. What a
 * subscriber throws becomes an uncaught exception, as Node.js has it.
 *
 * ```ts
 * import { subscribe } from "node:diagnostics_channel"
 * import type { Diagnostics } from "gev"
 *
 * subscribe("gev:close", (message) => {
 *   const { connection, reason } = message as Diagnostics["gev:close"]
 * })
 * ```
 */
interface Diagnostics {
	/** A connection is ready, and `onConnect` comes next. */
	"gev:open": {
		server: Server;
		connection: Connection;
	};
	/** A connection is gone, and `onClose` comes next. */
	"gev:close": {
		server: Server;
		connection: Connection;
		reason: CloseReason;
	};
	/**
	 * A client has got no connection. It was refused, with a status of 4xx natively or with whatever `onUpgrade` said; or
	 * `onUpgrade` or `onRequest` failed (500); or the time for the handshake was over, as the client did not finish its
	 * request (408) or your handler its answer (503); or the client has sent nothing in time, or has left: then there is no
	 * status. Counted in `Server.refusedHandshakeCount`.
	 *
	 * Not told of are those who asked for no connection and were answered with the option `page` or by `onRequest`, whatever
	 * the status; nor those who were closed as soon as they were accepted (`Server.refusedCount`).
	 */
	"gev:refused": {
		server: Server;
		/** The peer's IP address. */
		remoteAddress: string;
		/** The peer's port. */
		remotePort: number;
		/** The IP address that the peer has connected to. */
		localAddress: string;
		/** The port that the peer has connected to. */
		localPort: number;
		/** Of the response that the client was sent; undefined if there was none. */
		status: number | undefined;
		/** What was the matter, for people: "header line 3 has no colon". */
		reason: string;
	};
	/** Something went wrong, and `onError` comes next. */
	"gev:error": {
		server: Server;
		error: Error;
		/** Undefined where the error belongs to none. */
		connection: Connection | undefined;
	};
	/** A server has stopped. */
	"gev:stop": {
		server: Server;
		result: StopResult;
	};
}

/** What a function is told that makes the server of a worker. */
interface PoolWorkerInfo {
	/** Which worker of the pool it is, from 0 on. A replacement has the index of the one before. */
	readonly index: number;
	/** How many the pool has. */
	readonly workers: number;
}

/**
 * Presets: each is one configuration of {@link frames} under the name of its protocol, with the few options that its users
 * need. What an option may be is checked by `frames()` itself, which gets it as it is given.
 */
/** Settings that all presets have, with the meaning that they have in {@link FramesOptions}. */
interface PresetOptions {
	/**
	 * Longest message in bytes, as it is handed over. 0 means no limit.
	 * @defaultValue the one of the preset
	 */
	maxMessageBytes?: number | undefined;
	/**
	 * What becomes of a longer one: the connection is closed, or it is left out.
	 * @defaultValue "close"
	 */
	onTooLong?: "close" | "discard";
	/**
	 * How long a frame may take that has begun, in milliseconds. 0 means for ever.
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number;
}
/** Settings of presets whose messages may be text. */
interface TextPresetOptions extends PresetOptions {
	/**
	 * Messages are text in UTF-8, handed over as strings; what is none is a malformed frame.
	 * @defaultValue false
	 */
	text?: boolean;
}
/** Makes a protocol whose messages are bytes. */
type BytesPreset<Options = PresetOptions> = (...options: PresetArguments<Options>) => StreamProtocol<"frames">;
/** Makes a protocol whose messages are bytes, or with `text: true` strings. */
interface BytesOrText<Options = TextPresetOptions> {
	(options: Options & {
		text: true;
	}): StreamProtocol<"textFrames">;
	(...options: PresetArguments<Options & {
		text?: false | undefined;
	}>): StreamProtocol<"frames">;
	(...options: PresetArguments<Options>): StreamProtocol<"frames" | "textFrames">;
}
/** Makes a protocol whose messages are strings, or with `text: false` bytes. */
interface TextOrBytes<Options> {
	(options: Options & {
		text: false;
	}): StreamProtocol<"frames">;
	(...options: PresetArguments<Options & {
		text?: true | undefined;
	}>): StreamProtocol<"textFrames">;
	(...options: PresetArguments<Options>): StreamProtocol<"frames" | "textFrames">;
}
/** What a preset is called with: its options, which may be left out if none of them has to be given. */
type PresetArguments<Options> = object extends Options ? [options?: Options] : [options: Options];

/**
 * AMQP 0-9-1, for servers. The first message of a connection is the protocol header of eight bytes; then each is a whole frame,
 * the end of which is checked; `send` takes the same.
 *
 * AMQP 0-9-1, sections 4.2.2 and 4.2.3. Up to 128 KiB, which is what brokers agree on (`frame-max`).
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/amqp.md
 */
declare const amqp: BytesPreset<PresetOptions>;

/**
 * Consistent overhead byte stuffing, with a zero behind each packet. A message is a packet as it was before, and `send` takes
 * the same. Nothing between two zeros is no message, nor is an empty packet.
 *
 * S. Cheshire, M. Baker, Consistent Overhead Byte Stuffing (IEEE/ACM Transactions on Networking 7, 1999), section 3. Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/cobs.md
 */
declare const cobs: BytesPreset<PresetOptions>;

/** Settings of {@link delimited}. */
interface DelimitedOptions extends TextPresetOptions {
	/** What messages end with, or an array of what they may end with; the first one is what is sent. Has to be given. */
	end: FrameBytes | readonly FrameBytes[];
	/**
	 * What they begin with, or an array of what they may begin with; the first one is what is sent.
	 * @defaultValue none
	 */
	start?: FrameBytes | readonly FrameBytes[] | undefined;
	/**
	 * What becomes of bytes that begin none, where they have a start: see {@link FramesOptions.onNoise}.
	 * @defaultValue "close"
	 */
	onNoise?: "close" | "discard";
	/**
	 * What is empty is no message.
	 * @defaultValue false
	 */
	ignoreEmpty?: boolean;
}
/**
 * Messages up to a delimiter, such as the NUL of GELF, or between two. A message is what is between them, and `send` takes
 * the same; one that holds an end is refused with `ERR_GEV_DATA`.
 *
 * No document: as most programs do. Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/delimited.md
 */
declare const delimited: BytesOrText<DelimitedOptions>;

/**
 * DNS over TCP. A message is a query or an answer as it is sent by UDP, without the length in front, which `send` writes.
 *
 * RFC 1035, section 4.2.2; RFC 7766, section 8. Up to 65,535 bytes, as the length can say. Resolvers keep connections open for
 * some seconds at least; see the option `timeouts.idleMs` of the server.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/dns.md
 */
declare const dns: BytesPreset<PresetOptions>;

/**
 * FIX tag=value, of any version (4.0 to 5.0 with FIXT). A message is a whole one, from `8=` to the SOH behind its checksum, as
 * libraries take it, and `send` takes the same. Body length and checksum are checked; messages with a wrong checksum, and what
 * is between messages, are left out and told to `onFrameError`, as the document wants it of garbled messages.
 *
 * FIX Trading Community: FIX TagValue Encoding (BodyLength, CheckSum), FIX Session Layer (garbled messages). Up to 1 MiB. Fields
 * may be in any character set, which is why messages are bytes unless `text` is set.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/fix.md
 */
declare const fix: BytesOrText<TextPresetOptions>;

/** Settings of {@link fixedLength}. */
interface FixedLengthOptions extends PresetOptions {
	/** How many bytes each message has. Has to be given. */
	bytes: number;
}
/**
 * Messages that all have the same number of bytes. `send` takes just as many, and refuses others with `ERR_GEV_DATA`.
 *
 * No document: as most programs do.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/fixedLength.md
 */
declare const fixedLength: BytesPreset<FixedLengthOptions>;

/**
 * GB/T 32960, what electric vehicles in China speak. A message is all between the start and the check byte, and `send` takes
 * the same, with the right length in it. Frames with a wrong check byte, and what is between frames, are left out and told to
 * `onFrameError`.
 *
 * GB/T 32960.3-2016, section 6. As long as its length can say.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/gb32960.md
 */
declare const gb32960: BytesPreset<PresetOptions>;

/**
 * GT06 and the many trackers that speak like it. A message is what is between the length and the CRC: the protocol number, the
 * content and the serial number; `send` takes the same, and writes start, length, CRC and end around up to 253 bytes. Frames
 * with a wrong CRC, and what is between frames, are left out and told to `onFrameError`.
 *
 * GT06 GPS tracker communication protocol 1.02, section 4. As long as its length can say.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/gt06.md
 */
declare const gt06: BytesPreset<PresetOptions>;

/** Settings of {@link hdlc}. */
interface HdlcOptions extends PresetOptions {
	/**
	 * Bits of the frame check sequence: 16, or 32.
	 * @defaultValue 16
	 */
	fcs?: 16 | 32;
	/**
	 * Control characters (00 to 1f) are escaped too in what is sent, as peers want it that have agreed on no map of them (ACCM).
	 * @defaultValue false
	 */
	escapeControls?: boolean;
}
/**
 * HDLC-like framing, as PPP and many devices use it. A message is what is between the flags, without escapes and frame check
 * sequence, which `send` writes too. Frames with a wrong one, and what is between frames, are left out and told to
 * `onFrameError`.
 *
 * RFC 1662, section 4 and appendix C (FCS). Up to 64 KiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/hdlc.md
 */
declare const hdlc: BytesPreset<HdlcOptions>;

/** Settings of {@link iso8583}. */
interface Iso8583Options extends PresetOptions {
	/**
	 * How the length is written: most networks use two bytes, four decimal digits (`{ decimal: 4 }`), or four decimal digits
	 * in two bytes (`{ bcd: 2 }`).
	 * @defaultValue "u16"
	 */
	length?: FrameNumber;
	/**
	 * What it counts: the message, or itself too.
	 * @defaultValue "rest"
	 */
	counts?: "rest" | "self";
}
/**
 * ISO 8583, what card terminals and banks speak, behind a length, about which each network has its own opinion. A message is
 * what is behind it: a header, if the network has one, and the message type and all the rest; `send` takes the same.
 *
 * ISO 8583 says nothing of framing; these are the ones of jPOS: `NACChannel`, `ASCIIChannel`, `BCDChannel`. As long as the
 * length can say.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/iso8583.md
 */
declare const iso8583: BytesPreset<Iso8583Options>;

/**
 * JT/T 808, what vehicles in China speak, of 2011, 2013 and 2019. A message is the header and the body, without escapes, check
 * byte and flags, all of which `send` writes too. Frames with a wrong check byte, and what is between frames, are left out and
 * told to `onFrameError`.
 *
 * JT/T 808-2019, section 4.4. Up to 1044 bytes: 21 of the longest header, and a body of 1023.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/jt808.md
 */
declare const jt808: BytesPreset<PresetOptions>;

/**
 * Kafka's protocol. A message is a request (or a response, of which there may be all kinds) without its length, which `send`
 * writes.
 *
 * Apache Kafka protocol guide, "Protocol Primitive Types" and "Requests". Up to 1 MiB, as producers send by default; brokers let in 100 MiB
 * (`socket.request.max.bytes`).
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/kafka.md
 */
declare const kafka: BytesPreset<PresetOptions>;

/** Settings of {@link lengthPrefixed}, with the meaning that they have in {@link FrameLengthOptions}. */
interface LengthPrefixedOptions extends TextPresetOptions {
	/**
	 * How the length is written.
	 * @defaultValue "u32"
	 */
	as?: FrameNumber;
	/**
	 * Which of its bytes comes first.
	 * @defaultValue "big"
	 */
	order?: "big" | "little";
	/**
	 * What it counts: the message, or itself and the message.
	 * @defaultValue "rest"
	 */
	counts?: "rest" | "self" | "frame";
	/**
	 * What is added to it.
	 * @defaultValue 0
	 */
	add?: number;
}
/**
 * A length and so many bytes. A message is these bytes, and `send` takes the same. It is what Erlang calls `packet`, and Netty
 * does with `LengthFieldBasedFrameDecoder` and `LengthFieldPrepender`.
 *
 * No document: as most programs do. Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/lengthPrefixed.md
 */
declare const lengthPrefixed: BytesOrText<LengthPrefixedOptions>;

/** Settings of {@link lines}. */
interface LinesOptions extends PresetOptions {
	/**
	 * Lines are text in UTF-8, handed over as strings; what is none is a malformed frame. False: they are Buffers.
	 * @defaultValue true
	 */
	text?: boolean;
	/**
	 * What is written behind a line that is sent. Both end one that comes.
	 * @defaultValue "\n"
	 */
	newline?: "\n" | "\r\n";
	/**
	 * Empty lines are no messages.
	 * @defaultValue false
	 */
	ignoreEmpty?: boolean;
}
/**
 * Lines, which end with LF or CRLF: NDJSON, IRC, SMTP, Redis' inline commands and most that one can type by hand. A
 * message is a line without its end, and `send` takes the same; one that holds an end is refused with `ERR_GEV_DATA`.
 *
 * No document: as most programs do. Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/lines.md
 */
declare const lines: TextOrBytes<LinesOptions>;

/**
 * Minecraft, Java Edition, before compression and encryption are agreed on: status, pings, login. A message is a packet without its length,
 * which `send` writes.
 *
 * minecraft.wiki, "Java Edition protocol/Packets", packet format. Up to 2,097,151 bytes, as the length can say.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/minecraft.md
 */
declare const minecraft: BytesPreset<PresetOptions>;

/**
 * HL7 version 2 over MLLP. A message is what is between the start block and the end block, and `send` takes the same. What comes
 * between two blocks, such as the line feeds of some senders, is left out and told to `onFrameError`.
 *
 * HL7 2.5.1, appendix C.4 (minimal lower layer protocol). Up to 1 MiB. Messages name their character set themselves (MSH-18),
 * which is why they are bytes unless `text` is set.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/mllp.md
 */
declare const mllp: BytesOrText<TextPresetOptions>;

/** Settings of {@link modbus}. */
interface ModbusOptions extends PresetOptions {
	/**
	 * Modbus TCP, whose header has a length, or the frames of a serial line sent over TCP as they are, which end with a CRC.
	 * @defaultValue "tcp"
	 */
	mode?: "tcp" | "rtu";
}
/**
 * Modbus, for servers: requests come, responses are sent. In the mode `"tcp"` a message is a whole frame, and `send` takes the
 * same:
 *
 * In the mode `"rtu"` it is a frame without its CRC, which `send` writes too. How long a request is depends on its function code:
 * those of the document are known, others close the connection.
 *
 * Modbus Messaging on TCP/IP 1.0b, section 3.1.3 (up to 260 bytes); Modbus over serial line 1.02, section 2.5.1 (up to 254
 * without CRC); Modbus application protocol 1.1b3, section 6, for the lengths of requests.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/modbus.md
 */
declare const modbus: BytesPreset<ModbusOptions>;

/**
 * Control packets of MQTT 3.1.1 and 5. A message is a whole packet, with its first byte and its length, as packet libraries
 * take it, and `send` takes the same.
 *
 * MQTT 3.1.1, section 2.2 (fixed header), MQTT 5, section 2.1. Up to 1 MiB; the protocol allows for 256 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/mqtt.md
 */
declare const mqtt: BytesPreset<PresetOptions>;

/**
 * Netstrings: a length in decimal digits, a colon, so many bytes and a comma, which is checked. A message is these bytes, and
 * `send` takes the same.
 *
 * D. J. Bernstein, Netstrings (cr.yp.to/proto/netstrings.txt). Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/netstring.md
 */
declare const netstring: BytesOrText<TextPresetOptions>;

/** Settings of {@link nmea}. */
interface NmeaOptions extends PresetOptions {
	/**
	 * Sentences are text, handed over as strings; what is no UTF-8 is a malformed frame. False: they are Buffers.
	 * @defaultValue true
	 */
	text?: boolean;
	/**
	 * Sentences have a checksum, which is checked, and written behind what is sent. False: it is not looked at, and a part of the
	 * message where there is one.
	 * @defaultValue true
	 */
	checksum?: boolean;
}
/**
 * NMEA 0183: sentences of GPS receivers and other instruments (`$`), and of AIS (`!`). A message is a sentence with its first
 * character, without checksum and CRLF, which `send` writes behind what it is given. Sentences with a wrong checksum, and what
 * is between sentences, are left out and told to `onFrameError`.
 *
 * NMEA 0183, section 5.3; IEC 61162-1. Up to 1024 bytes: the document allows for 82, to which many instruments do not keep.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/nmea.md
 */
declare const nmea: TextOrBytes<NmeaOptions>;

/**
 * PostgreSQL's protocol 3, for servers. A message is a whole one as it comes: StartupMessage, SSLRequest, GSSENCRequest and
 * CancelRequest, which begin with their length, the first byte of which is 0, and all others, which begin with a letter. `send`
 * takes whole messages, or the one byte that answers an SSLRequest.
 *
 * PostgreSQL documentation, "Frontend/Backend Protocol", "Message Formats". Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/postgres.md
 */
declare const postgres: BytesPreset<PresetOptions>;

/** Types of values of RESP that JavaScript has none for. */
/**
 * A simple string, such as `+OK`: a line of text. Of those that come a `string` is made.
 * @example
 * ```ts
 * const ok = new RespSimple("OK");
 * new Server({ onMessage: () => ok }, { protocol: resp() });
 * ```
 */
declare class RespSimple {
	/** The text. */
	readonly text: string;
	/** @throws {@link GevError} `ERR_GEV_DATA` for a text with CR or LF, which would be the end of it and the beginning of something else. */
	constructor(text: string);
}
/**
 * An error as a value: a line of text, whose first word is a code by custom. It is not thrown by anybody.
 * @example
 * ```ts
 * return new RespError("ERR unknown command");
 * ```
 */
declare class RespError extends Error {
	readonly name = "RespError";
	/** The first word of the message, such as `"ERR"` or `"WRONGTYPE"`. */
	get code(): string;
}
/** Text with its format (RESP3). */
declare class RespVerbatim {
	/** Three characters, such as `"txt"` or `"mkd"`. */
	readonly format: string;
	/** The text. */
	readonly text: string;
	/** @throws {@link GevError} `ERR_GEV_DATA` for a format that has not three characters of ASCII. */
	constructor(text: string, format?: string);
}
/**
 * What is told without having been asked for (RESP3), such as a message of a channel.
 * @typeParam Value - of what is told: see {@link RespValue} and {@link RespReply}.
 */
declare class RespPush<Value = RespReply> {
	/** The first one says what kind it is. */
	readonly values: readonly Value[];
	constructor(values: readonly Value[]);
}
/** A value with attributes (RESP3), which say something about it. See {@link RespPush} for the types. */
declare class RespAttributed<Value = RespReply> {
	readonly value: Value;
	readonly attributes: ReadonlyMap<Value, Value>;
	constructor(value: Value, attributes: ReadonlyMap<Value, Value>);
}
/**
 * What can be sent: a `string` or bytes as a bulk string, `null`, whole numbers, and so on. Of what RESP2 has not, it gets what
 * Redis sends instead: see {@link RespOptions.version}.
 */
type RespReply = string | NodeJS.ArrayBufferView | ArrayBuffer | number | bigint | boolean | null | RespSimple | RespError | RespVerbatim | RespPush | RespAttributed | readonly RespReply[] | ReadonlyMap<RespReply, RespReply> | ReadonlySet<RespReply>;
/**
 * What comes, where it need not be a request: simple strings as `string`, bulk strings as `Text`, numbers as `number` or, where
 * that would not be exact, as `bigint`, and so are big numbers; null in all of its forms is `null`.
 * @typeParam Text - what bulk strings are: `Buffer`, or with the option `text` `string`.
 */
type RespValue<Text = Buffer> = Text | string | number | bigint | boolean | null | RespError | RespVerbatim | RespPush<RespValue<Text>> | RespAttributed<RespValue<Text>> | RespValue<Text>[] | Map<RespValue<Text>, RespValue<Text>> | Set<RespValue<Text>>;

/** Settings of {@link resp}. */
interface RespOptions {
	/**
	 * Largest message in bytes, with all that is in it, as it is on the wire. A larger one closes the connection with 1009 as
	 * soon as that is announced. 0 means no limit but that of `limits.maxMemoryBytes`.
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number;
	/**
	 * Most values in a message, all its arrays, maps and the like together; more close the connection with 1009.
	 * @defaultValue 65,536
	 */
	maxValues?: number;
	/**
	 * Most arrays, maps and the like within one another; more close the connection with 1002.
	 * @defaultValue 16
	 */
	maxDepth?: number;
	/**
	 * Any value is a message. False: only requests are, arrays of bulk strings as clients send them, and commands in a line.
	 * @defaultValue false
	 */
	values?: boolean;
	/**
	 * Whether a request may be a line, such as `PING` or `SET a "b c"`, as people type them. One of more than 64 KiB closes the
	 * connection with 1009, as with Redis.
	 * @defaultValue true
	 */
	inline?: boolean;
	/**
	 * How long a message that has begun may take to come as a whole; later its connection is closed, with the cause `"timeout"`.
	 * 0 means for ever.
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number;
	/**
	 * Bulk strings are text: each is a `string`, made as UTF-8, and what is none of that is replaced (U+FFFD). False: each is a
	 * `Buffer`, which may share its memory with the others of its message.
	 * @defaultValue false
	 */
	text?: boolean;
	/**
	 * The version of RESP that connections begin with, for what is sent: 2, or 3, which has types of its own for `null`,
	 * booleans, maps and more. See {@link setRespVersion}.
	 * @defaultValue 2
	 */
	version?: 2 | 3;
}
/**
 * RESP, the protocol of Redis, whose messages are cut natively. A message is a request: an array of its words, at least one. What is
 * sent is a {@link RespReply}: a `string` or bytes as a bulk string, an array, `null`, `new RespSimple("OK")`, `new RespError("ERR
 * ...")` and so on. A handler that returns `null` sends that here; `undefined` sends nothing. Requests without a word are passed over.
 *
 * With `values` each message is any value of RESP2 or RESP3: see {@link RespValue}. Streamed strings and aggregates are not
 * among them.
 *
 * What is wrong is told to `onFrameError`. What is given to `send` and cannot be sent throws `ERR_GEV_DATA`: a line with CR or
 * LF in it, for one.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/resp.md
 */
declare function resp(options?: RespOptions & {
	values?: false;
	text?: false;
}): Custom<Buffer[], RespReply>;
/** With text. */
declare function resp(options: RespOptions & {
	values?: false;
	text: true;
}): Custom<string[], RespReply>;
/** With any values. */
declare function resp(options: RespOptions & {
	values: true;
	text?: false;
}): Custom<RespValue, RespReply>;
/** With any values, and text. */
declare function resp(options: RespOptions & {
	values: true;
	text: true;
}): Custom<RespValue<string>, RespReply>;
/**
 * Whole values of RESP as they are on the wire, cut natively: for who reads them himself, or has a {@link CustomProtocol} do so
 * (the option `over` of {@link custom}). What is sent goes out as it is.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
declare function respFrames(options?: Omit<RespOptions, "text" | "version">): StreamProtocol<"resp">;
/**
 * Has a connection of {@link resp} get values of this version from now on, as the command `HELLO 3` wants it. With version 2 those
 * that it does not have go as Redis sends them then: `null` as a null bulk string, a map as an array of keys and values, sets and
 * pushes as arrays, booleans as 1 and 0, doubles and big numbers as bulk strings, and attributes not at all.
 * @throws {@link GevError} `ERR_GEV_OPTION` for another version.
 */
declare function setRespVersion(connection: object, version: 2 | 3): void;

/**
 * SLIP. A message is a packet without escapes, and `send` takes the same. Nothing between two ends is no message.
 *
 * RFC 1055. Up to 65,535 bytes, as IP packets have.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/slip.md
 */
declare const slip: BytesPreset<PresetOptions>;

/**
 * SMPP 3.3, 3.4 and 5.0. A message is a whole PDU, with its length, as libraries take it, and `send` takes the same.
 *
 * SMPP 3.4, section 3.2. Up to 128 KiB: the longest parameter, message_payload, has 64 KiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/smpp.md
 */
declare const smpp: BytesPreset<PresetOptions>;

/**
 * A frame of STOMP that has come.
 * @typeParam Body - what bodies are: `Buffer`, or with the option `text` `string`.
 */
interface StompFrame<Body = Buffer> {
	/** A word in capitals: `"SEND"`, `"SUBSCRIBE"` and so on. */
	command: string;
	/** Their values by their names, without escapes. Of those that came more than once it has the first. It inherits nothing. */
	headers: Record<string, string>;
	/** Empty where there is none. */
	body: Body;
}
/** A frame of STOMP to be sent. */
interface StompReply {
	/** A word in capitals: `"MESSAGE"`, `"RECEIPT"` and so on. */
	command: string;
	/** Their values by their names, whose escapes are made. `content-length` is added where there is a body. */
	headers?: Readonly<Record<string, string | number>> | undefined;
	/** Of `SEND`, `MESSAGE` and `ERROR` only. */
	body?: Data | undefined;
}
/** Settings of {@link stomp}. */
interface StompOptions {
	/**
	 * Largest frame in bytes, with headers and body. A larger one closes the connection with 1009 as soon as that is known. 0
	 * means no limit but that of `limits.maxMemoryBytes`.
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number;
	/**
	 * Most bytes of command and headers together; more close the connection with 1009.
	 * @defaultValue 16 KiB
	 */
	maxHeaderBytes?: number;
	/**
	 * Most header lines of a frame; more close the connection with 1009.
	 * @defaultValue 100
	 */
	maxHeaders?: number;
	/**
	 * Bodies are text: each is a `string`, made as UTF-8, and what is none of that is replaced (U+FFFD).
	 * @defaultValue false
	 */
	text?: boolean;
	/**
	 * How long a frame that has begun may take to come as a whole; later its connection is closed, with the cause `"timeout"`.
	 * 0 means for ever.
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number;
}
/**
 * STOMP 1.2 (and 1.0, 1.1), whose frames are cut natively: each is a message, and so is what is sent. Line ends between frames,
 * heart-beats, are passed over; `send("\n")` sends one.
 *
 * What is wrong is told to `onFrameError`. What is given to `send` and would be no frame throws `ERR_GEV_DATA`.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/stomp.md
 */
declare function stomp(options?: StompOptions & {
	text?: false;
}): Custom<StompFrame, StompReply | "\n">;
/** With bodies that are text. */
declare function stomp(options: StompOptions & {
	text: true;
}): Custom<StompFrame<string>, StompReply | "\n">;

/**
 * Syslog over TCP. Both framings of RFC 6587 come, and may be mixed, as a message begins with `<` and a length with a digit:
 * octet counting, and messages that end with LF (or CRLF or NUL, as some senders do). Empty lines are left out. A message is
 * what a syslog message is, from `<` on; `send` takes the same, and counts octets.
 *
 * RFC 6587, sections 3.4.1 and 3.4.2; RFC 5424 for messages. Up to 64 KiB. Messages may be in any character set, which is why
 * they are bytes unless `text` is set.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/syslog.md
 */
declare const syslog: BytesOrText<TextPresetOptions>;

/**
 * Teltonika's trackers, with the codecs 8, 8 extended, 12 and others of the same frame. The first message of a connection is
 * the IMEI in digits; then each is what is between the length and the CRC, and begins with the codec's number; a ping is the
 * one byte ff. `send` sends everything as it is: 01 for an IMEI that is known, the number of records in four bytes, or a whole
 * frame of codec 12.
 *
 * Teltonika data sending protocols (wiki.teltonika-gps.com), "Codec 8" and "Communication with server". Up to 4096 bytes: packets
 * have 1280 at most, and answers of codec 12 may be longer.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/teltonika.md
 */
declare const teltonika: BytesPreset<PresetOptions>;

/**
 * TPKT, which carries ISO transport over TCP: S7, RDP, H.323, X.400. A message is a TPDU, without the header, which `send`
 * writes.
 *
 * RFC 1006, section 6; RFC 2126. Up to 65,531 bytes, as the length can say.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/tpkt.md
 */
declare const tpkt: BytesPreset<PresetOptions>;

/** A message with the name of its type. */
interface TypedMessage {
	/** What the message is: by custom the name of a message of Protocol Buffers. */
	type: string;
	/** The message, for `fromBinary` of its type. */
	data: Buffer;
}
/** A message with the name of its type, to be sent. */
interface TypedReply {
	/** What the message is. */
	type: string;
	/** The message, as `toBinary` of its type makes it. */
	data: NodeJS.ArrayBufferView | ArrayBuffer;
}
/** Settings of {@link typedProtobuf}. */
interface TypedProtobufOptions {
	/**
	 * Largest message in bytes, its type counted. A larger one closes the connection with 1009 as soon as it is announced. 0
	 * means no limit but that of `limits.maxMemoryBytes`.
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number;
	/**
	 * How long a message that has begun may take to come as a whole; later its connection is closed, with the cause `"timeout"`.
	 * 0 means for ever.
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number;
}
/**
 * Messages of Protocol Buffers, each with the name of its type in front, as the plugin `protobuf` of the Go library gev has
 * them. Nothing of Protocol Buffers is needed for it: the bytes of a message are for whatever made its types.
 *
 * ```text
 *   00 00 00 0b   00 04   m s g 1   0a 03 61 62 63
 *   length        length  type      data              the first length counts all that follows
 * ```
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @example
 * ```ts
 * new Server(
 *   {
 *     onMessage(_, { type, data }) {
 *       if (type === "ping") return { type: "pong", data };
 *     },
 *   },
 *   { protocol: typedProtobuf() },
 * );
 * ```
 */
declare function typedProtobuf(options?: TypedProtobufOptions): Custom<TypedMessage, TypedReply>;

/** Settings of {@link varintPrefixed}. */
interface VarintPrefixedOptions extends PresetOptions {
	/**
	 * Most bytes of the length, 1 to 10.
	 * @defaultValue 5
	 */
	maxBytes?: number;
}
/**
 * A length of seven bits a byte, the lowest ones first, and so many bytes: protobuf's delimited messages (`encodeDelimited`,
 * `writeDelimitedTo`). A message is these bytes, and `send` takes the same.
 *
 * protobuf.dev, Techniques, "Streaming Multiple Messages", and Encoding, "Base 128 Varints". Up to 1 MiB.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 * @see https://github.com/gev-node/gev/blob/main/docs/presets/varintPrefixed.md
 */
declare const varintPrefixed: BytesPreset<VarintPrefixedOptions>;

/** Settings of permessage-deflate. */
interface DeflateOptions {
	/**
	 * `"shared"`: the event loops have the compressors, each message is compressed by itself, and a connection between
	 * messages needs no memory for it. `"dedicated"`: each connection has its own, with its history: smaller
	 * messages, for up to 430 KiB a connection (less with smaller windows), as long as `memoryBudgetBytes` lasts.
	 * @defaultValue "shared"
	 */
	mode?: "shared" | "dedicated";
	/**
	 * Messages of fewer bytes are not compressed, unless `send` is told to.
	 * @defaultValue 1024
	 */
	threshold?: number;
	/**
	 * From 0 (not at all) and 1 (fastest) to 9 (smallest).
	 * @defaultValue 1
	 */
	level?: number;
	/**
	 * Memory of compressors, 1 to 9.
	 * @defaultValue 8
	 */
	memLevel?: number;
	/**
	 * Compress each message by itself also in the mode `"dedicated"`.
	 * @defaultValue false
	 */
	serverNoContextTakeover?: boolean;
	/**
	 * Have clients compress each message by itself also in the mode `"dedicated"`.
	 * @defaultValue false
	 */
	clientNoContextTakeover?: boolean;
	/**
	 * Largest window of our compressors, as a power of two: 9 to 15.
	 * @defaultValue 15
	 */
	serverMaxWindowBits?: number;
	/**
	 * Largest window of clients' compressors, where they leave us the choice: 9 to 15.
	 * @defaultValue 15
	 */
	clientMaxWindowBits?: number;
	/**
	 * What all dedicated compressors of a server may take together, in bytes; connections beyond it get `"shared"`. As much
	 * again (and at least 1 MiB) may be lent for compressed messages that are half way in, 48 KiB each; beyond it
	 * such a message closes its connection with 1013.
	 * @defaultValue 64 MiB
	 */
	memoryBudgetBytes?: number;
}
/** Settings of {@link webSocket}. */
interface WebSocketOptions {
	/**
	 * How `onMessage` gets messages of text: as a `"string"`, or as a `"buffer"` of UTF-8, which has been checked, with `true` as a
	 * third argument. The second is for those who forward or store text and need no string of it, which costs most of the
	 * time of a long message; `send(message, { text: true })` sends such bytes as text.
	 * @defaultValue "string"
	 */
	text?: "string" | "buffer";
	/**
	 * Largest message in bytes, all its fragments together, and as it is after decompression. A larger one closes the
	 * connection with 1009 as soon as that can be seen. The default of `flow.maxBufferedBytes` follows it, and what is here of
	 * the messages of all connections is limited by `limits.maxMemoryBytes`. 0 means no limit but that of JavaScript: text
	 * that is longer than a string can be (`constants.MAX_STRING_LENGTH` of `node:buffer`, some 512 MiB) closes with 1009 too.
	 * @defaultValue 16 MiB
	 */
	maxMessageBytes?: number;
	/**
	 * Most frames that one message may consist of, empty ones counted; more close the connection with 1009. Frames leave
	 * nothing behind but their payload, so that a message never takes more memory than `maxMessageBytes` and the
	 * few hundred bytes of each of its parts, most of which have 8 to 64 KiB. 0 means no limit.
	 * @defaultValue 16,384
	 */
	maxFragments?: number;
	/**
	 * Largest payload of one frame in bytes, as it is sent; more closes with 1009. 0 means no limit of its own.
	 * @defaultValue 0
	 */
	maxFrameBytes?: number;
	/**
	 * Most messages that a peer may send within a second; more close the connection with 1008. 0 means no limit.
	 * @defaultValue 0
	 */
	maxMessagesPerSecond?: number;
	/**
	 * Most pings and pongs that a peer may send within a second; more close the connection with 1008. (Answers cannot pile
	 * up: a peer that does not read gets the pong to its latest ping only.) 0 means no limit.
	 * @defaultValue 1000
	 */
	maxControlFramesPerSecond?: number;
	/**
	 * Largest request head (request line and headers) in bytes; a larger one is answered with 431.
	 * @defaultValue 16 KiB
	 */
	maxHeaderBytes?: number;
	/**
	 * Most header lines of a request; more are answered with 431.
	 * @defaultValue 100
	 */
	maxHeaders?: number;
	/**
	 * HTML for a browser that asks for `/` without wanting a WebSocket. Without it (and without `onRequest`) every plain
	 * HTTP request is answered with 426 Upgrade Required.
	 * @defaultValue none
	 */
	page?: string | undefined;
	/**
	 * The only path that can be upgraded, such as `"/chat"`; others get 404. A query does not count.
	 * @defaultValue every path
	 */
	path?: string | undefined;
	/**
	 * Origins of pages that may connect, such as `"https://example.com"`; others get 403. Clients that send no `Origin`
	 * header are no browsers, and are let in.
	 * @defaultValue every origin
	 */
	origins?: readonly string[] | undefined;
	/**
	 * Subprotocols: of those that a client offers the first one that is in this list is chosen; without a match the
	 * connection comes about without one. `onUpgrade` may choose another.
	 * @defaultValue []
	 */
	subprotocols?: readonly string[];
	/**
	 * Compression of messages (RFC 7692) with clients that offer it: `true`, or its settings. False means none.
	 * @defaultValue none
	 */
	perMessageDeflate?: boolean | DeflateOptions | undefined;
	/**
	 * A peer that has sent nothing for this time is pinged. 0 means never.
	 * @defaultValue 0
	 */
	pingIntervalMs?: number;
	/**
	 * A peer that has sent nothing for this time after such a ping is cut, cause `"timeout"`, code 1006. Whatever arrives is
	 * a sign of life, also if it has to wait to be handled, and so is that the peer takes what has been waiting for it.
	 * 0 means never: then there is one ping for each silence.
	 * @defaultValue 10,000
	 */
	pongTimeoutMs?: number;
}
/**
 * WebSocket (RFC 6455): text messages arrive as `string`, binary ones as `Buffer`; strings are sent as text, bytes as
 * binary. Handshake, fragments, ping, pong and close are dealt with natively.
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
declare function webSocket(options: WebSocketOptions & {
	text: "buffer";
}): Protocol<"websocketBytes">;
declare function webSocket(options?: WebSocketOptions): Protocol<"websocket">;

/** How a worker of a pool has ended that was not asked to. */
interface WorkerExit {
	/** Which one, from 0 on: its replacement has the same. */
	readonly index: number;
	/** What it ended with, 1 after an exception. */
	readonly exitCode: number;
	/**
	 * The exception that nobody has caught, what Node.js says of memory (`ERR_WORKER_OUT_OF_MEMORY`), or `ERR_GEV_LOOP` when the
	 * event loop has failed.
	 */
	readonly error?: Error;
	/** When its replacement starts, in milliseconds from now. */
	readonly restartsInMs: number;
}
/**
 * Settings of a `WorkerPool`: where it listens, and what its workers are. What connections speak, and every limit of theirs,
 * are options of the `Server` that the pool's file exports, and count for each worker.
 */
interface WorkerPoolOptions {
	/**
	 * How many workers.
	 * @defaultValue the number of CPUs
	 */
	workers?: number;
	/**
	 * As for a server.
	 * @defaultValue that of a server
	 */
	host?: string | undefined;
	/**
	 * As for a server.
	 * @defaultValue that of a server
	 */
	port?: number | undefined;
	/**
	 * As for a server.
	 * @defaultValue that of a server
	 */
	path?: string | undefined;
	/**
	 * As for a server.
	 * @defaultValue that of a server
	 */
	reusePort?: boolean | undefined;
	/**
	 * Of the listening socket `backlog` and `mode`, as for a server; the others belong to connections.
	 * @defaultValue that of a server
	 */
	socket?: Pick<SocketOptions, "backlog" | "mode"> | undefined;
	/**
	 * Whether each worker has a thread for its event loop, beside that of its handlers. With a worker for each CPU there is none
	 * that would run it, and a message that is only echoed costs a quarter to two thirds more CPU time with one; with handlers
	 * of 20 microseconds it is the same. It pays where there are more CPUs than workers.
	 * @defaultValue false
	 */
	threads?: boolean;
	/**
	 * What workers find as `workerData` of `node:worker_threads`: a copy each, so that functions cannot be in it.
	 * @defaultValue undefined
	 */
	workerData?: unknown;
	/**
	 * Limits of each worker's memory, as `new Worker` takes them: who exceeds one ends, and is replaced.
	 * @defaultValue undefined, which is what Node.js gives
	 */
	resourceLimits?: ResourceLimits | undefined;
	/**
	 * Environment variables of the workers, as `new Worker` takes them.
	 * @defaultValue a copy of this thread's
	 */
	env?: WorkerOptions["env"];
	/**
	 * Tell over HTTP what all workers do together, as for a server, but without the live page. The server of the file tells nothing.
	 * @defaultValue undefined, which does not
	 */
	metrics?: MetricsOptions | undefined;
	/**
	 * Time from the end of a worker that has failed to the start of its replacement. It doubles with each one that follows,
	 * up to `maxRestartDelayMs`, until one has served for that long.
	 * @defaultValue 100
	 */
	restartDelayMs?: number;
	/**
	 * The longest of these times.
	 * @defaultValue 10,000
	 */
	maxRestartDelayMs?: number;
	/**
	 * Told what has gone wrong in the pool itself: a replacement whose file could not be loaded, and what a server's `onError`
	 * is told of accepting. Errors of handlers go to their own `onError`, in the worker.
	 * @defaultValue a warning of the process
	 */
	onError?: ((error: Error) => void) | undefined;
	/**
	 * Told of every worker that has ended without being asked to.
	 * @defaultValue undefined
	 */
	onWorkerExit?: ((exit: WorkerExit) => void) | undefined;
}

/**
 * Serves one port with several threads of JavaScript, so that handlers run on every core: a `Server` in each of some
 * `node:worker_threads`, and connections dealt to the one that has the fewest.
 *
 * The file exports, as default, a {@link Server} that is not started, or a function that makes one, and is told which worker
 * it is for ({@link PoolWorkerInfo}). Where it listens, and by how many loops, is not the server's affair there. A worker that
 * dies, by an exception, `process.exit()`, a limit of its memory or a failure of its event loop, costs its own connections, and
 * is replaced.
 * @example
 * ```ts
 * // echo.js: export default new Server({ onMessage: (_, message) => message }, { protocol: webSocket() });
 * const pool = new WorkerPool(new URL("./echo.js", import.meta.url), { workers: 4, port: 8080 });
 * await pool.start();
 * ```
 */
declare class WorkerPool {
	#private;
	/**
	 * Checks everything but the file, and starts nothing.
	 * @param file - URL, or path, of the module that exports the server.
	 * @throws {@link GevError} `ERR_GEV_OPTION`.
	 */
	constructor(file: string | URL, options?: WorkerPoolOptions);
	/** Where the pool listens; undefined when it does not run. */
	get address(): ListenAddress | undefined;
	/**
	 * Starts all workers, and listens when each of them can serve.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_WORKER` when a worker's file cannot be loaded, or exports no server:
	 * `cause` says why; `ERR_GEV_STATE` when the pool runs already; or as `Server.start`. Nothing is left of it then.
	 */
	start(): Promise<ListenAddress>;
	/**
	 * Stops listening, then every worker's server as `Server.stop` does, all at the same time, and ends the workers.
	 * @returns how connections ended that were open, of all workers.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_OPTION` for a wrong option, `ERR_GEV_STATE` while it is starting.
	 */
	stop(options?: StopOptions): Promise<StopResult>;
	/** {@link stop} with its defaults, for `await using`. */
	[Symbol.asyncDispose](): Promise<void>;
	/**
	 * Replaces the workers, one after the other: each by one that serves already, and then stops as by {@link stop} with these
	 * options. There is no moment at which nobody accepts. While it runs, later calls wait for the first.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_STATE` when the pool does not run, or is stopped meanwhile;
	 * `ERR_GEV_WORKER` when a new worker fails: those that have not been replaced stay.
	 */
	restart(options?: StopOptions): Promise<void>;
	/**
	 * Asks every worker, and sums up what all have done since the first start. Other than `Server.stats` it waits: a second at
	 * most, for one that hangs, which then counts as it was heard last.
	 */
	stats(): Promise<WorkerPoolStats>;
	/** What {@link stats} says, when it does, as `Server.metrics` has it. */
	metrics(): Promise<string>;
	/** Where the option `metrics` has the pool listen; `undefined` when it does not. */
	get metricsAddress(): ListenAddress | undefined;
	/** While it runs, the pool keeps the process alive; this is so from the beginning. */
	ref(): this;
	/** The pool does not keep the process alive by itself. */
	unref(): this;
}

export { Connection, Decoder, FrameError, GevError, PreparedMessage, Protocol, RespAttributed, RespError, RespPush, RespSimple, RespVerbatim, RingBuffer, SendStatus, Server, StreamProtocol, WorkerPool, amqp, cobs, custom, delimited, dns, fix, fixedLength, frames, gb32960, gt06, hdlc, iso8583, jsonStream, jt808, kafka, lengthPrefixed, lines, minecraft, mllp, modbus, mqtt, netstring, nmea, postgres, raw, resp, respFrames, setRespVersion, slip, smpp, stomp, syslog, teltonika, tpkt, typedProtobuf, varintPrefixed, webSocket };
export type { Acceptance, AnyCustomProtocol, BalanceFunction, BalanceMode, BalancedLoop, BalancedPeer, BroadcastOptions, BroadcastResult, BytesOrText, BytesPreset, CloseCause, CloseReason, CommonHandler, ConnectionStats, ConsoleLogger, Custom, CustomHandler, CustomOptions, CustomProtocol, Data, DecoderOptions, DeflateOptions, DelimitedOptions, DestroyOptions, Diagnostics, EventLoopOptions, FixedLengthOptions, FlowOptions, Fragment, FrameBytes, FrameCase, FrameChecksumOptions, FrameDelivery, FrameEscape, FrameFate, FrameFault, FrameLengthOptions, FrameNumber, FrameOpcode, FrameRule, FrameSum, FramesHandler, FramesOptions, GevErrorCode, Handler, HandlerBase, HandshakeStats, HdlcOptions, Histogram, HttpRequest, HttpResponse, IdleOptions, Incoming, Iso8583Options, JsonStreamOptions, LengthPrefixedOptions, LimitOptions, LinesOptions, ListenAddress, LogFields, LogLevel, Logger, LoopStats, Messages, MetricsOptions, MetricsRegister, ModbusOptions, NextHandler, NmeaOptions, Outgoing, PinoLogger, PoolWorkerInfo, PresetArguments, PresetOptions, ProtocolName, ProxyTlv, RawOptions, Refusal, RefusalReason, Reply, RequestHeaders, RespOptions, RespReply, RespValue, ResponseHeaders, ScriptStats, SendCallback, SendOptions, SendStats, ServerOptions, ServerStats, SocketOptions, StompFrame, StompOptions, StompReply, StopOptions, StopResult, StreamHandler, StreamName, StreamNameOf, TextOrBytes, TextPresetOptions, TimeoutOptions, Timer, TrafficStats, TypedMessage, TypedProtobufOptions, TypedReply, UpgradeReply, VarintPrefixedOptions, WebSocketHandler, WebSocketOptions, WorkerExit, WorkerPoolOptions, WorkerPoolStats };
