import os from "node:os";
import type { BalanceFunction, BalanceMode } from "./balance.js";
import * as check from "./base/check.js";
import { net } from "./base/node-modules.js";
import {
	boolean,
	type Checked,
	group,
	integer,
	MAX_MS,
	milliseconds,
	OptionTable,
	oneOf,
	option,
} from "./base/option-table.js";
import { MAX_QUEUE_BYTES, MIN_QUEUE_BYTES } from "./bridge/records.js";
import { isLogger, type Logger } from "./logger.js";
import { type MetricsOptions, metricsOptions } from "./metrics-options.js";
import { framingOf, isProtocol, type Protocol, raw } from "./protocol.js";

/**
 * The options of a server: a row each, which is all that there is to an option but its use. The native side gets what is
 * made of them as it is, and reads it by the same names. They are in one file, however long that is,
 * so that who looks for one finds it.
 */

/** What the kernel is told of sockets: of those that listen, and of each connection's. */
export class SocketOptions {
	/**
	 * Connections that the kernel keeps ready to be accepted.
	 *
	 * @defaultValue 1024
	 */
	backlog?: number = integer({ min: 1, max: 65_535, default: 1024 });
	/**
	 * Send small messages at once (TCP_NODELAY).
	 *
	 * @defaultValue true
	 */
	noDelay?: boolean = boolean({ default: true });
	/**
	 * Silence after which the kernel probes a peer, in whole seconds: rounded up, at most 32,767 of them. 0 means never.
	 *
	 * @defaultValue 60,000
	 */
	keepAliveMs?: number = milliseconds({ default: 60_000 });
	/**
	 * Bytes of a connection that the kernel keeps until its peer has taken them (SO_SNDBUF); Linux doubles the number, and
	 * every system has bounds of its own. With many slow peers a small one saves kernel memory, and lets `onDrain` and
	 * `writeBufferLength` tell sooner what a peer is doing. 0 means what the system finds right.
	 *
	 * @defaultValue 0
	 */
	sendBufferBytes?: number = integer({ min: 0, max: 2 ** 30, default: 0 });
	/**
	 * Bytes of a connection that the kernel keeps until the event loop reads them (SO_RCVBUF), and so what a peer can send
	 * ahead of a busy server; as `sendBufferBytes` otherwise.
	 *
	 * @defaultValue 0
	 */
	receiveBufferBytes?: number = integer({ min: 0, max: 2 ** 30, default: 0 });
	/**
	 * Who may connect to the unix socket of the option `path`: the mode of its file, such as `0o660`.
	 *
	 * @defaultValue undefined, which is what the process makes files with (its umask)
	 */
	mode?: number | undefined = option(
		(value, name) => check.integer(name, value, 0, 0o777),
		undefined,
	);
	/**
	 * Raw TCP: a peer that ends its side (FIN) does not end the connection: `onEnd` is called, and this side goes on until
	 * {@link Connection.end}. False: this side ends too, when everything is answered.
	 *
	 * @defaultValue false
	 */
	allowHalfOpen?: boolean = boolean({ default: false });
}

/** How much all connections of a server may be and hold together. */
export class LimitOptions {
	/**
	 * Most connections of all loops together, those counted that are still in their handshake; more are closed as soon as
	 * they are accepted (see `Server.refusedCount`).
	 *
	 * @defaultValue 65,536
	 */
	maxConnections?: number = integer({ min: 1, max: 2 ** 24, default: 65_536 });
	/**
	 * As above, of one IP address. Of IPv6 the addresses of one network (64 bits) count as one. Mind that clients behind
	 * one proxy or NAT have one address. 0 means no limit.
	 *
	 * @defaultValue 0
	 */
	maxConnectionsPerAddress?: number = integer({
		min: 0,
		max: 2 ** 24,
		default: 0,
	});
	/**
	 * Most connections that one IP address, as above, may open within a second, which begins with the first of them; more
	 * are closed. 0 means no limit.
	 *
	 * @defaultValue 0
	 */
	maxConnectionRatePerAddress?: number = integer({
		min: 0,
		max: 2 ** 30,
		default: 0,
	});
	/**
	 * Most bytes that all connections hold together, in and out: messages that have not come in as a whole (compressed ones
	 * as they are inflated), messages that wait for the handler (`pause`, `serial`, `flow.maxPending`), and what the kernel
	 * has not taken to send. At least 1 MiB; 0 means no limit. See `Server.heldBytes`.
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
	 * @defaultValue a quarter of the machine's memory, or of what the container lets the process have if that is less; in a
	 * `WorkerPool` divided by the number of workers
	 */
	maxMemoryBytes?: number = integer({
		min: MIN_MEMORY,
		max: 2 ** 50,
		orZero: true,
		default: quarterOfMemory,
	});
}

