import test from "ava";
import { run } from "../kit/program.js";
import { Random, seed } from "../kit/random.js";

/** What the package's own queue has: see `src/base/fifo.ts`. It is not exported, so that the built file is imported. */
interface Fifo {
	readonly length: number;
	readonly first: object | undefined;
	readonly last: object | undefined;
	push(item: object): void;
	shift(): object | undefined;
}

const file = new URL("../../package/src/base/fifo.js", import.meta.url);
const { Fifo } = (await import(file.href)) as { Fifo: new () => Fifo };

for (const [name, most, most2] of [
	["that stays short", 3, 12],
	["that grows and shrinks", 3000, 3000],
	["that is filled and emptied", 100_000, 300_000],
] as const) {
	test(`a queue ${name} does what an array does: seed ${seed}`, (t) => {
		const random = new Random(seed);
		const queue = new Fifo();
		const array: object[] = [];
		// An array is slow where it is long: what has been taken out is counted instead.
		let taken = 0;
		let steps = 0;
		while (steps < 1_000_000) {
			const count = random.size(most);
			const fills = array.length - taken < random.below(most2);
			for (let n = 0; n < count; n++, steps++) {
				if (fills) {
					const item = { steps };
					array.push(item);
					queue.push(item);
				} else {
					const item = queue.shift();
					if (item !== array[taken]) t.fail(`another one at step ${steps}`);
					if (item !== undefined) taken++;
				}
			}
			t.is(queue.length, array.length - taken);
			t.is(queue.first, array[taken]);
			t.is(queue.last, taken < array.length ? array.at(-1) : undefined);
		}
	});
}

test("what has been taken out of a queue is not kept alive, nor the room of a long one", async (t) => {
	const { stdout, stderr, code } = await run("queued", file.href);
	t.deepEqual([stdout, stderr, code], ["nothing is kept\n", "", 0]);
});
