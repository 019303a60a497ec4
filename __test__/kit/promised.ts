/** A promise, and what fulfils it. */
export function promised<Value = void>(): {
	promise: Promise<Value>;
	resolve: (value: Value) => void;
} {
	let resolve!: (value: Value) => void;
	const promise = new Promise<Value>((fulfil) => {
		resolve = fulfil;
	});
	return { promise, resolve };
}
