import os from "node:os";
import * as check from "./base/check.js";
import { MAX_QUEUE_BYTES, MIN_QUEUE_BYTES } from "./bridge/records.js";
import {
	type Framing,
	framingOf,
	isProtocol,
	type Protocol,
	raw,
} from "./protocol.js";

/** Settings of a {@link Server}. Times are in milliseconds, sizes in bytes. */
export interface ServerOptions {
	/**
	 * Name or IP address to listen on; of several addresses that a name has it is the first, as in `node:net`. A link-local
	 * IPv6 address needs its zone, which is the name or number of an interface: `fe80::1%eth0`. Default: every address, IPv6
	 * and IPv4 (`::`, or `0.0.0.0` where there is no IPv6).
	 */
	host?: string;
	/** Port to listen on. Default 1833; 0 lets the system choose one, which `start()` tells. */
	port?: number;
	/** How many event loops, each on a thread of its own. Default: the number of CPUs. */
	loops?: number;
	/**
	 * Whether each event loop has a thread of its own. False, for one loop only, lets Node's own event loop drive it on the
	 * handlers' thread: cheaper where both would share a CPU anyway, but while your code is busy nothing is read, sent or
	 * timed. Needs Node on something else than Windows; elsewhere loops always have threads. Default: true, unless there
	 * is one loop and one CPU.
	 */
	threads?: boolean;
	/** How bytes become messages. Default {@link raw}. */
	protocol?: Protocol;
	/**
	 * Binary messages, and the fragments that `onFragment` gets, as views of shared memory that are valid during the call only,
	 * and change afterwards: saves a copy for handlers that neither keep the message nor `await`. Default false: messages
	 * are the handler's own.
	 */
	borrow?: boolean;
	/**
	 * How connections come to loops: `"kernel"` gives each loop a listener of its own (SO_REUSEPORT; where there is
	 * none, macOS and Windows, it means `"round-robin"`), `"round-robin"` lets one loop accept and deal out in turn.
	 * Default `"kernel"`.
	 */
	balance?: "kernel" | "round-robin";
	/**
	 * Share the port with other processes and threads that ask for it too, as the workers of `node:cluster` or
	 * `node:worker_threads` have to that serve one port: the kernel deals connections out to them. Otherwise a port in use is
	 * an error. Default false. Where ports cannot be shared (Windows), `start()` rejects with `ENOTSUP`.
	 */
	reusePort?: boolean;
	/** Connections that the kernel keeps ready to be accepted. Default 1024. */
	backlog?: number;
	/**
	 * Most connections of all loops together, those counted that are still in their handshake; more are closed as soon as
	 * they are accepted (see `Server.refusedCount`). Default 65,536.
	 */
	maxConnections?: number;
	/**
	 * As above, of one IP address. Of IPv6 the addresses of one network (64 bits) count as one. Mind that clients behind
	 * one proxy or NAT have one address. Default 0: no limit.
	 */
	maxConnectionsPerAddress?: number;
	/**
	 * Most connections that one IP address, as above, may open within a second, which begins with the first of them; more
	 * are closed. Default 0: no limit.
	 */
	maxConnectionRatePerAddress?: number;
	/**
	 * Most bytes of a connection that were sent and not taken by the kernel yet. No message overshoots it: see `overflow`.
	 * Pongs and close frames do not count. Default: 16 MiB, or what the largest message takes that may come in
	 * (`maxMessageBytes` and its framing) and 1 MiB more, if that is more: so with WebSocket's own defaults 17 MiB and 10
	 * bytes. What comes in can then be sent back, on top of 1 MiB that waits already. (Where `maxMessageBytes` is 0 only you
	 * know how large an answer may be: then 16 MiB.) For all
	 * connections together there is `maxMemoryBytes`.
	 */
	maxBufferedBytes?: number;
	/**
	 * Most bytes that all connections hold together, in and out: messages that have not come in as a whole (compressed ones
	 * as they are inflated), messages that wait for the handler (`pause`, `serial`, `maxPending`), and what the kernel has
	 * not taken to send. See `Server.heldBytes`.
	 *
	 * When less than half of it is left, sockets of connections that hold something are left unread; each event loop
	 * has one of them go on, until its message is complete, as long as more than an eighth is left. Short messages pass all
	 * the same: up to 64 KiB of a connection, and at worst 4 KiB. Those who hold the most are closed, with 1013 if that can
	 * be said at once and with the cause `"limit"`: when what is sent exceeds the limit, so that a `send` may close
	 * another connection than its own, and when none of those that are left unread has got on for a second.
	 *
	 * On top of it come, for each event loop, its two queues, its read buffer and up to 2 MiB for the next use; 4 KiB for
	 * each connection; a message once or twice more while it is put together; the one that exceeds the limit; compressors
	 * (`memoryBudgetBytes`); and what your code keeps, or V8 has not collected. Small messages that wait share
	 * memory with others, as those of Node's own pool do.
	 *
	 * Default: a quarter of the machine's memory, or of what the container lets the process have if that is less. At least
	 * 1 MiB; 0 means no limit.
	 */
	maxMemoryBytes?: number;
	/**
	 * What a `send` does that would exceed `maxBufferedBytes`: `"close"` drops the message and closes the connection with the
	 * cause `"limit"`, as a peer that misses one message may be lost anyway; `"drop-newest"` drops the message only;
	 * `"drop-oldest"` drops messages in its favour that are not on their way yet, the oldest first, and the message only
	 * if that is not enough. For that, what exceeds `highWaterMarkBytes` waits in JavaScript's memory. Default `"close"`.
	 */
	overflow?: "close" | "drop-newest" | "drop-oldest";
	/**
	 * From so many bytes on `send` returns `Congested`, and `onDrain` follows when `lowWaterMarkBytes` are left. At most
	 * `maxBufferedBytes`. Default 1 MiB, or `maxBufferedBytes` if that is less.
	 */
	highWaterMarkBytes?: number;
	/** At most `highWaterMarkBytes`. Default: a quarter of it. */
	lowWaterMarkBytes?: number;
	/**
	 * A connection is cut, cause `"stalled"`, when something waits to be sent and the kernel has taken nothing of it for this
	 * time. Default 60,000; 0 means never.
	 */
	writeStallTimeoutMs?: number;
	/**
	 * A promise that a handler's member returns for a connection is awaited before the connection's next message (or
	 * fragment, ping, pong, end or close) is handed over. Other connections do not wait. Default false: messages are handed
	 * over as they arrive, and the promises of several may be pending.
	 */
	serial?: boolean;
	/**
	 * Most messages of a connection whose promises are not settled; others wait. Once so many are pending or waiting, the
	 * connection's socket is not read until half of them are done, so that TCP slows the peer down: what waits is never
	 * more than that and what the event queue has. Default 256; 0 means no limit.
	 */
	maxPending?: number;
	/**
	 * Raw TCP: a peer that ends its side (FIN) does not end the connection: `onEnd` is called, and this side goes on until
	 * {@link Connection.end}. Default false: this side ends too, when everything is answered.
	 */
	allowHalfOpen?: boolean;
	/**
	 * Time from accept to the end of the handshake, your answer included, or to the begin of another response. Then the
	 * connection is closed: with 408 for a client that has not finished its request, with 503 for one that waits for
	 * `onUpgrade` or `onRequest`, without a word for one that has said nothing. Default 10,000.
	 */
	handshakeTimeoutMs?: number;
	/**
	 * Time from the begin of a close, or of a response that is no handshake, to the end of the connection, by force if need
	 * be; and how long `onClose` may wait for messages before it that wait themselves. Default 10,000.
	 */
	closeTimeoutMs?: number;
	/**
	 * An open connection is closed (WebSocket: code 1001; cause `"idle"`) when nothing was received and nothing sent for this
	 * time, never earlier. An object tells directions apart: `read` counts what is received, `write` what the kernel
	 * takes to send, `all` both; each is 0 if it is left out. What has arrived and waits for a busy handler counts as
	 * received. Default 0: never.
	 *
	 * When the process has stood still (by a signal or a debugger, or with a machine that slept), what the kernel has
	 * is looked at before this time-out or any other judges a connection, and handlers have up to a second to answer it.
	 */
	idleTimeoutMs?: number | { read?: number; write?: number; all?: number };
	/** An open connection is closed at this age (WebSocket: code 1001; cause `"limit"`). Default 0: never. */
	maxLifetimeMs?: number;
	/** Send small messages at once (TCP_NODELAY). Default true. */
	noDelay?: boolean;
	/**
	 * Silence after which the kernel probes a peer, in whole seconds: rounded up, at most 32,767 of them. Default 60,000; 0
	 * means never.
	 */
	keepAliveMs?: number;
	/**
	 * Bytes of a connection that the kernel keeps until its peer has taken them (SO_SNDBUF); Linux doubles the number, and
	 * every system has bounds of its own. With many slow peers a small one saves kernel memory, and lets `onDrain` and
	 * `writeBufferLength` tell sooner what a peer is doing. Default 0: what the system finds right.
	 */
	sendBufferBytes?: number;
	/**
	 * Bytes of a connection that the kernel keeps until the event loop reads them (SO_RCVBUF), and so what a peer can send
	 * ahead of a busy server; as `sendBufferBytes` otherwise. Default 0: what the system finds right.
	 */
	receiveBufferBytes?: number;
	/**
	 * Size of each of a loop's two queues, a power of two. A full queue of events stops that loop's reading, a full
	 * queue of commands makes sends wait in JavaScript's memory. Default 256 KiB, which is also the minimum.
	 */
	queueBytes?: number;
	/** Bytes that a loop reads from a socket at a time. Default 128 KiB. */
	readBufferBytes?: number;
	/**
	 * Most events of one loop that are handled before Node's own timers and sockets get their turn. Default 4096.
	 */
	drainBudget?: number;
}

