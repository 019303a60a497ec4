import { connect, type Socket } from "node:net";
import type { Protocol } from "gev";
import {
	BINARY,
	CLOSE,
	closeFrame,
	frame,
	PING,
	PONG,
	TEXT,
	UPGRADE,
} from "../kit/frames.js";
import { reset } from "../kit/reset.js";
import { framed, Pieces } from "./letters.js";

export interface PeerOptions {
	port: number;
	protocol: Protocol["name"];
	/** Writes each byte by itself. */
	byteByByte?: boolean;
	/** Reads so many bytes at a time. */
	readBytes?: number;
}

/** How a connection has ended, as its client sees it. */
export interface Ending {
	/** The server has ended its side in an orderly way. */
	fin: boolean;
	/** What the socket says of an end that was none. */
	error?: string;
	/** The server's close frame. */
	close?: { code: number; reason: string };
}

/** A connection that has ended where more was to come. */
export class Lost extends Error {}

/** A client of the behavioural suite: sends letters, and has those that come back. */
export class Peer {
	readonly ended: Promise<Ending>;
	/** Its own port. */
	port = 0;
	/** It has left with {@link reset}. */
	hasReset = false;
	readonly #socket: Socket;
	readonly #options: PeerOptions;
	readonly #pieces = new Pieces();
	readonly #letters: Buffer[] = [];
	#wake = () => {};
	#isUpgraded: boolean;
	#ending: Ending | undefined;
	/** The server has sent what it must not. */
	#fault: unknown;
	#close: Ending["close"];
	#saidGoodbye = false;
	#sentEnd = false;
	#writing: Promise<void> = Promise.resolve();

