import { setImmediate } from "node:timers";
import type { Random } from "../kit/random.js";
import type { Account } from "./account.js";
import { bomb, thenableBy, trick } from "./bombs.js";
import { size, specimen } from "./specimens.js";
import type { Trial } from "./trial.js";

/** What a member of the handler does with its message and returns in the end; it may throw. */
export type Outcome = (
	trial: Trial,
	account: Account,
	random: Random,
	message: string | Buffer | undefined,
) => unknown;

export const nothing: Outcome = () => undefined;

/** Throws what an application may throw, or what none should. */
export const fail: Outcome = (trial, account, random) =>
	trial.throwSomething(account, random);

export const reject: Outcome = async (trial, account, random) => {
	if (random.chance(50)) await turns(random.below(3));
	trial.throwSomething(account, random);
};

/** Returns something to send. */
export const reply: Outcome = (trial, account, random) => {
	// What belongs to a message that is under way cannot be told from here.
	if (account.isInsideMessage) return undefined;
	const tools = trial.tools(account, random);
	const data = specimen(account.letter(size(random)), tools, trial.without);
	if (data.value === undefined || data.value === null) return undefined;
	trial.note(
		`${account.name} is answered ${data.name} of ${data.bytes.length}`,
	);
	const most = trial.circumstances.options.flow.maxBufferedBytes ?? 2 ** 24;
	const buffered = account.connection?.writeBufferLength ?? 0;
	const isSure =
		account.isOpen &&
		!account.isDropping &&
		buffered + data.bytes.length + 14 <= most;
	if (data.fate === "sent") {
		account.took(data.bytes, data.text, true, !isSure);
		if (!isSure) trial.dropped(account);
	}
	setImmediate(data.spoil);
	return data.value;
};

/** Promises something to send, in one way or another. */
export const promise: Outcome = (trial, account, random) => {
	if (random.chance(20)) return trial.unsettled();
	const tools = trial.tools(account, random);
	const data = specimen(account.letter(size(random)), tools, trial.without);
	const isSent =
		data.fate === "sent" && data.value !== undefined && data.value !== null;
	const later = random.below(4);
	trial.note(`${account.name} is promised ${data.name}, in ${later} turns`);
	const value = () => {
		if (account.isInsideMessage || !isSent) return undefined;
		account.promised(data.bytes, data.text);
		setImmediate(data.spoil);
		return data.value;
	};
	if (random.chance(50) || trial.without.has("thenables")) {
		return turns(later).then(value);
	}
	trial.used("thenables");
	return thenable(value, later, random, trick(tools));
};

/** Something to await that is no promise, and keeps few of a promise's rules. */
function thenable(
	value: () => unknown,
	later: number,
	random: Random,
	act: () => void,
): object {
	const settle = random.below(4);
	const then = (
		done: (value: unknown) => void,
		failed: (e: unknown) => void,
	) => {
		const end = () => {
			done(value());
			if (settle === 0) done("twice");
			if (settle === 1) failed(new Error("too late"));
		};
		if (later === 0) end();
		else void turns(later).then(end);
		if (settle === 1) bomb();
		if (settle === 2) return undefined;
		return 7;
	};
	const isTricky = random.chance(30);
	return thenableBy(() => {
		if (isTricky) act();
		return then;
	});
}

/** Keeps a message, which must not change. */
export const keep: Outcome = (trial, account, _random, message) => {
	if (trial.circumstances.options.borrow || !Buffer.isBuffer(message)) return;
	trial.note(`${account.name}: keeps ${message.length} bytes`);
	trial.keep(message);
};

/** Does with the message what it may: it is its own. */
export const scribble: Outcome = (trial, account, random, message) => {
	if (!Buffer.isBuffer(message)) return;
	const { borrow } = trial.circumstances.options;
	if (borrow) {
		if (trial.without.has("borrowed-fill") || random.chance(70)) return;
		trial.note(`${account.name}: fills all that it can see with 255`);
		trial.used("borrowed-fill");
		new Uint8Array(message.buffer).fill(255);
		trial.isScorched = true;
		return;
	}
	trial.note(`${account.name}: writes over its message`);
	message.fill(0xcc);
};

/** Gives the memory of its message away. */
export const transfer: Outcome = (trial, account, random, message) => {
	if (!Buffer.isBuffer(message) || trial.without.has("transfer")) return;
	trial.used("transfer");
	trial.note(`${account.name}: transfers its message of ${message.length}`);
	const memory = message.buffer as ArrayBuffer & { transfer?(): unknown };
	try {
		if (random.chance(50) && memory.transfer) {
			memory.transfer();
			// Small messages share their memory, and nobody can keep this from being done.
			trial.forget(message.buffer);
		} else structuredClone(message, { transfer: [memory] });
	} catch (thrown) {
		const { name } = thrown as Error;
		if (name === "DataCloneError" || thrown instanceof TypeError) return;
		trial.verdict.find(`a transfer threw ${name}`);
	}
};

async function turns(count: number): Promise<void> {
	for (let turn = 0; turn < count; turn++) {
		await new Promise<void>((resolve) => setImmediate(resolve));
	}
}
