import * as check from "./base/check.js";
import {
	type BroadcastOptions,
	type BroadcastResult,
	broadcast,
} from "./broadcast.js";
import type { Connection } from "./connection.js";
import type { Members } from "./flow/dispatcher.js";
import { PreparedMessage } from "./flow/prepared-message.js";
import type { Data, SendOptions } from "./flow/send.js";
import type {
	CommonHandler,
	CustomHandler,
	FramesHandler,
	StreamHandler,
	WebSocketHandler,
} from "./handler.js";
import {
	collectMetrics,
	type MetricsRegister,
	metricsText,
} from "./metrics.js";
import type { ServerOptions } from "./options.js";
import type { Custom, Protocol, StreamNameOf } from "./protocol.js";
import { type ListenAddress, ServerCore } from "./server-core.js";
import type { ServerStats } from "./stats.js";
import type { StopOptions, StopResult } from "./stop.js";
import type { Timer } from "./timer.js";

/** @internal What is behind a `Server`; undefined for anything else. */
export let coreOf: (server: unknown) => ServerCore | undefined;

/**
 * A TCP or WebSocket server: native event loops that own the sockets, and a {@link Handler} that gets decoded messages.
 *
 * @typeParam Context - type of {@link Connection.context}.
 * @typeParam In - with a {@link CustomProtocol}, what it unpacks; the other protocols have messages of their own.
 * @typeParam Out - what can be sent: text and bytes, unless a {@link CustomProtocol} packs something else.
 */
export class Server<Context = unknown, In = Buffer, Out = Data> {
	readonly #core: ServerCore;

	static {
		coreOf = (server) =>
			typeof server === "object" && server !== null && #core in server
				? server.#core
				: undefined;
	}

	/**
	 * Checks everything and starts nothing.
	 *
	 * @throws {@link GevError} `ERR_GEV_HANDLER` or `ERR_GEV_OPTION`.
	 */
	constructor(
		handler: WebSocketHandler<Context>,
		options: ServerOptions & { protocol: Protocol<"websocket"> },
	);
	/** With text as bytes. */
	constructor(
		handler: WebSocketHandler<Context, Buffer>,
		options: ServerOptions & { protocol: Protocol<"websocketBytes"> },
	);
	/** With frames whose messages are bytes. */
	constructor(
		handler: FramesHandler<Context>,
		options: ServerOptions & {
			protocol: Protocol<Exclude<StreamNameOf<Buffer>, "raw">>;
		},
	);
	/** With frames that are text. */
	constructor(
		handler: FramesHandler<Context, string>,
		options: ServerOptions & { protocol: Protocol<"textFrames"> },
	);
	/** With a protocol on TCP whose messages are bytes; without one it is raw. */
	constructor(
		handler: StreamHandler<Context>,
		options?: ServerOptions & { protocol?: Protocol<StreamNameOf<Buffer>> },
	);
	/** With a protocol on TCP whose messages are text. */
	constructor(
		handler: FramesHandler<Context, string>,
		options: ServerOptions & { protocol: Protocol<StreamNameOf<string>> },
	);
	/** With a protocol in TypeScript, which says what messages are and what can be sent. */
	constructor(
		handler: CustomHandler<Context, In, Out>,
		options: Omit<ServerOptions, "protocol"> & { protocol: Custom<In, Out> },
	);
	/** With a protocol that is not known before, for a handler that serves any. */
	constructor(handler: CommonHandler<Context>, options: ServerOptions);
	constructor(handler: Members, options: object = {}) {
		this.#core = new ServerCore(this, handler, options);
	}

	/** Open connections, as far as their handlers have been told. */
	get connectionCount(): number {
		return this.#core.connectionCount;
	}

	/**
	 * Connections that were closed as soon as they were accepted, since `start()`, because of `limits.maxConnections`,
	 * `limits.maxConnectionsPerAddress` or `limits.maxConnectionRatePerAddress`. 0 when the server does not run.
	 */
	get refusedCount(): number {
		return this.#core.refusedCount;
	}

	/**
	 * Connections that ended before they were open, since `start()`: refused, failed, too late, or left by their clients.
	 * `gev:refused` of {@link Diagnostics} tells of each. 0 when the server does not run.
	 */
	get refusedHandshakeCount(): number {
		return this.#core.refusedHandshakeCount;
	}

	/**
	 * Bytes that all connections hold now, in and out: what `limits.maxMemoryBytes` limits. 0 when the server does not run.
	 */
	get heldBytes(): number {
		return this.#core.heldBytes;
	}

