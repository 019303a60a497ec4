import type * as binding from "#binding";
import { Balancer } from "./balance.js";
import { now } from "./base/clock.js";
import { GevError } from "./base/errors.js";
import type { Checked } from "./base/option-table.js";
import { ANY_IPV4, ANY_IPV6, addressOf, hasNoIPv6 } from "./bridge/address.js";
import type { Addresses } from "./bridge/addresses.js";
import { closePayload } from "./bridge/close-payload.js";
import type { CloseReason } from "./bridge/close-reason.js";
import {
	endNative,
	holdNative,
	startNative,
	type ThreadServer,
} from "./bridge/environment.js";
import type { EventLoop } from "./bridge/event-loop.js";
import type {
	LoopServer,
	OpeningDetails,
	Place,
} from "./bridge/loop-server.js";
import { MemoryBudget } from "./bridge/memory-budget.js";
import {
	CAUSE_STOP,
	COMMAND_STOP,
	COUNTER_REFUSED_BY_RATE,
	COUNTER_REFUSED_OF_ADDRESS,
	COUNTER_REFUSED_OF_ALL,
	type FrameFault,
} from "./bridge/records.js";
import { startError } from "./bridge/start-error.js";
import { trimLater } from "./bridge/trim.js";
import { Connection } from "./connection.js";
import { Endings } from "./endings.js";
import { publish, watch } from "./flow/channels.js";
import {
	type ConnectionCalls,
	ConnectionCore,
} from "./flow/connection-core.js";
import {
	checkHandler,
	type Dispatcher,
	type Members,
} from "./flow/dispatcher.js";
import type { Packing } from "./flow/packing.js";
import { Relief } from "./flow/relief.js";
import {
	type Role,
	StreamConnection,
	type StreamServer,
} from "./flow/stream-connection.js";
import { AskedRequest, type RequestPlace } from "./http/asked-request.js";
import { CopiedRequest } from "./http/copied-request.js";
import { Live } from "./live/live.js";
import { Log } from "./logger.js";
import { makeLoops } from "./loops.js";
import type { MetricsOptions } from "./metrics-options.js";
import { MetricsServer } from "./metrics-server.js";
import { loopMemory, nativeOptions } from "./native-options.js";
import { type CheckedOptions, checkOptions } from "./options.js";
import { NO_PART, optionsOfPart, type PoolPart } from "./pool-part.js";
import type { ProtocolNumber } from "./protocol-numbers.js";
import { type ProtocolRole, Roles, type ServerOfRoles } from "./roles.js";
import { DRAINS_PER_TIMED, ServerCounts } from "./server-counts.js";
import type { ServerStats } from "./stats.js";
import { STOP_OPTIONS, type StopOptions, type StopResult } from "./stop.js";
import { type Timer, Timers } from "./timer.js";

/** Where a started server listens. */
export interface ListenAddress {
	/** IP address, or the path of a unix socket. */
	readonly address: string;
	/** Port: the one that the system chose when 0 was asked for. 0 for a unix socket. */
	readonly port: number;
}

/**
 * What is behind a `Server`: its loops and connections, from its start to the end of its stop. Inner code knows servers by
 * it, or by the little of it that it needs.
 */
