import { isUtf8 } from "node:buffer";
import { bytesOf, lengthOf } from "../base/bytes.js";
import { shown } from "../base/errors.js";
import {
	boolean,
	integer,
	milliseconds,
	OptionTable,
} from "../base/option-table.js";
import { NotAMessage } from "../flow/packing.js";
import type { Data } from "../flow/send.js";
import type { Custom } from "../protocol.js";
import { parsed } from "./parsed.js";
import { refused } from "./refused.js";

/**
 * A frame of STOMP that has come.
 *
 * @typeParam Body - what bodies are: `Buffer`, or with the option `text` `string`.
 */
export interface StompFrame<Body = Buffer> {
	/** A word in capitals: `"SEND"`, `"SUBSCRIBE"` and so on. */
	command: string;
	/** Their values by their names, without escapes. Of those that came more than once it has the first. It inherits nothing. */
	headers: Record<string, string>;
	/** Empty where there is none. */
	body: Body;
}

/** A frame of STOMP to be sent. */
export interface StompReply {
	/** A word in capitals: `"MESSAGE"`, `"RECEIPT"` and so on. */
	command: string;
	/** Their values by their names, whose escapes are made. `content-length` is added where there is a body. */
	headers?: Readonly<Record<string, string | number>> | undefined;
	/** Of `SEND`, `MESSAGE` and `ERROR` only. */
	body?: Data | undefined;
}

