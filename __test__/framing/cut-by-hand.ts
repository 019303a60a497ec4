import fc from "fast-check";
import type { Decoder } from "gev";

/** Messages of bytes that are cut at these places. */
export function decoded<Message>(
	decoder: Decoder<Message>,
	bytes: Buffer,
	cuts: number[],
): Message[] {
	const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
	const messages = places.flatMap((from, index) =>
		decoder.push(bytes.subarray(from, places[index + 1] ?? bytes.length)),
	);
	decoder.end();
	return messages;
}

/** Of short messages, and some long ones. */
export function bodies(maxLength: number): fc.Arbitrary<Buffer> {
	const short = fc.uint8Array({ maxLength: 40 });
	const long = fc
		.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(maxLength))
		.map(([bytes, length]) => Buffer.alloc(length, bytes));
	return fc.oneof({ arbitrary: short, weight: 4 }, long).map(Buffer.from);
}
