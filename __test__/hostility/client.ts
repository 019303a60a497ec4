import { connect, type Socket } from "node:net";
import WebSocket from "ws";
import { reset } from "../kit/reset.js";
import { type Account, SLOW } from "./account.js";
import type { Answer } from "./answers.js";
import type { Ledger } from "./ledger.js";
import { own } from "./memory.js";

/** Who connects to the server, with code that knows nothing of the server's. */
export interface Client {
	readonly name: string;
	/** Not there as long as it is connecting. */
	readonly account: Account | undefined;
	/** It can say something. */
	readonly isOpen: boolean;
	/** It is gone. */
	readonly isGone: boolean;
	readonly reads: boolean;
	/** What `onUpgrade` gives for the connection's context. */
	readonly context: unknown;
	say(bytes: Buffer, text: boolean): void;
	/** Says one message in several pieces. */
	sayInPieces(pieces: Buffer[], text: boolean): void;
	ping(data: Buffer): void;
	/** Leaves as the protocol wants it. */
	leave(): void;
	/** Leaves with RST. */
	reset(): void;
	pause(): void;
	resume(): void;
	/** Says what the protocol does not know. */
	babble(): void;
}

/** What clients of both protocols have in common. */
abstract class Guest implements Client {
	account: Account | undefined;
	isGone = false;
	reads = true;
	context: unknown = undefined;
	abstract readonly isOpen: boolean;
	protected abstract readonly socket: Socket | undefined;

	constructor(
		readonly name: string,
		protected readonly ledger: Ledger,
	) {}

	abstract say(bytes: Buffer, text: boolean): void;
	abstract sayInPieces(pieces: Buffer[], text: boolean): void;
	abstract ping(data: Buffer): void;
	abstract leave(): void;
	abstract babble(): void;

	reset(): void {
		this.cut("a reset");
		if (this.socket) reset(this.socket);
	}

	pause(): void {
		this.cut(SLOW);
		this.reads = false;
	}

	resume(): void {
		this.reads = true;
	}

	protected cut(why: string): void {
		this.account?.cut(why);
	}

	protected arrived(port: number): Account {
		this.account = this.ledger.arrived(port, this);
		return this.account;
	}

	protected left(): void {
		if (this.isGone) return;
		this.isGone = true;
		this.account?.left();
		this.ledger.left(this);
	}
}

/** A client of raw TCP. */
export class RawClient extends Guest {
	protected readonly socket: Socket;
	isOpen = false;

	constructor(name: string, ledger: Ledger, port: number) {
		super(name, ledger);
		// Node.js reads what is inherited too.
		const socket = connect(
			own({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true }),
		);
		this.socket = socket;
		socket.on("connect", () => {
			this.isOpen = true;
			this.arrived(socket.localPort ?? 0);
		});
		socket.on("data", (bytes: Buffer) => this.account?.out.stream(bytes));
		socket.on("end", () => {
			this.isOpen = false;
			socket.end();
		});
		// What it means is judged by what `onClose` says.
		socket.on("error", () => {});
		socket.on("close", () => {
			this.isOpen = false;
			this.left();
		});
	}

	say(bytes: Buffer): void {
		this.account?.in.owe({ bytes, text: false, mayMiss: false });
		this.socket.write(bytes);
	}

	sayInPieces(pieces: Buffer[]): void {
		for (const piece of pieces) this.say(piece);
	}

	ping(): void {}

	leave(): void {
		this.isOpen = false;
		this.socket.end();
	}

	override pause(): void {
		super.pause();
		this.socket.pause();
	}

	override resume(): void {
		super.resume();
		this.socket.resume();
	}

	babble(): void {}
}

/** A client made with `ws`, which judges every frame that it gets. */
export class WebSocketClient extends Guest {
	readonly #web: WebSocket;

	constructor(
		name: string,
		ledger: Ledger,
		url: string,
		{ status, context, mayFail }: Answer,
		deflate: boolean,
	) {
		super(name, ledger);
		const { stops } = ledger;
		this.context = context;
		const web = new WebSocket(url, ["letters"], {
			perMessageDeflate: deflate && { threshold: 0 },
			maxPayload: 0,
		});
		this.#web = web;
		web.on("open", () => {
			if (status !== 101) ledger.unexpected(`${name} was let in`);
			this.arrived(this.socket?.localPort ?? 0);
		});
		web.on("message", (data: Buffer, isBinary) =>
			this.account?.out.message(data, !isBinary),
		);
		web.on("ping", (data) => this.account?.pinged(data));
		web.on("unexpected-response", (request, response) => {
			request.destroy();
			const got = response.statusCode ?? 0;
			const isExpected = got === status || (got === 500 && mayFail);
			if (!isExpected) ledger.refused(this, got, stops);
			this.left();
		});
		web.on("error", (error) => this.#failed(error));
		web.on("close", (_code, reason) => {
			this.account?.judgeGoodbye(reason.toString());
			this.left();
		});
	}

	get isOpen(): boolean {
		return this.#web.readyState === WebSocket.OPEN;
	}

	protected get socket(): Socket | undefined {
		return (this.#web as unknown as { _socket?: Socket })._socket;
	}

	say(bytes: Buffer, text: boolean): void {
		this.account?.in.owe({ bytes, text, mayMiss: false });
		this.#web.send(bytes, { binary: !text });
	}

	sayInPieces(pieces: Buffer[], text: boolean): void {
		const bytes = Buffer.concat(pieces);
		this.account?.in.owe({ bytes, text, mayMiss: false });
		for (const [at, piece] of pieces.entries()) {
			const fin = at === pieces.length - 1;
			this.#web.send(piece, { binary: !text, fin });
		}
	}

	ping(data: Buffer): void {
		this.account?.clientPings.push(data);
		this.#web.ping(data);
	}

	leave(): void {
		this.#web.close(4000, "leaving");
	}

	override pause(): void {
		super.pause();
		this.#web.pause();
	}

	override resume(): void {
		super.resume();
		this.#web.resume();
	}

	babble(): void {
		this.cut("a frame that is none");
		this.socket?.write(Buffer.from([0xff, 0xff, 1, 2, 3, 4]));
	}

	/** `ws` says so when a frame is not as RFC 6455 wants it. */
	#failed(error: Error & { code?: string }): void {
		if (error.code?.startsWith("WS_ERR_")) {
			this.ledger.unexpected(
				`the client of ${this.account?.name} got what is no frame: ${error.message}`,
			);
		}
	}
}
