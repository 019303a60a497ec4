/**
 * Codes of the errors that gev itself throws. They are stable: messages may change, codes do not.
 *
 * | code | thrown by | what to do |
 * | --- | --- | --- |
 * | `ERR_GEV_OPTION` | `new Server`, `webSocket()`, `frames()`, `stop` | correct the option that the message names |
 * | `ERR_GEV_HANDLER` | `new Server` | pass an object whose `on...` members are functions |
 * | `ERR_GEV_STATE` | `start()`, `stop()` | call it when the server is in the state that the message names |
 * | `ERR_GEV_DATA` | `send()`, `ping()`; `onError`, for the body of a response | pass a string, a Uint8Array (a Buffer is one), another view, or an ArrayBuffer; valid UTF-8 where it is sent as text; at most 125 bytes to `ping()` |
 * | `ERR_GEV_FRAME` | `onFrameError` | a peer sends what is no frame, or a wrong one: see {@link FrameError} |
 * | `ERR_GEV_FULL` | `write()` of a `RingBuffer` | make its maximum larger, or read something first |
 * | `ERR_GEV_PROTOCOL` | `onError`, for a `CustomProtocol` | let its `unpack` take what it makes a message of |
 * | `ERR_GEV_CLOSE` | `close()` | use a code that may be sent and a reason of at most 123 bytes |
 * | `ERR_GEV_SEND` | callback of `send()` | the connection ended, or too much waited for it, before the message could be handed to the kernel: look at the status |
 * | `ERR_GEV_RESPONSE` | `onError` | let `onUpgrade` and `onRequest` return what the message says; the client got status 500 |
 * | `ERR_GEV_START` | `start()` | the system refused for a reason that has no name, or something is wrong in gev: see the message |
 * | `ERR_GEV_BALANCE` | `onError`, for a function as `balance` | let it return the index of one of the loops that it is given |
 * | `ERR_GEV_LOOP` | `onError` | an event loop failed (a bug in gev) or could not accept; see the message |
 * | `ERR_GEV_WORKER` | `start()` and `restart()` of a `WorkerPool`, `onError` of its options | correct the workers' file: `cause` says what is wrong in it |
 * | `ERR_GEV_BINDING` | loading the package | the native addon is missing, may not or cannot be loaded, or belongs to another version: do what the message says; `cause` is the original error, if there is one |
 *
 * `start()` also rejects with the system's own codes: `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES`, `EMFILE` (no descriptors), `EAGAIN` (no
 * threads), `ENOMEM`, `ENOTFOUND` and whatever else sockets, polls and resolvers fail with.
 */
export type GevErrorCode =
	| "ERR_GEV_OPTION"
	| "ERR_GEV_HANDLER"
	| "ERR_GEV_STATE"
	| "ERR_GEV_DATA"
	| "ERR_GEV_FULL"
	| "ERR_GEV_PROTOCOL"
	| "ERR_GEV_FRAME"
	| "ERR_GEV_CLOSE"
	| "ERR_GEV_SEND"
	| "ERR_GEV_RESPONSE"
	| "ERR_GEV_START"
	| "ERR_GEV_BALANCE"
	| "ERR_GEV_LOOP"
	| "ERR_GEV_WORKER"
	| "ERR_GEV_BINDING";

/** An error of gev, told apart by its {@link GevError.code | code}. */
export class GevError extends Error {
	override readonly name = "GevError";
	/** Which error this is: a {@link GevErrorCode}, or a code of the system such as `EADDRINUSE`. */
	readonly code: string;

	constructor(
		code: GevErrorCode | (string & {}),
		message: string,
		options?: ErrorOptions,
	) {
		super(message, options);
		this.code = code;
	}
}

/** What was thrown, or an error that says what it was. Never throws. */
export function asError(thrown: unknown): Error {
	try {
		if (thrown instanceof Error) return thrown;
	} catch {
		// A proxy can refuse to say what it is.
	}
	return new Error(`thrown: ${shown(thrown)}`);
}

/**
 * An error that says what `error` says, which is its cause, and does no harm to those who look at it later: what is read of
 * it cannot throw. Never throws.
 */
export function harmless(error: Error): Error {
	const copy = new Error(
		read(error, "message") ?? "an error without a message",
		{
			cause: error,
		},
	);
	for (const name of ["name", "stack", "code"]) {
		const value = read(error, name);
		if (value !== undefined) {
			const writable = { writable: true, configurable: true };
			Object.defineProperty(copy, name, { value, ...writable });
		}
	}
	return copy;
}

/** A property that is a string, if it is one. */
function read(error: Error, name: string): string | undefined {
	try {
		const value = (error as unknown as Record<string, unknown>)[name];
		return typeof value === "string" ? value : undefined;
	} catch {
		return undefined;
	}
}

/** How a wrong value looks in a message: short, and told apart from others of its type. Never throws. */
export function shown(value: unknown): string {
	try {
		return describe(value);
	} catch {
		return `something that cannot be shown (${typeof value})`;
	}
}

function describe(value: unknown): string {
	switch (typeof value) {
		case "string":
			return JSON.stringify(
				value.length > 60 ? `${value.slice(0, 60)}...` : value,
			);
		case "bigint":
			return `${value}n`;
		case "function":
			return "a function";
		case "object":
			return value === null
				? "null"
				: Array.isArray(value)
					? `an array of ${value.length}`
					: `an object (${value.constructor?.name ?? "without a prototype"})`;
		default:
			return String(value);
	}
}
