import { now } from "../base/clock.js";
import { GAUGE_DONE } from "../bridge/records.js";
import type { ConnectionCore } from "../flow/connection-core.js";
import type { Journal } from "./journal.js";

/**
 * The connections that hold the most bytes, are sent the most, and are the oldest. A look costs the same however many there are:
 * it reads a window of them, twice, as a rate needs two readings; the next look goes on behind it, and those that were on
 * top are read each time.
 */
export class Top {
	readonly #loops: () => readonly LoopOfMany[];
	readonly #journal: Journal;
	/** What was read of connections at the last look. */
	#seen = new Map<ConnectionCore, Seen>();
	/** Those of the last window, which is read once more. */
	#window: ConnectionCore[] = [];
	/** Where the next window begins. */
	#loop = 0;
	#slot = 0;
	#rows: TopRow[] = [];

	constructor(loops: () => readonly LoopOfMany[], journal: Journal) {
		this.#loops = loops;
		this.#journal = journal;
	}

	/** Those on top as far as it has looked, in each of the three orders. */
	look() {
		const first = this.#window;
		this.#window = this.#nextWindow();
		const onTop = this.#rows.map(({ core }) => core);
		const all = new Set([...onTop, ...first, ...this.#window]);
		const seen = new Map<ConnectionCore, Seen>();
		const rows: TopRow[] = [];
		for (const core of all) {
			if (!core.isThere) continue;
			const reading = read(core);
			seen.set(core, reading);
			const before = this.#seen.get(core);
			rows.push(this.#row(core, reading, before));
		}
		this.#seen = seen;
		const lists = {
			buffered: largest(rows, "buffered"),
			rate: largest(rows, "rate"),
			age: largest(rows, "ageMs"),
		};
		this.#rows = [...new Set(Object.values(lists).flat())];
		const shown = (list: TopRow[]) => list.map(({ core: _, ...row }) => row);
		return {
			looked: rows.length,
			buffered: shown(lists.buffered),
			rate: shown(lists.rate),
			age: shown(lists.age),
		};
	}

	/** The connection that a row has named. */
	find(id: string): ConnectionCore | undefined {
		const [loop = "", slot = "", generation] = id.split(".");
		const core = this.#loops()[Number(loop)]?.connections[Number(slot)];
		return String(core?.generation) === generation ? core : undefined;
	}

	#row(core: ConnectionCore, reading: Seen, before: Seen | undefined): TopRow {
		const { remoteAddress, remotePort } = core.face as {
			remoteAddress: string;
			remotePort: number;
		};
		const elapsed = before === undefined ? 0 : reading.at - before.at;
		const sent = before === undefined ? 0 : (reading.done - before.done) >>> 0;
		return {
			core,
			id: `${core.loop.index}.${core.slot}.${core.generation}`,
			peer: `${remoteAddress} ${remotePort}`,
			buffered: core.held,
			rate: elapsed > 0 ? Math.round((1000 * sent) / elapsed) : 0,
			ageMs: this.#journal.ageOf(core.face),
		};
	}

	/** The connections in the next so many slots, of all loops in turn; all of them if there are no more. */
	#nextWindow(): ConnectionCore[] {
		const loops = this.#loops();
		const slots = loops.reduce((sum, { connections }) => {
			return sum + connections.length;
		}, 0);
		const window: ConnectionCore[] = [];
		for (let left = Math.min(slots, WINDOW); left > 0; ) {
			const connections = loops[this.#loop]?.connections;
			if (connections === undefined) this.#loop = 0;
			else if (this.#slot >= connections.length) this.#loop++;
			else {
				const core = connections[this.#slot++];
				if (core !== undefined) window.push(core);
				left--;
				continue;
			}
			this.#slot = 0;
		}
		return window;
	}
}

/** A loop, as far as this is concerned. */
export interface LoopOfMany {
	/** By slot. */
	readonly connections: readonly (ConnectionCore | undefined)[];
}

/** What the kernel had taken of a connection's output, modulo 2^32, and when. */
interface Seen {
	done: number;
	at: number;
}

export interface TopRow {
	core: ConnectionCore;
	id: string;
	peer: string;
	/** Bytes that are held for it, in and out. */
	buffered: number;
	/** Bytes a second that the kernel has taken of what was sent to it. */
	rate: number;
	ageMs: number;
}

function read(core: ConnectionCore): Seen {
	return { done: core.loop.gauge(core.slot, GAUGE_DONE), at: now() };
}

function largest(
	rows: readonly TopRow[],
	by: "buffered" | "rate" | "ageMs",
): TopRow[] {
	return rows.toSorted((a, b) => b[by] - a[by]).slice(0, MOST);
}

/** So many connections are in a list. */
const MOST = 20;
/** So many slots are new in a look. */
const WINDOW = 1000;
