import os from "node:os";
import type { ResourceLimits, WorkerOptions } from "node:worker_threads";
import * as check from "./base/check.js";
import {
	boolean,
	type Checked,
	integer,
	milliseconds,
	OptionTable,
	option,
} from "./base/option-table.js";
import { type MetricsOptions, metricsOptions } from "./metrics-options.js";
import type { SocketOptions } from "./options.js";

/** How a worker of a pool has ended that was not asked to. */
export interface WorkerExit {
	/** Which one, from 0 on: its replacement has the same. */
	readonly index: number;
	/** What it ended with, 1 after an exception. */
	readonly exitCode: number;
	/**
	 * The exception that nobody has caught, what Node.js says of memory (`ERR_WORKER_OUT_OF_MEMORY`), or `ERR_GEV_LOOP` when the
	 * event loop has failed.
	 */
	readonly error?: Error;
	/** When its replacement starts, in milliseconds from now. */
	readonly restartsInMs: number;
}

/**
 * Settings of a `WorkerPool`: where it listens, and what its workers are. What connections speak, and every limit of theirs,
 * are options of the `Server` that the pool's file exports, and count for each worker.
 */
export class WorkerPoolOptions {
	/**
	 * How many workers.
	 *
	 * @defaultValue the number of CPUs
	 */
	workers?: number = integer({
		min: 1,
		max: 1024,
		default: () => os.availableParallelism(),
	});
	/**
	 * As for a server.
	 *
	 * @defaultValue that of a server
	 */
	host?: string | undefined = option(given<string | undefined>, undefined);
	/**
	 * As for a server.
	 *
	 * @defaultValue that of a server
	 */
	port?: number | undefined = option(given<number | undefined>, undefined);
	/**
	 * As for a server.
	 *
	 * @defaultValue that of a server
	 */
	path?: string | undefined = option(given<string | undefined>, undefined);
	/**
	 * As for a server.
	 *
	 * @defaultValue that of a server
	 */
	reusePort?: boolean | undefined = option(
		given<boolean | undefined>,
		undefined,
	);
	/**
	 * Of the listening socket `backlog` and `mode`, as for a server; the others belong to connections.
	 *
	 * @defaultValue that of a server
	 */
	socket?: Pick<SocketOptions, "backlog" | "mode"> | undefined = option(
		given<Pick<SocketOptions, "backlog" | "mode"> | undefined>,
		undefined,
	);
	/**
	 * Whether each worker has a thread for its event loop, beside that of its handlers. With a worker for each CPU there is none
	 * that would run it, and a message that is only echoed costs a quarter to two thirds more CPU time with one; with handlers
	 * of 20 microseconds it is the same. It pays where there are more CPUs than workers.
	 *
	 * @defaultValue false
	 */
	threads?: boolean = boolean({ default: false });
	/**
	 * What workers find as `workerData` of `node:worker_threads`: a copy each, so that functions cannot be in it.
	 *
	 * @defaultValue undefined
	 */
	workerData?: unknown = option(cloneable<unknown>, undefined);
	/**
	 * Limits of each worker's memory, as `new Worker` takes them: who exceeds one ends, and is replaced.
	 *
	 * @defaultValue undefined, which is what Node.js gives
	 */
	resourceLimits?: ResourceLimits | undefined = option(
		cloneable<ResourceLimits>,
		undefined,
	);
	/**
	 * Environment variables of the workers, as `new Worker` takes them.
	 *
	 * @defaultValue a copy of this thread's
	 */
	env?: WorkerOptions["env"] = option(given<WorkerOptions["env"]>, undefined);
	/**
	 * Tell over HTTP what all workers do together, as for a server, but without the live page. The server of the file tells nothing.
	 *
	 * @defaultValue undefined, which does not
	 */
	metrics?: MetricsOptions | undefined = option(
		(value, name) => metricsOptions.check(value, name),
		undefined,
	);
	/**
	 * Time from the end of a worker that has failed to the start of its replacement. It doubles with each one that follows,
	 * up to `maxRestartDelayMs`, until one has served for that long.
	 *
	 * @defaultValue 100
	 */
	restartDelayMs?: number = milliseconds({ default: 100 });
	/**
	 * The longest of these times.
	 *
	 * @defaultValue 10,000
	 */
	maxRestartDelayMs?: number = milliseconds({ default: 10_000 });
	/**
	 * Told what has gone wrong in the pool itself: a replacement whose file could not be loaded, and what a server's `onError`
	 * is told of accepting. Errors of handlers go to their own `onError`, in the worker.
	 *
	 * @defaultValue a warning of the process
	 */
	onError?: ((error: Error) => void) | undefined = option(
		callback<(error: Error) => void>,
		undefined,
	);
	/**
	 * Told of every worker that has ended without being asked to.
	 *
	 * @defaultValue undefined
	 */
	onWorkerExit?: ((exit: WorkerExit) => void) | undefined = option(
		callback<(exit: WorkerExit) => void>,
		undefined,
	);
}

/** @internal */
export type CheckedPoolOptions = Checked<WorkerPoolOptions>;

/** @internal Throws `ERR_GEV_OPTION`. */
export function checkPoolOptions(options: unknown): CheckedPoolOptions {
	return table.check(options);
}

/** What another table checks. */
function given<Value>(value: unknown): Value {
	return value as Value;
}

function callback<Callback>(value: unknown, name: string): Callback {
	if (typeof value === "function") return value as Callback;
	throw check.wrong(name, "a function", value);
}

function cloneable<Value>(value: unknown, name: string): Value {
	try {
		structuredClone(value);
	} catch {
		const expected =
			"what can be copied to another thread, without functions (those belong to the worker's file)";
		throw check.wrong(name, expected, value);
	}
	return value as Value;
}

const table = new OptionTable("options", WorkerPoolOptions);