	private constructor(socket: Socket, options: PeerOptions) {
		this.#socket = socket;
		this.#options = options;
		this.#isUpgraded = options.protocol === "raw";
		let fin = false;
		let error: string | undefined;
		socket.on("end", () => {
			fin = true;
			this.endSending();
		});
		socket.on("error", ({ message }) => {
			error = message;
		});
		this.ended = new Promise((resolve) => {
			socket.on("close", () => {
				this.#ending = {
					fin: fin && error === undefined,
					...(error !== undefined && { error }),
					...(this.#close !== undefined && { close: this.#close }),
				};
				resolve(this.#ending);
				this.#wake();
			});
		});
	}

	/** A connected client, its handshake under way. @throws (rejects) {@link Lost} when it does not come about. */
	static async connect(options: PeerOptions): Promise<Peer> {
		const { port, protocol, readBytes } = options;
		let peer: Peer | undefined;
		const take = (bytes: Buffer) => peer?.received(bytes);
		const socket = connect({
			port,
			host: "127.0.0.1",
			noDelay: true,
			allowHalfOpen: true,
			...(readBytes !== undefined && {
				onread: {
					buffer: Buffer.alloc(readBytes),
					callback(count: number, buffer: Uint8Array) {
						take(Buffer.from(buffer.subarray(0, count)));
						return true;
					},
				},
			}),
		});
		peer = new Peer(socket, options);
		if (readBytes === undefined) socket.on("data", take);
		const connected = new Promise<void>((resolve) =>
			socket.once("connect", resolve),
		);
		await Promise.race([connected, peer.ended]);
		if (peer.#ending !== undefined) throw new Lost("not connected");
		peer.port = socket.localPort ?? 0;
		if (protocol === "websocket") peer.#write(UPGRADE);
		return peer;
	}

	/** Nothing can be sent any more. */
	get isDone(): boolean {
		return this.#sentEnd || this.#ending !== undefined;
	}

	/** Sends a letter; in a WebSocket as text or as binary. */
	send(letter: Buffer | string, text = false): void {
		const bytes = Buffer.from(letter);
		this.#write(
			this.#isRaw ? framed(bytes) : frame(text ? TEXT : BINARY, bytes),
		);
	}

	/** Something that changes nothing, but makes the server's socket say that it is there. */
	nudge(): void {
		if (this.isDone) return;
		if (this.#isRaw) this.send("N");
		else this.#write(frame(PONG));
	}

	/** The first bytes of a letter that never comes to its end. */
	sendPart(letter: Buffer, count: number): void {
		const whole = this.#isRaw ? framed(letter) : frame(BINARY, letter);
		this.#write(whole.subarray(0, count));
	}

	/** Bytes that are no letter by themselves, or as many as are made already. */
	sendBytes(bytes: string | Buffer): void {
		this.#write(bytes);
	}

	/** The next letter. @throws (rejects) {@link Lost} when the connection has ended and none is left. */
	async receive(): Promise<Buffer> {
		for (;;) {
			if (this.#fault !== undefined) throw this.#fault;
			const letter = this.#letters.shift();
			if (letter !== undefined) return letter;
			if (this.#ending !== undefined) {
				throw new Lost(`ended: ${JSON.stringify(this.#ending)}`);
			}
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
	}

	/** Letters that nobody has taken. */
	get waiting(): number {
		return this.#letters.length;
	}

	/** Says goodbye in a WebSocket; nothing in raw TCP, whose goodbye is the end. */
	sayGoodbye(code = 1000, reason = ""): void {
		if (this.#isRaw || this.#saidGoodbye) return;
		this.#saidGoodbye = true;
		this.#write(closeFrame(code, reason));
	}

	/** Ends this side behind everything that was sent. */
	endSending(): void {
		if (this.#sentEnd) return;
		this.#sentEnd = true;
		this.#writing = this.#writing.then(() => void this.#socket.end());
	}

	/** Leaves as one does. */
	async leave(): Promise<void> {
		this.sayGoodbye();
		if (this.#isRaw) this.endSending();
		await this.finished();
	}

	/** When the server has ended its side as the protocol wants it. @throws (rejects) {@link Lost} when it has not. */
	async finished(): Promise<Ending> {
		const ending = await this.ended;
		const isTold = this.#isRaw || ending.close !== undefined;
		if (!ending.fin || !isTold) {
			throw new Lost(`ended: ${JSON.stringify(ending)}`);
		}
		return ending;
	}

	/** Leaves with RST, whatever is under way. */
	reset(): void {
		this.hasReset = true;
		reset(this.#socket);
	}

	pause(): void {
		this.#socket.pause();
	}

	resume(): void {
		this.#socket.resume();
	}

	received(bytes: Buffer): void {
		this.#pieces.push(bytes);
		try {
			if (!this.#isUpgraded) this.#readHead();
			if (this.#isUpgraded) {
				while (this.#isRaw ? this.#readLetter() : this.#readFrame());
			}
		} catch (error) {
			this.#fault ??= error;
		}
		this.#wake();
	}

	get #isRaw(): boolean {
		return this.#options.protocol === "raw";
	}

	#write(bytes: Buffer | string): void {
		if (this.isDone) return;
		if (!this.#options.byteByByte) {
			this.#writing = this.#writing.then(() => void this.#socket.write(bytes));
			return;
		}
		this.#writing = this.#writing.then(async () => {
			for (const byte of Buffer.from(bytes)) {
				if (!this.#socket.writable) return;
				// An end of the connection is told elsewhere.
				await new Promise<unknown>((done) =>
					this.#socket.write(Buffer.of(byte), done),
				);
			}
		});
	}

	#readHead(): void {
		const all = this.#pieces.peek(this.#pieces.length) as Buffer;
		const end = all.indexOf("\r\n\r\n");
		if (end < 0) return;
		const head = (this.#pieces.take(end + 4) as Buffer).toString("latin1");
		if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
		this.#isUpgraded = true;
	}

	#readLetter(): boolean {
		const letter = this.#pieces.takeLetter();
		if (letter !== undefined) this.#letters.push(letter);
		return letter !== undefined;
	}

	/** One frame of the server, which sends no fragments unless it is told to. */
	#readFrame(): boolean {
		const [first = 0, second = 0] = this.#pieces.peek(2) ?? [];
		const size = second === 126 ? 4 : second === 127 ? 10 : 2;
		const head = this.#pieces.peek(size);
		if (head === undefined) return false;
		let length = second;
		if (size === 4) length = head.readUInt16BE(2);
		if (size === 10) length = Number(head.readBigUInt64BE(2));
		if (this.#pieces.length < size + length) return false;
		this.#pieces.take(size);
		this.#frame(first, this.#pieces.take(length) as Buffer);
		return true;
	}

	#frame(first: number, payload: Buffer): void {
		switch (first) {
			case 0x80 | TEXT:
			case 0x80 | BINARY:
				this.#letters.push(payload);
				return;
			case 0x80 | PING:
				this.#write(frame(PONG, payload));
				return;
			case 0x80 | PONG:
				return;
			case 0x80 | CLOSE:
				this.#close = {
					code: payload.length < 2 ? 1005 : payload.readUInt16BE(),
					reason: payload.subarray(2).toString(),
				};
				this.sayGoodbye(this.#close.code);
				return;
			default:
				throw new Error(`a frame that begins with ${first}`);
		}
	}
}
