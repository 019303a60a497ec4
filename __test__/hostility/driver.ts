import { channel, subscribe, unsubscribe } from "node:diagnostics_channel";
import { setImmediate } from "node:timers/promises";
import type { Server } from "gev";
import { Random } from "../kit/random.js";
import { pickWeighted, type Weighted } from "./acts.js";
import { ownAnswer, responseAnswer, upgradeAnswer } from "./answers.js";
import { expectedUncaught, owned } from "./bombs.js";
import { type Circumstances, someCircumstances } from "./circumstances.js";
import { type Client, RawClient, WebSocketClient } from "./client.js";
import { Enquiry, UNANSWERED } from "./enquiry.js";
import { overflow } from "./full-stack.js";
import type { Kind } from "./kinds.js";
import { sendMany, sendPlain } from "./sending.js";
import { pollute } from "./serving.js";
import { size } from "./specimens.js";
import { PATIENCE_MS, soon, Trial } from "./trial.js";
import type { Verdict } from "./verdict.js";

/** What a trial is made of. */
export interface Plan {
	seed: number;
	steps: number;
	without: ReadonlySet<Kind>;
}

/** Tries one server, in circumstances that the seed decides, until there is a finding or so many steps are done. */
export async function tryServer(verdict: Verdict, plan: Plan): Promise<void> {
	const random = new Random(plan.seed);
	const circumstances = someCircumstances(random);
	verdict.note(`trial ${plan.seed}: ${JSON.stringify(circumstances)}`);
	const trial = new Trial(verdict, circumstances, plan.without, plan.seed);
	const driver = new Driver(trial, random);
	const stopWatching = watch(trial, circumstances, random);
	try {
		await driver.run(plan.steps);
	} finally {
		stopWatching();
		trial.clean();
		driver.leaveNothing();
	}
}

/** Takes the steps of a trial. */
class Driver {
	readonly #trial: Trial;
	readonly #random: Random;
	readonly #enquiries = new Set<Enquiry>();
	#names = 0;

	constructor(trial: Trial, random: Random) {
		this.#trial = trial;
		this.#random = random;
	}

