import type { Addresses } from "./addresses.js";
import type { CloseReason } from "./close-reason.js";
import type { CommandQueue } from "./command-queue.js";
import type { Fragment } from "./fragment.js";
import type { FrameError } from "./frame-error.js";
import type { MemoryBudget } from "./memory-budget.js";
import type { PartsHolder } from "./message-pool.js";
import type { FrameFault } from "./records.js";

/** What an event loop needs of those around it, and they of it. */

/** What a loop needs of its server. */
export interface LoopServer<Connection> {
	readonly dispatcher: LoopCalls<Connection>;
	readonly memory: MemoryBudget;
	/** Makes a connection; {@link connectionOpened} follows, when the loop knows it. */
	connection(place: Place, details: OpeningDetails): Connection;
	connectionOpened(connection: Connection): void;
	/** A connection has ended, and what it has brought waits for the handler. */
	connectionLingers(connection: Connection): void;
	/** A connection has ended, and everything that it has brought is delivered. */
	connectionEnded(connection: Connection, reason: CloseReason): void;
	/** Makes a request, whose head consists of these lines; {@link asked} follows, when the loop knows it. */
	request(
		place: Omit<Place, "loop"> & { commands: CommandQueue },
		isUpgrade: boolean,
		lines: string,
		addresses: Addresses,
	): LoopRequest;
	asked(request: LoopRequest): void;
	/** A handshake has come to nothing. */
	handshakeRefused(
		addresses: Addresses,
		status: number | undefined,
		reason: string,
	): void;
	/** Something was wrong with a frame. */
	frameFailed(fault: FrameFault): void;
	/**
	 * Which loop a new connection is for: the loop's index, or undefined for the one with the fewest. `connections` are those of
	 * each loop without the latest `waiting` ones that were asked about. Never throws.
	 */
	loopFor(
		addresses: Addresses,
		waiting: number,
		connections: readonly number[],
	): number | undefined;
	/** A loop has ended; it has failed if there is a message. */
	loopEnded(message: string): void;
}

/** What a loop has called: of the handler, in its turn. What is called for a connection, it says itself. */
export interface LoopCalls<Connection> {
	/** Who is called sees events where they are, if the loop can show them. */
	readonly borrows: boolean;
	/** How long a frame may take, in milliseconds; 0 for no limit. */
	readonly frameTimeoutMs: number;
	readonly takesMessages: boolean;
	/** Messages that do not come as a whole are wanted in fragments. */
	readonly takesFragments: boolean;
	message(connection: Connection, message: string | Buffer): void;
	/** A message of text, as bytes. */
	textBytes(connection: Connection, text: Buffer): void;
	fragment(connection: Connection, data: Buffer, fragment: Fragment): void;
	ping(connection: Connection, data: Buffer): void;
	pong(connection: Connection, data: Buffer): void;
	/** Something is wrong with a frame. */
	frameFailed(connection: Connection, error: FrameError): void;
	/** The peer has said goodbye. */
	peerEnded(connection: Connection): void;
	/** The server is stopping, and nothing more will come. */
	mustEnd(connection: Connection): void;
	/** What was to be called could not be, or has thrown. */
	handlerFailed(error: unknown, connection: Connection): void;
	/** Something has gone wrong that belongs to no connection. */
	failed(error: unknown): void;
}

/** A connection, as far as its loop is concerned. */
export interface LoopConnection extends PartsHolder {
	/** Who is called for it. */
	readonly calls: LoopCalls<this>;
	readonly slot: number;
	readonly generation: number;
	readonly connected: boolean;
	/** What arrives now has to wait. */
	readonly holds: boolean;
	/** No more output waits in the loop than it was to be told of. */
	drained(): void;
	/** What somebody waits for has been handed to the kernel. */
	wasSent(): void;
	/** The protocol that it was to speak is spoken from here on. */
	switched(): void;
	/** So much of what was sent has been dropped on this side. */
	uncount(bytes: number): void;
	/** The native connection is no more. */
	gone(): void;
	/** Calls `tell` when everything that has arrived has been delivered. */
	whenDelivered(tell: () => void): void;
}

/** A request, from when the handler is asked about it until its connection is open or gone. */
export interface LoopRequest {
	/** Context of the connection, if one comes about. */
	readonly context: unknown;
	/** The client is gone. */
	ended(reason: CloseReason): void;
}

/** What a new connection is told about itself. */
export interface OpeningDetails {
	addresses: Addresses;
	subprotocol: string;
	extensions: string;
	context: unknown;
}

/** How often messages that were sent met too many that wait. */
export interface SendCounts {
	congested: number;
	dropped: number;
}

/** Where a connection lives. */
export interface Place {
	readonly loop: LoopOfConnection;
	readonly slot: number;
	readonly generation: number;
}

/** A loop, as far as its connections are concerned. */
export interface LoopOfConnection {
	readonly index: number;
	readonly commands: CommandQueue;
	/** Connections by slot. */
	readonly connections: readonly unknown[];
	readonly sends: SendCounts;
	/** One of a connection's gauges. */
	gauge(slot: number, gauge: number): number;
}
