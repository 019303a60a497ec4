import { isBytes } from "./bytes.js";

/**
 * True for what a handler may return instead of a value: a promise, or anything else that can be awaited. Bytes are a value,
 * whatever another library has given all objects.
 */
export function isThenable<Value>(
	value: Value | PromiseLike<Value>,
): value is PromiseLike<Value> {
	return (
		typeof value === "object" &&
		value !== null &&
		"then" in value &&
		!isBytes(value)
	);
}
