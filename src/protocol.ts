import type { NativeWebSocketOptions } from "#binding";
import * as check from "./base/check.js";
import { RAW_FRAMING, WEB_SOCKET_FRAMING } from "./bridge/records.js";

/** The names of the protocols. */
export type ProtocolName = "raw" | "websocket";

/** A framing protocol and its settings: what turns bytes into messages. Made by {@link raw} or {@link webSocket}. */
export class Protocol<Name extends ProtocolName = ProtocolName> {
	/** Which protocol this is. */
	readonly name: Name;

	/** @internal One that {@link framingOf} does not know is none. */
	constructor(name: Name) {
		this.name = name;
	}
}

/** @internal What is inside of a protocol. */
export interface Framing {
	/** Checked options, but for what the handler decides. */
	webSocket: CheckedWebSocketOptions | undefined;
	/** Most bytes that framing adds to a message: the codec's `max_framing`. */
	maxFraming: number;
}

/** @internal True for what {@link raw} or {@link webSocket} has made. */
export function isProtocol(value: unknown): value is Protocol {
	return framings.has(value as Protocol);
}

/** @internal Of a protocol, whose users cannot see it. */
export function framingOf(protocol: Protocol): Framing {
	return framings.get(protocol) as Framing;
}

/** Settings of {@link webSocket}. */
export interface WebSocketOptions {
	/**
	 * Largest message in bytes, all its fragments together, and as it is after decompression. A larger one closes the
	 * connection with 1009 as soon as that can be seen. The default of `maxBufferedBytes` follows it, and what is here of the
	 * messages of all connections is limited by `maxMemoryBytes`. Default 16 MiB; 0 means no limit but that of JavaScript:
	 * text that is longer than a string can be (`constants.MAX_STRING_LENGTH` of `node:buffer`, some 512 MiB) closes with 1009
	 * too.
	 */
	maxMessageBytes?: number;
	/**
	 * Most frames that one message may consist of, empty ones counted; more close the connection with 1009. Frames leave
	 * nothing behind but their payload, so that a message never takes more memory than `maxMessageBytes` and the
	 * few hundred bytes of each of its parts, most of which have 8 to 64 KiB. Default 16384; 0 means no limit.
	 */
	maxFragments?: number;
	/** Largest payload of one frame in bytes, as it is sent; more closes with 1009. Default 0: no limit of its own. */
	maxFrameBytes?: number;
	/** Most messages that a peer may send within a second; more close the connection with 1008. Default 0: no limit. */
	maxMessagesPerSecond?: number;
	/**
	 * Most pings and pongs that a peer may send within a second; more close the connection with 1008. (Answers cannot pile
	 * up: a peer that does not read gets the pong to its latest ping only.) Default 1000; 0 means no limit.
	 */
	maxControlFramesPerSecond?: number;
	/** Largest request head (request line and headers) in bytes; a larger one is answered with 431. Default 16 KiB. */
	maxHeaderBytes?: number;
	/** Most header lines of a request; more are answered with 431. Default 100. */
	maxHeaders?: number;
	/**
	 * HTML for a browser that asks for `/` without wanting a WebSocket. Without it (and without `onRequest`) every plain
	 * HTTP request is answered with 426 Upgrade Required. Default: none.
	 */
	page?: string;
	/** The only path that can be upgraded, such as `"/chat"`; others get 404. A query does not count. Default: every path. */
	path?: string;
	/**
	 * Origins of pages that may connect, such as `"https://example.com"`; others get 403. Clients that send no `Origin`
	 * header are no browsers, and are let in. Default: every origin.
	 */
	origins?: readonly string[];
	/**
	 * Subprotocols: of those that a client offers the first one that is in this list is chosen; without a match the
	 * connection comes about without one. `onUpgrade` may choose another. Default: none.
	 */
	subprotocols?: readonly string[];
	/**
	 * Compression of messages (RFC 7692) with clients that offer it: `true`, or its settings. Default false.
	 */
	perMessageDeflate?: boolean | DeflateOptions;
	/** A peer that has sent nothing for this time is pinged. Default 0: never. */
	pingIntervalMs?: number;
	/**
	 * A peer that has sent nothing for this time after such a ping is cut, cause `"timeout"`, code 1006. Whatever arrives is
	 * a sign of life, also if it has to wait to be handled, and so is that the peer takes what has been waiting for it.
	 * Default 10,000; 0 means never: then there is one ping for each silence.
	 */
	pongTimeoutMs?: number;
}

