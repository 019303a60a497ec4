import * as binding from "#binding";
import * as check from "./base/check.js";
import { clearTimeout, now, setTimeout } from "./base/clock.js";
import { GevError } from "./base/errors.js";
import { ANY_IPV4, ANY_IPV6, addressOf, hasNoIPv6 } from "./bridge/address.js";
import type { Addresses } from "./bridge/addresses.js";
import {
	closePayload,
	isCloseText,
	mayBeSent,
} from "./bridge/close-payload.js";
import type { CloseReason } from "./bridge/close-reason.js";
import { endNative, holdNative, startNative } from "./bridge/environment.js";
import { EventLoop, type LoopMemory } from "./bridge/event-loop.js";
import { layout } from "./bridge/layout.js";
import { MemoryBudget } from "./bridge/memory-budget.js";
import { startError } from "./bridge/start-error.js";
import type { Connection } from "./connection.js";
import { publish } from "./diagnostics.js";
import type { ConnectionSettings } from "./flow/connection-settings.js";
import { checkHandler, Dispatcher } from "./flow/dispatcher.js";
import { Relief } from "./flow/relief.js";
import type { Handler } from "./handler.js";
import {
	type CheckedOptions,
	checkOptions,
	type ServerOptions,
} from "./options.js";
import { ServerTimer, type Timer } from "./timer.js";

/** Where a started server listens. */
export interface ListenAddress {
	/** IP address. */
	readonly address: string;
	/** Port: the one that the system chose when 0 was asked for. */
	readonly port: number;
}

/** Settings of {@link Server.stop}. */
export interface StopOptions {
	/**
	 * How long connections may take to be answered, to get what was sent to them and to say goodbye, before they are cut. In
	 * milliseconds, default 5000; 0 cuts them at once.
	 */
	timeoutMs?: number;
	/** WebSocket close code for every connection, as {@link Connection.close} takes it. Default 1001. */
	code?: number;
	/** Text that goes with the code, at most 123 bytes in UTF-8. Default `"server stopped"`. */
	reason?: string;
}

/** What a stop has come to. */
export interface StopResult {
	/** Connections that have said goodbye as the protocol wants it. */
	readonly closed: number;
	/** Connections that ended otherwise, most of them by force when the time was over. */
	readonly cut: number;
}

/**
 * A TCP or WebSocket server: native event loops that own the sockets, and a {@link Handler} that gets decoded messages.
 *
 * @typeParam Context - type of {@link Connection.context}.
 */
export class Server<Context = unknown> {
	readonly #handler: Handler<Context>;
	readonly #options: CheckedOptions;
	readonly #timers = new Set<ServerTimer>();
	#state: "idle" | "starting" | "running" | "stopping" = "idle";
	#loops: EventLoop[] = [];
	#native: binding.NativeServer | undefined;
	/** Fulfilled when the stop that is under way, or was last, is done. */
	#stopped: Promise<StopResult> | undefined;
	#resolveStopped: ((result: StopResult) => void) | undefined;
	/** Connections that have ended since the stop began. */
	#ended = { closed: 0, cut: 0 };
	/** Connections that have ended natively and whose `onClose` has to wait, with the timer that ends that. */
	readonly #lingering = new Map<Connection, NodeJS.Timeout>();
	/** When the patience of a stop ends, by `performance.now()`. */
	#stopsAt = Number.POSITIVE_INFINITY;
	#keepsAlive = true;
	#refusedHandshakes = 0;

	/** @internal */
	readonly memory: MemoryBudget;
	readonly #relief = new Relief();
	/** @internal */
	readonly dispatcher: Dispatcher;
	/** @internal The handler wants messages in pieces. */
	readonly takesFragments: boolean;
	/** @internal */
	readonly borrow: boolean;
	/** @internal */
	readonly connectionSettings: ConnectionSettings;

	/**
	 * Checks everything and starts nothing.
	 *
	 * @throws {@link GevError} `ERR_GEV_HANDLER` or `ERR_GEV_OPTION`.
	 */
	constructor(handler: Handler<Context>, options: ServerOptions = {}) {
		checkHandler(handler);
		this.#handler = handler;
		this.#options = checkOptions(options);
		this.borrow = this.#options.borrow;
		this.memory = new MemoryBudget(
			this.#options.maxMemoryBytes,
			(kept) => this.#native?.tellKept(kept) ?? Number.POSITIVE_INFINITY,
			(bytes) => this.#relieve(bytes),
		);
		this.connectionSettings = {
			...this.#options,
			memory: this.memory,
			tellsDrain: handler.onDrain !== undefined,
			endsByFin: this.#options.protocol.name === "raw",
		};
		this.takesFragments = handler.onFragment !== undefined;
		this.dispatcher = new Dispatcher(
			handler as Handler,
			this.#options.serial,
			this as Server,
		);
	}

