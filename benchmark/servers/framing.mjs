/**
 * Framing by hand, as careful programs on sockets of Node.js or Bun have it: bytes are copied only when a message is not there
 * as a whole, and nothing is copied twice however small the pieces are that come. Each class is one connection's: `push` takes
 * what was read and returns the answers to the messages in it, and `frames` writes answers, one or several. What throws is
 * no such protocol.
 */
/**
 * @typedef {object} Framed
 * @property {(chunk: Buffer) => (Buffer | string)[]} push
 * @property {(answers: (Buffer | string)[]) => Buffer | string} frames
 */

/** Beginnings of what has not come as a whole. */
class Kept {
	/** @type {Buffer[]} */
	#parts = [];
	length = 0;

	/** @param {Buffer} part */
	keep(part) {
		if (part.length === 0) return;
		this.#parts.push(part);
		this.length += part.length;
		if (this.length > maxBytes) throw new Error("a message is too long");
	}

	/**
	 * All that was kept, and this; nothing is kept then.
	 *
	 * @param {Buffer} chunk
	 */
	join(chunk) {
		if (this.length === 0) return chunk;
		this.keep(chunk);
		const all = Buffer.concat(this.#parts, this.length);
		this.#parts = [];
		this.length = 0;
		return all;
	}
}

/** @implements {Framed} */
class LengthPrefixed {
	#kept = new Kept();
	/** Bytes without which there is no message. */
	#needed = headerBytes;
	#answer;

	/** @param {(message: Buffer) => Buffer} answer */
	constructor(answer) {
		this.#answer = answer;
	}

	push(chunk) {
		if (this.#kept.length + chunk.length < this.#needed) {
			this.#kept.keep(chunk);
			return [];
		}
		const bytes = this.#kept.join(chunk);
		const answers = [];
		let at = 0;
		this.#needed = headerBytes;
		while (bytes.length - at >= headerBytes) {
			const length = bytes.readUInt32BE(at);
			if (length > maxBytes) throw new Error("a message is too long");
			const end = at + headerBytes + length;
			if (end > bytes.length) {
				this.#needed = headerBytes + length;
				break;
			}
			answers.push(this.#answer(bytes.subarray(at + headerBytes, end)));
			at = end;
		}
		this.#kept.keep(bytes.subarray(at));
		return answers;
	}

	frames(messages) {
		let total = 0;
		for (const { length } of messages) total += headerBytes + length;
		const bytes = Buffer.allocUnsafe(total);
		let at = 0;
		for (const message of messages) {
			bytes.writeUInt32BE(message.length, at);
			bytes.set(message, at + headerBytes);
			at += headerBytes + message.length;
		}
		return bytes;
	}
}

/** @implements {Framed} */
class Lines {
	#kept = new Kept();
	#answer;

	/** @param {(line: string) => string} answer */
	constructor(answer) {
		this.#answer = answer;
	}

	push(chunk) {
		const end = chunk.lastIndexOf(0x0a);
		if (end === -1) {
			this.#kept.keep(chunk);
			return [];
		}
		const text = this.#kept.join(chunk.subarray(0, end)).toString();
		this.#kept.keep(chunk.subarray(end + 1));
		return text.split("\n").map((line) => {
			return this.#answer(line.endsWith("\r") ? line.slice(0, -1) : line);
		});
	}

	frames(lines) {
		let text = "";
		for (const line of lines) text += `${line}\n`;
		return text;
	}
}

/** @implements {Framed} */
class Jt808 {
	#kept = new Kept();
	#answer;

	/** @param {(message: Buffer) => Buffer} answer */
	constructor(answer) {
		this.#answer = answer;
	}

	push(chunk) {
		if (!chunk.includes(flag)) {
			this.#kept.keep(chunk);
			return [];
		}
		const bytes = this.#kept.join(chunk);
		const answers = [];
		let start = bytes.indexOf(flag);
		while (start !== -1) {
			const end = bytes.indexOf(flag, start + 1);
			if (end === -1) break;
			// Two flags in a row end one frame and begin another.
			if (end > start + 1) {
				answers.push(this.#answer(unescaped(bytes.subarray(start + 1, end))));
				start = bytes.indexOf(flag, end + 1);
			} else start = end;
		}
		if (start !== -1) this.#kept.keep(bytes.subarray(start));
		return answers;
	}

	frames(messages) {
		return escaped(messages);
	}
}

/** The message in a frame without its flags. */
function unescaped(frame) {
	let message = frame;
	if (frame.includes(escapeByte)) {
		message = Buffer.allocUnsafe(frame.length);
		let length = 0;
		for (let index = 0; index < frame.length; index++) {
			let byte = frame[index];
			if (byte === escapeByte) byte = frame[++index] === 1 ? escapeByte : flag;
			message[length++] = byte;
		}
		message = message.subarray(0, length);
	}
	let check = 0;
	for (let index = 0; index < message.length; index++) check ^= message[index];
	if (check !== 0) throw new Error("a check byte is wrong");
	return message.subarray(0, -1);
}

/** The frames of messages. */
function escaped(messages) {
	let most = 0;
	for (const { length } of messages) most += 2 * length + 4;
	const bytes = Buffer.allocUnsafe(most);
	let at = 0;
	for (const message of messages) {
		bytes[at++] = flag;
		let check = 0;
		for (let index = 0; index <= message.length; index++) {
			const byte = index < message.length ? message[index] : check;
			check ^= byte;
			if (byte === flag || byte === escapeByte) {
				bytes[at++] = escapeByte;
				bytes[at++] = byte === flag ? 2 : 1;
			} else bytes[at++] = byte;
		}
		bytes[at++] = flag;
	}
	return bytes.subarray(0, at);
}

/**
 * What a connection is given, by the name of its framing, for a server that sends back what it gets, and answers PING. What is
 * one's own in gev has the same frames as what has a length in front.
 *
 * @param {string} name
 * @returns {Promise<() => Framed>}
 */
export async function framingOf(name) {
	if (name === "resp") return (await import("./resp-framing.mjs")).newResp;
	if (name === "lines") return () => new Lines(same);
	if (name === "jt808") return () => new Jt808(same);
	return () => new LengthPrefixed(same);
}

function same(message) {
	return message;
}

const headerBytes = 4;
const maxBytes = 1024 * 1024;
const flag = 0x7e;
const escapeByte = 0x7d;
