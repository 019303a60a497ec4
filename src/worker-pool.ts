import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import * as check from "./base/check.js";
import { clearTimeout, now, setTimeout } from "./base/clock.js";
import { asError, GevError } from "./base/errors.js";
import { crypto } from "./base/node-modules.js";
import { metricsText } from "./metrics.js";
import { MetricsServer } from "./metrics-server.js";
import { PoolCounts } from "./pool-counts.js";
import { PoolWorker, runPoolWorker, type WorkerSetup } from "./pool-worker.js";
import { type ListenAddress, ServerCore } from "./server-core.js";
import type { WorkerPoolStats } from "./stats.js";
import { STOP_OPTIONS, type StopOptions, type StopResult } from "./stop.js";
import {
	type CheckedPoolOptions,
	checkPoolOptions,
	type WorkerPoolOptions,
} from "./worker-pool-options.js";

/** A place in the pool, and who has it. */
interface Place {
	readonly index: number;
	worker: PoolWorker | undefined;
	/** Its replacement, until that is ready. */
	next: PoolWorker | undefined;
	timer: NodeJS.Timeout | undefined;
	/** Failures in a row. */
	failures: number;
	/** When the worker got its first connections. */
	since: number;
}

/**
 * Serves one port with several threads of JavaScript, so that handlers run on every core: a `Server` in each of some
 * `node:worker_threads`, and connections dealt to the one that has the fewest.
 *
 * The file exports, as default, a {@link Server} that is not started, or a function that makes one, and is told which worker
 * it is for ({@link PoolWorkerInfo}). Where it listens, and by how many loops, is not the server's affair there. A worker that
 * dies, by an exception, `process.exit()`, a limit of its memory or a failure of its event loop, costs its own connections, and
 * is replaced.
 *
 * @example
 * ```ts
 * // echo.js: export default new Server({ onMessage: (_, message) => message }, { protocol: webSocket() });
 * const pool = new WorkerPool(new URL("./echo.js", import.meta.url), { workers: 4, port: 8080 });
 * await pool.start();
 * ```
 */
export class WorkerPool {
	readonly #file: string;
	readonly #options: CheckedPoolOptions;
	#state: "idle" | "starting" | "running" | "stopping" = "idle";
	#places: Place[] = [];
	#acceptor: ServerCore;
	#number = 0;
	#address: ListenAddress | undefined;
	#keepsAlive = true;
	readonly #counts = new PoolCounts();
	#metrics: MetricsServer | undefined;
	#stopped: Promise<StopResult> | undefined;
	/** The restart that is under way. */
	#restart: Promise<void> | undefined;

	/**
	 * Checks everything but the file, and starts nothing.
	 *
	 * @param file - URL, or path, of the module that exports the server.
	 * @throws {@link GevError} `ERR_GEV_OPTION`.
	 */
	constructor(file: string | URL, options: WorkerPoolOptions = {}) {
		this.#file =
			file instanceof URL
				? file.href
				: pathToFileURL(resolve(check.text("file", file))).href;
		this.#options = checkPoolOptions(options);
		const { host, port, path, reusePort, socket } = this.#options;
		const where = { host, port, path, reusePort, socket };
		this.#acceptor = new ServerCore(
			this,
			{ onMessage: () => {}, onError: (error: Error) => this.#failed(error) },
			{ ...where, loops: 1, threads: true, limits: { maxConnections: 1 } },
		);
	}

	/** Where the pool listens; undefined when it does not run. */
	get address(): ListenAddress | undefined {
		return this.#address;
	}