/** Settings of {@link stomp}. */
export class StompOptions {
	/**
	 * Largest frame in bytes, with headers and body. A larger one closes the connection with 1009 as soon as that is known. 0
	 * means no limit but that of `limits.maxMemoryBytes`.
	 *
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: Number.MAX_SAFE_INTEGER,
		default: 1024 * 1024,
	});
	/**
	 * Most bytes of command and headers together; more close the connection with 1009.
	 *
	 * @defaultValue 16 KiB
	 */
	maxHeaderBytes?: number = integer({
		min: 64,
		max: 2 ** 30,
		default: 16 * 1024,
	});
	/**
	 * Most header lines of a frame; more close the connection with 1009.
	 *
	 * @defaultValue 100
	 */
	maxHeaders?: number = integer({ min: 1, max: 65_536, default: 100 });
	/**
	 * Bodies are text: each is a `string`, made as UTF-8, and what is none of that is replaced (U+FFFD).
	 *
	 * @defaultValue false
	 */
	text?: boolean = boolean({ default: false });
	/**
	 * How long a frame that has begun may take to come as a whole; later its connection is closed, with the cause `"timeout"`.
	 * 0 means for ever.
	 *
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number = milliseconds({ default: 0 });
}

/**
 * STOMP 1.2 (and 1.0, 1.1), whose frames are cut natively: each is a message, and so is what is sent. Line ends between frames,
 * heart-beats, are passed over; `send("\n")` sends one.
 *
 * ```text
 *   SEND\n  destination:/queue/a\n  content-length:5\n  \n  hello \0
 *   command header                 header                body
 * ```
 * What is wrong is told to `onFrameError`. What is given to `send` and would be no frame throws `ERR_GEV_DATA`.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 *
 * @example
 * ```ts
 * new Server(
 *   {
 *     onMessage(_, { command, headers }) {
 *       if (command === "CONNECT") return { command: "CONNECTED", headers: { version: "1.2" } };
 *       if (headers.receipt) return { command: "RECEIPT", headers: { "receipt-id": headers.receipt } };
 *     },
 *   },
 *   { protocol: stomp() },
 * );
 * ```
 */
export function stomp(
	options?: StompOptions & { text?: false },
): Custom<StompFrame, StompReply | "\n">;
/** With bodies that are text. */
export function stomp(
	options: StompOptions & { text: true },
): Custom<StompFrame<string>, StompReply | "\n">;
export function stomp(
	options: StompOptions = {},
): Custom<never, StompReply | "\n"> {
	const { text, ...codec } = stompOptions.check(options);
	const { maxMessageBytes, frameTimeoutMs } = codec;
	return parsed(
		{
			codec: "stomp",
			stepwise: false,
			options: codec,
			maxMessageBytes,
			// What is sent goes out as it is.
			maxFraming: 0,
			endsByFin: true,
			frameTimeoutMs,
		},
		{
			sendsNull: false,
			parse: (cut) => readFrame(cut as Buffer, text),
			pack: (_, frame) => packFrame(frame as StompReply | "\n"),
		},
	);
}

/** Of a frame with its NUL, whose lines end, and whose body is as long, as they should. */
function readFrame(cut: Buffer, text: boolean): StompFrame<string | Buffer> {
	const [headEnd, bodyAt] = headOf(cut);
	const head = cut.subarray(0, headEnd);
	if (!isUtf8(head)) throw new NotAMessage();
	const [command = "", ...lines] = head.toString().split(/\r?\n/);
	const isEscaped = !PLAIN.has(command);
	const headers: Record<string, string> = Object.create(null);
	for (const line of lines) {
		const colon = line.indexOf(":");
		if (colon < 1) throw new NotAMessage();
		const name = read(line.slice(0, colon), isEscaped);
		headers[name] ??= read(line.slice(colon + 1), isEscaped);
	}
	const bodyEnd = cut.length - 1;
	const body = text
		? cut.toString("utf8", bodyAt, bodyEnd)
		: cut.subarray(bodyAt, bodyEnd);
	return { command, headers, body };
}

/** Where the lines of a head end, and where its body begins: the empty line is between. */
function headOf(cut: Buffer): [headEnd: number, bodyAt: number] {
	for (let at = cut.indexOf("\n"); ; at = cut.indexOf("\n", at + 1)) {
		const headEnd = cut[at - 1] === CR ? at - 1 : at;
		if (cut[at + 1] === LF) return [headEnd, at + 2];
		if (cut[at + 1] === CR) return [headEnd, at + 3];
	}
}

/** STOMP 1.2, "Value Encoding": any other escape has to be treated as a fatal error. */
function read(text: string, isEscaped: boolean): string {
	if (!isEscaped || !text.includes("\\")) return text;
	return text.replace(/\\(.?)/gs, (_, letter: string) => {
		const character = READ[letter];
		if (character === undefined) throw new NotAMessage();
		return character;
	});
}

function packFrame(frame: StompReply | "\n"): string | Buffer {
	if (frame === "\n") return frame;
	if (typeof frame !== "object" || frame === null) {
		throw refused(`no frame, but ${shown(frame)}`);
	}
	const { command, headers = {}, body = "" } = frame;
	if (typeof command !== "string" || !/^[A-Z]+$/.test(command)) {
		throw refused(`the command is ${shown(command)}`);
	}
	const bytes = typeof body === "string" ? body : bytesOf(body);
	const length =
		typeof bytes === "string" ? Buffer.byteLength(bytes) : lengthOf(bytes);
	if (length > 0 && !WITH_BODY.has(command)) {
		throw refused(`a frame ${command} has no body`);
	}
	const head = packHead(command, headers, length);
	if (typeof bytes === "string") return `${head}${bytes}\0`;
	const front = Buffer.byteLength(head);
	const packed = Buffer.allocUnsafe(front + length + 1);
	packed.write(head);
	packed.set(bytes, front);
	packed[front + length] = 0;
	return packed;
}

function packHead(
	command: string,
	headers: Readonly<Record<string, string | number>>,
	length: number,
): string {
	const isEscaped = !PLAIN.has(command);
	let head = `${command}\n`;
	let isTold = false;
	for (const [name, value] of Object.entries(headers)) {
		if (name === "content-length") {
			isTold = true;
			if (String(value) !== String(length)) {
				throw refused(
					`content-length is ${shown(value)}, and the body has ${length} bytes`,
				);
			}
		}
		if (typeof value !== "string" && typeof value !== "number") {
			throw refused(`the header ${shown(name)} is ${shown(value)}`);
		}
		head += `${written(name, isEscaped, name)}:${written(String(value), isEscaped, name)}\n`;
	}
	if (length > 0 && !isTold) head += `content-length:${length}\n`;
	return `${head}\n`;
}

/** The name or the value of a header with its escapes. */
function written(text: string, isEscaped: boolean, name: string): string {
	const isName = text === name;
	// Escapes for these are none: nor for any in the frames that know of no escapes.
	const cannot = isEscaped ? /\0/ : isName ? /[\0\r\n:]/ : /[\0\r\n]/;
	if ((isName && text === "") || cannot.test(text)) {
		throw refused(`the header ${shown(name)} cannot be written`);
	}
	if (!isEscaped) return text;
	return text.replace(/[\r\n:\\]/g, (character) => WRITTEN[character] ?? "");
}

/** Their headers have no escapes, for who speaks STOMP 1.0. `STOMP` is another word for `CONNECT`. */
const PLAIN = new Set(["CONNECT", "STOMP", "CONNECTED"]);
/** STOMP 1.2, "Body". */
const WITH_BODY = new Set(["SEND", "MESSAGE", "ERROR"]);
const READ: Partial<Record<string, string>> = {
	...{ r: "\r", n: "\n", c: ":", "\\": "\\" },
};
const WRITTEN: Partial<Record<string, string>> = {
	...{ "\r": "\\r", "\n": "\\n", ":": "\\c", "\\": "\\\\" },
};
const CR = 0x0d;
const LF = 0x0a;

const stompOptions = new OptionTable("stomp()", StompOptions);