export class ServerCore
	implements StreamServer, LoopServer<ConnectionCore>, ThreadServer
{
	/** The `Server` that users have. */
	readonly #face: object;
	readonly #handler: Members;
	#options: CheckedOptions;
	/** What it is to a pool of workers. */
	#part = NO_PART;
	#lost: ((message: string) => void) | undefined;
	readonly #timers = new Timers((error) => this.dispatcher.failed(error));
	#state: "idle" | "starting" | "running" | "stopping" = "idle";
	#loops: EventLoop<ConnectionCore>[] = [];
	#native: binding.NativeServer | undefined;
	readonly #endings: Endings;
	#keepsAlive = true;
	#refusedHandshakes = 0;
	readonly #relief = new Relief();
	readonly #roles: Roles;
	readonly #log: Log | undefined;
	readonly #counts = new ServerCounts();
	#live: Live | undefined;
	#metrics: MetricsServer | undefined;
	/** Undefined where loops balance by themselves. */
	readonly #balancer: Balancer | undefined;

	readonly memory: MemoryBudget;

	/** Throws what `Server` says. */
	constructor(face: object, handler: Members, options: unknown) {
		checkHandler(handler);
		this.#face = face;
		this.#handler = handler;
		this.#options = checkOptions(options);
		this.#endings = new Endings(this.#options.timeouts.closeMs);
		this.#log = Log.of(this.#options.logger);
		if (this.#log !== undefined) watch(face, this.#log);
		this.memory = new MemoryBudget(
			this.#options.limits.maxMemoryBytes,
			(kept) => this.#native?.tellKept(kept) ?? Number.POSITIVE_INFINITY,
			(bytes) => this.#relieve(bytes),
		);
		const roles: ServerOfRoles = {
			face,
			options: this.#options,
			memory: this.memory,
			addProtocol: (native, instead) =>
				(this.#native as binding.NativeServer).addProtocol(native, instead),
		};
		this.#roles = new Roles(roles, handler);
		const { balance } = this.#options;
		if (typeof balance === "function") {
			this.#balancer = new Balancer(
				(loops, peer) => this.dispatcher.run(balance, loops, peer),
				(error) => this.dispatcher.failed(error),
			);
		}
	}

	/** Who calls the members of the server's handler. */
	get dispatcher(): Dispatcher {
		return this.#roles.first.calls;
	}

	get calls(): Dispatcher {
		return this.#roles.first.calls;
	}

	get packing(): Packing | undefined {
		return this.#roles.first.packing;
	}

	roleOf(protocol: unknown, handler: unknown, calls: ConnectionCalls): Role {
		return this.#roles.roleOf(protocol, handler, calls);
	}

	numberOf(role: Role): ProtocolNumber {
		return this.#roles.numberOf(role as ProtocolRole);
	}

	settle(number: ProtocolNumber): void {
		this.#roles.settle(number);
	}

	get connectionCount(): number {
		return this.#loops.reduce((sum, loop) => sum + loop.connectionCount, 0);
	}

	get refusedCount(): number {
		return (
			this.#sum(COUNTER_REFUSED_OF_ALL) +
			this.#sum(COUNTER_REFUSED_OF_ADDRESS) +
			this.#sum(COUNTER_REFUSED_BY_RATE)
		);
	}

	get refusedHandshakeCount(): number {
		return this.#native === undefined ? 0 : this.#refusedHandshakes;
	}

	get heldBytes(): number {
		this.memory.askLeft();
		return this.#native?.held() ?? 0;
	}

	/** See `Server.stats`. */
	stats(): ServerStats {
		const { queueBytes } = this.#options.eventLoop;
		const held = this.heldBytes;
		return this.#counts.stats(this.#state, this.#loops, queueBytes, held);
	}

	/** What all loops have counted, by the position of the counter. */
	#sum(counter: number): number {
		return this.#loops.reduce((sum, loop) => sum + loop.counter(counter), 0);
	}

	/** Number of event loops that run. */
	get loopCount(): number {
		return this.#loops.filter((loop) => !loop.stopped).length;
	}

	/** The open connections, as far as their handlers have been told. */
	*connections(): IterableIterator<ConnectionCore> {
		for (const loop of this.#loops) {
			for (const connection of loop.connections) {
				if (connection?.connected) yield connection;
			}
		}
	}

	/** The same at once, for who sends to all of them. */
	openConnections(): ConnectionCore[] {
		const open: ConnectionCore[] = [];
		for (const loop of this.#loops) {
			for (const connection of loop.connections) {
				if (connection?.connected) open.push(connection);
			}
		}
		return open;
	}

	/** See `Server.start`. */
	async start(): Promise<ListenAddress> {
		if (this.#state !== "idle") {
			throw new GevError(
				"ERR_GEV_STATE",
				`start() needs a server that is not ${this.#state}`,
			);
		}
		this.#state = "starting";
		this.dispatcher.adoptContext();
		try {
			const { host, path, metrics } = this.#options;
			if (metrics !== undefined) await this.#startMetrics(metrics);
			if (path !== undefined) this.#startLoops(path);
			else if (host === undefined) this.#startEverywhere();
			else this.#startLoops(await addressOf(host));
		} catch (error) {
			this.#state = "idle";
			this.#log?.line("error", "start failed", { err: error });
			this.#stopMetrics();
			throw error;
		}
		this.#counts.started();
		this.#state = "running";
		const { address, port } = this.#native as binding.NativeServer;
		this.#log?.line("info", "listening", {
			address,
			port,
			loops: this.#loops.length,
		});
		this.#log?.followRefused(() =>
			this.#native === undefined ? undefined : this.refusedCount,
		);
		return { address, port };
	}

	/** Where `metrics` are told. */
	get metricsAddress(): ListenAddress | undefined {
		return this.#metrics?.address;
	}

	/** Listens for who wants to know what the server does. */
	async #startMetrics(options: Checked<MetricsOptions>): Promise<void> {
		this.#metrics = await MetricsServer.start(
			options,
			this,
			this.#needLive(options.tap),
		);
	}

	/** What the live page shows besides its counts. */
	#needLive(tap: boolean): Live {
		const given = this.#options;
		// What others depend on is as it is here.
		const defaults = {
			...checkOptions({ protocol: given.protocol, metrics: {} }),
			protocol: checkOptions(undefined).protocol,
		};
		const loops = () => this.#loops;
		this.#live ??= new Live(this.#face, loops, { given, defaults, tap });
		return this.#live;
	}

	#stopMetrics(): void {
		this.#metrics?.stop();
		this.#metrics = undefined;
	}

	/** See `Server.stop`. */
	async stop(options: StopOptions = {}): Promise<StopResult> {
		const { timeoutMs, code, reason } = STOP_OPTIONS.check(options);
		if (this.#state === "starting") {
			throw new GevError(
				"ERR_GEV_STATE",
				"stop() needs a server that is not starting",
			);
		}
		if (this.#state === "running") {
			this.#stop(timeoutMs, closePayload(code, reason, CAUSE_STOP));
		}
		return (await this.#endings.stopped) ?? { closed: 0, cut: 0 };
	}

	#stop(timeoutMs: number, goodbye: Uint8Array): void {
		this.#state = "stopping";
		const connections = this.connectionCount;
		this.#log?.line("info", "stopping", { connections, timeoutMs });
		this.#timers.stop();
		this.#endings.stop(timeoutMs);
		const timeout = Buffer.alloc(4);
		timeout.writeUInt32LE(timeoutMs);
		const payload = Buffer.concat([timeout, goodbye]);
		for (const connection of this.connections()) connection.prepareStop();
		for (const loop of this.#loops) {
			loop.commands.command(COMMAND_STOP, 0, 0, payload);
		}
		this.loopEnded();
	}

	/** While it runs, it keeps the process alive, or not. */
	hold(keepsAlive: boolean): void {
		this.#keepsAlive = keepsAlive;
		holdNative();
	}

	isRunning(): boolean {
		return this.#state === "running";
	}

	/**
	 * From its next start on it is a part of a pool of workers, by the pool's number. `lost` is called when its loop fails.
	 */
	takePart(
		part: PoolPart,
		threads: boolean,
		lost?: (message: string) => void,
	): void {
		this.#part = part;
		this.#lost = lost;
		this.#options = optionsOfPart(this.#options, part, threads);
	}

	get isStopping(): boolean {
		return this.#state === "stopping";
	}

	get keepsAlive(): boolean {
		return this.#keepsAlive;
	}

	/** See `Server.runAfter` and `Server.runEvery`. */
	timer(
		callback: () => void,
		delayMs: number,
		intervalMs: number | undefined,
	): Timer {
		return this.#timers.add(callback, delayMs, intervalMs);
	}

	readonly #drainTimed = () => {
		const { handlerTimes } = this.#counts;
		let more = false;
		for (const loop of this.#loops) {
			more = loop.drainTimed(handlerTimes) || more;
		}
		return more;
	};

	readonly #drainLoops = () => {
		let more = false;
		for (const loop of this.#loops) more = loop.drain() || more;
		return more;
	};

	/** A new turn of JavaScript's event loop: every loop's budget is whole again. */
	grant(): void {
		const { drainBudget } = this.#options.eventLoop;
		for (const loop of this.#loops) loop.grant(drainBudget);
	}

	/** Handles events within the budget; true when there may be more. */
	drain(): boolean {
		// To ask for the time in every drain would be felt where one message comes at a time.
		if (++this.#counts.drains % DRAINS_PER_TIMED !== 0) {
			return this.dispatcher.batch(this.#drainLoops);
		}
		const begin = now();
		try {
			return this.dispatcher.batch(this.#drainTimed);
		} finally {
			this.#counts.timed(begin);
		}
	}

	/** True when there is something to {@link drain} for. */
	hasNews(): boolean {
		return this.#loops.some((loop) => loop.hasNews());
	}

	connection(place: Place, details: OpeningDetails): ConnectionCore {
		const connection = this.calls.settings.endsByFin
			? new StreamConnection(place, this)
			: new ConnectionCore(place, this);
		connection.face = new Connection(connection, details);
		return connection;
	}

	connectionOpened(connection: ConnectionCore): void {
		const { face } = connection;
		this.#counts.opened();
		publish("gev:open", { server: this.#face, connection: face });
		this.dispatcher.call("onConnect", connection);
		connection.opened();
	}

	request(
		place: RequestPlace,
		isUpgrade: boolean,
		lines: string,
		addresses: Addresses,
	): AskedRequest {
		return new AskedRequest(new CopiedRequest(lines, addresses), place, {
			isUpgrade,
			refused: (status, reason) =>
				this.handshakeRefused(addresses, status, reason),
			maxBytes: this.#options.flow.maxBufferedBytes,
		});
	}

	asked(request: AskedRequest): void {
		this.dispatcher.ask(request);
	}

	/** A handshake has come to nothing. */
	handshakeRefused(
		{ remoteAddress, remotePort, localAddress, localPort }: Addresses,
		status: number | undefined,
		reason: string,
	): void {
		this.#refusedHandshakes++;
		this.#counts.handshakeFailed(status);
		publish("gev:refused", {
			server: this.#face,
			remoteAddress,
			remotePort,
			localAddress,
			localPort,
			status,
			reason,
		});
	}

	frameFailed(fault: FrameFault): void {
		this.#counts.frameFailed(fault);
	}

	/** A connection has ended, and everything that it has brought is delivered. */
	connectionEnded(connection: ConnectionCore, reason: CloseReason): void {
		trimLater();
		this.#counts.closed(reason);
		this.#endings.ended(connection, reason);
		this.#relief.ended(connection);
		publish("gev:close", {
			server: this.#face,
			connection: connection.face,
			reason,
		});
		connection.calls.call("onClose", connection, reason);
		if (this.#endings.told(connection)) this.loopEnded();
	}

	connectionLingers(connection: ConnectionCore): void {
		this.#endings.linger(connection);
	}

	loopFor(
		addresses: Addresses,
		waiting: number,
		connections: readonly number[],
	): number | undefined {
		const { remoteAddress, remotePort } = addresses;
		const peer = { remoteAddress, remotePort };
		// A loop that stops asks no more, and has seen to whom it has asked about.
		if (this.isStopping) return undefined;
		return this.#balancer?.choose(connections, waiting, peer);
	}

	/** Ends the stop when every loop has ended. With a message one has failed. */
	loopEnded(message = ""): void {
		if (message !== "" && this.#state === "running") this.#lost?.(message);
		if (this.#state !== "stopping") return;
		if (!this.#loops.every((loop) => loop.stopped)) return;
		if (this.#endings.areLeft) return;
		this.#native?.join();
		this.#log?.tellRefused(this.refusedCount);
		this.#native = undefined;
		this.#counts.keep(this.#loops, this.#options.eventLoop.queueBytes);
		this.#loops = [];
		this.#stopMetrics();
		// Those that handlers have made meanwhile.
		this.#timers.stop();
		endNative(this);
		this.#state = "idle";
		publish("gev:stop", { server: this.#face, result: this.#endings.finish() });
	}

	/** Has those go who hold the most, until so many bytes are left. */
	#relieve(bytes: number): void {
		const missing = bytes - this.memory.askLeft();
		this.#relief.run(this.#loops, missing, this.memory.most);
	}

	#startEverywhere(): void {
		try {
			this.#startLoops(ANY_IPV6);
		} catch (error) {
			if (!hasNoIPv6(error as Partial<GevError>)) throw error;
			this.#startLoops(ANY_IPV4);
		}
	}

	#startLoops(address: string): void {
		const options = this.#options;
		this.#roles.forget();
		this.#refusedHandshakes = 0;
		try {
			const memory = Array.from({ length: options.loops }, () =>
				loopMemory(options),
			);
			this.#loops = makeLoops(this, options, memory, () => this.#native);
			this.#native = startNative(
				this,
				{ ...nativeOptions(options, address, this.#handler), ...this.#part },
				memory,
			);
		} catch (error) {
			this.#loops = [];
			const where =
				options.path === undefined
					? `${address} port ${options.port}`
					: JSON.stringify(address);
			throw startError(error, where);
		}
	}
}
