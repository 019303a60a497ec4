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
	/** What the kernel had taken of connections' output at the last look, modulo 2^32. */
	#seen = new Map<ConnectionCore, number>();
	/** When that was. */
	#at = 0;
	/** Those of the last window, which is read once more. */
	#window: ConnectionCore[] = [];
	/** Where the next window begins. */
	#loop = 0;
	#slot = 0;
	#onTop = new Set<ConnectionCore>();

	constructor(loops: () => readonly LoopOfMany[], journal: Journal) {
		this.#loops = loops;
		this.#journal = journal;
	}

	/** Those on top as far as it has looked, in each of the three orders. */
	look() {
		const at = now();
		const before = this.#seen;
		const seen = new Map<ConnectionCore, number>();
		const perSecond = 1000 / Math.max(1, at - this.#at);
		const rateOf = (core: ConnectionCore) => {
			const done = before.get(core);
			const sent = done === undefined ? 0 : (seen.get(core) as number) - done;
			return Math.round((sent >>> 0) * perSecond);
		};
		const lists = { buffered: new List(), rate: new List(), age: new List() };
		const first = this.#window;
		this.#window = this.#nextWindow();
		for (const cores of [this.#onTop, first, this.#window]) {
			for (const core of cores) {
				if (seen.has(core) || !core.isThere) continue;
				seen.set(core, core.loop.gauge(core.slot, GAUGE_DONE));
				lists.buffered.offer(core, core.held);
				lists.rate.offer(core, rateOf(core));
				lists.age.offer(core, this.#journal.ageOf(core.face));
			}
		}
		this.#seen = seen;
		this.#at = at;
		const all = Object.values(lists).map(({ cores }) => cores);
		this.#onTop = new Set(all.flat());
		const row = (core: ConnectionCore) => this.#row(core, rateOf(core));
		const [buffered, rate, age] = all.map((cores) => cores.map(row));
		return { looked: seen.size, buffered, rate, age };
	}

	/** The connection that a row has named. */
	find(id: string): ConnectionCore | undefined {
		const [loop = "", slot = "", generation] = id.split(".");
		const core = this.#loops()[Number(loop)]?.connections[Number(slot)];
		return String(core?.generation) === generation ? core : undefined;
	}

	#row(core: ConnectionCore, rate: number): TopRow {
		const { remoteAddress, remotePort } = core.face as {
			remoteAddress: string;
			remotePort: number;
		};
		return {
			id: `${core.loop.index}.${core.slot}.${core.generation}`,
			peer: `${remoteAddress} ${remotePort}`,
			buffered: core.held,
			rate,
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

export interface TopRow {
	id: string;
	peer: string;
	/** Bytes that are held for it, in and out. */
	buffered: number;
	/** Bytes a second that the kernel has taken of what was sent to it. */
	rate: number;
	ageMs: number;
}

/** The largest of those that are offered. */
class List {
	/** From the largest on. */
	readonly cores: ConnectionCore[] = [];
	readonly #values: number[] = [];

	offer(core: ConnectionCore, value: number): void {
		const values = this.#values;
		let at = values.length;
		if (at === MOST && value <= (values[at - 1] as number)) return;
		while (at > 0 && value > (values[at - 1] as number)) at--;
		values.splice(at, 0, value);
		this.cores.splice(at, 0, core);
		values.length = Math.min(values.length, MOST);
		this.cores.length = values.length;
	}
}

/** So many connections are in a list. */
const MOST = 20;
/** So many slots are new in a look. */
const WINDOW = 1000;
