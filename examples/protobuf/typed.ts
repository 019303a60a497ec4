// Frames as the protobuf plugin of the Go library gev has them: the length of what follows (four bytes), the length of the
// type's name (two bytes), the name, and a message of that type.

import { frames } from "gev";

/** Cuts them, and writes the first length; what is in them is for {@link pack} and {@link unpack}. */
export const typedFrames = frames({
	length: "u32",
	maxMessageBytes: 64 * 1024,
});

/** A name, and the bytes of a message of that type. */
export interface Typed {
	type: string;
	data: Uint8Array;
}

/** @throws for a frame that is shorter than it says. */
export function unpack(frame: Buffer): Typed {
	const end = 2 + frame.readUInt16BE();
	if (end > frame.length) throw new Error("the name ends behind its frame");
	return { type: frame.toString("utf8", 2, end), data: frame.subarray(end) };
}

export function pack({ type, data }: Typed): Buffer {
	const frame = Buffer.alloc(2 + Buffer.byteLength(type) + data.length);
	const end = 2 + frame.write(type, 2);
	frame.writeUInt16BE(end - 2);
	frame.set(data, end);
	return frame;
}
