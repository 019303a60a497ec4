import type { MessagePort, Worker } from "node:worker_threads";
import { dismiss } from "#binding";
import { clearTimeout, setTimeout } from "./base/clock.js";
import { asError, GevError } from "./base/errors.js";
import { workerThreads } from "./base/node-modules.js";
import { MAX_MS } from "./base/option-table.js";
import { shareMemory } from "./options.js";
import { coreOf, type Server } from "./server.js";
import type { ServerCore } from "./server-core.js";
import type { ServerStats } from "./stats.js";
import type { StopOptions, StopResult } from "./stop.js";
import type { CheckedPoolOptions } from "./worker-pool-options.js";

/** A worker of a pool: the main side of it, and what runs in it. They talk by a channel of their own. */

/** @internal What a worker is told when it starts, as part of its program. */
export interface WorkerSetup {
	/** URL of the module that exports the server. */
	file: string;
	/** Number of the pool. */
	pool: number;
	index: number;
	count: number;
	threads: boolean;
}

/** What a function is told that makes the server of a worker. */
export interface PoolWorkerInfo {
	/** Which worker of the pool it is, from 0 on. A replacement has the index of the one before. */
	readonly index: number;
	/** How many the pool has. */
	readonly workers: number;
}

type ToWorker = { stop: StopOptions } | { stats: true };

type FromWorker =
	| { ready: true }
	| { failed: unknown }
	/** The native loop has failed, and with it all connections are gone. */
	| { lost: string }
	| { stopped: StopResult }
	| { stats: ServerStats };

/** @internal One run of a worker, from its start to its exit. */
export class PoolWorker {
	readonly index: number;
	/** Fulfilled when its server gets connections; rejected when it ends before. */
	readonly ready: Promise<void>;
	/** Fulfilled with the exit code; never rejected. */
	readonly exited: Promise<number>;
	/** The exception that has ended it. */
	error: Error | undefined;
	readonly #worker: Worker;
	readonly #pool: number;
	readonly #port: MessagePort;
	/** What it has come to, as far as it has told. */
	heard: ServerStats | undefined;
	/** Those who have asked for that: undefined while no answer is due. */
	#askers: Set<() => void> | undefined;
	/** Those who have asked meanwhile, and want an answer of their own. */
	#next = new Set<() => void>();
	/** Nothing is said any more. */
	#isClosed = false;
	#result: StopResult = { closed: 0, cut: 0 };
	#stopped: Promise<StopResult> | undefined;
	#told: (() => void) | undefined;

