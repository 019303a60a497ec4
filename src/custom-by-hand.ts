import { asError } from "./base/errors.js";
import { FrameError } from "./bridge/frame-error.js";
import type { Place } from "./bridge/loop-server.js";
import type {
	ByHand,
	CutByHand,
	CutOutcome,
	CutSource,
	Outcome,
	Source,
} from "./by-hand.js";
import { Connection } from "./connection.js";
import {
	ConnectionCore,
	type ConnectionServer,
} from "./flow/connection-core.js";
import { NotAMessage, type Parsing, type Unpacking } from "./flow/packing.js";
import { noProgress } from "./flow/packing-dispatcher.js";
import { appendTo, RingBuffer, settle } from "./framing/ring-buffer.js";

/** Encodes and decodes what a protocol in TypeScript packs and unpacks, over another one. */
export class CustomByHand implements ByHand {
	readonly #packing: Unpacking;
	readonly #under: CutByHand;
	/** For whom it packs. */
	#face: Connection | undefined = undefined;

	constructor(packing: Unpacking, under: CutByHand) {
		this.#packing = packing;
		this.#under = under;
	}

	encode(message: unknown): Buffer {
		this.#face ??= nobody();
		return this.#under.encode(this.#packing.pack(this.#face, message));
	}

	source(): Source {
		return new CustomSource(this.#packing, this.#under.source());
	}
}

/** Encodes and decodes what a protocol packs, and reads where it has been cut. */
export class ParsedByHand implements ByHand {
	readonly #parsing: Parsing;
	readonly #under: CutByHand;
	/** For whom it packs. */
	#face: Connection | undefined = undefined;

	constructor(parsing: Parsing, under: CutByHand) {
		this.#parsing = parsing;
		this.#under = under;
	}

	encode(message: unknown): Buffer {
		this.#face ??= nobody();
		return this.#under.encode(this.#parsing.pack(this.#face, message));
	}

	source(): Source {
		return new ParsedSource(this.#parsing, this.#under.source());
	}
}

/** Reads each message that the protocol underneath has cut. */
class ParsedSource implements Source {
	readonly #parsing: Parsing;
	readonly #under: CutSource;

	constructor(parsing: Parsing, under: CutSource) {
		this.#parsing = parsing;
		this.#under = under;
	}

	push(bytes: Uint8Array): Outcome {
		const cut = this.#under.push(bytes);
		const messages: unknown[] = [];
		for (const [index, piece] of cut.messages.entries()) {
			const own = piece as string | Buffer;
			try {
				const message = this.#parsing.parse(own);
				if (message !== undefined) messages.push(message);
			} catch (thrown) {
				const errors = errorsBefore(cut, index);
				if (!(thrown instanceof NotAMessage)) {
					return { messages, errors, failure: asError(thrown) };
				}
				const head = Buffer.from(own as Buffer).subarray(0, HEAD_BYTES);
				errors.push(malformed(head));
				return { messages, errors, failure: undefined };
			}
		}
		return { messages, errors: cut.errors, failure: undefined };
	}

	end(): Outcome {
		return this.#under.end();
	}
}

/** What has been told underneath before the message with this index. */
function errorsBefore({ errors, places }: CutOutcome, index: number) {
	return errors.filter((_, at) => (places[at] as number) <= index);
}

/** What is wrong with bytes that begin so, and are no message. */
function malformed(head: Buffer): FrameError {
	const details = { limit: undefined, length: undefined, head };
	return new FrameError("malformed", "closed", details);
}

/** Unpacks messages of what the protocol underneath has cut. */
class CustomSource implements Source {
	readonly #packing: Unpacking;
	readonly #under: CutSource;
	readonly #face = nobody();
	readonly #buffer: RingBuffer;
	/** Most bytes that a message may take. */
	readonly #most: number;

	constructor(packing: Unpacking, under: CutSource) {
		this.#packing = packing;
		this.#under = under;
		this.#most = packing.maxMessageBytes || Number.POSITIVE_INFINITY;
		this.#buffer = new RingBuffer(packing.maxMessageBytes);
	}

	push(bytes: Uint8Array): Outcome {
		const cut = this.#under.push(bytes);
		const messages: unknown[] = [];
		for (const [index, piece] of cut.messages.entries()) {
			try {
				const own = typeof piece === "string" ? Buffer.from(piece) : piece;
				appendTo(this.#buffer, own as Buffer);
				const error = this.#unpackAll(messages);
				if (error !== undefined) {
					const errors = [...errorsBefore(cut, index), error];
					return { messages, errors, failure: undefined };
				}
				settle(this.#buffer);
			} catch (thrown) {
				const errors = errorsBefore(cut, index);
				return { messages, errors, failure: asError(thrown) };
			}
		}
		return { messages, errors: cut.errors, failure: undefined };
	}

	end(): Outcome {
		const outcome = this.#under.end();
		if (outcome.errors.length > 0 || this.#buffer.isEmpty) return outcome;
		const error = new FrameError("truncated", "closed", this.#details());
		return { ...outcome, errors: [error] };
	}

	/** Returns what is wrong, if something is; throws what `unpack` throws. */
	#unpackAll(messages: unknown[]): FrameError | undefined {
		const buffer = this.#buffer;
		do {
			const before = buffer.length;
			const head = before > this.#most ? this.#details() : undefined;
			const message = this.#packing.unpack(this.#face, buffer);
			const taken = before - buffer.length;
			if (message === undefined && taken > 0) continue;
			const isTooLong = message === undefined || taken > this.#most;
			if (head !== undefined && isTooLong) {
				const details = { ...head, limit: this.#most };
				return new FrameError("tooLong", "closed", details);
			}
			if (message === undefined) return this.#rest();
			// Only what has come as nothing, cut underneath, can be a message without a byte.
			if (taken <= 0 && before > 0) throw noProgress(message, before);
			messages.push(message);
		} while (!buffer.isEmpty);
		return undefined;
	}

	/** Of a message that was cut underneath nothing more will come: what is left of it is none. */
	#rest(): FrameError | undefined {
		const { isCut } = this.#packing;
		if (!isCut || this.#buffer.isEmpty) return undefined;
		return malformed(this.#details().head);
	}

	/** What is to be told of bytes that are wrong. */
	#details(): { limit: undefined; length: undefined; head: Buffer } {
		const head = Buffer.concat(this.#buffer.peek(HEAD_BYTES));
		return { limit: undefined, length: undefined, head };
	}
}

/** A connection that is gone: who packs and unpacks for it may ask it anything, and does nothing by it. */
function nobody(): Connection {
	const core = new ConnectionCore(NOWHERE, NOBODYS_SERVER);
	core.gone();
	return new Connection(core, {
		addresses: {
			...{ remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0 },
			proxyTlvs: [],
		},
		...{ subprotocol: "", extensions: "", context: undefined },
	});
}

const NOWHERE: Place = {
	loop: {
		index: 0,
		commands: {
			command() {},
			together: (callback: () => unknown) => callback(),
		} as never,
		connections: [],
		gauge: () => 0,
		sends: { congested: 0, dropped: 0 },
	},
	...{ slot: 0, generation: 0 },
};

const NOBODYS_SERVER: ConnectionServer = {
	isStopping: false,
	calls: { settings: {} } as never,
};

/** First bytes that an error tells. */
const HEAD_BYTES = 16;
