import type { CloseReason, Connection } from "gev";
import type { Writer } from "../behaviour/letters.js";
import { Arrivals, describe, type Owed } from "./arrivals.js";
import type { Client } from "./client.js";
import type { Verdict } from "./verdict.js";

/** What holds for all connections of a server. */
export interface Terms {
	verdict: Verdict;
	writer: Writer;
	isRaw: boolean;
	/** The server may drop messages that it has taken: `overflow: "drop-oldest"`. */
	dropsOldest: boolean;
	/** A handler has written over memory that it borrowed: what has arrived may be anything, and loops may fail. */
	isScorched: boolean;
}

/** Why a connection may end without all that was sent to it. */
export const SLOW = "a client that does not read";

/**
 * One connection, seen from both ends: what was given to the server for it and what has come out at the client, and the
 * other way round. Each letter has the connection's name, its number and a checksum.
 */
export class Account {
	readonly name: string;
	/** The server's end, from `onConnect` on. */
	connection: Connection | undefined;
	client: Client | undefined;
	/** Nothing can be sent any more: this side has said so. */
	isEnding = false;
	/** `send()` has said Congested, and `onDrain` is to follow. */
	awaitsDrain = false;
	/** A message was dropped with its first fragment, and so are the fragments that follow. */
	isDropping = false;
	/** So many times `send()` has said what became of a message. */
	said = 0;
	/** From the server to the client. */
	readonly out: Arrivals;
	/** From the client to the server. */
	readonly in: Arrivals;
	/** Pings of the server, as their client gets them. */
	readonly pings: Buffer[] = [];
	/** Pings of the client, as `onPing` gets them. */
	readonly clientPings: Buffer[] = [];

	readonly #terms: Terms;
	/** Why the connection may end without a goodbye, or without all that was sent. */
	#cutBy: string | undefined;
	#letters = 0;
	/** A message whose fragments are under way. */
	#open: { text: boolean; pieces: Buffer[] } | undefined;
	#reason: CloseReason | undefined;
	#clientLeft = false;
	#pongsSeen = 0;
	#pingsSeen = 0;
	#clientPingsSeen = 0;

	constructor(id: number, terms: Terms) {
		this.name = `c${id}`;
		this.#terms = terms;
		const { verdict, isRaw } = terms;
		this.out = new Arrivals(`at the client of ${this.name}`, verdict, isRaw);
		this.in = new Arrivals(`in onMessage of ${this.name}`, verdict, isRaw);
	}

	/** `onClose` was called. */
	get isClosed(): boolean {
		return this.#reason !== undefined;
	}

