import type { MemoryBudget } from "../bridge/memory-budget.js";
import type { InboxLimits } from "./inbox.js";

/** What the connections of a server have in common that speak one protocol: options, and what their handler has. */
export interface ConnectionSettings extends InboxLimits {
	/** The loop waits behind each message until it is handled. Then connections are `serial` too. */
	stepwise: boolean;
	/** Handlers see events where they are, if the loop can show them. */
	borrows: boolean;
	/** How long a frame may take, in milliseconds; 0 for no limit. */
	frameTimeoutMs: number;
	highWaterMarkBytes: number;
	lowWaterMarkBytes: number;
	maxBufferedBytes: number;
	overflow: "close" | "drop-newest" | "drop-oldest";
	/** The handler has `onDrain`. */
	tellsDrain: boolean;
	/** A peer's goodbye is nothing but the end of what it sends: raw TCP. */
	endsByFin: boolean;
	allowHalfOpen: boolean;
	/** Throws what is wrong with what is to be sent (text, or so many bytes), if anything can be. */
	checkSend: ((data: string | Uint8Array, length: number) => void) | undefined;
	/** What all of them keep on this side. */
	memory: MemoryBudget;
}
