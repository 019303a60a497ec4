// RESP, the protocol of Redis (redis.io/docs/reference/protocol-spec): commands as they come, and replies of versions 2 and 3.
//
//   *2\r\n  $4\r\nECHO\r\n  $2\r\nhi\r\n      a command: an array of two strings, each with its length
//   PING\r\n                                the same by hand, as a line

import type { Connection, CustomProtocol, RingBuffer } from "gev";

/** What can be answered: a string or bytes as a bulk string, null, whole numbers, and several of them. */
export type Reply =
	| string
	| Buffer
	| number
	| bigint
	| null
	| Simple
	| Failure
	| Push
	| Reply[]
	| Map<string, Reply>;

/** A word such as OK. */
export class Simple {
	readonly text: string;
	constructor(text: string) {
		this.text = text;
	}
}

/** An error; its first word is its kind. */
export class Failure {
	readonly text: string;
	constructor(text: string) {
		this.text = text;
	}
}

/** What nobody has asked for. */
export class Push {
	readonly items: Reply[];
	constructor(items: Reply[]) {
		this.items = items;
	}
}

/** What the protocol has to know of a connection: its `context`. */
export interface Speaker {
	readonly reader: CommandReader;
	version: 2 | 3;
}

export class Resp implements CustomProtocol<Buffer[], Reply, Speaker> {
	unpack(connection: Connection<Speaker, Reply>, buffer: RingBuffer) {
		try {
			return connection.context.reader.next(buffer);
		} catch (error) {
			const { message } = error as Error;
			connection.send(new Failure(`ERR Protocol error: ${message}`));
			throw error; // which closes the connection behind that
		}
	}

	pack({ context }: Connection<Speaker, Reply>, reply: Reply) {
		const parts: (string | Buffer)[] = [];
		write(parts, reply, context.version);
		if (parts.every((part) => typeof part === "string")) return parts.join("");
		return Buffer.concat(parts.map(bytesOf));
	}
}

/**
 * Reads the commands of one connection. What has been read of one is kept here and not read again, so that many small
 * pieces cost no more than one large one; nothing is kept for what is only announced.
 */
export class CommandReader {
	#args: Buffer[] = [];
	/** How many arguments are still to come. */
	#missing = 0;
	/** The length of the next one; -1 before the line that tells it. */
	#length = -1;
	/** How many bytes of an unfinished line have been searched for its end. */
	#searched = 0;
	#bytes = 0;

	/** The next command, as soon as all of it is there. Throws what is wrong. */
	next(buffer: RingBuffer): Buffer[] | undefined {
		for (;;) {
			if (this.#length >= 0) {
				if (buffer.length < this.#length + 2) return undefined;
				this.#args.push(this.#bulk(buffer));
			} else {
				const line = this.#line(buffer);
				if (line === undefined) return undefined;
				if (this.#missing > 0) this.#expect(line);
				else if (line[0] === "*") this.#begin(line);
				else this.#args = inline(line);
			}
			if (this.#missing === 0 && this.#args.length > 0) return this.#finish();
		}
	}

	#begin(line: string): void {
		// -1 and 0 are no command at all.
		this.#missing = Math.max(0, numberIn(line, MAX_ARGS));
	}

	#expect(line: string): void {
		if (line[0] !== "$") throw new Error(`expected '$', got '${line[0]}'`);
		this.#length = numberIn(line, MAX_BYTES);
		this.#bytes += this.#length + ARG_BYTES;
		if (this.#length < 0) throw new Error("invalid bulk length");
		if (this.#bytes > MAX_BYTES) throw new Error("too big a command");
	}

	#bulk(buffer: RingBuffer): Buffer {
		const arg = buffer.read(this.#length);
		if (buffer.peekUint16() !== CRLF) throw new Error("expected CRLF");
		buffer.retrieve(2);
		this.#length = -1;
		this.#missing--;
		return arg;
	}

	/** A line without its end, if it is there. */
	#line(buffer: RingBuffer): string | undefined {
		const end = buffer.indexOf(LF, this.#searched);
		this.#searched = end < 0 ? buffer.length : 0;
		if (Math.max(end, this.#searched) > MAX_LINE) {
			throw new Error("too big inline request");
		}
		if (end < 0) return undefined;
		const line = buffer.read(end + 1).toString("latin1", 0, end);
		return line.replace(/\r$/, "");
	}

	#finish(): Buffer[] {
		const args = this.#args;
		this.#args = [];
		this.#bytes = 0;
		return args;
	}
}

function inline(line: string): Buffer[] {
	const words = line.split(" ").filter((word) => word !== "");
	return words.map((word) => Buffer.from(word, "latin1"));
}

function numberIn(line: string, max: number): number {
	const value = /^.-?\d{1,15}$/.test(line) ? Number(line.slice(1)) : Number.NaN;
	if (!(value <= max)) throw new Error("invalid length");
	return value;
}

function write(parts: (string | Buffer)[], reply: Reply, version: 2 | 3): void {
	if (typeof reply === "string") {
		parts.push(`$${Buffer.byteLength(reply)}\r\n${reply}\r\n`);
	} else if (Buffer.isBuffer(reply)) {
		parts.push(`$${reply.length}\r\n`, reply, "\r\n");
	} else if (reply === null) {
		parts.push(version === 3 ? "_\r\n" : "$-1\r\n");
	} else if (typeof reply === "number" || typeof reply === "bigint") {
		parts.push(`:${reply}\r\n`);
	} else if (reply instanceof Simple) {
		parts.push(`+${oneLine(reply.text)}\r\n`);
	} else if (reply instanceof Failure) {
		parts.push(`-${oneLine(reply.text)}\r\n`);
	} else if (reply instanceof Map) {
		const items = [...reply].flat();
		parts.push(version === 3 ? `%${reply.size}\r\n` : `*${items.length}\r\n`);
		for (const item of items) write(parts, item, version);
	} else {
		const items = reply instanceof Push ? reply.items : reply;
		const isPush = reply instanceof Push && version === 3;
		parts.push(`${isPush ? ">" : "*"}${items.length}\r\n`);
		for (const item of items) write(parts, item, version);
	}
}

function bytesOf(part: string | Buffer): Buffer {
	return typeof part === "string" ? Buffer.from(part) : part;
}

/** What a client has sent must not end a line of ours. */
function oneLine(text: string): string {
	return text.replace(/[\r\n]+/g, " ");
}

const LF = 0x0a;
const CRLF = 0x0d0a;
const MAX_LINE = 64 * 1024;
const MAX_ARGS = 1024 * 1024;
/** What an argument takes besides its bytes. */
const ARG_BYTES = 64;
/** Of all arguments of a command together. */
export const MAX_BYTES = 8 * 1024 * 1024;
