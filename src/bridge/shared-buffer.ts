/**
 * A Buffer over a loop's shared memory, with the methods behind `toString` and `write`: Node, Bun and Deno all have them,
 * and they save looking up the encoding for every message. Type declarations leave them out.
 */
export interface SharedBuffer extends Buffer {
	latin1Slice(start: number, end: number): string;
	utf8Slice(start: number, end: number): string;
	latin1Write(text: string, at: number, length: number): number;
	utf8Write(text: string, at: number, length: number): number;
}

/** The bytes of `memory` as a Buffer. */
export function sharedBuffer(memory: ArrayBufferLike): SharedBuffer {
	return Buffer.from(memory) as unknown as SharedBuffer;
}
