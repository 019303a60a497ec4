import { openSync } from "node:fs";
import { devNull } from "node:os";
import test from "ava";
import type { CloseReason } from "gev";
import { Writer } from "../behaviour/letters.js";
import { Random } from "../kit/random.js";
import { Account } from "./account.js";
import { kinds, parseKinds } from "./kinds.js";
import { beHostile } from "./run.js";
import { Verdict } from "./verdict.js";

/** Kinds of hostility that have had their turn. */
const used = new Set<string>();

// `npm run hostility` goes on with seeds of its own for as long as one likes.
for (const seed of [1, 2, 3, 4, 12]) {
	test.serial(
		`hostile code ends no process, and costs others nothing: seed ${seed}`,
		async (t) => {
			const { finding, counts, trial, lastLines } = await beHostile({ seed });
			for (const kind of Object.keys(counts)) used.add(kind);
			t.is(finding, undefined, `trial ${trial}\n${lastLines.join("\n")}`);
			t.true((counts.onClose ?? 0) > 0);
			t.is(counts.onClose, counts.onConnect);
		},
	);
}

test.serial("every kind of hostility has had its turn", (t) => {
	const left = parseKinds(process.env.GEV_HOSTILITY_WITHOUT ?? "");
	const idle = Object.keys(kinds).filter((kind) => !used.has(kind));
	t.deepEqual(
		idle.filter((kind) => !left.has(kind as keyof typeof kinds)),
		[],
	);
});

const clean: CloseReason = {
	code: 1000,
	reason: "",
	cause: "peer",
	wasClean: true,
};

/** What the judge has to find: each is a thing that goes wrong with a connection. */
const faults: Record<string, (account: Account) => void> = {
	"is changed"(account) {
		const letter = account.letter(50);
		account.took(letter, false);
		letter[40] = (letter[40] ?? 0) ^ 1;
		account.out.message(letter, false);
	},
	"is text and was binary"(account) {
		const letter = account.letter(50);
		account.took(letter, false);
		account.out.message(letter, true);
	},
	"is another's"(account) {
		account.took(account.letter(50), false);
		account.out.message(other(account).letter(50), false);
	},
	"comes twice"(account) {
		const letter = account.letter(50);
		account.took(letter, false);
		account.out.message(letter, false);
		account.out.message(letter, false);
	},
	"comes before its turn"(account) {
		account.took(account.letter(50), false);
		const second = account.letter(50);
		account.took(second, false);
		account.out.message(second, false);
	},
	"is cut short"(account) {
		const letter = account.letter(50);
		account.took(letter, false);
		account.out.message(letter.subarray(0, 40), false);
	},
	"is lost"(account) {
		account.took(account.letter(50), false);
		account.closed(clean);
		account.left();
	},
	"is a ping that nobody has sent": (account) => account.pinged(Buffer.of(1)),
	"has a goodbye for another": (account) =>
		account.judgeGoodbye(`${other(account).name} leaves`),
	"ends twice"(account) {
		account.closed(clean);
		account.closed(clean);
	},
	"ends without a goodbye"(account) {
		account.closed({ ...clean, wasClean: false });
		account.left();
	},
};

const judged = new WeakMap<Account, Account>();

function other(account: Account): Account {
	return judged.get(account) as Account;
}

for (const [fault, commit] of Object.entries(faults)) {
	test(`the judge of that finds what ${fault}`, (t) => {
		const verdict = new Verdict(openSync(devNull, "a"));
		const terms = {
			verdict,
			writer: new Writer(new Random(1)),
			isRaw: false,
			dropsOldest: false,
			isScorched: false,
		};
		const account = new Account(1, terms);
		judged.set(account, new Account(2, terms));
		const letter = account.letter(50);
		account.took(letter, true);
		account.out.message(letter, true);
		t.is(verdict.finding, undefined);
		commit(account);
		t.is(typeof verdict.finding, "string");
	});
}
