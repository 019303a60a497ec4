import * as check from "../base/check.js";
import {
	boolean,
	type Checked,
	integer,
	milliseconds,
	OptionTable,
	option,
} from "../base/option-table.js";
import {
	type Custom,
	type NativeFraming,
	type StreamProtocol,
	streamOf,
} from "../protocol.js";
import { parsed } from "./parsed.js";
import {
	RespReader,
	requestOfBytes,
	requestOfText,
	requestOfUtf8,
} from "./resp-reader.js";
import { packResp, type RespReply, type RespValue } from "./resp-values.js";

/** Settings of {@link resp}. */
export class RespOptions {
	/**
	 * Largest message in bytes, with all that is in it, as it is on the wire. A larger one closes the connection with 1009 as
	 * soon as that is announced. 0 means no limit but that of `limits.maxMemoryBytes`.
	 *
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: Number.MAX_SAFE_INTEGER,
		default: 1024 * 1024,
	});
	/**
	 * Most values in a message, all its arrays, maps and the like together; more close the connection with 1009.
	 *
	 * @defaultValue 65,536
	 */
	maxValues?: number = integer({ min: 1, max: 2 ** 31 - 1, default: 65_536 });
	/**
	 * Most arrays, maps and the like within one another; more close the connection with 1002.
	 *
	 * @defaultValue 16
	 */
	maxDepth?: number = integer({ min: 1, max: 32, default: 16 });
	/**
	 * Any value is a message. False: only requests are, arrays of bulk strings as clients send them, and commands in a line.
	 *
	 * @defaultValue false
	 */
	values?: boolean = boolean({ default: false });
	/**
	 * Whether a request may be a line, such as `PING` or `SET a "b c"`, as people type them. One of more than 64 KiB closes the
	 * connection with 1009, as with Redis.
	 *
	 * @defaultValue true
	 */
	inline?: boolean = boolean({ default: true });
	/**
	 * How long a message that has begun may take to come as a whole; later its connection is closed, with the cause `"timeout"`.
	 * 0 means for ever.
	 *
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number = milliseconds({ default: 0 });
	/**
	 * Bulk strings are text: each is a `string`, made as UTF-8, and what is none of that is replaced (U+FFFD). False: each is a
	 * `Buffer`, which may share its memory with the others of its message.
	 *
	 * @defaultValue false
	 */
	text?: boolean = boolean({ default: false });
	/**
	 * The version of RESP that connections begin with, for what is sent: 2, or 3, which has types of its own for `null`,
	 * booleans, maps and more. See {@link setRespVersion}.
	 *
	 * @defaultValue 2
	 */
	version?: 2 | 3 = option(
		(value, name) => {
			if (value === 2 || value === 3) return value;
			throw check.wrong(name, "2 or 3", value);
		},
		2 as 2 | 3,
	);
}

/**
 * RESP, the protocol of Redis, whose messages are cut natively. A message is a request: an array of its words, at least one. What is
 * sent is a {@link RespReply}: a `string` or bytes as a bulk string, an array, `null`, `new RespSimple("OK")`, `new RespError("ERR
 * ...")` and so on. A handler that returns `null` sends that here; `undefined` sends nothing. Requests without a word are passed over.
 *
 * ```text
 *   *2\r\n $3\r\nGET\r\n $1\r\na\r\n      ["GET", "a"], as Buffers
 * ```
 * With `values` each message is any value of RESP2 or RESP3: see {@link RespValue}. Streamed strings and aggregates are not
 * among them.
 *
 * What is wrong is told to `onFrameError`. What is given to `send` and cannot be sent throws `ERR_GEV_DATA`: a line with CR or
 * LF in it, for one.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * const map = new Map<string, string>();
 * const ok = new RespSimple("OK");
 * new Server(
 *   {
 *     onMessage(_, [command, key = "", value = ""]) {
 *       switch (command?.toUpperCase()) {
 *         case "GET": return map.get(key) ?? null;
 *         case "SET": map.set(key, value); return ok;
 *         default: return new RespError(`ERR unknown command`);
 *       }
 *     },
 *   },
 *   { protocol: resp({ text: true }) },
 * );
 * ```
 */
export function resp(
	options?: RespOptions & { values?: false; text?: false },
): Custom<Buffer[], RespReply>;
/** With text. */
export function resp(
	options: RespOptions & { values?: false; text: true },
): Custom<string[], RespReply>;
/** With any values. */
export function resp(
	options: RespOptions & { values: true; text?: false },
): Custom<RespValue, RespReply>;
/** With any values, and text. */
export function resp(
	options: RespOptions & { values: true; text: true },
): Custom<RespValue<string>, RespReply>;
export function resp(options: RespOptions = {}): Custom<unknown, RespReply> {
	const checked = respOptions.check(options);
	const { values, text, version } = checked;
	return parsed(respFraming(checked, text && !values), {
		sendsNull: true,
		parse: values ? parseValue(text) : text ? textRequest : bytesRequest,
		pack: (connection, value) =>
			packResp(value, versions.get(connection) ?? version),
	});
}

/**
 * Whole values of RESP as they are on the wire, cut natively: for who reads them himself, or has a {@link CustomProtocol} do so
 * (the option `over` of {@link custom}). What is sent goes out as it is.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export function respFrames(
	options: Omit<RespOptions, "text" | "version"> = {},
): StreamProtocol<"resp"> {
	return streamOf("resp", respFraming(respOptions.check(options), false));
}

/**
 * Has a connection of {@link resp} get values of this version from now on, as the command `HELLO 3` wants it. With version 2 those
 * that it does not have go as Redis sends them then: `null` as a null bulk string, a map as an array of keys and values, sets and
 * pushes as arrays, booleans as 1 and 0, doubles and big numbers as bulk strings, and attributes not at all.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for another version.
 */
export function setRespVersion(connection: object, version: 2 | 3): void {
	if (version !== 2 && version !== 3) {
		throw check.wrong("version", "2 or 3", version);
	}
	versions.set(connection, version);
}

function respFraming(
	options: Checked<RespOptions>,
	text: boolean,
): NativeFraming {
	const {
		maxMessageBytes,
		maxValues,
		maxDepth,
		values,
		inline,
		frameTimeoutMs,
	} = options;
	return {
		codec: "resp",
		stepwise: false,
		options: {
			...{ maxMessageBytes, maxValues, maxDepth, inline, text, frameTimeoutMs },
			requests: !values,
		},
		maxMessageBytes,
		// What is sent goes out as it is.
		maxFraming: 0,
		endsByFin: true,
		frameTimeoutMs,
	};
}

function textRequest(cut: string | Buffer): string[] | undefined {
	return typeof cut === "string" ? requestOfText(cut) : requestOfUtf8(cut);
}

function bytesRequest(cut: string | Buffer): Buffer[] | undefined {
	return requestOfBytes(cut as Buffer);
}

function parseValue(text: boolean): (cut: string | Buffer) => unknown {
	if (text) {
		return (cut) =>
			new RespReader(cut as Buffer, (bytes, from, to) =>
				bytes.toString("utf8", from, to),
			).value();
	}
	return (cut) =>
		new RespReader(cut as Buffer, (bytes, from, to) =>
			bytes.subarray(from, to),
		).value();
}

/** Of connections whose version is another one than they began with. */
const versions = new WeakMap<object, 2 | 3>();

const respOptions = new OptionTable("resp()", RespOptions);
