import {
	GevError,
	type Handler,
	raw,
	Server,
	type StopOptions,
	type StopResult,
	webSocket,
} from "gev";
import { Writer } from "../behaviour/letters.js";
import { Random } from "../kit/random.js";
import type { Account, Terms } from "./account.js";
import { acts, outcomesOf, pickWeighted, serverActs } from "./acts.js";
import type { Answer } from "./answers.js";
import { isOwn, type Tools } from "./bombs.js";
import type { Circumstances } from "./circumstances.js";
import { handlerOf } from "./handler.js";
import type { Kind } from "./kinds.js";
import { Ledger } from "./ledger.js";
import { somethingToThrow } from "./thrown.js";
import type { Verdict } from "./verdict.js";

/** One server in some circumstances, with all that is known of what has to become of what is done with it. */
export class Trial {
	readonly ledger: Ledger;
	readonly server: Server;
	/** What requests are answered, by their target. */
	readonly answers = new Map<string, Answer>();
	/** Functions that settle promises which the handler has returned. */
	readonly unsettledReplies: (() => void)[] = [];
	connects = 0;
	closes = 0;
	state: "stopped" | "starting" | "running" | "stopping" = "stopped";
	port = 0;
	/** Fulfilled when the last stop is done. */
	stopped: Promise<true> = Promise.resolve(true);
	/** Only the end of what was begun is awaited: nothing new. */
	isSettling = false;
	/** Callbacks that are to be called, and promises that are to be settled. */
	readonly waiting = new Set<string>();

	readonly #terms: Terms;
	#kept: { message: Buffer; copy: Buffer }[] = [];
	/** Seeds of what members are to do, one for each call. */
	readonly #armed = new Map<string, number[]>();
	readonly #polluted = new Set<string>();
	#depth = 0;
	#numbers = 0;

	constructor(
		readonly verdict: Verdict,
		readonly circumstances: Circumstances,
		readonly without: ReadonlySet<Kind>,
		seed: number,
	) {
		const { isRaw, options } = circumstances;
		this.#terms = {
			verdict,
			isRaw,
			writer: new Writer(new Random(seed)),
			dropsOldest: options.flow.overflow === "drop-oldest",
			isScorched: false,
		};
		this.ledger = new Ledger(this.#terms);
		this.server = new Server(handlerOf(this, circumstances), {
			...options,
			protocol: isRaw ? raw() : webSocket(circumstances.webSocket),
		});
	}

	get isRaw(): boolean {
		return this.circumstances.isRaw;
	}

	get isScorched(): boolean {
		return this.#terms.isScorched;
	}

	set isScorched(is: boolean) {
		this.#terms.isScorched = is;
		for (const account of this.ledger.accounts) account.in.isSpoilt = true;
	}

	/** Letters for bodies of requests and responses, and of clients. */
	letter(name: string, size: number): Buffer {
		return this.#terms.writer.letter(name, ++this.#numbers, size);
	}

	note(line: string): void {
		this.verdict.note(line);
	}

	/** Counts the kinds of hostility that have had their turn. */
	used(kind: Kind | "ordinary"): void {
		this.verdict.count(kind);
	}

	async start(): Promise<void> {
		this.state = "starting";
		try {
			this.port = (await this.server.start()).port;
			this.state = "running";
		} catch (thrown) {
			this.verdict.judgeThrown("start()", thrown, []);
		}
	}

	/** Stops it in a hurry. */
	stop(options: unknown, isWrong: boolean): void {
		const told = this.server.stop(options as StopOptions);
		if (this.state !== "running") {
			// Its getters have done the same meanwhile.
			told.catch((thrown) => this.verdict.judgeThrown("stop()", thrown, []));
			return;
		}
		this.state = "stopping";
		this.ledger.stops++;
		this.ledger.isHurried = true;
		for (const account of this.ledger.accounts) account.cut("stop()");
		this.stopped = told.then(
			() => {
				this.state = "stopped";
				this.ledger.isHurried = false;
				if (isWrong) this.verdict.find("stop() took what it must refuse");
				this.judgeStopped();
				return true;
			},
			(thrown) => {
				this.state = "running";
				this.ledger.isHurried = false;
				const codes = isWrong ? ["ERR_GEV_OPTION"] : [];
				this.verdict.judgeThrown("stop()", thrown, codes);
				return true;
			},
		);
	}

