import type { MemoryBudget } from "../bridge/memory-budget.js";
import type { InboxLimits } from "./inbox.js";

/** What the connections of a server have in common: its options, and what its handler has. */
export interface ConnectionSettings extends InboxLimits {
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
