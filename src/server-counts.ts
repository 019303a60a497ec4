import { now } from "./base/clock.js";
import type { CloseReason } from "./bridge/close-reason.js";
import type { EventLoop } from "./bridge/event-loop.js";
import {
	CLOSE_CAUSES,
	type CloseCause,
	COUNTER_ACCEPT_ERRORS,
	COUNTER_ACCEPTED,
	COUNTER_BLOCKED_NANOSECONDS,
	COUNTER_FRAMES_CONTINUATION,
	COUNTER_LATE_LONGER,
	COUNTER_LATE_NANOSECONDS,
	COUNTER_LATE_TO256_US,
	COUNTER_RECEIVED_BYTES,
	COUNTER_RECEIVED_MESSAGES,
	COUNTER_REFUSED_BY_RATE,
	COUNTER_REFUSED_OF_ADDRESS,
	COUNTER_REFUSED_OF_ALL,
	COUNTER_SENT_BYTES,
	COUNTER_SENT_MESSAGES,
	COUNTER_TIMED_LONGER,
	COUNTER_TIMED_NANOSECONDS,
	COUNTER_TIMED_TO4_US,
	COUNTER_TURNS,
	FRAME_FAULTS,
	type FrameFault,
	TURNS_PER_TIMED,
} from "./bridge/records.js";
import { quantile, TimeHistogram } from "./histogram.js";
import type {
	FrameOpcode,
	Histogram,
	LoopStats,
	ScriptStats,
	ServerStats,
	TrafficStats,
} from "./stats.js";

/**
 * What a server counts from its first start on. The counts of loops are in their memory, and are added up here when they
 * end.
 */
export class ServerCounts {
	/** Drains so far. */
	drains = 0;
	/** How long the first event of drains took. */
	readonly handlerTimes = new TimeHistogram(1e-6, 2, 24);
	/** How long the timed drains took, in milliseconds. */
	#timedDrainsMs = 0;
	#starts = 0;
	#startedAt = 0;
	#opened = 0;
	#closedCleanly = 0;
	readonly #closed = zeros<CloseCause>(CLOSE_CAUSES);
	readonly #faults = zeros<FrameFault>(FRAME_FAULTS);
	readonly #failed = new Map<string, number>();
	/** What loops that are no more have counted, by the positions of their counters. */
	readonly #past = new Float64Array(COUNTER_TIMED_LONGER + 1);
	readonly #pastSends = { congested: 0, dropped: 0 };
	/** The loops of the last run, as they ended. */
	#ended: readonly LoopStats[] = [];
	#utilization: EventLoopUtilization | undefined;

	started(): void {
		this.#starts++;
		this.#startedAt = now();
		this.#utilization ??= performance.eventLoopUtilization?.();
	}

	opened(): void {
		this.#opened++;
	}

	closed({ cause, wasClean }: CloseReason): void {
		this.#closed[cause]++;
		if (wasClean) this.#closedCleanly++;
	}

	handshakeFailed(status: number | undefined): void {
		const key = status === undefined ? "none" : String(status);
		this.#failed.set(key, (this.#failed.get(key) ?? 0) + 1);
	}

	frameFailed(fault: FrameFault): void {
		this.#faults[fault]++;
	}

	/** A drain that was timed has ended. */
	timed(beginMs: number): void {
		this.#timedDrainsMs += now() - beginMs;
	}

