/** True for what a handler may return instead of a value: a promise, or anything else that can be awaited. */
export function isThenable<Value>(
	value: Value | PromiseLike<Value>,
): value is PromiseLike<Value> {
	return typeof value === "object" && value !== null && "then" in value;
}
