import { type Connection, SendStatus } from "gev";
import type { Random } from "../kit/random.js";
import type { Account } from "./account.js";
import type { Act } from "./sending.js";
import type { Trial } from "./trial.js";
import { inWords } from "./verdict.js";

/**
 * Uses the package when the stack is full, at every depth on the way back until there is room again. What throws then has
 * done what it says or nothing; what comes later is as ever.
 */
export const overflow: Act = (trial, account, random) => {
	if (trial.without.has("overflow") || account.isInsideMessage) return;
	trial.used("overflow");
	if (random.chance(60)) sendAll(trial, account, random);
	else useOnce(trial, account, random);
};

function sendAll(trial: Trial, account: Account, random: Random): void {
	const connection = account.connection as Connection;
	const text = random.chance(40);
	const bytes = random.pick([200, 5000, 70_000]);
	const letters = Array.from({ length: 64 }, () => account.letter(bytes));
	const values = letters.map((letter) =>
		text ? letter.toString("latin1") : new Uint8Array(letter),
	);
	trial.note(`${account.name}.send(${bytes} bytes) with a full stack`);
	const outcomes = withFullStack((times) =>
		connection.send(values[times] as string),
	);
	for (const [at, outcome] of outcomes.entries()) {
		const letter = letters[at] as Buffer;
		if (outcome === SendStatus.Queued || outcome === SendStatus.Congested) {
			account.took(letter, text);
			if (outcome === SendStatus.Congested) trial.congested(account);
		} else if (outcome === SendStatus.Dropped) {
			trial.dropped(account);
		} else if (outcome instanceof RangeError) {
			// Whether it was sent is not known, but if it was then whole.
			account.took(letter, text, true, true);
		} else if (outcome !== SendStatus.Closed) {
			trial.verdict.find(`with a full stack: ${inWords(outcome)}`);
		}
	}
}

function useOnce(trial: Trial, account: Account, random: Random): void {
	const connection = account.connection as Connection;
	const ping = account.letter(40);
	const uses: Record<string, () => unknown> = {
		ping: () => connection.ping(ping),
		close: () => connection.close(),
		pause: () => connection.pause(),
		resume: () => connection.resume(),
		corked: () => connection.corked(() => undefined),
		sent: () => connection.sent(),
		look: () => connection.writeBufferLength + connection.readBufferLength,
		destroy: () => connection.destroy(),
	};
	const [name, use] = random.pick(Object.entries(uses));
	if (name === "destroy") account.cut("destroy()");
	// Some of the pings may have gone out.
	if (name === "ping" && !trial.isRaw) {
		for (let times = 0; times < MOST_TIMES; times++) account.pings.push(ping);
	}
	trial.note(`${account.name}.${name}() with a full stack`);
	for (const outcome of withFullStack(use)) {
		if (outcome instanceof Promise) {
			trial.mustSettle("sent() with a full stack", outcome, () => true);
		} else if (outcome instanceof Error && !(outcome instanceof RangeError)) {
			trial.verdict.find(`with a full stack: ${inWords(outcome)}`);
		}
	}
}

/** What each call has returned or thrown, the one with the least stack first, the one that had enough last. */
function withFullStack(use: (times: number) => unknown): unknown[] {
	const outcomes: unknown[] = [];
	let tried = 0;
	let isDone = false;
	// Nothing but what is needed, as every call here may be the one that there is no room for.
	const dive = (): void => {
		try {
			dive();
		} catch {}
		if (isDone) return;
		try {
			if (tried === MOST_TIMES) isDone = true;
			else outcomes[tried] = use(tried++);
			isDone = true;
		} catch (thrown) {
			outcomes[tried - 1] = thrown;
		}
	};
	dive();
	return outcomes;
}

const MOST_TIMES = 64;