/** Options with every default filled in. */
export type CheckedOptions = Required<
	Omit<ServerOptions, "host" | "idleTimeoutMs">
> & {
	host: string | undefined;
	idleTimeoutMs: { read: number; write: number; all: number };
};

/** Checks options and fills in defaults; throws `ERR_GEV_OPTION`. */
export function checkOptions(options: unknown): CheckedOptions {
	const given = check.options("options", options, NAMES);
	const queueBytes = check.integer(
		"queueBytes",
		given.queueBytes,
		MIN_QUEUE_BYTES,
		MIN_QUEUE_BYTES,
		MAX_QUEUE_BYTES,
	);
	if ((queueBytes & (queueBytes - 1)) !== 0) {
		throw check.wrong("queueBytes", "a power of two", queueBytes);
	}
	const { protocol = raw() } = given;
	if (!isProtocol(protocol)) {
		throw check.wrong("protocol", "raw() or webSocket()", protocol);
	}
	const maxBufferedBytes = check.integer(
		"maxBufferedBytes",
		given.maxBufferedBytes,
		sendableBytes(framingOf(protocol)),
		1024,
		MAX_BUFFERED_BYTES,
	);
	const highWaterMarkBytes = check.integer(
		"highWaterMarkBytes",
		given.highWaterMarkBytes,
		Math.min(MIB, maxBufferedBytes),
		1,
		maxBufferedBytes,
	);
	const cpus = os.availableParallelism();
	const loops = check.integer("loops", given.loops, cpus, 1, 1024);
	const threads = check.boolean("threads", given.threads, loops + cpus > 2);
	if (!threads && loops > 1) {
		throw check.wrong("threads", "true for more than one loop", threads);
	}
	return {
		host: hostName(given.host),
		port: check.integer("port", given.port, 1833, 0, 65535),
		loops,
		threads,
		protocol,
		borrow: check.boolean("borrow", given.borrow, false),
		balance: check.oneOf("balance", given.balance, "kernel", [
			"kernel",
			"round-robin",
		]),
		reusePort: check.boolean("reusePort", given.reusePort, false),
		backlog: check.integer("backlog", given.backlog, 1024, 1, 65535),
		maxConnections: check.integer(
			"maxConnections",
			given.maxConnections,
			65_536,
			1,
			2 ** 24,
		),
		maxConnectionsPerAddress: check.integer(
			"maxConnectionsPerAddress",
			given.maxConnectionsPerAddress,
			0,
			0,
			2 ** 24,
		),
		maxConnectionRatePerAddress: check.integer(
			"maxConnectionRatePerAddress",
			given.maxConnectionRatePerAddress,
			0,
			0,
			2 ** 30,
		),
		maxBufferedBytes,
		maxMemoryBytes: memoryBudget(given.maxMemoryBytes),
		overflow: check.oneOf("overflow", given.overflow, "close", [
			"close",
			"drop-newest",
			"drop-oldest",
		]),
		highWaterMarkBytes,
		lowWaterMarkBytes: check.integer(
			"lowWaterMarkBytes",
			given.lowWaterMarkBytes,
			highWaterMarkBytes >> 2,
			0,
			highWaterMarkBytes,
		),
		writeStallTimeoutMs: milliseconds(given, "writeStallTimeoutMs", 60_000, 0),
		serial: check.boolean("serial", given.serial, false),
		maxPending: check.integer("maxPending", given.maxPending, 256, 0, 2 ** 30),
		allowHalfOpen: check.boolean("allowHalfOpen", given.allowHalfOpen, false),
		handshakeTimeoutMs: milliseconds(given, "handshakeTimeoutMs", 10_000, 1),
		closeTimeoutMs: milliseconds(given, "closeTimeoutMs", 10_000, 1),
		idleTimeoutMs: idleTimeouts(given.idleTimeoutMs),
		maxLifetimeMs: milliseconds(given, "maxLifetimeMs", 0, 0),
		noDelay: check.boolean("noDelay", given.noDelay, true),
		keepAliveMs: milliseconds(given, "keepAliveMs", 60_000, 0),
		sendBufferBytes: check.integer(
			"sendBufferBytes",
			given.sendBufferBytes,
			0,
			0,
			2 ** 30,
		),
		receiveBufferBytes: check.integer(
			"receiveBufferBytes",
			given.receiveBufferBytes,
			0,
			0,
			2 ** 30,
		),
		queueBytes,
		readBufferBytes: check.integer(
			"readBufferBytes",
			given.readBufferBytes,
			128 * 1024,
			4096,
			16 * 1024 * 1024,
		),
		drainBudget: check.integer(
			"drainBudget",
			given.drainBudget,
			4096,
			1,
			2 ** 30,
		),
	};
}

