import { now } from "./base/clock.js";
import { quantile } from "./histogram.js";
import type { PoolWorker } from "./pool-worker.js";
import { ServerCounts } from "./server-counts.js";
import type { ServerStats, WorkerPoolStats } from "./stats.js";

/** What a pool counts from its first start on. */
export class PoolCounts {
	failures = 0;
	#starts = 0;
	#startedAt = 0;
	/** Those that have served and not ended. */
	readonly #workers = new Set<PoolWorker>();
	/** What those have come to that have ended, by their index. */
	readonly #past: (ServerStats | undefined)[] = [];

	started(): void {
		this.#starts++;
		this.#startedAt = now();
	}

	/** A worker serves. */
	add(worker: PoolWorker): void {
		this.#workers.add(worker);
		void worker.exited.then(() => {
			this.#workers.delete(worker);
			const { index, heard } = worker;
			if (heard === undefined) return;
			this.#past[index] = sum([this.#past[index], past(heard)]);
		});
	}

	/** Asks all workers; who does not answer is known by what was heard last. */
	async ask(): Promise<void> {
		await Promise.all([...this.#workers].map((worker) => worker.ask()));
	}

	/** All of it, as far as it was heard. */
	stats(
		state: ServerStats["state"],
		current: readonly (ServerStats | undefined)[],
		acceptErrors: number,
	): WorkerPoolStats {
		const runs = state === "running" || state === "stopping";
		const workers = [...this.#workers];
		const byIndex = Array.from(
			{ length: Math.max(this.#past.length, current.length) },
			(_, index) => {
				const mine = workers.filter((worker) => worker.index === index);
				return sum([this.#past[index], ...mine.map(({ heard }) => heard)]);
			},
		);
		const nothing = past(new ServerCounts().stats(state, [], 0, 0));
		const all = sum([
			nothing,
			...byIndex.map((it) => it && { ...it, loops: [] }),
		]) as ServerStats;
		const { handlerSeconds, utilization } = all.script;
		return {
			...all,
			state,
			uptimeSeconds: runs ? (now() - this.#startedAt) / 1000 : 0,
			starts: this.#starts,
			connections: { ...all.connections, acceptErrors },
			loops: byIndex.flatMap((it, worker) =>
				(it?.loops ?? []).map((loop) => ({ worker, ...loop })),
			),
			script: {
				...all.script,
				utilization: utilization / Math.max(1, workers.length),
				handlerP50Seconds: quantile(handlerSeconds, 0.5),
				handlerP99Seconds: quantile(handlerSeconds, 0.99),
			},
			workers: current,
			failures: this.failures,
		};
	}
}

/** What stays of a worker that has ended. */
function past(stats: ServerStats): ServerStats {
	const text = JSON.stringify(stats, (key, value) => {
		if (!NOW.has(key) || typeof value === "object") return value;
		return typeof value === "number" ? 0 : false;
	});
	return JSON.parse(text);
}

/** Members that are no counts. */
const NOW = new Set([
	...["open", "connections", "running", "utilization", "bufferedBytes"],
	...["eventQueueBytes", "eventQueueCapacityBytes"],
]);

function sum(
	all: readonly (ServerStats | undefined)[],
): ServerStats | undefined {
	return all.reduce((one, other) =>
		one && other ? (added(one, other) as ServerStats) : (one ?? other),
	);
}

/** The same with the sums of numbers; what only one has is as it is there. */
function added(one: object, other: object): object {
	const entries = Object.entries({ ...one, ...other }).map(([key, last]) => {
		const first: unknown = one[key as never];
		const isInBoth = key in one && key in other;
		if (!isInBoth || key === "index" || key === "bounds") return [key, last];
		if (typeof last === "number") return [key, last + Number(first)];
		if (typeof last === "boolean") return [key, last || first];
		if (typeof last !== "object" || last === null) return [key, last];
		return [key, added(first as object, last)];
	});
	return Array.isArray(one)
		? entries.map(([, value]) => value)
		: Object.fromEntries(entries);
}
