import type { Connection } from "gev";
import { bombObject } from "./bombs.js";
import { shaped } from "./options.js";
import type { Act } from "./sending.js";

/** `close()`, with codes and reasons that can be sent and with others. */
export const close: Act = (trial, account, random) => {
	const isRight = random.chance(60);
	const [code, reason]: unknown[] = isRight
		? [
				random.pick([undefined, 1000, 1001, 3000, 4999]),
				random.pick([undefined, "", `${account.name} é`.padEnd(100, ".")]),
			]
		: random.pick<unknown[]>([
				[1005],
				[
					random.pick<unknown>([
						Number.NaN,
						"1000",
						1000n,
						1000.5,
						2 ** 32,
						null,
					]),
				],
				[Object(1000), ""],
				[1000, random.pick<unknown>([Object("text"), null, Symbol("s"), []])],
				[1000, "é".repeat(62)],
				...(trial.without.has("bombs")
					? []
					: [
							[bombObject(), ""],
							[1000, bombObject()],
						]),
			]);
	trial.note(`${account.name}.close(${isRight ? "" : "what is wrong"})`);
	try {
		account.connection?.close(code as number, reason as string);
		if (!isRight) trial.verdict.find("close() took what it must refuse");
	} catch (thrown) {
		const codes = isRight ? [] : ["ERR_GEV_CLOSE"];
		trial.verdict.judgeThrown("close()", thrown, codes);
	}
};

export const end: Act = (trial, account) => {
	trial.note(`${account.name}.end()`);
	account.isEnding = true;
	account.connection?.end();
};

export const destroy: Act = (trial, account, random) => {
	const tools = trial.tools(account, random);
	const says = random.chance(50) ? { reset: random.chance(50) } : {};
	const options = shaped(says, tools, trial.without);
	trial.note(`${account.name}.destroy(${options.name})`);
	try {
		if (random.chance(20)) account.connection?.terminate();
		else {
			account.connection?.destroy(options.value as { reset: boolean });
			if (options.says === "wrong") {
				trial.verdict.find("destroy() took what it must refuse");
			}
		}
		account.cut("destroy()");
	} catch (thrown) {
		const codes = options.says === "wrong" ? ["ERR_GEV_OPTION"] : [];
		trial.verdict.judgeThrown("destroy()", thrown, codes);
	}
};

export const shutdownWrite: Act = (trial, account) => {
	trial.note(`${account.name}.shutdownWrite()`);
	account.isEnding = true;
	// The peer of a WebSocket is told nothing then.
	if (!trial.isRaw) account.cut("shutdownWrite()");
	account.connection?.shutdownWrite();
};

export const pause: Act = (trial, account) => {
	trial.note(`${account.name}.pause()`);
	account.connection?.pause();
};

export const resume: Act = (trial, account) => {
	trial.note(`${account.name}.resume()`);
	account.connection?.resume();
};

/** Everything that can be asked. */
export const look: Act = (trial, account) => {
	const connection = account.connection as Connection;
	const { circumstances, verdict } = trial;
	const most = circumstances.options.flow.maxBufferedBytes ?? 16 * 1024 * 1024;
	const { writeBufferLength, readBufferLength, dropped } = connection;
	const gauges = { writeBufferLength, readBufferLength, dropped };
	for (const [name, value] of Object.entries(gauges)) {
		const isSound = Number.isInteger(value) && value >= 0 && value < 2 ** 31;
		if (!isSound) verdict.find(`${account.name}.${name} is ${value}`);
	}
	if (writeBufferLength > most) {
		verdict.find(`${writeBufferLength} bytes wait, more than ${most}`);
	}
	const { loopIndex, isPaused, remotePort, subprotocol, connected } =
		connection;
	const isSound =
		loopIndex < circumstances.options.loops &&
		(!isPaused || connected || !account.isClosed) &&
		Number.isInteger(remotePort) &&
		(subprotocol === "" || subprotocol === "letters");
	if (!isSound) verdict.find(`${account.name} says what cannot be of itself`);
};

/** `set()`, `get()` and `delete()`, with any key. */
export const store: Act = (trial, account, random) => {
	const connection = account.connection as Connection;
	const keys: unknown[] = [
		"key",
		"__proto__",
		"constructor",
		Symbol("key"),
		{},
	];
	if (!trial.without.has("bombs")) keys.push(bombObject());
	const key = random.pick(keys) as string;
	const value = random.pick<unknown>([undefined, bombObject(), 7]);
	if (account.client !== undefined) {
		const { context } = connection;
		connection.context = key;
		if (connection.context !== key) trial.verdict.find("context was not kept");
		connection.context = context;
	}
	connection.set(key, value);
	if (connection.get(key) !== value) trial.verdict.find("get() forgot a value");
	if (!connection.delete(key) || connection.get(key) !== undefined) {
		trial.verdict.find("delete() left a value");
	}
};

/** `connected` cannot be changed from outside. */
export const write: Act = (trial, account, random) => {
	const connection = account.connection as Connection;
	if (trial.without.has("read-only")) return;
	trial.used("read-only");
	const before = connection.connected;
	trial.note(`${account.name}.connected = ${!before}`);
	try {
		const target = connection as { connected: unknown };
		if (random.chance(50)) target.connected = !before;
		else {
			const value = !before;
			Object.defineProperty(connection, "connected", {
				value,
				configurable: true,
			});
		}
	} catch {
		// As of every property that can only be read.
	}
	// A property of the user's own may hide it, but changes nothing: what is sent arrives.
	if (Object.hasOwn(connection, "connected")) {
		Reflect.deleteProperty(connection, "connected");
	}
	if (connection.connected !== before) {
		trial.verdict.find(`${account.name}.connected could be changed`);
	}
};
