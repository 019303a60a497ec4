import type { ProxyTlv } from "./bridge/addresses.js";
import type { ResponseHeaders } from "./http/header-lines.js";

/** The head of an HTTP request, copied: it may be kept and used at any time. */
export interface HttpRequest {
	/** `GET` for everything that asks for a WebSocket. */
	readonly method: string;
	/**
	 * The target as it was sent: path and query. One character stands for one byte (latin1); what a client has sent in UTF-8
	 * instead of escaping it, as browsers do, is `Buffer.from(request.url, "latin1").toString()`.
	 */
	readonly url: string;
	readonly headers: RequestHeaders;
	/** Subprotocols that the client offers (`Sec-WebSocket-Protocol`), in its order of preference. */
	readonly subprotocols: readonly string[];
	/** The peer's IP address; that of a proxy's client where a proxy says so. `""` for a unix socket. */
	readonly remoteAddress: string;
	/** The peer's port; 0 for a unix socket. */
	readonly remotePort: number;
	/** The IP address that the peer has connected to; `""` for a unix socket. */
	readonly localAddress: string;
	/** The port that the peer has connected to; 0 for a unix socket. */
	readonly localPort: number;
	/** What a proxy says besides: the TLVs of the PROXY protocol, version 2, in their order. Mostly none. */
	readonly proxyTlvs: readonly ProxyTlv[];
	/** True from the moment that the client is gone, or its time is over, before it has got an answer. */
	readonly aborted: boolean;
}

/**
 * Header lines of a request in their order: names and values as they were sent. Names are compared without regard to case.
 * In values one character stands for one byte (latin1): where a client sends UTF-8, the text is
 * `Buffer.from(value, "latin1").toString()`.
 */
export interface RequestHeaders
	extends Iterable<[name: string, value: string]> {
	/**
	 * The value of a header; several lines of the same name are joined by `", "`, those of `Cookie` by `"; "`. `undefined` when
	 * there is none. Where a value may have commas of its own (`Set-Cookie`), ask {@link getAll}.
	 */
	get(name: string): string | undefined;
	/** The values of all lines of this name. */
	getAll(name: string): string[];
	/** True if there is a line of this name. */
	has(name: string): boolean;
}

/**
 * An answer in HTTP, of at most `flow.maxBufferedBytes`. The connection is closed behind it. Its properties are read once,
 * when it is returned, and have to be its own.
 */
export interface HttpResponse {
	/** 200 to 599. Default 200. */
	status?: number;
	/**
	 * Further header lines, of latin1 characters. `Connection`, `Content-Length`, `Transfer-Encoding`, `Upgrade` and
	 * `Sec-WebSocket-...` are set natively and not allowed here; `Date` is too, unless it is here.
	 */
	headers?: ResponseHeaders;
	/** Default none. A string is sent as UTF-8, with the type `text/plain` unless `headers` say otherwise; bytes as they are. */
	body?: string | NodeJS.ArrayBufferView | ArrayBuffer;
}

/** The answer to a client that does not get its WebSocket. */
export interface Refusal extends HttpResponse {
	/** 200 to 599; 401, 403, 404 and 503 are the usual ones. */
	status: number;
}

/** How an upgrade is accepted. */
export interface Acceptance<Context = unknown> {
	/** What {@link Connection.context} is from the beginning. */
	context?: Context;
	/** The subprotocol: one of those that the client offers. Default: what the option `subprotocols` chooses. */
	subprotocol?: string;
	/** Further header lines of the response, such as `Set-Cookie`; otherwise as in {@link HttpResponse}. */
	headers?: ResponseHeaders;
}

/**
 * What `onUpgrade` may return: nothing, or an {@link Acceptance}, or (an object with a `status`) a {@link Refusal}, or a web
 * `Response`, which refuses too.
 */
export type UpgradeReply<Context = unknown> =
	| Acceptance<Context>
	| Refusal
	| Response
	| undefined
	| null
	// biome-ignore lint/suspicious/noConfusingVoidType: a method without a return statement accepts too
	| void;
