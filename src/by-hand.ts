import * as binding from "#binding";
import { bytesOf, copyOf, lengthOf } from "./base/bytes.js";
import * as check from "./base/check.js";
import { GevError } from "./base/errors.js";
import { OptionTable, option } from "./base/option-table.js";
import { type FrameError, readFrameError } from "./bridge/frame-error.js";
import type { SendCheck } from "./framing/sendable.js";

/** Settings of `protocol.decoder()`. */
export class DecoderOptions {
	/**
	 * Is told of everything that is wrong with frames, as `onFrameError` of a handler is, before `push` or `end` returns. Then
	 * nothing of it is thrown, and nothing comes of bytes behind a frame with the fate `"closed"`.
	 *
	 * @defaultValue none
	 */
	onFrameError?: ((error: FrameError) => void) | undefined = option(
		(value, name) => {
			if (typeof value === "function") return value as never;
			throw check.wrong(name, "a function", value);
		},
		undefined,
	);
}

/**
 * Makes messages of bytes by the rules of a protocol, without a connection: of what a client gets, of a file, in a test. Made by
 * `protocol.decoder()`. It keeps what is there of the message that is half way, as much as a connection would (see
 * `maxMessageBytes`), and nothing else.
 *
 * @typeParam Message - what messages are.
 */
export class Decoder<Message> {
	readonly #source: Source;
	readonly #onFrameError: ((error: FrameError) => void) | undefined;
	#frameErrors = 0;
	/** What is to be thrown. */
	#failure: unknown;
	/** Nothing comes of what is pushed. */
	#hasFailed = false;
	#hasEnded = false;

	/** @internal */
	constructor(source: Source, options: unknown) {
		this.#source = source;
		this.#onFrameError = decoderOptions.check(options).onFrameError;
	}

	/** How often something was wrong with a frame, or with what came between frames. */
	get frameErrors(): number {
		return this.#frameErrors;
	}

	/**
	 * Takes the next bytes, wherever they were cut (text: those of its UTF-8), and returns the messages that they complete.
	 *
	 * @throws {@link FrameError} for what a connection would be closed for, unless `onFrameError` is told: the messages before it
	 * are returned first, and it is thrown by the next call, and by all after it. What `unpack` of a `CustomProtocol` throws is
	 * thrown in the same way. {@link GevError} `ERR_GEV_DATA` for what is neither bytes nor text, `ERR_GEV_STATE` after
	 * {@link end}.
	 */
	push(bytes: Uint8Array | string): Message[] {
		const own =
			typeof bytes === "string" ? Buffer.from(bytes) : copyOf(bytesOf(bytes));
		if (this.#hasEnded) {
			throw new GevError("ERR_GEV_STATE", "push() after end()");
		}
		const messages = this.#hasFailed
			? []
			: this.#judged(this.#source.push(own));
		if (messages.length === 0) this.#throw();
		return messages;
	}

	/**
	 * There are no more bytes.
	 *
	 * @throws {@link FrameError} with the reason `"truncated"` if there is half a message, or what is left to be thrown, unless
	 * `onFrameError` is told.
	 */
	end(): void {
		const isEnd = !this.#hasEnded && !this.#hasFailed;
		this.#hasEnded = true;
		if (isEnd) this.#judged(this.#source.end());
		this.#throw();
	}

	#judged({ messages, errors, failure }: Outcome): Message[] {
		const isTold = this.#onFrameError !== undefined;
		this.#frameErrors += errors.length;
		const last = errors.at(-1);
		if (failure !== undefined) {
			this.#hasFailed = true;
			this.#failure = failure;
		} else if (last?.fate === "closed") {
			this.#hasFailed = true;
			this.#failure = isTold ? undefined : last;
		}
		for (const error of errors) this.#onFrameError?.(error);
		return messages as Message[];
	}

	#throw(): void {
		if (this.#failure !== undefined) throw this.#failure;
	}
}

/** @internal What comes of some bytes. */
export interface Outcome {
	readonly messages: unknown[];
	/** The last one may be what a connection would be closed for. */
	readonly errors: FrameError[];
	/** What was thrown, wrapped where it was nothing. */
	readonly failure: unknown;
}

/** @internal What comes of bytes that are cut natively. */
export interface CutOutcome extends Outcome {
	/** How many of the messages come before each error. */
	readonly places: number[];
}

/** @internal What decodes. Not asked any more when something was wrong that a connection would be closed for. */
export interface Source {
	/** The bytes are its own. */
	push(bytes: Uint8Array): Outcome;
	/** There are no more. */
	end(): Outcome;
}

/** @internal Encodes and decodes. */
export interface ByHand {
	/** @throws as `Connection.send`. */
	encode(message: unknown): Buffer;
	source(): Source;
}

/** @internal Encodes and decodes what is cut natively. */
export interface CutByHand extends ByHand {
	source(): CutSource;
}

/** @internal What cuts. */
export interface CutSource extends Source {
	push(bytes: Uint8Array): CutOutcome;
}

/** A protocol that is native. */
export interface NativeProtocol {
	readonly codec: string;
	readonly options: object;
	readonly checkSend?: SendCheck | undefined;
}

/** @internal Encodes and decodes what a native codec does. */
export class NativeByHand implements CutByHand {
	readonly #protocol: NativeProtocol;
	/** For encoding: between messages it has no state. */
	#codec: binding.HandCodec | undefined = undefined;

	constructor(protocol: NativeProtocol) {
		this.#protocol = protocol;
	}

	encode(message: unknown): Buffer {
		const { checkSend } = this.#protocol;
		if (typeof message === "string") {
			checkSend?.(message, 0);
			return this.#encode(Buffer.from(message));
		}
		const bytes = bytesOf(message);
		const length = lengthOf(bytes);
		checkSend?.(bytes, length);
		return this.#encode(copyOf(bytes, 0, length));
	}

	source(): CutSource {
		return new NativeSource(codecOf(this.#protocol));
	}

	#encode(own: Uint8Array): Buffer {
		this.#codec ??= codecOf(this.#protocol);
		return this.#codec.encode(own);
	}
}

/** What a native codec decodes. */
class NativeSource implements CutSource {
	readonly #codec: binding.HandCodec;

	constructor(codec: binding.HandCodec) {
		this.#codec = codec;
	}

	push(bytes: Uint8Array): CutOutcome {
		return outcomeOf(this.#codec.push(bytes));
	}

	end(): Outcome {
		return outcomeOf(this.#codec.end());
	}
}

/** Reads a report: see `crates/wire/src/by_hand.rs`. */
function outcomeOf(report: Buffer): CutOutcome {
	const messages: (string | Buffer)[] = [];
	const errors: FrameError[] = [];
	const places: number[] = [];
	const storyEnd = report.readUInt32LE();
	let end = storyEnd;
	for (let at = 4; at < storyEnd; ) {
		const item = report.readDoubleLE(at);
		at += 8;
		if (item === WRONG) {
			const length = report[at] as number;
			errors.push(readFrameError(report, at + 1, length, 0));
			places.push(messages.length);
			at += 1 + length;
			continue;
		}
		const start = end;
		const isText = item < WRONG;
		end += isText ? TEXT - item : item;
		messages.push(
			isText
				? report.toString("utf8", start, end)
				: report.subarray(start, end),
		);
	}
	return { messages, errors, places, failure: undefined };
}

function codecOf({ codec, options }: NativeProtocol): binding.HandCodec {
	return new binding.HandCodec({ name: codec, options });
}

/** In a story: an error, and what the length of text is taken from. */
const WRONG = -1;
const TEXT = -2;

const decoderOptions = new OptionTable("decoder()", DecoderOptions);