	/**
	 * Starts all workers, and listens when each of them can serve.
	 *
	 * @throws (rejects with) {@link GevError} `ERR_GEV_WORKER` when a worker's file cannot be loaded, or exports no server:
	 * `cause` says why; `ERR_GEV_STATE` when the pool runs already; or as `Server.start`. Nothing is left of it then.
	 */
	async start(): Promise<ListenAddress> {
		if (this.#state !== "idle") {
			const message = `start() needs a pool that is not ${this.#state}`;
			throw new GevError("ERR_GEV_STATE", message);
		}
		this.#state = "starting";
		this.#number = crypto().randomInt(1, 2 ** 32);
		this.#places = Array.from(
			{ length: this.#options.workers },
			(_, index) => ({
				index,
				worker: undefined,
				next: undefined,
				timer: undefined,
				failures: 0,
				since: 0,
			}),
		);
		try {
			await this.#startMetrics();
			await settled(this.#places.map((place) => this.#replace(place)));
			this.#acceptor.takePart(
				{ accepts: this.#number, joins: undefined, member: undefined },
				true,
			);
			this.#acceptor.hold(this.#keepsAlive);
			this.#address = await this.#acceptor.start();
		} catch (error) {
			await this.#terminate();
			this.#state = "idle";
			throw error;
		}
		this.#counts.started();
		this.#state = "running";
		return this.#address;
	}

	/**
	 * Stops listening, then every worker's server as `Server.stop` does, all at the same time, and ends the workers.
	 *
	 * @returns how connections ended that were open, of all workers.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_OPTION` for a wrong option, `ERR_GEV_STATE` while it is starting.
	 */
	async stop(options: StopOptions = {}): Promise<StopResult> {
		const { timeoutMs } = STOP_OPTIONS.check(options);
		if (this.#state === "starting") {
			const message = "stop() needs a pool that is not starting";
			throw new GevError("ERR_GEV_STATE", message);
		}
		if (this.#state === "running") {
			this.#state = "stopping";
			this.#stopped = this.#stop(options, timeoutMs);
		}
		return (await this.#stopped) ?? { closed: 0, cut: 0 };
	}

	async #stop(options: StopOptions, timeoutMs: number): Promise<StopResult> {
		const deadline = now() + timeoutMs;
		await this.#acceptor.stop({ timeoutMs });
		const left = Math.max(0, Math.floor(deadline - now()));
		const sum = { closed: 0, cut: 0 };
		const stops = this.#places.map(async (place) => {
			clearTimeout(place.timer);
			await place.next?.terminate();
			const stop = { ...options, timeoutMs: left };
			const result = await place.worker?.stop(stop, left);
			sum.closed += result?.closed ?? 0;
			sum.cut += result?.cut ?? 0;
		});
		await Promise.all(stops);
		await this.#terminate();
		this.#address = undefined;
		this.#state = "idle";
		return sum;
	}

	/** {@link stop} with its defaults, for `await using`. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	/**
	 * Replaces the workers, one after the other: each by one that serves already, and then stops as by {@link stop} with these
	 * options. There is no moment at which nobody accepts. While it runs, later calls wait for the first.
	 *
	 * @throws (rejects with) {@link GevError} `ERR_GEV_STATE` when the pool does not run, or is stopped meanwhile;
	 * `ERR_GEV_WORKER` when a new worker fails: those that have not been replaced stay.
	 */
	async restart(options: StopOptions = {}): Promise<void> {
		const { timeoutMs } = STOP_OPTIONS.check(options);
		this.#restart ??= this.#restartAll(options, timeoutMs).finally(() => {
			this.#restart = undefined;
		});
		return this.#restart;
	}

	async #restartAll(options: StopOptions, timeoutMs: number): Promise<void> {
		for (const place of [...this.#places]) {
			this.#needRunning();
			clearTimeout(place.timer);
			// A replacement of one that has failed is as new as can be.
			if (place.next !== undefined) continue;
			const before = place.worker;
			try {
				await this.#replace(place);
			} catch (error) {
				this.#mend(place);
				throw error;
			}
			// It may be too busy to hear of it.
			before?.dismiss();
			await before?.stop(options, timeoutMs);
		}
		this.#needRunning();
	}

	#needRunning(): void {
		if (this.#state === "running") return;
		throw new GevError("ERR_GEV_STATE", "restart() needs a pool that runs");
	}

	/**
	 * Asks every worker, and sums up what all have done since the first start. Other than `Server.stats` it waits: a second at
	 * most, for one that hangs, which then counts as it was heard last.
	 */
	async stats(): Promise<WorkerPoolStats> {
		await this.#counts.ask();
		const current = this.#places.map(({ worker }) => worker?.heard);
		const { acceptErrors } = this.#acceptor.stats().connections;
		return this.#counts.stats(this.#state, current, acceptErrors);
	}

	/** What {@link stats} says, when it does, as `Server.metrics` has it. */
	async metrics(): Promise<string> {
		return metricsText(await this.stats());
	}

	/** Where the option `metrics` has the pool listen; `undefined` when it does not. */
	get metricsAddress(): ListenAddress | undefined {
		return this.#metrics?.address;
	}

	async #startMetrics(): Promise<void> {
		const { metrics } = this.#options;
		if (metrics === undefined) return;
		const isRunning = () => this.#state === "running";
		const stats = () => this.stats();
		this.#metrics = await MetricsServer.start(metrics, { isRunning, stats });
	}

	/** While it runs, the pool keeps the process alive; this is so from the beginning. */
	ref(): this {
		return this.#hold(true);
	}

	/** The pool does not keep the process alive by itself. */
	unref(): this {
		return this.#hold(false);
	}

	#hold(keepsAlive: boolean): this {
		this.#keepsAlive = keepsAlive;
		this.#acceptor.hold(keepsAlive);
		for (const { worker, next } of this.#places) {
			worker?.hold(keepsAlive);
			next?.hold(keepsAlive);
		}
		return this;
	}

	/** Starts a worker for a place, which has it once it is ready. */
	async #replace(place: Place): Promise<void> {
		const setup: WorkerSetup = {
			file: this.#file,
			pool: this.#number,
			index: place.index,
			count: this.#options.workers,
			threads: this.#options.threads,
		};
		const worker = new PoolWorker(setup, this.#options);
		place.next = worker;
		worker.hold(this.#keepsAlive);
		try {
			await worker.ready;
		} catch (thrown) {
			await worker.terminate();
			throw loadError(this.#file, asError(thrown));
		} finally {
			if (place.next === worker) place.next = undefined;
		}
		place.worker = worker;
		this.#counts.add(worker);
		place.since = now();
		void worker.exited.then((code) => this.#exited(place, worker, code));
	}

	/** A worker is no more: a place that it still has needs another one. */
	#exited(place: Place, worker: PoolWorker, exitCode: number): void {
		if (place.worker !== worker) return;
		place.worker = undefined;
		if (this.#state === "stopping" || this.#state === "idle") return;
		this.#counts.failures++;
		const served = now() - place.since;
		if (served >= this.#options.maxRestartDelayMs) place.failures = 0;
		const restartsInMs = this.#replaceLater(place);
		const { error } = worker;
		const exit = { index: place.index, exitCode, restartsInMs };
		this.#tell(() =>
			this.#options.onWorkerExit?.({ ...exit, ...(error && { error }) }),
		);
	}

	#replaceLater(place: Place): number {
		const { restartDelayMs, maxRestartDelayMs } = this.#options;
		const delay = restartDelayMs * 2 ** Math.min(place.failures++, 31);
		const delayMs = Math.min(delay, maxRestartDelayMs);
		clearTimeout(place.timer);
		const replace = () => {
			// A restart has been faster, and mends the place if it fails.
			if (place.worker !== undefined || place.next !== undefined) return;
			this.#replace(place).catch((error) => {
				if (this.#mend(place)) this.#failed(error);
			});
		};
		place.timer = setTimeout(replace, delayMs);
		return delayMs;
	}

	/** A replacement has failed: if the place is empty now, another one is due. False when the pool ends. */
	#mend(place: Place): boolean {
		if (this.#state === "stopping" || !this.#places.includes(place)) {
			return false;
		}
		if (place.worker === undefined) this.#replaceLater(place);
		return true;
	}

	#failed(error: Error): void {
		const { onError } = this.#options;
		if (onError === undefined) process.emitWarning(error);
		else this.#tell(() => onError(error));
	}

	/** What a callback throws is nobody's but the process's, and does not stop the pool. */
	#tell(call: () => void): void {
		try {
			call();
		} catch (error) {
			process.emitWarning(asError(error));
		}
	}

	async #terminate(): Promise<void> {
		this.#metrics?.stop();
		this.#metrics = undefined;
		const places = this.#places;
		this.#places = [];
		for (const { timer } of places) clearTimeout(timer);
		const workers = places.flatMap(({ worker, next }) => [worker, next]);
		// Nobody replaces them.
		for (const place of places) place.worker = undefined;
		await Promise.all(workers.map((worker) => worker?.terminate()));
	}

	/** @internal Begins a worker of a pool: for the program that one is started with. */
	static run(setup: WorkerSetup): void {
		runPoolWorker(setup);
	}
}

/** Waits for all of them, then rejects as the first that did. */
async function settled(promises: Promise<void>[]): Promise<void> {
	await Promise.allSettled(promises);
	await Promise.all(promises);
}

function loadError(file: string, cause: Error): GevError {
	const message = `a worker of ${file} cannot serve: ${cause.message}`;
	return new GevError("ERR_GEV_WORKER", message, { cause });
}
