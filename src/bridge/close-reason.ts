import type { CloseCause } from "./records.js";

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
