import { type Connection, type Data, type SendOptions, SendStatus } from "gev";
import type { Random } from "../kit/random.js";
import type { Account } from "./account.js";
import { bombObject } from "./bombs.js";
import { own } from "./memory.js";
import { sendOptions } from "./options.js";
import { type Specimen, size, specimen } from "./specimens.js";
import type { Trial } from "./trial.js";
import { inWords } from "./verdict.js";

/** Something that is done with a connection. */
export type Act = (trial: Trial, account: Account, random: Random) => void;

/** `send()`, of anything, with any options. */
export const send: Act = (trial, account, random) => {
	const tools = trial.tools(account, random);
	const { without } = trial;
	const data = specimen(account.letter(size(random)), tools, without);
	const options = sendOptions(tools, without, () => void data.wreck());
	const callback = someCallback(trial, account, random);
	trial.note(
		`${account.name}.send(${data.name} of ${data.bytes.length}, ${options.name} ${JSON.stringify(options.says)}, ${callback.name})`,
	);
	trial.used(data.kind);
	trial.used(options.kind);
	const before = new Before(trial, account);
	const isWrong = options.says === "wrong" || callback.isWrong;
	try {
		const status = (account.connection as Connection).send(
			data.value as Data,
			options.value as SendOptions,
			callback.value as () => void,
		);
		callback.returned();
		const says = options.says === "wrong" ? {} : options.says;
		judgeStatus(before, data, says, status);
		if ((isWrong || data.fate === "refused") && status !== SendStatus.Closed) {
			trial.verdict.find(`send() took what it must refuse: ${status}`);
		}
	} catch (thrown) {
		callback.refused();
		const codes = ["ERR_GEV_DATA", "ERR_GEV_OPTION"];
		trial.verdict.judgeThrown("send()", thrown, codes);
		if (!isWrong && data.fate === "sent") mustBeOwn(trial, "send()", thrown);
	}
	data.spoil();
	const twice = options.overread();
	if (twice !== undefined) trial.verdict.find(`send() read ${twice} twice`);
};

/** One message in fragments, perhaps with others between them, which then belong to it. */
export const sendPieces: Act = (trial, account, random) => {
	const count = 2 + random.below(3);
	for (let at = 1; at <= count; at++) {
		const fin = at === count;
		const text = account.letter(size(random)).toString("latin1");
		trial.note(`${account.name}.send(fragment of ${text.length}, fin ${fin})`);
		const before = new Before(trial, account);
		const data = { bytes: Buffer.from(text), text: true };
		const status = account.connection?.send(text, { fin });
		judgeStatus(before, data, { fin }, status);
		if (!fin && random.chance(20)) trial.reenter(account, random);
		if (!fin && random.chance(10)) return;
	}
};

/** A message that nothing is wrong with. Returns whether it was taken. */
export function sendPlain(account: Account, trial: Trial, bytes: number) {
	const text = account.letter(bytes).toString("latin1");
	const data = { bytes: Buffer.from(text), text: true };
	const before = new Before(trial, account);
	const status = account.connection?.send(text);
	judgeStatus(before, data, {}, status);
	return status === SendStatus.Queued || status === SendStatus.Congested;
}

/** Many ordinary messages, until the engine has compiled what they go through. */
export const sendMany: Act = (trial, account, random) => {
	const bytes = random.pick([100, 3000, 20_000]);
	trial.note(`${account.name}.send(${bytes} bytes), 40 times`);
	for (let times = 0; times < 40; times++) {
		const data = {
			bytes: Buffer.from(new Uint8Array(account.letter(bytes))),
			text: false,
		};
		const before = new Before(trial, account);
		const status = account.connection?.send(new Uint8Array(data.bytes));
		judgeStatus(before, data, {}, status);
	}
};

/** Text that is none. */
export const sendNotUtf8: Act = (trial, account, random) => {
	const { connection, isInsideMessage, isDropping } = account;
	// Of fragments only those are judged that a message begins with.
	if (trial.isRaw || isInsideMessage || isDropping) return;
	const bytes = account.letter(size(random));
	bytes[bytes.length >> 1] = 0xff;
	trial.note(`${account.name}.send(no UTF-8, as text)`);
	try {
		const status = connection?.send(bytes, { text: true });
		if (status !== SendStatus.Closed) {
			trial.verdict.find(`send() took what is not UTF-8: ${status}`);
		}
	} catch (thrown) {
		trial.verdict.judgeThrown("send()", thrown, ["ERR_GEV_DATA"]);
	}
};

export const ping: Act = (trial, account, random) => {
	const tools = trial.tools(account, random);
	const most = random.chance(80) ? 100 : 300;
	const letter = account.letter(1 + random.below(most));
	const data = specimen(letter, tools, trial.without);
	// That is a ping without data.
	if (data.value === undefined) return;
	trial.used(data.kind);
	trial.note(`${account.name}.ping(${data.name} of ${data.bytes.length})`);
	const isWrong = data.fate === "refused" || data.bytes.length > 125;
	try {
		const status = (account.connection as Connection).ping(data.value as Data);
		const isTaken =
			status === SendStatus.Queued || status === SendStatus.Congested;
		if (isTaken && isWrong)
			trial.verdict.find("ping() took what it must refuse");
		if (isTaken && !trial.isRaw) account.pings.push(Buffer.from(data.bytes));
		if (status === SendStatus.Congested) trial.congested(account);
		if (status === SendStatus.Dropped) trial.dropped(account);
	} catch (thrown) {
		trial.verdict.judgeThrown("ping()", thrown, ["ERR_GEV_DATA"]);
		if (!isWrong) mustBeOwn(trial, "ping()", thrown);
	}
	data.spoil();
};

