import { bytesOf, lengthOf } from "../base/bytes.js";
import { shown } from "../base/errors.js";
import { integer, milliseconds, OptionTable } from "../base/option-table.js";
import { NotAMessage } from "../flow/packing.js";
import { type Custom, frames, framingOf } from "../protocol.js";
import { parsed } from "./parsed.js";
import { refused } from "./refused.js";

/** A message with the name of its type. */
export interface TypedMessage {
	/** What the message is: by custom the name of a message of Protocol Buffers. */
	type: string;
	/** The message, for `fromBinary` of its type. */
	data: Buffer;
}

/** A message with the name of its type, to be sent. */
export interface TypedReply {
	/** What the message is. */
	type: string;
	/** The message, as `toBinary` of its type makes it. */
	data: NodeJS.ArrayBufferView | ArrayBuffer;
}

/** Settings of {@link typedProtobuf}. */
export class TypedProtobufOptions {
	/**
	 * Largest message in bytes, its type counted. A larger one closes the connection with 1009 as soon as it is announced. 0
	 * means no limit but that of `limits.maxMemoryBytes`.
	 *
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: 0xffff_ffff,
		default: 1024 * 1024,
	});
	/**
	 * How long a message that has begun may take to come as a whole; later its connection is closed, with the cause `"timeout"`.
	 * 0 means for ever.
	 *
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number = milliseconds({ default: 0 });
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
 *
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
export function typedProtobuf(
	options: TypedProtobufOptions = {},
): Custom<TypedMessage, TypedReply> {
	const checked = typedProtobufOptions.check(options);
	return parsed(framingOf(frames({ length: "u32", ...checked })), {
		sendsNull: false,
		parse: (cut) => readTyped(cut as Buffer),
		pack: (_, message) => packTyped(message as TypedReply),
	});
}

function readTyped(cut: Buffer): TypedMessage {
	if (cut.length < 2) throw new NotAMessage();
	const end = 2 + cut.readUInt16BE();
	if (cut.length < end) throw new NotAMessage();
	return { type: cut.toString("utf8", 2, end), data: cut.subarray(end) };
}

function packTyped(message: TypedReply): Buffer {
	if (typeof message?.type !== "string") {
		throw refused(`no type, but ${shown(message?.type)}`);
	}
	const { type, data } = message;
	const typeLength = Buffer.byteLength(type);
	if (typeLength > 0xffff) {
		throw refused(`${typeLength} bytes are more than a type can have`);
	}
	const bytes = bytesOf(data);
	const front = 2 + typeLength;
	const packed = Buffer.allocUnsafe(front + lengthOf(bytes));
	packed.writeUInt16BE(typeLength);
	packed.write(type, 2);
	packed.set(bytes, front);
	return packed;
}

const typedProtobufOptions = new OptionTable(
	"typedProtobuf()",
	TypedProtobufOptions,
);
