import * as check from "./check.js";

/** A framing protocol and its settings: what turns bytes into messages. Made by {@link raw} or {@link webSocket}. */
export class Protocol {
	/** Which protocol this is. */
	readonly name: "raw" | "websocket";
	/** @internal */
	readonly webSocket: Required<Omit<WebSocketOptions, "page">> & {
		page?: string;
	};

	/** @internal */
	constructor(name: "raw" | "websocket", options: WebSocketOptions) {
		this.name = name;
		const given = check.options("webSocket()", options, WEB_SOCKET_OPTIONS);
		const page = check.text("page", given.page, undefined);
		this.webSocket = {
			maxMessageBytes: check.integer(
				"maxMessageBytes",
				given.maxMessageBytes,
				16 * 1024 * 1024,
				0,
				2 ** 31 - 1,
			),
			maxFragments: check.integer(
				"maxFragments",
				given.maxFragments,
				16384,
				0,
				2 ** 31 - 1,
			),
			maxHeaderBytes: check.integer(
				"maxHeaderBytes",
				given.maxHeaderBytes,
				16 * 1024,
				512,
				64 * 1024,
			),
			maxHeaders: check.integer("maxHeaders", given.maxHeaders, 100, 4, 1000),
			...(page !== undefined && { page }),
		};
	}
}

/** Settings of {@link webSocket}. */
export interface WebSocketOptions {
	/**
	 * Largest message in bytes, all its fragments together. A larger one closes the connection with 1009 as soon as
	 * its header is seen. Default 16 MiB; 0 means no limit.
	 */
	maxMessageBytes?: number;
	/**
	 * Most frames that one message may consist of, empty ones counted; more close the connection with 1009.
	 * Default 16384; 0 means no limit.
	 */
	maxFragments?: number;
	/** Largest request head (request line and headers) in bytes; a larger one is answered with 431. Default 16 KiB. */
	maxHeaderBytes?: number;
	/** Most header lines of a request; more are answered with 431. Default 100. */
	maxHeaders?: number;
	/**
	 * HTML for a browser that asks for `/` without wanting a WebSocket. Without it every plain HTTP request is
	 * answered with 426 Upgrade Required. Default: none.
	 */
	page?: string;
}

/**
 * Every run of bytes that the socket gives is one message (a `Buffer`), and what is sent goes out as it is. Where
 * messages begin and end is up to the network.
 */
export function raw(): Protocol {
	return new Protocol("raw", {});
}

/**
 * WebSocket (RFC 6455): text messages arrive as `string`, binary ones as `Buffer`; strings are sent as text, bytes as
 * binary. Handshake, fragments, ping, pong and close are dealt with natively.
 *
 * @throws {@link GevError} `ERR_GEV_OPTION` for a wrong option.
 */
export function webSocket(options: WebSocketOptions = {}): Protocol {
	return new Protocol("websocket", options);
}

const WEB_SOCKET_OPTIONS = [
	"maxMessageBytes",
	"maxFragments",
	"maxHeaderBytes",
	"maxHeaders",
	"page",
] as const;
