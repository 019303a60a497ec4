import * as check from "./base/check.js";
import {
	boolean,
	type Checked,
	integer,
	OptionTable,
	option,
} from "./base/option-table.js";
import type { CutByHand } from "./by-hand.js";
import type { Connection } from "./connection.js";
import { CustomByHand } from "./custom-by-hand.js";
import type { Unpacking } from "./flow/packing.js";
import type { Data } from "./flow/send.js";
import type { RingBuffer } from "./framing/ring-buffer.js";
import {
	type AnyProtocol,
	type Custom,
	framingOf,
	isProtocol,
	known,
	type Protocol,
	raw,
	type StreamName,
	StreamProtocol,
} from "./protocol.js";

/**
 * A protocol of your own: makes messages of the bytes of a connection, and bytes of what is sent. One object serves all
 * connections of a server. It is given to {@link custom}, whose result is the server's `protocol`; the handler is a
 * {@link FramesHandler} then, whose messages are what `unpack` returns and whose `send` takes what `pack` does.
 *
 * @typeParam In - what messages are.
 * @typeParam Out - what can be sent.
 * @typeParam Context - type of {@link Connection.context}.
 *
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
export interface CustomProtocol<In, Out = Data, Context = unknown> {
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
	unpack(
		connection: Connection<Context, Out>,
		buffer: RingBuffer,
	): In | undefined;
	/**
	 * The bytes of a message that is sent, or text for UTF-8. They are copied before `send` returns, so that memory for them can be
	 * used again. What it throws is thrown by `send`; for a message that a handler returns it goes to `onError`, as the handler's own.
	 */
	pack(connection: Connection<Context, Out>, message: Out): Data;
}

/** Settings of {@link custom}. */
export class CustomOptions {
	/**
	 * What is below: {@link raw}, whose bytes come as the network has them; or what cuts messages natively ({@link frames},
	 * {@link jsonStream}, {@link respFrames}), of which the buffer has one at a time, and nothing else. An empty one
	 * comes as an empty buffer. What is packed goes out as a message of it.
	 *
	 * Of a message that was cut everything is there: an `unpack` that returns `undefined` and leaves something of it says that
	 * it is none. It may well take several messages out of it, one after the other.
	 *
	 * @defaultValue {@link raw}
	 */
	over?: Protocol<StreamName> = option(
		(value, name) => {
			if (isProtocol(value) && canBeBelow(value)) return value;
			const expected = "a protocol on TCP that is not in TypeScript";
			throw check.wrong(name, expected, value);
		},
		() => raw(),
	);
	/**
	 * Most bytes that a message may take out of the buffer, and that may be there while more are needed for it; more close the
	 * connection with 1009. 0 means no limit but `limits.maxMemoryBytes`, which counts them.
	 *
	 * @defaultValue 1 MiB; none where a protocol below cuts messages, which has a limit of its own
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: Number.MAX_SAFE_INTEGER,
		default: ({ over }: Checked<CustomOptions>) =>
			isCutting(over as Protocol) ? 0 : 1024 * 1024,
	});
	/**
	 * Nothing is unpacked before the message before it has been handled, a returned promise included, and nothing more is read
	 * before all that is there has been; see {@link Connection.setProtocol}.
	 *
	 * @defaultValue that of `over`
	 */
	stepwise?: boolean = boolean({
		default: ({ over }: { over: AnyProtocol }) => framingOf(over).stepwise,
	});
}

/**
 * A protocol in TypeScript, for a server: what is unpacked is a message, and what is sent is packed before. Bytes are handed to
 * it as they come, and only those of a message that has not come as a whole are kept.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for what is no such protocol, or for a wrong option.
 */
export function custom<In, Out = Data, Context = unknown>(
	protocol: CustomProtocol<In, Out, Context>,
	options: CustomOptions = {},
): Custom<In, Out> {
	const { maxMessageBytes, over, stepwise } = customOptions.check(options);
	const name = "the protocol";
	for (const member of ["unpack", "pack"] as const) {
		if (typeof protocol?.[member] !== "function") {
			const expected = "an object with the functions unpack and pack";
			throw check.wrong(name, expected, protocol);
		}
	}
	const below = framingOf(over as StreamProtocol);
	const isText = below.codec === "jsonStream";
	const packing: Unpacking = {
		unpack: protocol.unpack.bind(protocol) as never,
		pack: protocol.pack.bind(protocol) as never,
		isCut: isCutting(over as Protocol),
		maxMessageBytes,
	};
	return known(new StreamProtocol<"custom", In, Out>("custom"), {
		...below,
		// The buffer takes bytes: text need not become a string before.
		options: isText ? { ...below.options, asBytes: true } : below.options,
		maxMessageBytes: maxMessageBytes || below.maxMessageBytes,
		stepwise,
		custom: packing,
		byHand: new CustomByHand(packing, below.byHand as CutByHand),
	});
}

/** What can be the protocol of {@link custom}: for constraints of types. */
export interface AnyCustomProtocol {
	unpack(connection: never, buffer: RingBuffer): unknown;
	pack(connection: never, message: never): Data;
}

/** What a {@link CustomProtocol} unpacks. */
export type Incoming<Protocol extends AnyCustomProtocol> = Exclude<
	ReturnType<Protocol["unpack"]>,
	undefined
>;

/** What a {@link CustomProtocol} packs. */
export type Outgoing<Protocol extends AnyCustomProtocol> = Parameters<
	Protocol["pack"]
>[1];

function canBeBelow(protocol: AnyProtocol): protocol is Protocol<StreamName> {
	const { endsByFin, custom } = framingOf(protocol);
	return endsByFin && custom === undefined;
}

/** What comes of it are whole messages. */
function isCutting(protocol: AnyProtocol): boolean {
	return framingOf(protocol).codec !== "raw";
}

const customOptions = new OptionTable("custom()", CustomOptions);