	/** Open connections, as far as their handlers have been told. */
	get connectionCount(): number {
		return this.#loops.reduce((sum, loop) => sum + loop.connectionCount, 0);
	}

	/**
	 * Connections that were closed as soon as they were accepted, since `start()`, because of `maxConnections`,
	 * `maxConnectionsPerAddress` or `maxConnectionRatePerAddress`. 0 when the server does not run.
	 */
	get refusedCount(): number {
		return this.#native?.refused() ?? 0;
	}

	/**
	 * Connections that ended before they were open, since `start()`: refused, failed, too late, or left by their clients.
	 * `gev:refused` of {@link Diagnostics} tells of each. 0 when the server does not run.
	 */
	get refusedHandshakeCount(): number {
		return this.#native === undefined ? 0 : this.#refusedHandshakes;
	}

	/**
	 * Bytes that all connections hold now, in and out: what `maxMemoryBytes` limits. 0 when the server does not run.
	 */
	get heldBytes(): number {
		this.memory.askLeft();
		return this.#native?.held() ?? 0;
	}

	/** Number of event loops that run; 0 when the server does not. One that has failed (`ERR_GEV_LOOP`) is not among them. */
	get loops(): number {
		return this.#loops.filter((loop) => !loop.stopped).length;
	}

	/** The open connections, as far as their handlers have been told. */
	*connections(): IterableIterator<Connection<Context>> {
		for (const loop of this.#loops) {
			for (const connection of loop.connections) {
				if (connection?.connected) yield connection as Connection<Context>;
			}
		}
	}