	/** Stops it for good, with its defaults; undefined when that says nothing. */
	async end(disposes: boolean): Promise<StopResult | undefined> {
		this.state = "stopping";
		this.ledger.stops++;
		const options = this.isScorched ? { timeoutMs: 200 } : {};
		try {
			const { server } = this;
			const told = disposes
				? server[Symbol.asyncDispose]().then(() => ({ closed: 0, cut: 0 }))
				: server.stop(options);
			const result = await soon(told);
			if (result === undefined) {
				this.verdict.find("stop() does not come to its end");
				return undefined;
			}
			this.state = "stopped";
			this.judgeStopped();
			return result;
		} catch (thrown) {
			this.verdict.judgeThrown("stop()", thrown, []);
			return undefined;
		}
	}

	/** A server that has stopped has nothing and nobody left. */
	judgeStopped(): void {
		const { server, verdict, ledger } = this;
		const counts = {
			loops: server.loopCount,
			connectionCount: server.connectionCount,
			refusedCount: server.refusedCount,
			connections: [...server.connections()].length,
			unclosed: this.connects - this.closes,
		};
		if (Object.values(counts).some((count) => count !== 0)) {
			verdict.find(`stopped with ${JSON.stringify(counts)}`);
		}
		for (const { name, connection } of ledger.accounts) {
			if (connection === undefined) continue;
			const { writeBufferLength, readBufferLength, connected } = connection;
			if (connected || writeBufferLength + readBufferLength !== 0) {
				verdict.find(`${name} has something left after the stop`);
			}
		}
	}

	tools(account: Account, random: Random): Tools {
		return { random, reenter: () => this.reenter(account, random) };
	}