	constructor(setup: WorkerSetup, options: CheckedPoolOptions) {
		this.index = setup.index;
		this.#pool = setup.pool;
		const { workerData, resourceLimits, env } = options;
		const { MessageChannel, Worker } = workerThreads();
		this.#worker = new Worker(programOf(setup), {
			eval: true,
			name: `gev-worker-${setup.index}`,
			workerData,
			...(resourceLimits && { resourceLimits: { ...resourceLimits } }),
			...(env && { env }),
		});
		const { port1, port2 } = new MessageChannel();
		this.#port = port1;
		this.#worker.postMessage(port2, [port2]);
		this.#worker.on("error", (error) => {
			this.error = asError(error);
		});
		this.exited = new Promise((resolve) => {
			this.#worker.once("exit", resolve);
		});
		this.ready = this.#whenReady();
		// Listening has taken a reference.
		port1.unref();
	}

	#whenReady(): Promise<void> {
		return new Promise((resolve, reject) => {
			const hear = (message: FromWorker) => {
				if ("ready" in message) resolve();
				else if ("failed" in message) reject(asError(message.failed));
				else this.#heard(message);
			};
			this.#port.on("message", hear);
			void this.exited.then((code) => {
				// What it has said before it ended comes first.
				for (const message of unread(this.#port)) hear(message);
				reject(this.error ?? new Error(`it exited with code ${code}`));
				this.#close();
			});
		});
	}

	#heard(message: Exclude<FromWorker, { ready: true } | { failed: unknown }>) {
		if ("lost" in message) {
			this.error = new GevError("ERR_GEV_LOOP", message.lost);
			void this.terminate();
		} else if ("stopped" in message) {
			this.#result = message.stopped;
			this.#told?.();
			this.#close();
		} else {
			this.heard = message.stats;
			this.#answered();
		}
	}

	#answered(): void {
		for (const tell of this.#askers ?? []) tell();
		this.#askers = undefined;
		if (this.#next.size > 0) this.#question();
	}

	/** One that hangs finds one question when it goes on, however often others have asked. */
	#question(): void {
		if (this.#askers !== undefined) return;
		this.#askers = this.#next;
		this.#next = new Set();
		this.#send({ stats: true });
	}

	#close(): void {
		this.#isClosed = true;
		this.#port.close();
		for (const tell of [...(this.#askers ?? []), ...this.#next]) tell();
	}

	/** Asks what it has come to: it is {@link heard} then, unless it ends before, or has not answered in time. */
	ask(): Promise<void> {
		if (this.#isClosed) return Promise.resolve();
		return new Promise((resolve) => {
			const tell = () => {
				clearTimeout(timer);
				this.#askers?.delete(tell);
				this.#next.delete(tell);
				resolve();
			};
			const timer = setTimeout(tell, ANSWER_MS);
			this.#next.add(tell);
			this.#question();
		});
	}

	/** Stops its server, and ends it, by force if it does not when the time is over. */
	stop(options: StopOptions, timeoutMs: number): Promise<StopResult> {
		this.#stopped ??= this.#stop(options, timeoutMs);
		return this.#stopped;
	}

	async #stop(options: StopOptions, timeoutMs: number): Promise<StopResult> {
		const told = new Promise<void>((resolve) => {
			this.#told = resolve;
		});
		this.#send({ stop: options });
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<void>((resolve) => {
			timer = setTimeout(resolve, Math.min(timeoutMs + GRACE_MS, MAX_MS));
		});
		await Promise.race([told, this.exited, late]);
		// Its own code may go on for a moment, with what `onClose` has begun.
		await Promise.race([this.exited, late]);
		clearTimeout(timer);
		await this.terminate();
		return this.#result;
	}

	/** Has it get no more connections. Those that its loop has not looked at go to others, if there are any. */
	dismiss(): void {
		dismiss(this.#pool, this.#worker.threadId);
	}

	/** Ends it, wherever it is. */
	async terminate(): Promise<void> {
		this.dismiss();
		await this.#worker.terminate();
	}

	hold(keepsAlive: boolean): void {
		if (keepsAlive) this.#worker.ref();
		else this.#worker.unref();
	}

	#send(message: ToWorker): void {
		this.#port.postMessage(message);
	}
}

/** What has arrived at a port and waits for its turn. */
function* unread(port: MessagePort): Generator<FromWorker> {
	const { receiveMessageOnPort } = workerThreads();
	for (
		let said = receiveMessageOnPort(port);
		said !== undefined;
		said = receiveMessageOnPort(port)
	) {
		yield said.message as FromWorker;
	}
}

/** @internal Runs in a worker: gets its channel, then the server of its file, and has that serve. */
export function runPoolWorker(setup: WorkerSetup): void {
	workerThreads().parentPort?.once("message", (port: MessagePort) => {
		const tell = (message: FromWorker) => port.postMessage(message);
		void serve(setup, port, tell).catch((thrown) => {
			const error = asError(thrown);
			tell({ failed: cloneOf(error) });
		});
	});
}

async function serve(
	setup: WorkerSetup,
	port: MessagePort,
	tell: (message: FromWorker) => void,
): Promise<void> {
	shareMemory(setup.count);
	const server = await serverOf(setup);
	const core = coreOf(server) as ServerCore;
	const { threadId: member } = workerThreads();
	const tellStats = () => tell({ stats: core.stats() });
	const part = { accepts: undefined, joins: setup.pool, member };
	core.takePart(part, setup.threads, (lost) => {
		// The worker lives until the other end, which ends it, knows why.
		port.ref();
		tellStats();
		tell({ lost });
	});
	await core.start();
	// Whatever else is to be done then, its loop may go on until it has been.
	process.prependListener("exit", () => dismiss(setup.pool, member));
	// Who ends itself says before what it has come to.
	process.once("exit", () => tellStats());
	port.on("message", (message: ToWorker) => {
		if ("stats" in message) {
			tellStats();
			return;
		}
		// The worker lives until the other end has heard it, and closes the channel.
		port.ref();
		void core.stop(message.stop).then((stopped) => {
			tellStats();
			tell({ stopped });
		});
	});
	// A server that is stopped by its own handler lets the worker end.
	port.unref();
	tell({ ready: true });
}

async function serverOf(setup: WorkerSetup): Promise<Server> {
	const module = await import(setup.file);
	// What a module of CommonJS exports as `default` comes as a `default` of its `default`.
	let made = module.default?.default ?? module.default;
	if (typeof made === "function") {
		const info: PoolWorkerInfo = { index: setup.index, workers: setup.count };
		made = await made(info);
	}
	if (made !== undefined && coreOf(made) !== undefined) return made;
	throw new GevError(
		"ERR_GEV_WORKER",
		"the worker's file must export as default a Server that is not started, or a function that makes one",
	);
}

/** Errors can be copied, what they have besides may not. */
function cloneOf(error: Error): Error {
	const copy = new Error(error.message);
	copy.stack = String(error.stack);
	return copy;
}

/** This file is that of the bundle. */
function programOf(setup: WorkerSetup): string {
	const program = `require(${JSON.stringify(__filename)})`;
	return `${program}.WorkerPool.run(${JSON.stringify(setup)})`;
}

/** How long a worker has to say what it has come to; one that hangs never does. */
const ANSWER_MS = 1000;

/** What a worker has beyond the time of a stop before it is ended by force. */
const GRACE_MS = 1000;