	/** Both ends are gone. */
	get isOver(): boolean {
		const isServerDone = this.isClosed || this.connection === undefined;
		return isServerDone && (this.#clientLeft || this.client === undefined);
	}

	/** The server can send, as far as this side knows. */
	get isOpen(): boolean {
		const { connection } = this;
		return connection?.connected === true && !this.isEnding && !this.isClosed;
	}

	/** A message is under way in fragments. */
	get isInsideMessage(): boolean {
		return this.#open !== undefined;
	}

	/** It may end without a goodbye, or without all that was sent. */
	get isCut(): boolean {
		return this.#cutBy !== undefined;
	}

	/** Something was done after which the connection may end so. */
	cut(why: string): void {
		if (this.#cutBy === undefined || this.#cutBy === SLOW) this.#cutBy = why;
	}

	/** A letter that is to be sent to this connection. */
	letter(size: number): Buffer {
		return this.#terms.writer.letter(this.name, ++this.#letters, size);
	}

	/** The server has taken a message, or a fragment of one. `mayMiss`: perhaps. */
	took(bytes: Buffer, text: boolean, fin = true, mayMiss = false): void {
		const own = Buffer.from(bytes);
		if (this.#terms.isRaw || (this.#open === undefined && fin)) {
			this.#owe({ bytes: own, text, mayMiss });
			return;
		}
		this.#open ??= { text, pieces: [] };
		this.#open.pieces.push(own);
		if (!fin) return;
		const { pieces } = this.#open;
		const message = { bytes: Buffer.concat(pieces), text: this.#open.text };
		this.#open = undefined;
		this.#owe({ ...message, mayMiss });
	}

	/** The server was promised a message, which may be overtaken by others. */
	promised(bytes: Buffer, text: boolean): void {
		this.out.oweAnyTime({ bytes: Buffer.from(bytes), text, mayMiss: true });
	}

	/** The client has got a ping. */
	pinged(data: Buffer): void {
		const { pings } = this;
		this.#pingsSeen = this.#seen(
			"a ping at the client",
			pings,
			this.#pingsSeen,
			data,
		);
	}

	/** `onPong` was called. */
	ponged(data: Buffer): void {
		this.#pongsSeen = this.#seen("onPong", this.pings, this.#pongsSeen, data);
	}

	/** `onPing` was called. */
	heardPing(data: Buffer): void {
		const { clientPings } = this;
		this.#clientPingsSeen = this.#seen(
			"onPing",
			clientPings,
			this.#clientPingsSeen,
			data,
		);
	}

	/** `onClose` was called. */
	closed(reason: CloseReason): void {
		if (this.isClosed) this.#find("onClose twice");
		this.#reason = reason;
		if (reason.cause === "internal" && !this.#terms.isScorched) {
			this.#find(`closed: ${reason.reason}`);
		}
		if (reason.cause === "limit") this.cut("the limit");
		if (this.#clientLeft) this.#judgeEnd();
	}

	/** The client's end is gone. */
	left(): void {
		this.#clientLeft = true;
		if (this.isClosed) this.#judgeEnd();
	}

	/** What has not come to rest of a connection that goes on, or has not ended of one that does not; in words. */
	unquiet(): string | undefined {
		const { connection, client } = this;
		if (this.isOver || connection === undefined) return undefined;
		if (!connection.connected) {
			return this.isClosed ? "its client is not gone" : "no onClose";
		}
		if (client?.isOpen !== true || this.isEnding) return undefined;
		const { writeBufferLength } = connection;
		if (writeBufferLength !== 0) return `${writeBufferLength} bytes wait`;
		if (this.awaitsDrain) return "no onDrain";
		return this.out.lacking() ?? this.in.lacking();
	}

	/** Everything has arrived, so that nothing of the past is an excuse any more. */
	rests(): void {
		if (this.#cutBy === SLOW && this.client?.reads) this.#cutBy = undefined;
	}

	/** Both ends are known: what `onUpgrade` has given has to be with the right one. */
	paired(): void {
		const { connection, client } = this;
		if (connection?.context !== client?.context) {
			this.#find(`has the context of another than ${client?.name}`);
		}
	}

	/** Whether a close frame is one for this client: a reason that names a connection has to name this one. */
	judgeGoodbye(reason: string): void {
		if (/^c\d+ /.test(reason) && !reason.startsWith(`${this.name} `)) {
			this.#find(`the client was told "${reason}"`);
		}
	}

	#owe(owed: Owed): void {
		const mayMiss = owed.mayMiss || this.#terms.dropsOldest;
		this.out.owe({ ...owed, mayMiss });
	}

	/** What has arrived of a list, where some may be missing but none is changed or comes before its turn. */
	#seen(where: string, sent: Buffer[], from: number, data: Buffer): number {
		const at = sent.findIndex((bytes, at) => at >= from && bytes.equals(data));
		if (at < 0 && !this.#terms.isScorched) {
			this.#find(`${where} got ${describe(data)}, which was not sent`);
			return from;
		}
		return Math.max(at + 1, from);
	}

	#judgeEnd(): void {
		const reason = this.#reason as CloseReason;
		if (this.#terms.isScorched) return;
		if (!reason.wasClean) {
			if (!this.isCut) {
				this.#find(`ended for no reason: ${JSON.stringify(reason)}`);
			}
			return;
		}
		if (this.isCut) return;
		const missing = this.out.missing();
		if (missing !== undefined) {
			this.#find(`a clean end without ${describe(missing)}`);
		}
	}

	#find(what: string): void {
		this.#terms.verdict.find(`${this.name}: ${what}`);
	}
}
