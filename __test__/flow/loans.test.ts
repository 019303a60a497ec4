import test from "ava";
import { internals } from "../kit/internals.js";

/** Memory that a loop is lent: see `src/bridge/loans.ts`. */
interface Loans {
	take(length: number): { number: number; bytes: Buffer };
	returned(number: number): void;
	abandon(): void;
}

const { Loans } = internals(["Loans"]) as {
	Loans: new (native: object, memory: object) => Loans;
};

/** Loans of a loop that knows what it may be lent, and how much is kept for it. */
function loans() {
	const known = new Set<number>();
	let registered = 0;
	let kept = 0;
	const made = new Loans(
		{
			register() {
				known.add(registered);
				return registered++;
			},
			forget: (number: number) => known.delete(number),
		},
		{
			keep(bytes: number) {
				kept += bytes;
			},
			release(bytes: number) {
				kept -= bytes;
			},
		},
	);
	return { made, known, kept: () => kept };
}

test("memory that has been returned is lent again", (t) => {
	const { made, known, kept } = loans();
	const first = made.take(100_000);
	t.is(kept(), 100_000);
	const second = made.take(100_000);
	t.not(second.number, first.number);
	made.returned(first.number);
	t.is(kept(), 100_000);
	t.is(made.take(99_000).number, first.number);
	// Not for a message of another size, of which much would be wasted.
	made.returned(second.number);
	t.not(made.take(10_000).number, second.number);
	t.is(known.size, 3);
});

test("a loop that has ended has nothing that could be forgotten in the name of the next one", (t) => {
	const { made, known, kept } = loans();
	const lent = made.take(100_000);
	const free = made.take(100_000);
	made.returned(free.number);
	made.abandon();
	t.is(kept(), 0);
	// Neither by a time that is over, nor by what comes late.
	made.returned(lent.number);
	t.false([lent.number, free.number].includes(made.take(100_000).number));
	t.is(known.size, 3);
	t.is(kept(), 100_000);
});