/** What happens to one connection when its peer or the handler is slower than messages come. */
export class FlowOptions {
	/**
	 * Most bytes of a connection that were sent and not taken by the kernel yet. No message overshoots it: see `overflow`.
	 * Pongs and close frames do not count. For all connections together there is `limits.maxMemoryBytes`.
	 *
	 * By default what comes in can be sent back, on top of 1 MiB that waits already: with WebSocket's own defaults that
	 * makes 17 MiB and 10 bytes. Where `maxMessageBytes` is 0 only you know how large an answer may be: then it is 16 MiB.
	 *
	 * @defaultValue 16 MiB, or what the largest message takes that may come in (`maxMessageBytes` and its framing) and 1 MiB
	 * more, if that is more
	 */
	maxBufferedBytes?: number = integer({
		min: 1024,
		max: MAX_BUFFERED_BYTES,
		default: (_: unknown, { protocol }: Checked<ServerOptions>) =>
			sendableBytes(protocol),
	});
	/**
	 * From so many bytes on `send` returns `Congested`, and `onDrain` follows when `lowWaterMarkBytes` are left. At most
	 * `maxBufferedBytes`.
	 *
	 * @defaultValue 1 MiB, or `maxBufferedBytes` if that is less
	 */
	highWaterMarkBytes?: number = integer({
		min: 1,
		max: ({ maxBufferedBytes }: Checked<FlowOptions>) => maxBufferedBytes,
		default: ({ maxBufferedBytes }: Checked<FlowOptions>) =>
			Math.min(MIB, maxBufferedBytes),
	});
	/**
	 * What is left when `onDrain` is called. At most `highWaterMarkBytes`.
	 *
	 * @defaultValue a quarter of `highWaterMarkBytes`
	 */
	lowWaterMarkBytes?: number = integer({
		min: 0,
		max: ({ highWaterMarkBytes }: Checked<FlowOptions>) => highWaterMarkBytes,
		default: ({ highWaterMarkBytes }: Checked<FlowOptions>) =>
			highWaterMarkBytes >> 2,
	});
	/**
	 * What a `send` does that would exceed `maxBufferedBytes`: `"close"` drops the message and closes the connection with the
	 * cause `"limit"`, as a peer that misses one message may be lost anyway; `"drop-newest"` drops the message only;
	 * `"drop-oldest"` drops messages in its favour that are not on their way yet, the oldest first, and the message only
	 * if that is not enough. For that, what exceeds `highWaterMarkBytes` waits in JavaScript's memory.
	 *
	 * @defaultValue "close"
	 */
	overflow?: "close" | "drop-newest" | "drop-oldest" = oneOf(
		["close", "drop-newest", "drop-oldest"],
		{ default: "close" },
	);
	/**
	 * Most messages of a connection whose promises are not settled; others wait. Once so many are pending or waiting, the
	 * connection's socket is not read until half of them are done, so that TCP slows the peer down: what waits is never
	 * more than that and what the event queue has. 0 means no limit.
	 *
	 * @defaultValue 256
	 */
	maxPending?: number = integer({ min: 0, max: 2 ** 30, default: 256 });
}