/** What a resolver would cut at (NUL), trim or pass over is no part of a host. */
function hostName(value: unknown): string | undefined {
	const host = check.text("host", value, undefined);
	if (host !== undefined && /[\s\p{Cc}]/u.test(host)) {
		const expected = "a host without spaces and control characters";
		throw check.wrong("host", expected, host);
	}
	return host;
}

/** What has to have room in a connection's output for what the protocol lets in: see `maxBufferedBytes`. */
function sendableBytes({ webSocket, maxFraming }: Framing): number {
	const largest = webSocket?.maxMessageBytes ?? 0;
	const needed = largest + maxFraming + MIB;
	return Math.min(Math.max(16 * MIB, needed), MAX_BUFFERED_BYTES);
}

function memoryBudget(value: unknown): number {
	const name = "maxMemoryBytes";
	if (value === 0) return 0;
	const constrained = process.constrainedMemory?.() ?? 0;
	const machine = os.totalmem();
	// Without a constraint some runtimes say 0, and others more than there is.
	const memory = constrained > 0 ? Math.min(machine, constrained) : machine;
	const quarter = Math.max(MIN_MEMORY, Math.floor(memory / 4));
	return check.integer(name, value, quarter, MIN_MEMORY, 2 ** 50);
}

function idleTimeouts(value: unknown): CheckedOptions["idleTimeoutMs"] {
	const name = "idleTimeoutMs";
	if (typeof value !== "object") {
		const all = milliseconds({ [name]: value }, name, 0, 0);
		return { read: 0, write: 0, all };
	}
	const given = check.options(name, value, ["read", "write", "all"]);
	return {
		read: check.integer(`${name}.read`, given.read, 0, 0, MAX_MS),
		write: check.integer(`${name}.write`, given.write, 0, 0, MAX_MS),
		all: check.integer(`${name}.all`, given.all, 0, 0, MAX_MS),
	};
}

