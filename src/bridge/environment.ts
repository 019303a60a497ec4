import type { Cluster, Worker } from "node:cluster";
import * as binding from "#binding";
import { setImmediate } from "../base/clock.js";
import type { LoopMemory } from "./event-loop.js";
import { DRAIN_PASSES } from "./records.js";

/**
 * What all servers of this thread (the main one or a worker) share: the doorbell that native loops ring, and the drain
 * that answers it.
 */

/** Servers whose native loops run, or have events left. */
const servers = new Set<ThreadServer>();

/** 1 from the first ring until the queues have been drained: see `crates/node/src/doorbell/mod.rs`. */
const rung = new Int32Array(new SharedArrayBuffer(4));

/** Bun and Deno call themselves Node too, and yet have no libuv. */
const isNode =
	process.release.name === "node" &&
	!("bun" in process.versions) &&
	!("deno" in process.versions);

let native: binding.Environment | undefined;

/** Starts a server's native loops; from now on its events are drained. */
export function startNative(
	server: ThreadServer,
	options: object,
	memory: LoopMemory[],
): binding.NativeServer {
	native ??= new binding.Environment(
		drain,
		new Uint8Array(rung.buffer),
		isNode,
	);
	const started = native.start(
		options,
		memory.map(({ control }) => control),
		memory.map(({ events }) => events),
	);
	servers.add(server);
	holdNative();
	followCluster();
	return started;
}

/** Keeps the process alive as long as a server runs that wants it. */
export function holdNative(): void {
	const alive = [...servers].some((server) => server.keepsAlive);
	if (alive) native?.hold();
	else native?.letGo();
}

/** Forgets a server whose loops have ended. Without servers the process may exit. */
export function endNative(server: ThreadServer): void {
	if (!servers.delete(server)) return;
	holdNative();
	if (servers.size === 0) clusterWorker()?.off("disconnect", stopServers);
}

/** The servers of a worker of `node:cluster` stop when it is disconnected, as those of `node:net` do. */
function followCluster(): void {
	const worker = clusterWorker();
	if (worker === undefined) return;
	// Once for all servers.
	worker.off("disconnect", stopServers).on("disconnect", stopServers);
	// A server that is just starting can be stopped when it has started.
	if (!worker.isConnected()) queueMicrotask(stopServers);
}

function stopServers(): void {
	for (const server of servers) void server.stop();
}

/** The worker of `node:cluster` that this process is, if it is one. */
function clusterWorker(): Worker | undefined {
	// Who has never had a channel to a parent is none, and need not load the module.
	if (process.connected === undefined) return undefined;
	// Its types are those of a module, with this as `default`.
	const cluster: unknown = process.getBuiltinModule("node:cluster");
	return (cluster as Cluster).worker;
}

/** What this thread needs of a server. */
export interface ThreadServer {
	/** It keeps the process alive. */
	readonly keepsAlive: boolean;
	/** A new turn of JavaScript's event loop: every loop's budget is whole again. */
	grant(): void;
	/** Handles events within the budget; true when there may be more. */
	drain(): boolean;
	/** True when there is something to {@link drain} for. */
	hasNews(): boolean;
	/** Says goodbye to all connections, and ends. */
	stop(): Promise<unknown>;
}

/** Called for the doorbell: handles what is in the queues, within every server's budget. */
function drain(): void {
	let done = false;
	try {
		done = drainQueues();
	} finally {
		// Node's own timers and sockets have their turn first.
		if (!done) setImmediate(drain);
	}
}

/** True when nothing is left to do before the next ring. */
function drainQueues(): boolean {
	for (const server of servers) server.grant();
	for (let pass = 0; pass < DRAIN_PASSES; pass++) {
		let more = false;
		for (const server of servers) more = server.drain() || more;
		if (more) return false;
		// Said first, then looked again: what a loop says meanwhile, it either rings for or is seen here.
		Atomics.store(rung, 0, 0);
		for (const server of servers) more = server.hasNews() || more;
		if (!more || Atomics.exchange(rung, 0, 1) === 1) return true;
	}
	return false;
}