	/**
	 * Binds the port and starts the event loops; connections are accepted when the promise is fulfilled. A running server
	 * keeps the process alive. A stopped one can be started again. In a worker of `node:cluster` it stops, as by {@link stop}
	 * with its defaults, when the worker is disconnected.
	 *
	 * @returns where it listens.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_STATE` when it runs already, or an error with the system's code:
	 * `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `ENOTFOUND` ...
	 */
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
			const { host } = this.#options;
			if (host === undefined) this.#startEverywhere();
			else this.#startLoops(await addressOf(host));
		} catch (error) {
			this.#state = "idle";
			throw error;
		}
		this.#state = "running";
		const native = this.#native as binding.NativeServer;
		return { address: native.address, port: native.port };
	}

	/**
	 * Stops listening, says goodbye to every connection (WebSocket: close code 1001), ends the event loops and timers. What
	 * has arrived by then is handled first, and what handlers send for it, or promise, goes out before the goodbye; who has
	 * connected and was not accepted yet is accepted, and who is in a handshake has a second to finish it. Every connection
	 * gets its `onClose` before the promise is fulfilled. May be called in a handler, and more than once: later calls wait
	 * for the first. A server that does not run is stopped already.
	 *
	 * A member that awaits it waits for itself, up to `timeoutMs`: its connection is answered when its promise is settled,
	 * and the server stops when its connections are answered. So do not wait there: `void server.stop()`, and have what
	 * comes after it in a `then`.
	 *
	 * @returns how the connections ended that were open.
	 * @throws (rejects with) {@link GevError} `ERR_GEV_OPTION` for a wrong option, `ERR_GEV_STATE` while it is starting.
	 */
	async stop(options: StopOptions = {}): Promise<StopResult> {
		const given = check.options("stop()", options, STOP_OPTIONS);
		const timeoutMs = check.integer(
			"timeoutMs",
			given.timeoutMs,
			5000,
			0,
			2 ** 31 - 1,
		);
		const { code = 1001, reason = "server stopped" } = given;
		if (!mayBeSent(code)) {
			throw check.wrong("code", "a close code that may be sent", code);
		}
		if (!isCloseText(reason)) {
			throw check.wrong("reason", "a string of at most 123 bytes", reason);
		}
		const goodbye = closePayload(code, reason, 0);
		if (this.#state === "starting") {
			throw new GevError(
				"ERR_GEV_STATE",
				"stop() needs a server that is not starting",
			);
		}
		if (this.#state === "running") {
			this.#state = "stopping";
			this.#stopped = new Promise((resolve) => {
				this.#resolveStopped = resolve;
			});
			this.#ended = { closed: 0, cut: 0 };
			this.#stopTimers();
			this.#stopsAt = now() + timeoutMs;
			for (const connection of this.#lingering.keys()) {
				this.connectionLingers(connection);
			}
			const timeout = Buffer.alloc(4);
			timeout.writeUInt32LE(timeoutMs);
			const payload = Buffer.concat([timeout, goodbye]);
			for (const connection of this.connections()) connection.prepareStop();
			for (const loop of this.#loops) {
				loop.commands.command(layout.commandStop, 0, 0, payload);
			}
			this.loopEnded();
		}
		return (await this.#stopped) ?? { closed: 0, cut: 0 };
	}

	/** {@link stop} with its defaults, for `await using`. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	/** While it runs, the server keeps the process alive; this is so from the beginning. */
	ref(): this {
		this.#keepsAlive = true;
		holdNative();
		return this;
	}

	/** The server does not keep the process alive by itself, whether it runs or not. */
	unref(): this {
		this.#keepsAlive = false;
		holdNative();
		return this;
	}

	/** @internal */
	get isStopping(): boolean {
		return this.#state === "stopping";
	}

	/** @internal */
	get keepsAlive(): boolean {
		return this.#keepsAlive;
	}

	/**
	 * Calls `callback` once, after `delayMs` milliseconds, on the handlers' thread. The timer ends when the server is
	 * stopped (one that is made before `start()` runs as well), and does not keep the process alive by itself. An
	 * exception goes to `onError`.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong delay.
	 */
	runAfter(delayMs: number, callback: () => void): Timer {
		const delay = check.integer("delayMs", delayMs, undefined, 0, MAX_DELAY);
		return this.#timer(callback, delay, undefined);
	}

	/**
	 * Calls `callback` every `intervalMs` milliseconds, counted from due time to due time; times that were missed because
	 * the thread was busy are skipped. Otherwise as {@link runAfter}.
	 */
	runEvery(intervalMs: number, callback: () => void): Timer {
		const interval = check.integer(
			"intervalMs",
			intervalMs,
			undefined,
			1,
			MAX_DELAY,
		);
		return this.#timer(callback, interval, interval);
	}

	readonly #drainLoops = () => {
		let more = false;
		for (const loop of this.#loops) more = loop.drain() || more;
		return more;
	};

	/** @internal A new turn of JavaScript's event loop: every loop's budget is whole again. */
	grant(): void {
		for (const loop of this.#loops) loop.grant(this.#options.drainBudget);
	}

	/** @internal Handles events within the budget; true when there may be more. */
	drain(): boolean {
		return this.dispatcher.batch(this.#drainLoops);
	}

	/** @internal True when there is something to {@link drain} for. */
	hasNews(): boolean {
		return this.#loops.some((loop) => loop.hasNews());
	}

	/** @internal A handshake has come to nothing. */
	handshakeRefused(
		{ remoteAddress, remotePort, localAddress, localPort }: Addresses,
		status: number | undefined,
		reason: string,
	): void {
		this.#refusedHandshakes++;
		publish("gev:refused", {
			server: this as Server,
			remoteAddress,
			remotePort,
			localAddress,
			localPort,
			status,
			reason,
		});
	}

	/** @internal A connection has ended, and everything that it has brought is delivered. */
	connectionEnded(connection: Connection, reason: CloseReason): void {
		if (reason.wasClean) this.#ended.closed++;
		else this.#ended.cut++;
		clearTimeout(this.#lingering.get(connection));
		this.#relief.ended(connection);
		publish("gev:close", { server: this as Server, connection, reason });
		this.dispatcher.call("onClose", connection, reason);
		if (this.#lingering.delete(connection)) this.loopEnded();
	}

	/** @internal A connection has ended, and what it has brought waits for the handler: not for ever. */
	connectionLingers(connection: Connection): void {
		clearTimeout(this.#lingering.get(connection));
		const release = () => connection.inbox?.release();
		const { closeTimeoutMs } = this.#options;
		const left = Math.max(0, this.#stopsAt - now());
		const timeoutMs = Math.min(closeTimeoutMs, left);
		this.#lingering.set(connection, setTimeout(release, timeoutMs));
	}

	/** @internal Ends the stop when every loop has ended. */
	loopEnded(): void {
		if (this.#state !== "stopping") return;
		if (!this.#loops.every((loop) => loop.stopped)) return;
		if (this.#lingering.size > 0) return;
		this.#native?.join();
		this.#native = undefined;
		this.#loops = [];
		// Those that handlers have made meanwhile.
		this.#stopTimers();
		endNative(this as Server);
		this.#state = "idle";
		this.#stopsAt = Number.POSITIVE_INFINITY;
		this.#resolveStopped?.(this.#ended);
		publish("gev:stop", { server: this as Server, result: this.#ended });
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
		this.#refusedHandshakes = 0;
		try {
			const memory = Array.from({ length: options.loops }, () =>
				loopMemory(options),
			);
			this.#loops = memory.map(
				(bytes, index) =>
					new EventLoop(this as Server, index, bytes, options, {
						wake: () => this.#native?.wake(index),
						abort: () => this.#native?.abort(index),
					}),
			);
			this.#native = startNative(
				this as Server,
				nativeOptions(options, address, this.#handler as Handler),
				memory,
			);
		} catch (error) {
			this.#loops = [];
			throw startError(error, `${address} port ${options.port}`);
		}
	}

	#timer(
		callback: () => void,
		delayMs: number,
		intervalMs: number | undefined,
	): Timer {
		if (typeof callback !== "function") {
			throw check.wrong("callback", "a function", callback);
		}
		const guarded = () => {
			try {
				callback();
			} catch (error) {
				this.dispatcher.failed(error);
			}
		};
		const timer = new ServerTimer(guarded, delayMs, intervalMs, (ended) =>
			this.#timers.delete(ended),
		);
		this.#timers.add(timer);
		return timer;
	}

	#stopTimers(): void {
		for (const timer of this.#timers) timer.stop();
	}
}

function nativeOptions(
	options: CheckedOptions,
	address: string,
	handler: Handler,
): binding.NativeOptions {
	const { protocol, balance, host: _host, loops: _loops, ...rest } = options;
	return {
		address,
		port: rest.port,
		backlog: rest.backlog,
		reusePort: rest.reusePort,
		threads: rest.threads,
		roundRobin: balance === "round-robin",
		handshakeTimeoutMs: rest.handshakeTimeoutMs,
		closeTimeoutMs: rest.closeTimeoutMs,
		idleReadMs: rest.idleTimeoutMs.read,
		idleWriteMs: rest.idleTimeoutMs.write,
		idleAllMs: rest.idleTimeoutMs.all,
		writeStallMs: rest.writeStallTimeoutMs,
		maxLifetimeMs: rest.maxLifetimeMs,
		maxConnections: rest.maxConnections,
		maxConnectionsPerAddress: rest.maxConnectionsPerAddress,
		maxConnectionRatePerAddress: rest.maxConnectionRatePerAddress,
		maxBufferedBytes: rest.maxBufferedBytes,
		maxMemoryBytes: rest.maxMemoryBytes,
		sendBufferBytes: rest.sendBufferBytes,
		receiveBufferBytes: rest.receiveBufferBytes,
		queueBytes: rest.queueBytes,
		readBufferBytes: rest.readBufferBytes,
		noDelay: rest.noDelay,
		keepAliveMs: rest.keepAliveMs,
		...(protocol.webSocket !== undefined && {
			webSocket: {
				...protocol.webSocket,
				askUpgrades: handler.onUpgrade !== undefined,
				askRequests: handler.onRequest !== undefined,
				eagerParts: handler.onFragment !== undefined,
				tellPings: handler.onPing !== undefined,
				tellPongs: handler.onPong !== undefined,
			},
		}),
	};
}

/**
 * Memory for a loop, which gets its address. An ArrayBuffer has the faster copies, yet could be detached from its
 * memory by whoever gets hold of it (`structuredClone` with a transfer list, for example); so where borrowed messages
 * show that of events to handlers, it is a SharedArrayBuffer, which cannot.
 */
function loopMemory(options: CheckedOptions): LoopMemory {
	const { queueBytes, maxConnections, borrow } = options;
	const control = binding.controlBytes(queueBytes, maxConnections);
	return {
		control: new Uint8Array(control),
		events: new Uint8Array(
			borrow ? new SharedArrayBuffer(queueBytes) : new ArrayBuffer(queueBytes),
		),
	};
}

/** The longest delay of a timer: what fits a safe integer of milliseconds. */
const MAX_DELAY = Number.MAX_SAFE_INTEGER;

const STOP_OPTIONS: readonly (keyof StopOptions)[] = [
	"timeoutMs",
	"code",
	"reason",
];