/** `broadcast()` to nobody else, whose filter does other things first. */
export const broadcast: Act = (trial, account, random) => {
	const connection = account.connection as Connection;
	const bytes = account.letter(size(random));
	const text = random.chance(50);
	const message = text ? bytes.toString("latin1") : new Uint8Array(bytes);
	trial.note(`${account.name}: broadcast(${bytes.length} bytes)`);
	let before: Before | undefined;
	let expected: SendStatus | undefined;
	let dropped = 0;
	const filter = () => {
		if (random.chance(30)) trial.reenter(account, random);
		before = new Before(trial, account);
		dropped = connection.dropped;
		if (!account.isOpen) expected = SendStatus.Closed;
		else if (account.isDropping) expected = SendStatus.Dropped;
		return true;
	};
	try {
		const result = trial.server.broadcast(message, {
			to: [connection],
			filter,
		});
		trial.mustSettle(
			`${account.name}: broadcast()`,
			result.then((it) => it.queued + it.congested + it.dropped),
			(sum) => sum === 0 || sum === 1,
		);
	} catch (thrown) {
		mustBeOwn(trial, "broadcast()", thrown);
		return;
	}
	if (before === undefined) return;
	// Where older messages are dropped, those are counted too.
	const { overflow } = trial.circumstances.options.flow;
	const isDropped = overflow !== "drop-oldest" && connection.dropped > dropped;
	expected ??= isDropped ? SendStatus.Dropped : SendStatus.Queued;
	judgeStatus(before, { bytes, text }, {}, expected);
};

/** `corked()`, with other things inside. */
export const corked: Act = (trial, account, random) => {
	const token = {};
	const bad = random.chance(10);
	trial.note(`${account.name}.corked(`);
	try {
		const result = account.connection?.corked(() => {
			for (let times = random.below(4); times > 0; times--) {
				trial.reenter(account, random);
			}
			if (bad) trial.throwSomething(account, random);
			return token;
		});
		if (result !== token) trial.verdict.find("corked() returned another value");
	} catch (thrown) {
		if (!bad) {
			trial.verdict.find(`corked() threw of itself ${inWords(thrown)}`);
		} else trial.note(`) threw ${typeof thrown}`);
		return;
	}
	trial.note(")");
};

export const sent: Act = (trial, account) => {
	trial.note(`${account.name}.sent()`);
	trial.mustSettle(
		`${account.name}.sent()`,
		(account.connection as Connection).sent(),
		(value) => typeof value === "boolean",
	);
};

/** How things stood before a message was given. */
class Before {
	readonly buffered: number;
	readonly said: number;
	readonly isDropping: boolean;
	readonly isInside: boolean;

	constructor(
		readonly trial: Trial,
		readonly account: Account,
	) {
		this.buffered = account.connection?.writeBufferLength ?? 0;
		this.said = account.said;
		this.isDropping = account.isDropping;
		this.isInside = account.isInsideMessage;
	}
}

/** Compares what `send()` says with what is known, and keeps account of what it has taken. */
function judgeStatus(
	{ trial, account, buffered, said, isDropping }: Before,
	data: Pick<Specimen, "bytes" | "text">,
	says: SendOptions,
	status: SendStatus | undefined,
): void {
	const { verdict } = trial;
	account.said++;
	const { fin = true, text = data.text } = own(says);
	const word = SendStatus[status ?? -1] ?? String(status);
	verdict.count(`send() said ${word}`);
	trial.note(`	${word}`);
	switch (status) {
		case SendStatus.Queued:
		case SendStatus.Congested:
			if (account.isClosed) verdict.find("send() took a message after onClose");
			account.isDropping = false;
			account.took(data.bytes, text, fin);
			if (status === SendStatus.Congested) trial.congested(account);
			return;
		case SendStatus.Dropped: {
			const most = trial.circumstances.options.flow.maxBufferedBytes;
			const cost = data.bytes.length + MOST_FRAMING;
			const hasRoom = buffered + cost <= (most ?? DEFAULT_MOST);
			if (hasRoom && !isDropping && said + 1 === account.said) {
				verdict.find(`send() dropped ${cost} bytes upon ${buffered}`);
			}
			if (!isDropping) trial.dropped(account);
			account.isDropping = !fin && !account.isInsideMessage;
			return;
		}
		case SendStatus.Closed:
			if (account.isOpen) verdict.find("send() said Closed of what is open");
			return;
		default:
			verdict.find(`send() returned ${word}`);
	}
}

/** Nothing was wrong with what was given: then nothing but what it throws itself may be thrown. */
function mustBeOwn(trial: Trial, call: string, thrown: unknown): void {
	trial.verdict.judgeThrown(`${call}, given what is all right,`, thrown, []);
}

interface CallbackSpecimen {
	name: string;
	value: unknown;
	isWrong: boolean;
	/** The call has returned: from now on it may be called. */
	returned(): void;
	/** The call has thrown: it must never be called. */
	refused(): void;
}

function someCallback(
	trial: Trial,
	account: Account,
	random: Random,
): CallbackSpecimen {
	const none = { returned() {}, refused() {} };
	if (random.chance(70)) {
		return { name: "no callback", value: undefined, isWrong: false, ...none };
	}
	if (random.chance(5)) {
		const value = random.pick<unknown>([42, "text", null, {}, bombObject()]);
		return { name: "no function", value, isWrong: true, ...none };
	}
	const { callback, returned, refused } = trial.callback(account, random);
	const isProxy = random.chance(10) && !trial.without.has("proxy");
	const value = isProxy ? new Proxy(callback, {}) : callback;
	return { name: "callback", value, isWrong: false, returned, refused };
}

/** Bytes of the longest header of a frame. */
const MOST_FRAMING = 14;
const DEFAULT_MOST = 16 * 1024 * 1024;
