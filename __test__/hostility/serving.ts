import { type CommonHandler, Server, type ServerOptions, webSocket } from "gev";
import type { Random } from "../kit/random.js";
import { bombObject, type Tools } from "./bombs.js";
import { shaped } from "./options.js";
import type { Trial } from "./trial.js";

/** Something that is done with a server. */
export type ServerAct = (trial: Trial, random: Random) => void;

/** Goes through the connections while they come and go. */
export const iterate: ServerAct = (trial, random) => {
	trial.note("connections()");
	let count = 0;
	for (const connection of trial.server.connections()) {
		const account = trial.ledger.of(connection);
		// A subscriber may learn of a connection before `onConnect`.
		if (account === undefined) continue;
		if (account.isClosed) {
			trial.verdict.find("connections() has one that is gone");
			return;
		}
		if (random.chance(30)) trial.reenter(account, random);
		if (random.chance(10)) return;
		count++;
	}
	trial.note(`were ${count}`);
};

export const timer: ServerAct = (trial, random) => {
	const { server, verdict } = trial;
	const isRight = random.chance(70);
	const wrong: unknown[] = [-1, 1.5, Number.NaN, "5", null, 2 ** 53, Object(5)];
	if (!trial.without.has("bombs")) wrong.push(bombObject());
	const isCallback = isRight || random.chance(50);
	const delay =
		isRight || !isCallback ? 1 + random.below(20) : random.pick(wrong);
	const seed = random.below(2 ** 31);
	const every = random.chance(30);
	let stopped = false;
	const ring = () => {
		if (stopped) verdict.find("a timer went off after its stop()");
		trial.react(`timer ${seed}`, seed);
	};
	trial.note(`${every ? "runEvery" : "runAfter"}(${isRight}), timer ${seed}`);
	try {
		const callback = isCallback ? ring : (7 as unknown as () => void);
		const timer = every
			? server.runEvery(delay as number, callback)
			: server.runAfter(delay as number, callback);
		if (!isRight) verdict.find("a timer took what it must refuse");
		if (random.chance(30)) {
			timer.stop();
			stopped = true;
		}
	} catch (thrown) {
		verdict.judgeThrown("a timer", thrown, isRight ? [] : ["ERR_GEV_OPTION"]);
	}
};

/** Makes servers that are not started, of anything. */
export const construct: ServerAct = (trial, random) => {
	const tools: Tools = { random, reenter: () => trial.reenterAny(random) };
	const says: ServerOptions = {
		...(random.chance(50) && { port: 0 }),
		...(random.chance(30) && { loops: 1 }),
		...(random.chance(30) && { borrow: true }),
		...(random.chance(30) && { timeouts: { idleMs: { read: 5 } } }),
	};
	const options = shaped(says, tools, trial.without);
	const right = () => ({ onMessage() {} });
	const handlers: (() => unknown)[] = [
		right,
		() => new Proxy(right(), {}),
		() => Object.create(right()),
		() => ({ onMessage: 7 }),
		() => null,
		() => right,
	];
	if (!trial.without.has("bombs")) handlers.push(bombObject);
	trial.note(`new Server(${options.name})`);
	try {
		const handler = random.pick(handlers)() as CommonHandler;
		new Server(handler, options.value as ServerOptions);
		if (options.says === "wrong") {
			trial.verdict.find("new Server took options that it must refuse");
		}
		const twice = options.overread();
		if (twice !== undefined) {
			trial.verdict.find(`new Server read ${twice} twice`);
		}
		webSocket(shaped({ page: "page" }, tools, trial.without).value as object);
	} catch (thrown) {
		const codes = ["ERR_GEV_OPTION", "ERR_GEV_HANDLER"];
		trial.verdict.judgeThrown("new Server", thrown, codes);
	}
};

/** `start()` of a server that runs is refused. */
export const startAgain: ServerAct = (trial) => {
	if (trial.state !== "running") return;
	trial.note("start() again");
	trial.server.start().then(
		() => trial.verdict.find("start() started what runs"),
		(thrown) => trial.verdict.judgeThrown("start()", thrown, ["ERR_GEV_STATE"]),
	);
};

export const holdOn: ServerAct = (trial, random) => {
	const { server } = trial;
	const same = random.chance(50) ? server.unref() : server.ref();
	if (same !== server) trial.verdict.find("ref() returned another");
	server.ref();
};

export const collect: ServerAct = () => globalThis.gc?.();

/** Gives all objects a property that options have too, for a while. */
export const pollute: ServerAct = (trial, random) => {
	if (trial.without.has("pollution")) return;
	if (!trial.circumstances.isPolluted) return;
	const [name, value] = random.pick<[string, unknown]>([
		["status", 418],
		["headers", { "X-Polluted": "1" }],
		["body", "polluted"],
		["context", "polluted"],
		["protocol", "polluted"],
		["subprotocol", "polluted"],
		["fin", false],
		["text", true],
		["text", false],
		["compress", true],
		["reset", true],
		["timeoutMs", 0],
		["code", 7],
		["reason", "polluted"],
		["page", "polluted"],
		["path", "/polluted"],
		["origins", ["polluted"]],
		["webSocket", {}],
		["deflate", {}],
		["misspelt", 1],
		["loops", 3],
		["read", 1],
		["then", 7],
		[optionOfServers(random), {}],
	]);
	trial.used("pollution");
	trial.note(`Object.prototype.${name} = ${String(value)}`);
	trial.pollute(name, value);
};

function optionOfServers(random: Random): string {
	return random.pick([
		"borrow",
		"serial",
		"threads",
		"overflow",
		"host",
		"port",
		"maxPending",
		"maxConnections",
		"timeouts",
		"drainBudget",
	]);
}

/** Stops the server, which is started again some time later. */
export const stop: ServerAct = (trial, random) => {
	if (trial.without.has("restart") || trial.state !== "running") return;
	if (random.chance(70)) return;
	const tools: Tools = { random, reenter: () => trial.reenterAny(random) };
	const says = {
		timeoutMs: random.pick([0, 20, 200]),
		...(random.chance(40) && { code: random.pick([1012, 4999]) }),
		...(random.chance(40) && { reason: "until later" }),
	};
	const options = shaped(says, tools, trial.without);
	trial.note(`stop(${options.name} ${JSON.stringify(options.says)})`);
	// A stop without options is one that takes its time.
	if (options.value === undefined || options.kind === "inherited") return;
	trial.used("restart");
	trial.stop(options.value, options.says === "wrong");
};
