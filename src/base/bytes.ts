import { types } from "node:util";
import { GevError, shown } from "./errors.js";

/**
 * Bytes that users give. A view can lie: have a `length` of its own, a `subarray` that returns something else, memory that
 * is gone. So nothing of it is used but what the engine itself keeps, read with the getters that every view has from the
 * beginning; what users have defined is never asked.
 */

/** True for what {@link bytesOf} takes, whether its memory is there or gone. */
export function isBytes(data: unknown): boolean {
	return ArrayBuffer.isView(data) || types.isAnyArrayBuffer(data);
}

/**
 * The bytes of a view or buffer of whichever realm: itself if it is an Uint8Array, which a Buffer is.
 *
 * @throws {@link GevError} `ERR_GEV_DATA` for anything else.
 */
export function bytesOf(data: unknown): Uint8Array {
	if (tagOf(data) === "Uint8Array") return data as Uint8Array;
	if (types.isAnyArrayBuffer(data)) return over(data, 0, undefined);
	if (types.isDataView(data)) {
		const view = attached(() => [viewOffset(data), viewLength(data)] as const);
		return over(viewBuffer(data), ...view);
	}
	if (ArrayBuffer.isView(data)) {
		checkAttached(data as Uint8Array);
		return over(bufferOf(data), offsetOf(data), byteLengthOf(data));
	}
	throw new GevError(
		"ERR_GEV_DATA",
		`not a string or bytes, but ${shown(data)}`,
	);
}

/**
 * The number of bytes of what {@link bytesOf} has returned.
 *
 * @throws {@link GevError} `ERR_GEV_DATA` when their memory is gone: transferred, or cut off.
 */
export function lengthOf(bytes: Uint8Array): number {
	const length = byteLengthOf(bytes);
	if (length === 0) checkAttached(bytes);
	return length;
}

/** A view of some of the bytes, with nothing of the original's but its memory. */
export function viewOf(
	bytes: Uint8Array,
	from: number,
	to: number,
): Uint8Array {
	return new Uint8Array(bufferOf(bytes), offsetOf(bytes) + from, to - from);
}

/** A copy of some of the bytes. */
export function copyOf(
	bytes: Uint8Array,
	from = 0,
	to = lengthOf(bytes),
): Uint8Array {
	const copy = Buffer.allocUnsafeSlow(to - from);
	copy.set(viewOf(bytes, from, to));
	return copy;
}

/**
 * The bytes, in memory that nobody else has: what was given has none any more. `undefined` for memory that cannot be taken, as
 * it is shared, or somebody's who does not give it away.
 */
export function takenOver(
	bytes: Uint8Array,
	length: number,
): Buffer | undefined {
	const buffer = bufferOf(bytes);
	const offset = offsetOf(bytes);
	if (types.isSharedArrayBuffer(buffer)) return undefined;
	try {
		const own = structuredClone(buffer, { transfer: [buffer] });
		return Buffer.from(own, offset, length);
	} catch {
		return undefined;
	}
}

function over(
	buffer: ArrayBufferLike,
	offset: number,
	length: number | undefined,
): Uint8Array {
	return attached(() => new Uint8Array(buffer, offset, length));
}

/** Memory that is gone shows in views without bytes, and in that nothing can be read. */
function checkAttached(view: Uint8Array): void {
	attached(() => at(view, 0));
}

function attached<Result>(read: () => Result): Result {
	try {
		return read();
	} catch {
		throw new GevError("ERR_GEV_DATA", "bytes whose memory is gone");
	}
}

/** The getter of a property that all views of a kind inherit, as a function. */
function getter<Value>(prototype: object, name: PropertyKey) {
	const { get } = Object.getOwnPropertyDescriptor(
		prototype,
		name,
	) as PropertyDescriptor;
	return Function.prototype.call.bind(get as () => unknown) as (
		view: unknown,
	) => Value;
}

const { structuredClone } = globalThis;

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype) as Uint8Array;
const tagOf = getter<string | undefined>(TypedArray, Symbol.toStringTag);
const bufferOf = getter<ArrayBufferLike>(TypedArray, "buffer");
const offsetOf = getter<number>(TypedArray, "byteOffset");
const byteLengthOf = getter<number>(TypedArray, "byteLength");
const at = Function.prototype.call.bind(TypedArray.at) as (
	view: Uint8Array,
	index: number,
) => number | undefined;
const viewBuffer = getter<ArrayBufferLike>(DataView.prototype, "buffer");
const viewOffset = getter<number>(DataView.prototype, "byteOffset");
const viewLength = getter<number>(DataView.prototype, "byteLength");
