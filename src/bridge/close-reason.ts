/** What started the end of a connection. */
export type CloseCause =
	/** The peer closed, or went away. */
	| "peer"
	/** `close()` or `destroy()` was called. */
	| "local"
	/** The peer broke the rules of the protocol. */
	| "protocol"
	/**
	 * A limit was exceeded, such as `maxMessageBytes` or `timeouts.maxLifetimeMs`, or that for all connections:
	 * `limits.maxMemoryBytes`.
	 */
	| "limit"
	/** The socket failed. */
	| "reset"
	/** The peer did not finish the handshake or the close, or did not answer a ping, in time. */
	| "timeout"
	/** A handler threw. */
	| "handler"
	/** The server was stopped. */
	| "stop"
	/** The event loop failed: a bug in gev. */
	| "internal"
	/** Nothing was received or sent for longer than `timeouts.idleMs`. */
	| "idle"
	/** The peer has taken nothing of what was sent to it for `timeouts.writeStallMs`. */
	| "stalled";

/** How a connection ended. */
export interface CloseReason {
	/**
	 * The WebSocket close code that decided (RFC 6455 section 7.4): the peer's, or ours if we closed first. 1005 when there
	 * was none (for raw TCP: the ordinary case), 1006 when the connection ended without a goodbye.
	 */
	readonly code: number;
	/** The text that came with the code, or what is known of a failure; often empty. */
	readonly reason: string;
	/** What started the end. */
	readonly cause: CloseCause;
	/** True when both sides have said goodbye as the protocol wants it. */
	readonly wasClean: boolean;
}

/** Causes by the number that they have in close events: the order of `CloseCause` in `crates/reactor`. */
export const CLOSE_CAUSES: readonly CloseCause[] = [
	"peer",
	"local",
	"protocol",
	"limit",
	"reset",
	"timeout",
	"handler",
	"stop",
	"internal",
	"idle",
	"stalled",
];
