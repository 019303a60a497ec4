import type { Mark } from "../bridge/command-queue.js";
import type { EventLoop } from "../bridge/event-loop.js";
import type { ConnectionCore } from "./connection-core.js";

/** Closes those connections of a server that hold the most, when memory is short. */
export class Relief {
	/** Those that are closed, and how far their loops have to come to let go of what they held. */
	readonly #leaving = new Map<ConnectionCore, Mark>();

	/**
	 * Closes the largest holders until they have held `missing` bytes. Nobody has to go who holds much less than an equal
	 * share of `most` bytes: it would not help.
	 */
	run(
		loops: readonly EventLoop<ConnectionCore>[],
		missing: number,
		most: number,
	): void {
		let left = missing - this.#leavingBytes();
		if (left <= 0) return;
		const all = loops.flatMap((loop) => loop.connections.filter(isThere));
		const least = most / (4 * all.length);
		const holders = all
			.filter((connection) => !this.#leaving.has(connection))
			.map((connection) => ({ connection, held: connection.held }))
			.filter(({ held }) => held >= least)
			.sort((a, b) => b.held - a.held);
		const expelled = new Set<ConnectionCore>();
		for (const { connection, held } of holders) {
			if (left <= 0) break;
			left -= held;
			expelled.add(connection);
			connection.expel();
			this.#leaving.set(connection, connection.loop.commands.mark());
		}
		if (expelled.size === 0) return;
		for (const loop of loops) loop.forget(expelled);
	}

	/** A connection is gone. */
	ended(connection: ConnectionCore): void {
		this.#leaving.delete(connection);
	}

	#leavingBytes(): number {
		let bytes = 0;
		for (const [{ held, loop }, mark] of this.#leaving) {
			if (!loop.commands.isDone(mark)) bytes += held;
		}
		return bytes;
	}
}

function isThere(
	connection: ConnectionCore | undefined,
): connection is ConnectionCore {
	return connection !== undefined;
}
