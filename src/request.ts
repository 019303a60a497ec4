import { STATUS_CODES } from "node:http";
import { bytesOf, isBytes, lengthOf, part } from "./base/bytes.js";
import type { Addresses } from "./bridge/addresses.js";
import {
	headerLines,
	isToken,
	type ResponseHeaders,
} from "./http/header-lines.js";
import { httpDate } from "./http/http-date.js";
import type { Given } from "./http/reply.js";
import { wrong } from "./http/wrong-response.js";

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
	readonly protocols: readonly string[];
	/** The peer's IP address. */
	readonly remoteAddress: string;
	/** The peer's port. */
	readonly remotePort: number;
	/** The IP address that the peer has connected to. */
	readonly localAddress: string;
	/** The port that the peer has connected to. */
	readonly localPort: number;
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
 * An answer in HTTP, of at most `maxBufferedBytes`. The connection is closed behind it. Its properties are read once, when it
 * is returned, and have to be its own.
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
	/** The subprotocol: one of those that the client offers. Default: what the option `protocols` chooses. */
	protocol?: string;
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

class CopiedHeaders implements RequestHeaders {
	readonly #lines: readonly [name: string, value: string][];

	constructor(lines: readonly [name: string, value: string][]) {
		this.#lines = lines;
	}

	get(name: string): string | undefined {
		const values = this.getAll(name);
		if (values.length === 0) return undefined;
		// RFC 9110 section 5.3; RFC 6265 section 4.2.1 and RFC 9113 section 8.2.3.
		return values.join(name.toLowerCase() === "cookie" ? "; " : ", ");
	}

	getAll(name: string): string[] {
		const wanted = name.toLowerCase();
		return this.#lines
			.filter(([name]) => name.toLowerCase() === wanted)
			.map(([, value]) => value);
	}

	has(name: string): boolean {
		return this.getAll(name).length > 0;
	}

	[Symbol.iterator](): Iterator<[name: string, value: string]> {
		return this.#lines[Symbol.iterator]();
	}
}

/** @internal A request from its lines: method, target, then name and value of each header. */
export class CopiedRequest implements HttpRequest {
	readonly method: string;
	readonly url: string;
	readonly headers: RequestHeaders;
	readonly protocols: readonly string[];
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	aborted = false;

	constructor(lines: string, addresses: Addresses) {
		const [method = "", url = "", ...rest] = lines.split("\n");
		this.method = method;
		this.url = url;
		const headers: [string, string][] = [];
		for (let at = 0; at + 1 < rest.length; at += 2) {
			headers.push([rest[at] as string, rest[at + 1] as string]);
		}
		this.headers = new CopiedHeaders(headers);
		this.protocols = (this.headers.get("sec-websocket-protocol") ?? "")
			.split(",")
			.map((protocol) => protocol.trim())
			.filter((protocol) => protocol !== "");
		this.remoteAddress = addresses.remoteAddress;
		this.remotePort = addresses.remotePort;
		this.localAddress = addresses.localAddress;
		this.localPort = addresses.localPort;
	}
}

/**
 * @internal What the native side needs to know of an acceptance: see `Protocol::accept` in `crates/wire`.
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function acceptance(given: Given, request: HttpRequest): Buffer {
	const { protocol = "" } = given;
	if (typeof protocol !== "string") {
		throw wrong("protocol must be a string", protocol);
	}
	if (protocol !== "" && !request.protocols.includes(protocol)) {
		throw wrong("protocol must be one that the client offers", protocol);
	}
	if (protocol !== "" && !isToken(protocol)) {
		throw wrong("protocol must be a token", protocol);
	}
	const head = `${protocol}\n${headerLines(given.headers).join("")}`;
	if (head.length > MAX_HEAD) {
		throw wrong(`the head must have at most ${MAX_HEAD} bytes`, head.length);
	}
	return Buffer.from(head, "latin1");
}

/** @internal A response whose parts are all right. */
export interface CheckedResponse {
	status: number;
	/** Header lines, each with its CRLF. */
	lines: string[];
	body: Uint8Array;
	isText: boolean;
}

/**
 * @internal
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function checkedResponse(given: Given): CheckedResponse {
	return {
		status: statusOf(given.status),
		lines: headerLines(given.headers),
		body: bodyOf(given.body),
		isText: typeof given.body === "string",
	};
}

/**
 * @internal The bytes of a response.
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function responseBytes(
	{ status, lines, body, isText }: CheckedResponse,
	method: string,
	maxBytes: number,
): Buffer {
	const hasBody = status !== 204 && status !== 304;
	const has = (name: RegExp) => lines.some((line) => name.test(line));
	let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
	if (!has(/^date:/i)) head += `Date: ${httpDate()}\r\n`;
	head += `Connection: close\r\n${lines.join("")}`;
	if (hasBody && body.length > 0 && !has(/^content-type:/i)) {
		head += `Content-Type: ${isText ? "text/plain; charset=utf-8" : "application/octet-stream"}\r\n`;
	}
	if (hasBody) head += `Content-Length: ${body.length}\r\n`;
	const start = Buffer.from(`${head}\r\n`, "latin1");
	const bytes =
		hasBody && method !== "HEAD" ? Buffer.concat([start, body]) : start;
	if (bytes.length > maxBytes) {
		throw wrong(`a response must not exceed ${maxBytes} bytes`, bytes.length);
	}
	return bytes;
}

/** @internal */
export function statusOf(status: unknown): number {
	if (status === undefined) return 200;
	if (
		typeof status !== "number" ||
		!Number.isInteger(status) ||
		status < 200 ||
		status > 599
	) {
		throw wrong("status must be a whole number from 200 to 599", status);
	}
	return status;
}

/** @internal */
export function bodyOf(body: unknown): Uint8Array {
	if (body === undefined) return new Uint8Array(0);
	if (typeof body === "string") return Buffer.from(body);
	if (!isBytes(body)) throw wrong("body must be a string or bytes", body);
	const bytes = bytesOf(body);
	return part(bytes, 0, lengthOf(bytes));
}

/** Of the part of a response's head that a handler has its say in. */
const MAX_HEAD = 32 * 1024;