function milliseconds(
	given: Record<string, unknown>,
	name: string,
	fallback: number,
	min: number,
): number {
	return check.integer(name, given[name], fallback, min, MAX_MS);
}

const MIB = 1024 * 1024;

/** What `writeBufferLength` can count. */
const MAX_BUFFERED_BYTES = 2 ** 31 - 1;
const MIN_MEMORY = 1024 * 1024;

/** The longest delay that Node's timers take too. */
const MAX_MS = 2 ** 31 - 1;

const NAMES: readonly (keyof ServerOptions)[] = [
	"host",
	"port",
	"loops",
	"threads",
	"protocol",
	"borrow",
	"balance",
	"reusePort",
	"backlog",
	"maxConnections",
	"maxConnectionsPerAddress",
	"maxConnectionRatePerAddress",
	"maxBufferedBytes",
	"maxMemoryBytes",
	"overflow",
	"highWaterMarkBytes",
	"lowWaterMarkBytes",
	"writeStallTimeoutMs",
	"serial",
	"maxPending",
	"allowHalfOpen",
	"handshakeTimeoutMs",
	"closeTimeoutMs",
	"idleTimeoutMs",
	"maxLifetimeMs",
	"noDelay",
	"keepAliveMs",
	"sendBufferBytes",
	"receiveBufferBytes",
	"queueBytes",
	"readBufferBytes",
	"drainBudget",
];
