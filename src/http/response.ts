import { bytesOf, isBytes, lengthOf, viewOf } from "../base/bytes.js";
import { http } from "../base/node-modules.js";
import type { CopiedRequest } from "./copied-request.js";
import { headerLines, isToken } from "./header-lines.js";
import { httpDate } from "./http-date.js";
import type { Given } from "./reply.js";
import { wrong } from "./wrong-response.js";

/**
 * @internal What the native side needs to know of an acceptance: see `Protocol::accept` in `crates/wire`.
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function acceptance(given: Given, request: CopiedRequest): Buffer {
	const { subprotocol = "" } = given;
	if (typeof subprotocol !== "string") {
		throw wrong("subprotocol must be a string", subprotocol);
	}
	if (subprotocol !== "" && !request.subprotocols.includes(subprotocol)) {
		throw wrong("subprotocol must be one that the client offers", subprotocol);
	}
	if (subprotocol !== "" && !isToken(subprotocol)) {
		throw wrong("subprotocol must be a token", subprotocol);
	}
	const head = `${subprotocol}\n${headerLines(given.headers).join("")}`;
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
	let head = `HTTP/1.1 ${status} ${http().STATUS_CODES[status] ?? ""}\r\n`;
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
	return viewOf(bytes, 0, lengthOf(bytes));
}

/** Of the part of a response's head that a handler has its say in. */
const MAX_HEAD = 32 * 1024;