/** How long an open connection may be silent. Each is in milliseconds, and 0 means for ever. */
export class IdleOptions {
	/**
	 * Time without anything received. What has arrived and waits for a busy handler counts as received.
	 *
	 * @defaultValue 0
	 */
	read?: number = milliseconds({ default: 0 });
	/**
	 * Time in which the kernel has taken nothing to send.
	 *
	 * @defaultValue 0
	 */
	write?: number = milliseconds({ default: 0 });
	/**
	 * Time without either.
	 *
	 * @defaultValue 0
	 */
	all?: number = milliseconds({ default: 0 });
}

/**
 * How long things may take, in milliseconds.
 *
 * When the process has stood still (by a signal or a debugger, or with a machine that slept), what the kernel has is looked
 * at before any of these judges a connection, and handlers have up to a second to answer it.
 */
export class TimeoutOptions {
	/**
	 * Time from accept to the end of the handshake, your answer included, or to the begin of another response. Then the
	 * connection is closed: with 408 for a client that has not finished its request, with 503 for one that waits for
	 * `onUpgrade` or `onRequest`, without a word for one that has said nothing. Who is told has a second more to read it.
	 *
	 * @defaultValue 10,000
	 */
	handshakeMs?: number = milliseconds({ min: 1, default: 10_000 });
	/**
	 * Time from the begin of a close, or of a response that is no handshake, to the end of the connection, by force if need
	 * be; and how long `onClose` may wait for messages before it that wait themselves.
	 *
	 * @defaultValue 10,000
	 */
	closeMs?: number = milliseconds({ min: 1, default: 10_000 });
	/**
	 * An open connection is closed (WebSocket: code 1001; cause `"idle"`) when nothing was received and nothing sent for this
	 * time, never earlier; 0 means never. An object tells directions apart: a number is the same as its `all`.
	 *
	 * @defaultValue 0
	 */
	idleMs?: number | IdleOptions = option<number | IdleOptions>(
		(value, name) =>
			typeof value === "object"
				? idleOptions.check(value, name)
				: idleOptions.check({ all: check.integer(name, value, 0, MAX_MS) }),
		() => idleOptions.check(undefined),
	);
	/**
	 * A connection is cut, cause `"stalled"`, when something waits to be sent and the kernel has taken nothing of it for this
	 * time. 0 means never.
	 *
	 * @defaultValue 60,000
	 */
	writeStallMs?: number = milliseconds({ default: 60_000 });
	/**
	 * An open connection is closed at this age (WebSocket: code 1001; cause `"limit"`). 0 means never.
	 *
	 * @defaultValue 0
	 */
	maxLifetimeMs?: number = milliseconds({ default: 0 });
}

/** How much an event loop, and JavaScript for it, does at a time. */
export class EventLoopOptions {
	/**
	 * Size of each of a loop's two queues, a power of two, at least 256 KiB. A full queue of events stops that loop's reading,
	 * a full queue of commands makes sends wait in JavaScript's memory.
	 *
	 * @defaultValue 256 KiB
	 */
	queueBytes?: number = option((value, name) => {
		const bytes = check.integer(name, value, MIN_QUEUE_BYTES, MAX_QUEUE_BYTES);
		if ((bytes & (bytes - 1)) !== 0) {
			throw check.wrong(name, "a power of two", bytes);
		}
		return bytes;
	}, MIN_QUEUE_BYTES);
	/**
	 * Bytes that a loop reads from a socket at a time.
	 *
	 * @defaultValue 128 KiB
	 */
	readBufferBytes?: number = integer({
		min: 4096,
		max: 16 * MIB,
		default: 128 * 1024,
	});
	/**
	 * Most events of one loop that are handled before Node's own timers and sockets get their turn.
	 *
	 * @defaultValue 4096
	 */
	drainBudget?: number = integer({ min: 1, max: 2 ** 30, default: 4096 });
}

/**
 * Settings of a {@link Server}. Times are in milliseconds, sizes in bytes. What is rarely changed is in groups: `socket`,
 * `limits` of all connections together, `flow` of each of them, `timeouts`, and `eventLoop`.
 */