/** Settings of permessage-deflate. */
export interface DeflateOptions {
	/**
	 * `"shared"`: the event loops have the compressors, each message is compressed by itself, and a connection between
	 * messages needs no memory for it. `"dedicated"`: each connection has its own, with its history: smaller
	 * messages, for up to 430 KiB a connection (less with smaller windows), as long as `memoryBudgetBytes` lasts.
	 * Default `"shared"`.
	 */
	mode?: "shared" | "dedicated";
	/** Messages of fewer bytes are not compressed, unless `send` is told to. Default 1024. */
	threshold?: number;
	/** From 0 (not at all) and 1 (fastest) to 9 (smallest). Default 1. */
	level?: number;
	/** Memory of compressors, 1 to 9. Default 8. */
	memLevel?: number;
	/** Compress each message by itself also in the mode `"dedicated"`. Default false. */
	serverNoContextTakeover?: boolean;
	/** Have clients compress each message by itself also in the mode `"dedicated"`. Default false. */
	clientNoContextTakeover?: boolean;
	/** Largest window of our compressors, as a power of two: 9 to 15. Default 15. */
	serverMaxWindowBits?: number;
	/** Largest window of clients' compressors, where they leave us the choice: 9 to 15. Default 15. */
	clientMaxWindowBits?: number;
	/**
	 * What all dedicated compressors of a server may take together, in bytes; connections beyond it get `"shared"`. As much
	 * again (and at least 1 MiB) may be lent for compressed messages that are half way in, 48 KiB each; beyond it
	 * such a message closes its connection with 1013. Default 64 MiB.
	 */
	memoryBudgetBytes?: number;
}

/** @internal What the native side is told of these options. */
export type CheckedWebSocketOptions = Omit<
	NativeWebSocketOptions,
	"askUpgrades" | "askRequests" | "eagerParts" | "tellPings" | "tellPongs"
>;

/**
 * Every run of bytes that the socket gives is one message (a `Buffer`), and what is sent goes out as it is. Where
 * messages begin and end is up to the network.
 */
export function raw(): Protocol<"raw"> {
	return protocolOf("raw", { webSocket: undefined, maxFraming: RAW_FRAMING });
}