	/** Loops have ended: what they have counted stays. */
	keep(loops: readonly EventLoop[], queueBytes: number): void {
		this.#ended = loops.map((loop) => loopStats(loop, queueBytes));
		for (const loop of loops) {
			for (const index of this.#past.keys()) {
				(this.#past[index] as number) += loop.counter(index);
			}
			this.#pastSends.congested += loop.sends.congested;
			this.#pastSends.dropped += loop.sends.dropped;
		}
	}

	/** All of it, with what `loops` have counted. */
	stats(
		state: ServerStats["state"],
		loops: readonly EventLoop[],
		queueBytes: number,
		bufferedBytes: number,
	): ServerStats {
		const all = (counter: number) =>
			loops.reduce(
				(sum, loop) => sum + loop.counter(counter),
				this.#past[counter] as number,
			);
		const sends = { ...this.#pastSends };
		for (const loop of loops) {
			sends.congested += loop.sends.congested;
			sends.dropped += loop.sends.dropped;
		}
		const runs = loops.length > 0;
		return {
			state,
			uptimeSeconds: runs ? (now() - this.#startedAt) / 1000 : 0,
			starts: this.#starts,
			connections: {
				open: loops.reduce((sum, loop) => sum + loop.connectionCount, 0),
				accepted: all(COUNTER_ACCEPTED),
				refused: {
					maxConnections: all(COUNTER_REFUSED_OF_ALL),
					maxConnectionsPerAddress: all(COUNTER_REFUSED_OF_ADDRESS),
					maxConnectionRatePerAddress: all(COUNTER_REFUSED_BY_RATE),
				},
				closed: { ...this.#closed },
				closedCleanly: this.#closedCleanly,
				acceptErrors: all(COUNTER_ACCEPT_ERRORS),
			},
			handshakes: {
				opened: this.#opened,
				failed: Object.fromEntries(this.#failed),
			},
			...traffic(all),
			frames: framesOf(all),
			sends,
			frameErrors: { ...this.#faults },
			bufferedBytes,
			loops: runs
				? loops.map((loop) => loopStats(loop, queueBytes))
				: this.#ended,
			script: this.#script(),
		};
	}

	#script(): ScriptStats {
		const handlerSeconds = this.handlerTimes.snapshot();
		const utilization = performance.eventLoopUtilization?.(this.#utilization);
		return {
			drains: this.drains,
			busySeconds: (this.#timedDrainsMs / 1000) * DRAINS_PER_TIMED,
			utilization: utilization?.utilization ?? 0,
			handlerSeconds,
			handlerP50Seconds: quantile(handlerSeconds, 0.5),
			handlerP99Seconds: quantile(handlerSeconds, 0.99),
		};
	}
}

/** One drain in so many is timed. */
export const DRAINS_PER_TIMED = 32;

type EventLoopUtilization = ReturnType<typeof performance.eventLoopUtilization>;

function loopStats(loop: EventLoop, queueBytes: number): LoopStats {
	const count = (counter: number) => loop.counter(counter);
	const turnSeconds = times(
		count,
		COUNTER_TIMED_TO4_US,
		COUNTER_TIMED_LONGER,
		4e-6,
		COUNTER_TIMED_NANOSECONDS,
	);
	return {
		index: loop.index,
		running: !loop.stopped,
		connections: loop.connectionCount,
		accepted: count(COUNTER_ACCEPTED),
		...traffic(count),
		turns: count(COUNTER_TURNS),
		busySeconds: turnSeconds.sum * TURNS_PER_TIMED,
		turnSeconds,
		timerLagSeconds: times(
			count,
			COUNTER_LATE_TO256_US,
			COUNTER_LATE_LONGER,
			256e-6,
			COUNTER_LATE_NANOSECONDS,
		),
		blockedSeconds: count(COUNTER_BLOCKED_NANOSECONDS) / 1e9,
		eventQueueBytes: loop.eventQueueBytes,
		eventQueueDepthBytes: depths(loop.eventQueueDepths),
		eventQueueCapacityBytes: queueBytes,
	};
}

function traffic(count: (counter: number) => number): {
	received: TrafficStats;
	sent: TrafficStats;
} {
	return {
		received: {
			bytes: count(COUNTER_RECEIVED_BYTES),
			messages: count(COUNTER_RECEIVED_MESSAGES),
		},
		sent: {
			bytes: count(COUNTER_SENT_BYTES),
			messages: count(COUNTER_SENT_MESSAGES),
		},
	};
}

/** The rows of `counter.rs` from `FramesContinuation` on. */
function framesOf(count: (counter: number) => number): ServerStats["frames"] {
	const names = OPCODES.map(
		(name, row) => [name, count(COUNTER_FRAMES_CONTINUATION + row)] as const,
	);
	return Object.fromEntries(names) as ServerStats["frames"];
}

const OPCODES: readonly FrameOpcode[] = [
	"continuation",
	"text",
	"binary",
	"close",
	"ping",
	"pong",
];

/** The rows of `counter.rs` from `begin` up to `longer`, whose first bound is so many seconds. */
function times(
	count: (counter: number) => number,
	begin: number,
	longer: number,
	first: number,
	nanoseconds: number,
): Histogram {
	const counts = Array.from({ length: longer - begin }, (_, row) =>
		count(begin + row),
	);
	return {
		bounds: counts.map((_, row) => Math.round(first * 4 ** row * 1e6) / 1e6),
		counts,
		count: counts.reduce((sum, one) => sum + one, count(longer)),
		sum: count(nanoseconds) / 1e9,
	};
}

/** Of an event queue. No record is smaller than 16 bytes; from 16 MiB on it is all the same. */
function depths(found: Float64Array): Histogram {
	const counts = [...found.subarray(2, 13)];
	return {
		bounds: counts.map((_, row) => 16 * 4 ** row),
		counts,
		count: found.subarray(0, -1).reduce((sum, one) => sum + one),
		sum: found.at(-1) as number,
	};
}

function zeros<Name extends string>(
	names: readonly Name[],
): Record<Name, number> {
	return Object.fromEntries(names.map((name) => [name, 0])) as Record<
		Name,
		number
	>;
}