export class ServerOptions {
	/**
	 * Name or IP address to listen on; of several addresses that a name has it is the first, as in `node:net`. A link-local
	 * IPv6 address needs its zone, which is the name or number of an interface: `fe80::1%eth0`.
	 *
	 * @defaultValue every address, IPv6 and IPv4 (`::`, or `0.0.0.0` where there is no IPv6)
	 */
	host?: string | undefined = option(hostName, undefined);
	/**
	 * Port to listen on; 0 lets the system choose one, which `start()` tells.
	 *
	 * @defaultValue 1833
	 */
	port?: number = integer({ min: 0, max: 65_535, default: 1833 });
	/**
	 * Path of a unix socket to listen on, instead of host and port: at most 107 bytes (103 on macOS and FreeBSD). A socket's
	 * file that is there already is replaced if nobody listens to it; the server's own is removed when it stops. On Linux a
	 * path that begins with `"\0"` is an abstract name, which has no file. One loop accepts for all then. Where there are no
	 * unix sockets (Windows), `start()` rejects with `ENOTSUP`.
	 *
	 * @example
	 * ```ts
	 * new Server(handler, { path: "/run/chat.sock", socket: { mode: 0o660 } });
	 * ```
	 * @defaultValue undefined
	 */
	path?: string | undefined = option(pathName, undefined);
	/**
	 * How many event loops, each on a thread of its own; `docs/event-loops.md` has measured what that costs and brings.
	 *
	 * @defaultValue the number of CPUs
	 */
	loops?: number = integer({
		min: 1,
		max: 1024,
		default: () => os.availableParallelism(),
	});
	/**
	 * Whether each event loop has a thread of its own. False, for one loop only, lets Node's own event loop drive it on the
	 * handlers' thread: cheaper where both would share a CPU anyway, but while your code is busy nothing is read, sent or
	 * timed. Needs Node on something else than Windows; elsewhere loops always have threads.
	 *
	 * @defaultValue true, unless there is one loop and one CPU
	 */
	threads?: boolean = option(
		(value, name, { loops }: Checked<ServerOptions>) => {
			const threads = check.boolean(name, value);
			if (threads || loops === 1) return threads;
			throw check.wrong(name, "true for more than one loop", threads);
		},
		({ loops }: Checked<ServerOptions>) =>
			loops + os.availableParallelism() > 2,
	);
	/**
	 * How bytes become messages: {@link raw}, {@link jsonStream} or {@link webSocket}, or one of your own that {@link custom} has made.
	 *
	 * @defaultValue {@link raw}
	 */
	protocol?: Protocol = option(
		(value, name) => {
			// One in TypeScript too: `Server` has a type of its own for who gives one.
			if (isProtocol(value)) return value as Protocol;
			throw check.wrong(
				name,
				"a protocol, such as raw() or webSocket()",
				value,
			);
		},
		() => raw(),
	);
	/**
	 * Binary messages, and the fragments that `onFragment` gets, as views of shared memory that are valid during the call only,
	 * and change afterwards: saves a copy for handlers that neither keep the message nor `await`. False: messages are the
	 * handler's own; with a protocol of {@link custom} they are in any case.
	 *
	 * @defaultValue false
	 */
	borrow?: boolean = boolean({ default: false });
	/**
	 * A promise that a handler's member returns for a connection is awaited before the connection's next message (or
	 * fragment, ping, pong, end or close) is handed over. Other connections do not wait. False: messages are handed over as
	 * they arrive, and the promises of several may be pending.
	 *
	 * @defaultValue false
	 */
	serial?: boolean = boolean({ default: false });
	/**
	 * How connections come to loops: `"kernel"` gives each loop a listener of its own (SO_REUSEPORT; where there is
	 * none, macOS and Windows, and with a unix socket, it means `"round-robin"`); a loop that has more than 1.25 times the mean
	 * and 8 connections hands new ones on to the one with the fewest. In the other modes one loop accepts for all:
	 * `"round-robin"` deals out in turn, `"least-connections"` to the loop that has the fewest, those that are on their way to
	 * it included, `"source-hash"` gives connections of one address to the same loop, `"random"` to any. A function chooses itself:
	 * see {@link BalanceFunction}. `docs/balancing.md` compares them.
	 *
	 * @example
	 * ```ts
	 * // One loop for peers of this machine, the others for everybody else.
	 * balance: (loops, { remoteAddress }) =>
	 * 	remoteAddress === "127.0.0.1" ? 0 : 1 + Math.floor(Math.random() * (loops.length - 1)),
	 * ```
	 * @defaultValue "kernel"
	 */
	balance?: BalanceMode | BalanceFunction = option<
		BalanceMode | BalanceFunction
	>(
		(value, name) =>
			typeof value === "function"
				? (value as BalanceFunction)
				: check.oneOf(name, value, BALANCE_MODES),
		"kernel",
	);
	/**
	 * Whether each loop's thread runs on one CPU only, on Linux: the first loop on the first one that the process may run on, and so on,
	 * from the first again where there are more loops. With `balance: "kernel"` a loop's listener gets connections first that come to
	 * its CPU from the network (SO_INCOMING_CPU; since Linux 6.2). For a server that has its CPUs to itself: loops of another server,
	 * of another process too, would share the first CPUs with it. Elsewhere, and for a loop without a thread, it has no effect.
	 *
	 * @defaultValue false
	 */
	pinLoops?: boolean = boolean({ default: false });
	/**
	 * Share the port with other processes and threads that ask for it too, as the workers of `node:cluster` or
	 * `node:worker_threads` have to that serve one port: the kernel deals connections out to them. Otherwise a port in use is
	 * an error. Where ports cannot be shared (Windows), `start()` rejects with `ENOTSUP`.
	 *
	 * @defaultValue false
	 */
	reusePort?: boolean = boolean({ default: false });
	/**
	 * Whether a header of the PROXY protocol (versions 1 and 2) comes before everything else on a connection, by which
	 * HAProxy, nginx, or a load balancer of a cloud says for whom it connects: {@link Connection.remoteAddress} and
	 * the limits of connections follow it then. `"required"` closes who has none; `"optional"` takes those without as they
	 * are, and says nothing to a client of raw TCP before its first byte, which may begin a header. Only who is
	 * among `trustedProxies` is believed. It has to come within `timeouts.handshakeMs`.
	 *
	 * @defaultValue "off"
	 */
	proxyProtocol?: "off" | "optional" | "required" = oneOf(
		["off", "optional", "required"],
		{ default: "off" },
	);
	/**
	 * Where proxies connect from that may say for whom they do: IP addresses, or networks such as `"10.0.0.0/8"`. From elsewhere
	 * a header means nothing where it is optional, and nobody comes in where it is required; an empty list trusts nobody who
	 * comes over TCP. Who connects to a unix socket is trusted.
	 *
	 * @defaultValue ["127.0.0.0/8", "::1"]
	 */
	trustedProxies?: readonly string[] = option(networks, THIS_MACHINE);
	/**
	 * Who gets a line for each event of the server, such as pino or `console`: see {@link Logger}. Without one, a variable
	 * `GEV_LOG` of the environment (`error`, `warn`, `info` or `debug`) has such lines written to standard error, from that
	 * level on.
	 *
	 * @example
	 * ```ts
	 * new Server(handler, { logger: pino({ level: "debug" }) });
	 * ```
	 * @defaultValue undefined
	 */
	logger?: Logger | undefined = option((value, name) => {
		if (isLogger(value)) return value;
		const expected = "an object with error, warn, info and debug";
		throw check.wrong(name, expected, value);
	}, undefined);
	/** What the kernel is told of sockets. */
	socket?: SocketOptions = group(SocketOptions);
	/** How much all connections may be and hold together. */
	limits?: LimitOptions = group(LimitOptions);
	/** What happens to a connection when its peer or the handler is slow. */
	flow?: FlowOptions = group(FlowOptions);
	/** How long things may take. */
	timeouts?: TimeoutOptions = group(TimeoutOptions);
	/** How much an event loop does at a time. */
	eventLoop?: EventLoopOptions = group(EventLoopOptions);
	/**
	 * Tell over HTTP what the server does, from its start to the end of its stop: `{}` does with the defaults of
	 * {@link MetricsOptions}.
	 *
	 * @defaultValue undefined, which tells nobody
	 */
	metrics?: MetricsOptions | undefined = option(
		(value, name) => metricsOptions.check(value, name),
		undefined,
	);
}

