import type { CloseCause, FrameFault } from "./bridge/records.js";

/**
 * What a server has done and does now, as plain JSON: `Server.stats()` makes one. Counts go on over stops and starts of
 * the server; what is "now" is 0 while it does not run.
 */
export interface ServerStats {
	/** What the server does: nothing, start, run or stop. */
	readonly state: "idle" | "starting" | "running" | "stopping";
	/** Since its last start; 0 when it does not run. */
	readonly uptimeSeconds: number;
	/** How often it has been started. */
	readonly starts: number;
	readonly connections: ConnectionStats;
	readonly handshakes: HandshakeStats;
	/** What has come from all peers. */
	readonly received: TrafficStats;
	/** Frames of WebSocket that have come, by opcode. */
	readonly frames: Readonly<Record<FrameOpcode, number>>;
	/** What has gone to all peers. */
	readonly sent: TrafficStats;
	readonly sends: SendStats;
	/** Frames with which something was wrong, by what it was. */
	readonly frameErrors: Readonly<Record<FrameFault, number>>;
	/** Bytes that all connections hold now, in and out: see `Server.heldBytes`. */
	readonly bufferedBytes: number;
	/** The event loops that run; after a stop those that have run last, until the next start. */
	readonly loops: readonly LoopStats[];
	readonly script: ScriptStats;
}

/** What a frame of WebSocket is: RFC 6455 section 5.2. */
export type FrameOpcode =
	| "continuation"
	| "text"
	| "binary"
	| "close"
	| "ping"
	| "pong";

/**
 * What all workers of a pool have come to together: sums, but for `script.utilization`, which is the mean. `state`,
 * `uptimeSeconds` and `starts` are the pool's own; `loops` has one of each worker. What a worker that has died had counted
 * stays, as far as it was heard.
 */
export interface WorkerPoolStats extends ServerStats {
	/** Each worker's own, by its index; undefined for one that has just ended, or begun. */
	readonly workers: readonly (ServerStats | undefined)[];
	/** Workers that have ended without being asked to, since the first start. */
	readonly failures: number;
}

/** Why a connection was closed as soon as it was accepted. */
export type RefusalReason =
	/** `limits.maxConnections` */
	| "maxConnections"
	/** `limits.maxConnectionsPerAddress` */
	| "maxConnectionsPerAddress"
	/** `limits.maxConnectionRatePerAddress` */
	| "maxConnectionRatePerAddress";

/** Connections of a server. */
export interface ConnectionStats {
	/** Open now, as far as handlers have been told. */
	readonly open: number;
	/** Taken from the system, whatever became of them. */
	readonly accepted: number;
	/** Of these, such as were closed at once, by why. */
	readonly refused: Readonly<Record<RefusalReason, number>>;
	/** Those that were open and are no more, by what started the end. */
	readonly closed: Readonly<Record<CloseCause, number>>;
	/** Of these, such as have said goodbye as the protocol wants it. */
	readonly closedCleanly: number;
	/** How often the system would not let a loop accept, for want of file descriptors, say. */
	readonly acceptErrors: number;
}

/** What comes before a connection is open: of WebSocket a handshake, elsewhere nothing to speak of. */
export interface HandshakeStats {
	/** Connections that were opened. */
	readonly opened: number;
	/**
	 * Those that came to nothing, by the status of the response (`"400"`, `"403"` ...), `"none"` where there was none. A
	 * status that has not come about is not there.
	 */
	readonly failed: Readonly<Record<string, number>>;
}

/** What has gone one way. */
export interface TrafficStats {
	/** Bytes that sockets have given or taken, with framing and as they were compressed. */
	readonly bytes: number;
	/** Whole messages. Those sent count when a loop has taken them. */
	readonly messages: number;
}

/** How often what the application sent met too much that waited: `sent.messages` has what was taken. */
export interface SendStats {
	/** `SendStatus.Congested` */
	readonly congested: number;
	/** `SendStatus.Dropped` */
	readonly dropped: number;
}

/** One event loop, since its start. */
export interface LoopStats {
	/** Position in the server's list. */
	readonly index: number;
	/** In a pool the worker that has it: counts go on when that is replaced. */
	readonly worker?: number;
	/** False when it has ended, by a stop or because it has failed. */
	readonly running: boolean;
	/** Connections that it has now. */
	readonly connections: number;
	/** Taken from the system by this loop; it may have dealt them out to others. */
	readonly accepted: number;
	readonly received: TrafficStats;
	readonly sent: TrafficStats;
	/** How often it has looked for something to do. */
	readonly turns: number;
	/** How long it has been at work, as one turn in eight tells, which is timed. */
	readonly busySeconds: number;
	/** How long the turns took that were timed. */
	readonly turnSeconds: Histogram;
	/** How late it came to timers that were due. */
	readonly timerLagSeconds: Histogram;
	/** How long it could not deliver, and so read nothing, because its event queue was full: JavaScript was at work elsewhere. */
	readonly blockedSeconds: number;
	/** Bytes of events that wait for JavaScript now. */
	readonly eventQueueBytes: number;
	/** How many JavaScript found when it looked. */
	readonly eventQueueDepthBytes: Histogram;
	/** Of which there is room for so many. */
	readonly eventQueueCapacityBytes: number;
}

/** The thread of the handlers. */
export interface ScriptStats {
	/** How often it has looked through the event queues. */
	readonly drains: number;
	/** How long that took, with all that handlers do without waiting, as one drain in 32 tells, which is timed. */
	readonly busySeconds: number;
	/**
	 * Share of its time that the whole thread was at work, from the server's first start on: 0 to 1. 0 where the runtime does
	 * not tell.
	 */
	readonly utilization: number;
	/** How long one event took, with what a handler does without waiting: the first event of each drain that was timed. */
	readonly handlerSeconds: Histogram;
	/** Half of them took at most so long. */
	readonly handlerP50Seconds: number;
	/** All but one in a hundred took at most so long. */
	readonly handlerP99Seconds: number;
}

/** How often something was how long, or how much, in the unit that its name has. */
export interface Histogram {
	/** Upper bounds in ascending order; what is more than the last is in `count` alone. */
	readonly bounds: readonly number[];
	/** How many were more than the bound before, and at most this one. */
	readonly counts: readonly number[];
	/** All of them. */
	readonly count: number;
	/** What they come to together. */
	readonly sum: number;
}
