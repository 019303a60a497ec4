import { hasProperty } from "../base/has-property.js";
import { wrong } from "./wrong-response.js";

/**
 * Header lines of a response, each with a value, or with the values of several lines of the same name: a plain object, a
 * web `Headers`, a `Map`, or anything else that gives pairs of name and value, such as an array of arrays.
 */
export type ResponseHeaders =
	| Readonly<Record<string, string | readonly string[]>>
	| Iterable<readonly [name: string, value: string | readonly string[]]>
	| Headers;

/**
 * @internal RFC 9110 section 5: lines with names that are tokens and values without control characters. What is set
 * natively is an error, unless it is to be left out.
 *
 * @throws {@link GevError} `ERR_GEV_RESPONSE`.
 */
export function headerLines(
	headers: unknown,
	leaveOutNative = false,
): string[] {
	if (headers === undefined) return [];
	return pairsOf(headers).flatMap(([name, value]) => {
		if (typeof name !== "string" || !TOKEN.test(name)) {
			throw wrong("a header must have a token as its name", name);
		}
		if (NATIVE_HEADERS.test(name)) {
			if (leaveOutNative) return [];
			throw wrong("headers must leave out what is set natively", name);
		}
		const values: unknown[] = Array.isArray(value)
			? Array.from(value)
			: [value];
		return values.map((value) => {
			if (
				typeof value !== "string" ||
				!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)
			) {
				throw wrong(
					`header ${name} must be a string of a header's characters`,
					value,
				);
			}
			return `${name}: ${value}\r\n`;
		});
	});
}

/** @internal True for a token (RFC 9110 section 5.6.2). */
export function isToken(text: string): boolean {
	return TOKEN.test(text);
}

/** Names and values, each of them read once. */
function pairsOf(headers: unknown): [name: unknown, value: unknown][] {
	if (typeof headers !== "object" || headers === null) {
		throw wrong(EXPECTED, headers);
	}
	if (isPlain(headers)) return Object.entries(headers);
	if (!isIterable(headers)) throw wrong(EXPECTED, headers);
	const pairs = Array.from(headers, (pair): [unknown, unknown] => {
		if (!Array.isArray(pair) || pair.length !== 2) {
			throw wrong("headers must consist of pairs of name and value", pair);
		}
		return [pair[0], pair[1]];
	});
	if (!hasProperty(headers, "getSetCookie")) return pairs;
	// The only header whose lines a Headers may have joined so that they cannot be told apart any more.
	const others = pairs.filter(([name]) => !/^set-cookie$/i.test(String(name)));
	return [...others, ["Set-Cookie", (headers as Headers).getSetCookie()]];
}

/** True for what an object literal makes, of whatever realm, and for an object without a prototype. */
function isPlain(value: object): boolean {
	if (Object.hasOwn(value, Symbol.iterator)) return false;
	const prototype: object | null = Object.getPrototypeOf(value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isIterable(value: object): value is Iterable<unknown> {
	return hasProperty(value, Symbol.iterator);
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

const NATIVE_HEADERS =
	/^(connection|content-length|transfer-encoding|upgrade|sec-websocket-.*)$/i;

const EXPECTED =
	"headers must be a plain object, a Headers, a Map or pairs of name and value";
