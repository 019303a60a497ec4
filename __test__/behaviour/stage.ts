import assert from "node:assert/strict";
import type {
	CloseReason,
	Protocol,
	ServerOptions,
	StopOptions,
	StopResult,
} from "gev";
import { type ChaosProxy, startChaosProxy } from "../kit/chaos-proxy.js";
import { Random } from "../kit/random.js";
import type { Account, Report } from "./host.js";
import type { HostProcess } from "./host-process.js";
import { Writer } from "./letters.js";
import type { Mode } from "./modes.js";
import { Lost, Peer } from "./peer.js";

/** What was counted; for the report of a run. */
export interface Tally {
	connections: number;
	letters: number;
	/** Connections that the mode has cut. */
	cut: number;
}

/** What one scenario has: a server in the host, and clients that the mode makes what they are. */
export class Stage {
	readonly random: Random;
	readonly writer: Writer;
	readonly tally: Tally = { connections: 0, letters: 0, cut: 0 };
	readonly #host: HostProcess;
	readonly #seed: number;
	/** Of the server. */
	#port = 0;
	#proxy: ChaosProxy | undefined;
	#stopped: Promise<StopResult> | undefined;
	readonly #peers = new Map<string, Peer>();
	/** Names of those that ended before they had done their part. */
	readonly #lost = new Set<string>();
	/** Those who wait for each other. */
	readonly #together: (() => void)[] = [];
	#nudges: NodeJS.Timeout | undefined;

	constructor(
		host: HostProcess,
		readonly mode: Mode,
		readonly protocol: Protocol["name"],
		seed: number,
	) {
		this.#host = host;
		this.#seed = seed;
		this.random = new Random(seed);
		this.writer = new Writer(this.random);
	}

	/** The mode cuts connections, some of them behind all that their clients wait for. */
	get cuts(): boolean {
		const { faults, chaos } = this.mode;
		return faults?.losesConnections === true || (chaos?.resetPercent ?? 0) > 0;
	}

	async open(options: ServerOptions = {}): Promise<void> {
		const { server, chaos, faults } = this.mode;
		this.#port = await this.#host.call("start", this.protocol, {
			...server,
			...options,
		});
		if (chaos !== undefined) {
			const [port, seed] = [this.#port, this.#seed];
			this.#proxy = await startChaosProxy({ port, seed, ...chaos });
		}
		if (faults?.needsNudges) {
			this.#nudges = setInterval(() => {
				for (const peer of this.#peers.values()) peer.nudge();
			}, 20);
		}
	}

	/** Lets as many clients as the mode has do their parts at once. */
	async everybody(
		part: (peer: Peer, index: number) => Promise<void>,
	): Promise<void> {
		const { peers } = this.mode;
		await Promise.all(
			Array.from({ length: peers }, (_, index) =>
				this.play(`peer-${index}`, (peer) => part(peer, index)),
			),
		);
	}

	/** Lets one client introduce itself and do its part, which only those may not finish whose connection was cut. */
	async play(id: string, part: (peer: Peer) => Promise<void>): Promise<void> {
		this.tally.connections++;
		try {
			const peer = await Peer.connect({
				...this.mode.peer,
				port: this.#proxy?.port ?? this.#port,
				protocol: this.protocol,
			});
			this.#peers.set(id, peer);
			peer.send(`H ${id}`);
			assert.equal(String(await peer.receive()), `H ${id}`);
			await part(peer);
		} catch (error) {
			if (!(error instanceof Lost)) throw error;
			this.#lost.add(id);
			this.#goOn();
			this.tally.cut++;
			this.#mayLose(id, error);
		}
	}

	/** Waits until everybody has come as far, or has been cut. */
	async together(): Promise<void> {
		await new Promise<void>((resolve) => {
			this.#together.push(resolve);
			this.#goOn();
		});
	}

	#goOn(): void {
		if (this.#together.length + this.#lost.size < this.mode.peers) return;
		for (const resolve of this.#together.splice(0)) resolve();
	}

	/** Has the server send so many letters to everybody; returns how many that were. */
	broadcast(count: number, size: number): Promise<number> {
		return this.#host.call("broadcast", count, size);
	}

	/** Stops the server, once. */
	stop(options: StopOptions = { timeoutMs: 60_000 }): Promise<StopResult> {
		this.#stopped ??= this.#host.call("stop", options);
		return this.#stopped;
	}

	/** Stops the server and looks at its books. `check` gets the account of each client that was not cut. */
	async close(
		check: (account: Account, id: string) => void = () => {},
	): Promise<void> {
		await this.stop();
		clearInterval(this.#nudges);
		await this.#proxy?.close();
		const report: Report = await this.#host.call("report");
		assert.deepEqual(report.faults, []);
		const { errors } = this.mode.faults ?? {};
		const unexpected = report.errors.filter((error) => !errors?.test(error));
		assert.deepEqual(unexpected, []);
		assert.equal(report.closes, report.connects, "one onClose for each");
		for (const [id, peer] of this.#peers) {
			const account = report.accounts[id];
			if (account === undefined) {
				assert.ok(this.#lost.has(id), `${id} never came`);
				continue;
			}
			this.tally.letters += account.letters;
			assert.ok(account.close !== null, `${id} has had no onClose`);
			if (this.#lost.has(id)) continue;
			if (this.#isCut(peer, account.close)) this.tally.cut++;
			else check(account, id);
		}
	}

	/** Throws if a connection was cut by anything else than the mode. */
	#mayLose(id: string, error: Lost): void {
		if (this.mode.faults?.losesConnections) return;
		const port = this.#peers.get(id)?.port ?? 0;
		if (this.#proxy?.resets.has(port)) return;
		throw new Error(`${id} was cut by nobody: ${error.message}`);
	}

	/** Whether the mode has cut a connection behind all that the client has waited for. */
	#isCut(peer: Peer, { cause, wasClean }: CloseReason): boolean {
		const { port, hasReset } = peer;
		if (hasReset) return false;
		if (this.#proxy?.resets.has(port)) return true;
		const isFailed = cause === "reset" || !wasClean;
		return isFailed && this.mode.faults?.losesConnections === true;
	}
}