	async run(steps: number): Promise<void> {
		const trial = this.#trial;
		const { verdict } = trial;
		await trial.start();
		for (let step = 0; step < steps; step++) {
			if (verdict.finding !== undefined || trial.isScorched) break;
			if (trial.state === "stopped") {
				trial.note("start()");
				await trial.start();
			}
			verdict.steps++;
			await pickWeighted(this.#steps, this.#random)();
			await this.#pause();
		}
		if (verdict.finding === undefined) await this.#end();
	}

	/** Nothing of a trial, which may have ended in the middle, is in the way of the next one. */
	leaveNothing(): void {
		for (const client of this.#trial.ledger.clients) client.reset();
		for (const enquiry of this.#enquiries) enquiry.abandon();
	}

	/** Several things happen in one turn of the event loop, or each in one of its own. */
	async #pause(): Promise<void> {
		const random = this.#random;
		if (random.chance(40)) return;
		for (let turns = random.below(4); turns >= 0; turns--) await setImmediate();
	}

	/** What one step does. */
	readonly #steps: Weighted<() => void | Promise<void>> = [
		[10, () => this.#needClients()],
		[30, () => this.#trial.reenterAny(this.#random)],
		[40, () => this.#armAndProvoke()],
		[8, () => this.#clientDoes()],
		[4, () => this.#enquire()],
		[2, () => this.#warmUp()],
		[2, () => this.#fillStack()],
		[3, () => this.#settle()],
		[3, () => pollute(this.#trial, this.#random)],
		[1, () => this.#trial.clean()],
	];

	#needClients(): void {
		const { ledger, state } = this.#trial;
		const { size } = ledger.clients;
		if (state === "running" && size < 2 + this.#random.below(5))
			this.#connect();
	}

	#connect(): void {
		const trial = this.#trial;
		const { ledger, port, circumstances } = trial;
		const name = `g${++this.#names}`;
		trial.note(`${name} connects`);
		let client: Client;
		if (trial.isRaw) client = new RawClient(name, ledger, port);
		else {
			const target = `/${name}`;
			let answer = ownAnswer(101);
			if (circumstances.members.includes("onUpgrade")) {
				const letter = (size: number) => this.#letter(name, size);
				answer = upgradeAnswer(this.#tools(), trial.without, letter);
				trial.answers.set(target, answer);
			}
			const url = `ws://127.0.0.1:${port}${target}`;
			const { deflate } = circumstances;
			client = new WebSocketClient(name, ledger, url, answer, deflate);
		}
		ledger.clients.add(client);
	}

	/** Has a member of the handler do something, and a client do what the member is called for. */
	#armAndProvoke(): void {
		const random = this.#random;
		const trial = this.#trial;
		const members = trial.circumstances.members;
		const member = random.chance(50)
			? "onMessage"
			: random.pick([...members, "gev:open", "gev:close", "gev:error"]);
		trial.arm(member, random.below(2 ** 31));
		const clients = trial.ledger.talking();
		if (clients.length === 0) this.#needClients();
		else this.#provoke(member, random.pick(clients));
	}

	#provoke(member: string, client: Client): void {
		const random = this.#random;
		switch (member) {
			case "onConnect":
			case "onUpgrade":
			case "gev:open":
				this.#connect();
				return;
			case "onRequest":
				this.#enquire();
				return;
			case "onPing":
				client.ping(this.#trial.letter(client.name, 1 + random.below(90)));
				return;
			case "onFragment":
				this.#sayInPieces(client);
				return;
			case "onClose":
			case "onEnd":
			case "gev:close":
				if (random.chance(30)) this.#leave(client);
				return;
			default:
				this.#say(client);
		}
	}

	#say(client: Client): void {
		const random = this.#random;
		const bytes = this.#trial.letter(client.name, size(random));
		client.say(bytes, random.chance(50));
	}

	#sayInPieces(client: Client): void {
		const random = this.#random;
		const count = 2 + random.below(3);
		const pieces = Array.from({ length: count }, () =>
			this.#trial.letter(client.name, size(random)),
		);
		client.sayInPieces(pieces, random.chance(50));
	}

	#leave(client: Client): void {
		const trial = this.#trial;
		trial.note(`${client.name} leaves`);
		if (this.#random.chance(60)) client.leave();
		else client.reset();
	}

	#clientDoes(): void {
		const random = this.#random;
		const clients = this.#trial.ledger.talking();
		if (clients.length === 0) return;
		const client = random.pick(clients);
		pickWeighted<() => void>(
			[
				[4, () => this.#say(client)],
				[3, () => this.#sayInPieces(client)],
				[2, () => this.#leave(client)],
				[3, () => client.pause()],
				[3, () => client.resume()],
				[0.3, () => client.babble()],
			],
			random,
		)();
	}

	/** A plain request. */
	#enquire(): void {
		const trial = this.#trial;
		if (trial.isRaw || trial.state !== "running") return;
		const name = `g${++this.#names}`;
		const target = `/${name}`;
		const { stops } = trial.ledger;
		let answer = ownAnswer(426);
		if (trial.circumstances.members.includes("onRequest")) {
			const letter = (size: number) => this.#letter(name, size);
			answer = responseAnswer(this.#tools(), trial.without, letter);
			trial.answers.set(target, answer);
		}
		const enquiry = new Enquiry(trial.port, target, answer, (wrong) => {
			this.#enquiries.delete(enquiry);
			if (wrong === "") return;
			// Whoever has written over all that a loop shows has ended it, with what it had been asked.
			const isExcused = trial.isScorched || trial.ledger.stops !== stops;
			// A stop does not wait for an answer longer than it may.
			if ((wrong === undefined || wrong === UNANSWERED) && isExcused) return;
			trial.verdict.find(`${target}: ${wrong ?? "no response"}`);
		});
		this.#enquiries.add(enquiry);
		if (this.#random.chance(10)) {
			this.#enquiries.delete(enquiry);
			enquiry.abandon();
		}
	}

	/** Many ordinary messages. */
	async #warmUp(): Promise<void> {
		const open = this.#trial.ledger.open();
		if (open.length === 0) return;
		sendMany(this.#trial, this.#random.pick(open), this.#random);
	}

	/** Sends while the stack is full, when nothing else is going on that would make up for what fails then. */
	async #fillStack(): Promise<void> {
		await this.#settle();
		const open = this.#trial.ledger.open();
		if (open.length === 0) return;
		overflow(this.#trial, this.#random.pick(open), this.#random);
		await this.#settle();
	}

	/** Waits until everything has arrived that has to. */
	async #settle(): Promise<void> {
		const trial = this.#trial;
		if (trial.state !== "running" || trial.isScorched) return;
		trial.note("settles");
		trial.isSettling = true;
		for (const settle of trial.unsettledReplies.splice(0)) settle();
		for (const client of trial.ledger.clients) client.resume();
		for (const { connection } of trial.ledger.accounts) connection?.resume();
		await this.#until(() => this.#unquiet());
		for (const account of trial.ledger.open()) {
			if (account.client?.isOpen !== true) continue;
			// The first may be but the end of a message that was dropped.
			if (!sendPlain(account, trial, 50)) sendPlain(account, trial, 50);
		}
		await this.#until(() => this.#unquiet());
		trial.judgeKept();
		for (const account of trial.ledger.accounts) account.rests();
		trial.isSettling = false;
	}

	/** What has not come to rest, in words. */
	#unquiet(): string | undefined {
		const { ledger, waiting } = this.#trial;
		for (const client of ledger.clients) {
			const { account } = client;
			if (account === undefined) return `${client.name} is connecting`;
			if (account.connection === undefined)
				return `no onConnect for ${account.name}`;
		}
		for (const account of ledger.accounts) {
			const wrong = account.unquiet();
			if (wrong !== undefined) return `${account.name}: ${wrong}`;
		}
		if (this.#enquiries.size > 0) return "a request is not answered";
		const [name] = waiting;
		return name && `${name} is not done`;
	}

	async #until(unquiet: () => string | undefined): Promise<void> {
		const { verdict } = this.#trial;
		const end = performance.now() + PATIENCE_MS;
		while (verdict.finding === undefined) {
			const what = unquiet();
			if (what === undefined) return;
			if (performance.now() > end) {
				verdict.find(`does not come to rest: ${what}`);
				return;
			}
			await setImmediate();
		}
	}

	/** Ends everything in good order, and looks whether it has ended so. */
	async #end(): Promise<void> {
		const trial = this.#trial;
		if ((await soon(trial.stopped)) === undefined) {
			trial.verdict.find("stop() does not come to its end");
			return;
		}
		if (trial.state === "stopped") await trial.start();
		await this.#settle();
		if (trial.verdict.finding !== undefined) return;
		trial.isSettling = true;
		trial.note("ends");
		const { accounts } = trial.ledger;
		// Nobody waits for those with whom it cannot come to a good end.
		for (const { isCut, client } of accounts) if (isCut) client?.reset();
		const mayBeCut = accounts.filter((it) => it.isCut && !it.isClosed).length;
		const result = await trial.end(
			!trial.isScorched && this.#random.chance(20),
		);
		if (trial.isScorched) return;
		await this.#until(() => {
			const { clients, accounts } = trial.ledger;
			const [client] = clients;
			if (client !== undefined) return `${client.name} is still there`;
			const left = accounts.find(({ isOver }) => !isOver);
			if (left !== undefined) return `${left.name} is not over`;
			const [name] = trial.waiting;
			return name && `${name} is not done`;
		});
		if ((result?.cut ?? 0) > mayBeCut) {
			trial.verdict.find(`the last stop: ${JSON.stringify(result)}`);
		}
	}

	/** A letter that fits a response, which `maxBufferedBytes` bounds too. */
	#letter(name: string, size: number): Buffer {
		const { maxBufferedBytes } = this.#trial.circumstances.options.flow;
		const most = maxBufferedBytes === undefined ? size : 10_000;
		return this.#trial.letter(name, Math.min(size, most));
	}

	#tools() {
		const random = new Random(this.#random.below(2 ** 31));
		return { random, reenter: () => this.#trial.reenterAny(random) };
	}
}

/** Watches the diagnostics channels, and now and then uses what they tell of. */
function watch(
	trial: Trial,
	{ isWatched, members }: Circumstances,
	random: Random,
): () => void {
	if (!isWatched) return () => {};
	const told = { "gev:open": 0, "gev:close": 0, "gev:error": 0 };
	const seed = random.below(2 ** 31);
	const own = new Random(seed);
	const watchers = Object.keys(told).map((name) => {
		const tell = (message: unknown) => {
			const { server, error } = message as { server: Server; error?: Error };
			if (server !== trial.server) return;
			told[name as keyof typeof told]++;
			if (error !== undefined && !members.includes("onError")) {
				trial.judgeError(error);
			}
			if (trial.without.has("subscribers")) return;
			trial.used("subscribers");
			trial.reactIfArmed(name);
			if (!trial.isSettling && own.chance(2)) {
				const thrown = owned(new Error("thrown by a subscriber"));
				expectedUncaught.add(thrown);
				throw thrown;
			}
		};
		subscribe(name, tell);
		return () => unsubscribe(name, tell);
	});
	return () => {
		for (const unwatch of watchers) unwatch();
		if (channel("gev:open").hasSubscribers) {
			trial.verdict.find("a subscriber is left");
		}
		if (
			told["gev:close"] !== trial.closes ||
			told["gev:open"] !== trial.connects
		) {
			trial.verdict.find(`subscribers were told ${JSON.stringify(told)}`);
		}
	};
}
