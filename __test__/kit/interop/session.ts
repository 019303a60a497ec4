import { Queue } from "../queue.js";

/** What the checks use of a WebSocket as browsers have it. */
export interface Socket {
	binaryType: string;
	readonly protocol: string;
	readonly extensions: string;
	send(data: string | Uint8Array<ArrayBuffer>): void;
	close(code?: number, reason?: string): void;
	addEventListener(type: string, listener: (event: object) => void): void;
}

/** How a close was told to the client. */
export interface Closed {
	code: number;
	reason: string;
	wasClean: boolean;
}

type Happening =
	| { kind: "open" }
	| { kind: "message"; data: string | ArrayBuffer }
	| { kind: "close"; closed: Closed };

/** A client's connection, whose events are awaited in their order. Whatever comes instead of the awaited is an error. */
export class Session {
	readonly socket: Socket;
	readonly #happenings = new Queue<Happening>();

	/** @param socket - one that has just begun to connect. */
	constructor(socket: Socket) {
		this.socket = socket;
		const happenings = this.#happenings;
		socket.binaryType = "arraybuffer";
		socket.addEventListener("open", () => happenings.push({ kind: "open" }));
		socket.addEventListener("message", (event) => {
			const { data } = event as { data: string | ArrayBuffer };
			happenings.push({ kind: "message", data });
		});
		socket.addEventListener("close", (event) => {
			happenings.push({ kind: "close", closed: event as Closed });
		});
		// A close follows and tells as much.
		socket.addEventListener("error", () => {});
	}

	/** Waits for the handshake. */
	async opened(): Promise<void> {
		await this.#next("open");
	}

	/** The next message. */
	async message(): Promise<string | ArrayBuffer> {
		return (await this.#next("message")).data;
	}

	/** The end, before which no message may come. */
	async closed(): Promise<Closed> {
		return (await this.#next("close")).closed;
	}

	/** The answer to a command, or to any other text. */
	async ask(text: string): Promise<string | ArrayBuffer> {
		this.socket.send(text);
		return this.message();
	}

	async #next<Kind extends Happening["kind"]>(
		kind: Kind,
	): Promise<Extract<Happening, { kind: Kind }>> {
		const next = await this.#happenings.next();
		if (next.kind !== kind) throw new Error(`${told(next)}, not ${kind}`);
		return next as Extract<Happening, { kind: Kind }>;
	}
}

function told(happening: Happening): string {
	switch (happening.kind) {
		case "open":
			return "open";
		case "message":
			return `message of ${typeof happening.data}`;
		case "close":
			return `closed with ${happening.closed.code} ${happening.closed.reason}`;
	}
}