/** @internal Options with every default filled in. */
export type CheckedOptions = Checked<ServerOptions>;

/** @internal Checks options and fills in defaults; throws `ERR_GEV_OPTION`. */
export function checkOptions(options: unknown): CheckedOptions {
	return serverOptions.check(options);
}

const BALANCE_MODES: readonly BalanceMode[] = [
	"kernel",
	"round-robin",
	"least-connections",
	"source-hash",
	"random",
];

/** What a resolver would cut at (NUL), trim or pass over is no part of a host. */
function hostName(value: unknown, name: string): string {
	const host = check.text(name, value);
	if (/[\s\p{Cc}]/u.test(host)) {
		const expected = "a host without spaces and control characters";
		throw check.wrong(name, expected, host);
	}
	return host;
}

/** A path has zero bytes nowhere but at its beginning, where one makes an abstract name of it. */
function pathName(
	value: unknown,
	name: string,
	{ host }: Checked<ServerOptions>,
): string {
	const path = check.text(name, value);
	if (host !== undefined) {
		throw check.wrong(name, "the only place to listen: without host", path);
	}
	const isLong = Buffer.byteLength(path) > LONGEST_PATH;
	if (isLong || path.includes("\0", 1) || path === "\0") {
		const expected = `a path of at most ${LONGEST_PATH} bytes without zero bytes`;
		throw check.wrong(name, expected, path);
	}
	return path;
}