	/**
	 * What the server has done since its first start, and does now, as plain JSON. Made anew by every call, at a cost that
	 * does not grow with the connections: nobody pays for it who does not call.
	 */
	stats(): ServerStats {
		return this.#core.stats();
	}

	/** What {@link stats} says as metrics of Prometheus, in its text format 0.0.4: `docs/metrics.md` has them all. */
	metrics(): string {
		return metricsText(this.stats());
	}

	/**
	 * Registers the same metrics with a `Registry` of `prom-client`, to be told with those of the application. Once for a
	 * register: metrics of one name can be there only once.
	 */
	collect(register: MetricsRegister): void {
		collectMetrics(register, () => this.stats());
	}

	/** Where the option `metrics` has the server listen; `undefined` when it does not. */
	get metricsAddress(): ListenAddress | undefined {
		return this.#core.metricsAddress;
	}

	/** Number of event loops that run; 0 when the server does not. One that has failed (`ERR_GEV_LOOP`) is not among them. */
	get loopCount(): number {
		return this.#core.loopCount;
	}

	/** The open connections, as far as their handlers have been told. */
	*connections(): IterableIterator<Connection<Context, Out>> {
		for (const connection of this.#core.connections()) {
			yield connection.face as Connection<Context, Out>;
		}
	}

	/**
	 * Sends one message to all open connections, or to those whom the options name, as `send` of each would, but with one command
	 * for all of a loop, or for 6,000 of them or more, framed and compressed once for each; what a {@link CustomProtocol} packs is packed for each.
	 * What was sent to a connection before goes out before it. Overflow, `onDrain` and counts are each connection's own.
	 *
	 * @returns what became of it: known when all of it has been given to the event loops. A server that does not run has no
	 * connections, and sends nothing.
	 * @throws {@link GevError} `ERR_GEV_DATA` for what cannot be sent, `ERR_GEV_OPTION` for a wrong option, and what `filter` and
	 * `pack` throw.
	 */
	broadcast(
		message: Out | PreparedMessage,
		options: BroadcastOptions = {},
	): Promise<BroadcastResult> {
		const core = this.#core;
		const packs = core.packing !== undefined;
		const open = core.openConnections();
		return Promise.resolve(broadcast(open, packs, message, options));
	}

	/**
	 * Checks a message and copies its bytes, once, for who sends it often, or to many: `send` and `broadcast` take what this
	 * returns in place of a message, whose `text` and `compress` are those given here. A {@link CustomProtocol} packs it as it would
	 * what was given here.
	 *
	 * @throws {@link GevError} `ERR_GEV_DATA` for anything else than a string or bytes, and for bytes that are to be sent as text
	 * and are not UTF-8; `ERR_GEV_OPTION` for a wrong option.
	 */
	prepare(
		message: Data,
		options: Pick<SendOptions, "text" | "compress"> = {},
	): PreparedMessage {
		return new PreparedMessage(message, options);
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
		return this.#core.start();
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
		return this.#core.stop(options);
	}

	/** {@link stop} with its defaults, for `await using`. */
	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	/** While it runs, the server keeps the process alive; this is so from the beginning. */
	ref(): this {
		this.#core.hold(true);
		return this;
	}

	/** The server does not keep the process alive by itself, whether it runs or not. */
	unref(): this {
		this.#core.hold(false);
		return this;
	}

	/**
	 * Calls `callback` once, after `delayMs` milliseconds, on the handlers' thread. The timer ends when the server is
	 * stopped (one that is made before `start()` runs as well), and does not keep the process alive by itself. An
	 * exception goes to `onError`, as does what a promise is rejected with that `callback` returns.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong delay.
	 */
	runAfter(delayMs: number, callback: () => void): Timer {
		const delay = check.integer("delayMs", delayMs, 0, MAX_DELAY);
		return this.#core.timer(callback, delay, undefined);
	}

	/**
	 * Calls `callback` every `intervalMs` milliseconds, counted from due time to due time; times that were missed because
	 * the thread was busy are skipped. Otherwise as {@link runAfter}.
	 */
	runEvery(intervalMs: number, callback: () => void): Timer {
		const interval = check.integer("intervalMs", intervalMs, 1, MAX_DELAY);
		return this.#core.timer(callback, interval, interval);
	}
}

/** The longest delay of a timer: what fits a safe integer of milliseconds. */
const MAX_DELAY = Number.MAX_SAFE_INTEGER;