	/** Does something with a connection, perhaps in the midst of something else. */
	reenter(account: Account, random: Random): void {
		if (this.#depth >= 3 || this.isSettling) return;
		this.#depth++;
		try {
			if (random.chance(10)) pickWeighted(serverActs, random)(this, random);
			else if (account.connection !== undefined) {
				pickWeighted(acts, random)(this, account, random);
			}
		} finally {
			this.#depth--;
		}
	}

	/** Does something with any connection, also with one that is gone. */
	reenterAny(random: Random): void {
		const { accounts } = this.ledger;
		const open = this.ledger.open();
		const among = random.chance(90) && open.length > 0 ? open : accounts;
		if (among.length > 0) this.reenter(random.pick(among), random);
	}

	/** Has the next call of a member, or of a subscriber, do something. */
	arm(member: string, seed: number): void {
		this.#armed.set(member, [...(this.#armed.get(member) ?? []), seed]);
	}

	/** What a member has in mind. Returns what it is to return, or throws. */
	act(
		member: keyof Handler,
		account: Account | undefined,
		message: string | Buffer | undefined,
	): unknown {
		if (this.isSettling) return undefined;
		const seed = this.#armed.get(member)?.shift();
		if (seed === undefined) return undefined;
		const random = new Random(seed);
		this.note(`in ${member} of ${account?.name ?? "the server"}:`);
		for (let times = random.below(3); times > 0; times--) {
			if (account !== undefined && random.chance(75)) {
				this.reenter(account, random);
			} else this.reenterAny(random);
		}
		if (account === undefined) return undefined;
		const outcome = pickWeighted(outcomesOf(member), random);
		return outcome(this, account, random, message);
	}

	/** Something that is not called by the server, such as a timer, has its turn. */
	react(name: string, seed: number): void {
		if (this.isSettling) return;
		this.note(`in ${name}:`);
		this.reenterAny(new Random(seed));
	}

	/** As {@link react}, for a subscriber that was {@link arm}ed. */
	reactIfArmed(name: string): void {
		const seed = this.isSettling ? undefined : this.#armed.get(name)?.shift();
		if (seed !== undefined) this.react(name, seed);
	}

	/** A callback for `send()`, which has to be called once, and not before the call has returned. */
	callback(account: Account, random: Random) {
		const name = `callback ${++this.#numbers} of ${account.name}`;
		const seed = random.below(2 ** 31);
		let state: "early" | "due" | "done" = "early";
		const callback = (error?: GevError) => {
			if (state !== "due") this.verdict.find(`${name} came ${state}`);
			state = "done";
			this.waiting.delete(name);
			if (error !== undefined) {
				this.verdict.judgeThrown(name, error, ["ERR_GEV_SEND"]);
				return;
			}
			const random = new Random(seed);
			if (random.chance(20)) this.react(name, seed);
			if (random.chance(4)) this.throwSomething(account, random);
		};
		const returned = () => {
			state = "due";
			this.waiting.add(name);
		};
		const refused = () => {
			state = "done";
		};
		return { callback, returned, refused };
	}

	/** A promise of the package has to be fulfilled, with something like this. */
	mustSettle<Value>(
		what: string,
		promise: Promise<Value>,
		isSound: (value: Value) => boolean,
	): void {
		const name = `${what}, ${++this.#numbers}`;
		this.waiting.add(name);
		promise.then(
			(value) => {
				this.waiting.delete(name);
				if (!isSound(value)) this.verdict.find(`${name} has another value`);
			},
			(thrown) => this.verdict.judgeThrown(name, thrown, []),
		);
	}

	/** `send()` has said Congested. */
	congested(account: Account): void {
		account.awaitsDrain = this.circumstances.members.includes("onDrain");
	}

	/** A message was dropped. */
	dropped(account: Account): void {
		const closes = this.circumstances.options.flow.overflow === "close";
		if (closes || account.isInsideMessage) account.cut("the limit");
	}

	throwSomething(account: Account, random: Random): never {
		const tools = this.tools(account, random);
		const { kind, name, value } = somethingToThrow(tools, this.without);
		this.used(kind);
		this.note(`throws ${name}`);
		throw value;
	}

	/** A promise that is settled when nobody expects it any more. */
	unsettled(): Promise<undefined> {
		return new Promise((resolve) =>
			this.unsettledReplies.push(() => resolve(undefined)),
		);
	}

	/** Keeps a message, which must be the same as long as it is kept. */
	keep(message: Buffer): void {
		this.#kept.push({ message, copy: Buffer.from(message) });
	}

	/** Messages in this memory are not kept any more. */
	forget(memory: ArrayBufferLike): void {
		this.#kept = this.#kept.filter(({ message }) => message.buffer !== memory);
	}

	judgeKept(): void {
		const changed = this.#kept.find(
			({ message, copy }) => !message.equals(copy),
		);
		if (changed === undefined) return;
		const { message, copy } = changed;
		this.verdict.find(
			`a message of ${copy.length} bytes that was kept has changed, and has ${message.length}`,
		);
	}

	/** What `onError` is told is what a handler has thrown, or has a code. */
	judgeError(error: Error): void {
		if (isOwn(error)) return;
		if (error instanceof GevError) {
			if (error.code !== "ERR_GEV_LOOP" || this.isScorched) return;
		} else if (/^thrown: |proxy that has been revoked$/.test(error.message)) {
			return;
		}
		this.verdict.judgeThrown("onError was told of what the package", error, []);
	}

	pollute(name: string, value: unknown): void {
		this.#polluted.add(name);
		Object.defineProperty(Object.prototype, name, {
			value,
			configurable: true,
			enumerable: true,
			writable: true,
		});
	}

	clean(): void {
		for (const name of this.#polluted) {
			Reflect.deleteProperty(Object.prototype, name);
		}
		this.#polluted.clear();
	}
}

/** What a promise is fulfilled with; undefined when it takes longer than anything should. */
export async function soon<Value>(
	promise: Promise<Value>,
): Promise<Value | undefined> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<undefined>((resolve) => {
		timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
	});
	const value = await Promise.race([promise, late]);
	clearTimeout(timer);
	return value;
}

/** More than `stop()` waits for anybody, and ten times what all else takes. */
export const PATIENCE_MS = 10_000;