function networks(value: unknown, name: string): readonly string[] {
	const given = check.texts(name, value);
	const wrong = given.find((network) => !isNetwork(network));
	if (wrong !== undefined) {
		throw check.wrong(name, "IP addresses and networks", wrong);
	}
	return given;
}

/** `10.0.0.1`, `10.0.0.0/8`. */
function isNetwork(text: string): boolean {
	const [ip = "", bits, ...more] = text.split("/");
	const { isIPv4, isIPv6 } = net();
	const most = isIPv4(ip) ? 32 : isIPv6(ip) && !ip.includes("%") ? 128 : -1;
	if (more.length > 0 || most < 0) return false;
	return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most);
}

/** What has to have room in a connection's output for what the protocol lets in: see `maxBufferedBytes`. */
function sendableBytes(protocol: Protocol): number {
	const { maxMessageBytes, maxFraming } = framingOf(protocol);
	const needed = maxMessageBytes + maxFraming + MIB;
	return Math.min(Math.max(16 * MIB, needed), MAX_BUFFERED_BYTES);
}

function quarterOfMemory(): number {
	const constrained = process.constrainedMemory?.() ?? 0;
	const machine = os.totalmem();
	// Without a constraint some runtimes say 0, and others more than there is.
	const memory = constrained > 0 ? Math.min(machine, constrained) : machine;
	return Math.max(MIN_MEMORY, Math.floor(memory / 4 / sharers));
}

/** In a thread that is one of so many which serve together: they share by default what one server has. */
export function shareMemory(count: number): void {
	sharers = count;
}

let sharers = 1;

const MIB = 1024 * 1024;

/** What `writeBufferLength` can count. */
const MAX_BUFFERED_BYTES = 2 ** 31 - 1;
const MIN_MEMORY = 1024 * 1024;

/** Of a unix socket (unix(7)): what the kernel has room for, less a zero byte. */
const LONGEST_PATH = process.platform === "linux" ? 107 : 103;

const THIS_MACHINE: readonly string[] = ["127.0.0.0/8", "::1"];

// Tables are made here, where everything is there that rows use.
const idleOptions = new OptionTable("idleMs", IdleOptions);
const serverOptions = new OptionTable("options", ServerOptions);
