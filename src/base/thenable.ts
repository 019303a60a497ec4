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
		// First, as what handlers return is mostly bytes, and looking for a member takes longer.
		!ArrayBuffer.isView(value) &&
		"then" in value &&
		!isBytes(value)
	);
}