/**
 * WebSocket (RFC 6455): text messages arrive as `string`, binary ones as `Buffer`; strings are sent as text, bytes as
 * binary. Handshake, fragments, ping, pong and close are dealt with natively.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export function webSocket(
	options: WebSocketOptions = {},
): Protocol<"websocket"> {
	const given = check.options("webSocket()", options, WEB_SOCKET_OPTIONS);
	const count = (name: string, fallback: number, min = 0, max = MAX_COUNT) =>
		check.integer(name, given[name], fallback, min, max);
	const page = check.text("page", given.page, undefined);
	const path = check.text("path", given.path, undefined);
	if (path !== undefined && !/^\/[\x21-\x3e\x40-\x7e]*$/.test(path)) {
		throw check.wrong(
			"path",
			"a path that begins with / and has no query",
			path,
		);
	}
	const origins = check.texts("origins", given.origins);
	const subprotocols = check.texts("subprotocols", given.subprotocols) ?? [];
	const notToken = subprotocols.find(
		(name) => !/^[\w!#$%&'*+.^`|~-]+$/.test(name),
	);
	if (notToken !== undefined) {
		throw check.wrong("subprotocols", "tokens of HTTP", notToken);
	}
	const deflate = checkDeflate(given.perMessageDeflate);
	const checked: CheckedWebSocketOptions = {
		maxMessageBytes: count("maxMessageBytes", 16 * 1024 * 1024, 0, MAX_BYTES),
		maxFragments: count("maxFragments", 16384),
		maxFrameBytes: count("maxFrameBytes", 0, 0, MAX_BYTES),
		maxMessagesPerSecond: count("maxMessagesPerSecond", 0),
		maxControlsPerSecond: count("maxControlFramesPerSecond", 1000),
		maxHeaderBytes: count("maxHeaderBytes", 16 * 1024, 512, 64 * 1024),
		maxHeaders: count("maxHeaders", 100, 4, 1000),
		protocols: subprotocols,
		pingIntervalMs: count("pingIntervalMs", 0),
		pongTimeoutMs: count("pongTimeoutMs", 10_000),
		...(page !== undefined && { page }),
		...(path !== undefined && { path }),
		...(origins !== undefined && { origins }),
		...(deflate !== undefined && { deflate }),
	};
	return protocolOf("websocket", {
		webSocket: checked,
		maxFraming: WEB_SOCKET_FRAMING,
	});
}

function protocolOf<Name extends ProtocolName>(
	name: Name,
	framing: Framing,
): Protocol<Name> {
	const protocol = new Protocol(name);
	framings.set(protocol, framing);
	return protocol;
}

function checkDeflate(value: unknown): CheckedWebSocketOptions["deflate"] {
	if (value === undefined || value === false) return undefined;
	const name = "perMessageDeflate";
	const given = check.options(
		name,
		value === true ? {} : value,
		DEFLATE_OPTIONS,
	);
	const mode = check.oneOf("mode", given.mode, "shared", [
		"shared",
		"dedicated",
	]);
	const count = (name: string, fallback: number, min: number, max: number) =>
		check.integer(name, given[name], fallback, min, max);
	return {
		dedicated: mode === "dedicated",
		threshold: count("threshold", 1024, 0, MAX_BYTES),
		level: count("level", 1, 0, 9),
		memLevel: count("memLevel", 8, 1, 9),
		serverNoContextTakeover: check.boolean(
			"serverNoContextTakeover",
			given.serverNoContextTakeover,
			false,
		),
		clientNoContextTakeover: check.boolean(
			"clientNoContextTakeover",
			given.clientNoContextTakeover,
			false,
		),
		serverMaxWindowBits: count("serverMaxWindowBits", 15, 9, 15),
		clientMaxWindowBits: count("clientMaxWindowBits", 15, 9, 15),
		memoryBudgetBytes: count(
			"memoryBudgetBytes",
			64 * 1024 * 1024,
			0,
			MAX_BYTES,
		),
	};
}

const framings = new WeakMap<Protocol, Framing>();

const MAX_COUNT = 2 ** 31 - 1;
const MAX_BYTES = Number.MAX_SAFE_INTEGER;

const WEB_SOCKET_OPTIONS: readonly (keyof WebSocketOptions)[] = [
	"maxMessageBytes",
	"maxFragments",
	"maxFrameBytes",
	"maxMessagesPerSecond",
	"maxControlFramesPerSecond",
	"maxHeaderBytes",
	"maxHeaders",
	"page",
	"path",
	"origins",
	"subprotocols",
	"perMessageDeflate",
	"pingIntervalMs",
	"pongTimeoutMs",
];

const DEFLATE_OPTIONS: readonly (keyof DeflateOptions)[] = [
	"mode",
	"threshold",
	"level",
	"memLevel",
	"serverNoContextTakeover",
	"clientNoContextTakeover",
	"serverMaxWindowBits",
	"clientMaxWindowBits",
	"memoryBudgetBytes",
];
