import { freeMemory } from "#binding";
import type { SharedBuffer } from "./shared-buffer.js";
import { utf8Text } from "./text.js";

/**
 * A message that has not come in as a whole: what of it is there, in memory of its own that nobody else sees. Where the length
 * of the message is known, what comes last is all that is ever allocated, yet no more than four times of what has come: an
 * announcement alone takes no memory.
 */
export class Unfinished {
	/** Bytes that have come. */
	length = 0;
	#memory = NOTHING;
	/** Bytes of the whole message; 0 if nobody has said so. */
	readonly #announced: number;
	/** Each byte so far is below 0x80. */
	#isAscii = true;

	constructor(announced = 0) {
		this.#announced = announced;
	}

	/**
	 * Adds a part.
	 *
	 * @throws RangeError when JavaScript has no memory of that length.
	 */
	add(part: Uint8Array, isAscii: boolean): void {
		const at = this.length;
		// Counted first: so much is kept for it, whatever comes of it.
		this.length += part.length;
		if (this.length > this.#memory.length) this.#grow(at);
		this.#memory.set(part, at);
		this.#isAscii &&= isAscii;
	}

	/** The message, as bytes, which are not this one's any more. */
	bytes(): Buffer {
		const memory = this.#memory;
		if (memory.length !== this.length) {
			return withRoom(this.length, memory.subarray(0, this.length));
		}
		this.#memory = NOTHING;
		return memory;
	}

	/** Nothing is needed any more of what is here. */
	discard(): void {
		free(this.#memory);
		this.#memory = NOTHING;
	}

	/**
	 * The message, as text.
	 *
	 * @throws Error when it is longer than a string can be.
	 */
	text(): string {
		return this.#isAscii
			? this.#memory.latin1Slice(0, this.length)
			: utf8Text(this.#memory, 0, this.length);
	}

	/** Makes room for all that is counted, of which `at` bytes are there. */
	#grow(at: number): void {
		const { length } = this;
		const more = Math.max(4 * length, LEAST_BYTES);
		const isCertain = this.#announced >= length;
		const enough = isCertain ? Math.min(more, this.#announced) : 2 * length;
		const memory = withRoom(enough, this.#memory.subarray(0, at));
		free(this.#memory);
		this.#memory = memory;
	}
}

/**
 * Lets memory that nobody else has seen go at once. The garbage collector has no reason to hurry where nothing is allocated any
 * more, as when a thousand connections have gone with half a message each.
 */
function free(memory: SharedBuffer): void {
	if (memory.length >= LONG_BYTES) freeMemory(memory);
}

function withRoom(length: number, bytes: Uint8Array): SharedBuffer {
	const memory = Buffer.allocUnsafeSlow(length) as unknown as SharedBuffer;
	memory.set(bytes);
	return memory;
}

const NOTHING = withRoom(0, new Uint8Array());

/** What is shorter is left to the garbage collector. */
const LONG_BYTES = 32 * 1024;

/** Of this much memory is at once what an announcement asks for. */
const LEAST_BYTES = 256 * 1024;
