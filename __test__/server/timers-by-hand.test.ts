/** Timers of servers under a clock that is moved by hand. */
import test, { type ExecutionContext } from "ava";
import type * as gev from "gev";
import { internals } from "../kit/internals.js";

interface Entry {
	at: number;
	run: () => void;
	keepsAlive: boolean;
	ref(): void;
	unref(): void;
}

/** Node's timers and its clock, as the package finds them when it is loaded. */
class Clock {
	now = 0;
	/** How much later than asked for a timer fires. */
	late = 0;
	readonly entries = new Set<Entry>();

	readonly setTimeout = (run: () => void, ms: number): Entry => {
		const entry: Entry = {
			at: this.now + ms,
			run,
			keepsAlive: true,
			ref: () => {
				entry.keepsAlive = true;
			},
			unref: () => {
				entry.keepsAlive = false;
			},
		};
		this.entries.add(entry);
		return entry;
	};

	readonly clearTimeout = (entry: Entry) => void this.entries.delete(entry);

	/** The only timer that is armed. */
	get entry(): Entry {
		const [entry, another] = this.entries;
		if (entry === undefined || another !== undefined) {
			throw new Error(`${this.entries.size} timers are armed`);
		}
		return entry;
	}

	/** Fires what is due until then; `late` after its time, as a busy machine does. */
	goTo(time: number): void {
		for (;;) {
			const [first] = [...this.entries].sort((a, b) => a.at - b.at);
			if (first === undefined || first.at + this.late > time) break;
			this.now = Math.max(this.now, first.at + this.late);
			this.entries.delete(first);
			first.run();
		}
		this.now = Math.max(this.now, time);
	}
}

/** A server that knows no other clock. */
function timed(handler: object = {}): { clock: Clock; server: gev.Server } {
	const clock = new Clock();
	const { setTimeout, clearTimeout } = globalThis;
	const now = performance.now;
	Object.assign(globalThis, {
		setTimeout: clock.setTimeout,
		clearTimeout: clock.clearTimeout,
	});
	performance.now = () => clock.now;
	try {
		const { Server } = internals(["Server"]) as unknown as typeof gev;
		return { clock, server: new Server(handler) };
	} finally {
		Object.assign(globalThis, { setTimeout, clearTimeout });
		performance.now = now;
	}
}

/** When a timer of 10 ms has fired, in a world where others are as late as said. */
function ticks(clock: Clock, server: gev.Server): number[] {
	const fired: number[] = [];
	server.runEvery(10, () => fired.push(clock.now));
	return fired;
}

test("a timer whose every tick is late does not drift", (t) => {
	const { clock, server } = timed();
	const fired = ticks(clock, server);
	clock.late = 3.25;
	clock.goTo(100_000);
	t.is(fired.length, 9999);
	// Node's timers count whole milliseconds, so that each is up to one later than that.
	for (const [index, at] of fired.entries()) {
		const late = at - 10 * (index + 1);
		if (late < 3.25 || late > 4.25) t.fail(`tick ${index} is ${late} late`);
	}
});

test("ticks that were missed are skipped, and the next ones are on time", (t) => {
	const { clock, server } = timed();
	const fired = ticks(clock, server);
	clock.goTo(25);
	// The thread is busy.
	clock.now = 58;
	clock.goTo(80);
	t.deepEqual(fired, [10, 20, 58, 60, 70, 80]);
});

test("a callback that takes longer than the interval skips ticks too", (t) => {
	const { clock, server } = timed();
	const fired: number[] = [];
	server.runEvery(10, () => {
		fired.push(clock.now);
		clock.now += 25;
	});
	clock.goTo(100);
	// What was due meanwhile, once, as soon as it can be.
	t.deepEqual(fired, [10, 35, 60, 85, 110]);
});

test("a delay may be longer than Node's longest", (t) => {
	const { clock, server } = timed();
	const month = 31 * 24 * 3600 * 1000;
	const fired: number[] = [];
	server.runAfter(3 * month, () => fired.push(clock.now));
	clock.goTo(3 * month - 1);
	t.deepEqual(fired, []);
	clock.goTo(3 * month);
	t.deepEqual(fired, [3 * month]);
	t.is(clock.entries.size, 0);
});

test("a timer that Node fires early waits for its time", (t) => {
	const { clock, server } = timed();
	const fired: number[] = [];
	server.runAfter(10, () => fired.push(clock.now));
	clock.late = -0.5;
	clock.goTo(9.6);
	t.deepEqual(fired, []);
	clock.late = 0;
	clock.goTo(20);
	t.is(fired.length, 1);
	t.true((fired[0] ?? 0) >= 10);
});

test("ref and unref hold from one tick to the next, and change nothing once it has ended", (t) => {
	const { clock, server } = timed();
	const timer = server.runEvery(10, () => {});
	t.false(clock.entry.keepsAlive);
	t.is(timer.ref(), timer);
	t.true(clock.entry.keepsAlive);
	clock.goTo(30);
	t.true(clock.entry.keepsAlive);
	t.is(timer.unref(), timer);
	clock.goTo(60);
	t.false(clock.entry.keepsAlive);
	timer.stop();
	timer.ref();
	t.is(clock.entries.size, 0);
});

test("a callback may end its own timer, and make others", (t) => {
	const { clock, server } = timed();
	const fired: string[] = [];
	const timer = server.runEvery(10, () => {
		timer.stop();
		fired.push(`every ${clock.now}`);
		server.runAfter(0, () => fired.push(`after ${clock.now}`));
	});
	clock.goTo(100);
	t.deepEqual(fired, ["every 10", "after 10"]);
});

function failing(t: ExecutionContext, callback: () => void) {
	const errors: unknown[] = [];
	const onError = (...all: unknown[]) => void errors.push(all);
	const { clock, server } = timed({ onError });
	server.runEvery(10, callback);
	clock.goTo(30);
	t.is(clock.entries.size, 1, "it goes on");
	return errors;
}

test("what a callback throws, or its promise is rejected with, goes to onError", async (t) => {
	const error = new Error("a fault of the timer");
	const told = [[error, undefined]];
	const thrown = failing(t, () => {
		throw error;
	});
	t.deepEqual(thrown, [...told, ...told, ...told]);
	const rejected = failing(t, () => Promise.reject(error) as never);
	await new Promise((resolve) => setImmediate(resolve));
	t.deepEqual(rejected, [...told, ...told, ...told]);
});
