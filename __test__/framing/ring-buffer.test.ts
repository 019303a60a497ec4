import test from "ava";
import fc from "fast-check";
import { GevError, RingBuffer } from "gev";
import { seed } from "../kit/random.js";

/** What a connection does to its buffer is not exported, so that the built file is imported: another instance than the package's. */
const file = new URL(
	"../../package/src/framing/ring-buffer.js",
	import.meta.url,
);
const inside = (await import(file.href)) as {
	RingBuffer: typeof RingBuffer;
	appendTo: (buffer: RingBuffer, bytes: Buffer) => void;
	settle: (buffer: RingBuffer) => void;
};

/** What a buffer should do, done in the plainest way. */
class Twin {
	bytes: number[] = [];
	ahead = 0;

	constructor(readonly most: number) {}

	take(count: number): number[] {
		this.ahead = 0;
		return this.bytes.splice(0, count);
	}

	readAhead(count: number): number[] {
		const read = this.bytes.slice(this.ahead, this.ahead + count);
		this.ahead += read.length;
		return read;
	}

	/** A number of so many bytes, big-endian. */
	number(at: number, count: number): bigint | undefined {
		const bytes = this.bytes.slice(at, at + count);
		if (bytes.length < count) return undefined;
		return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
	}
}

const MARK = 0xee;
const handedOut: Buffer[] = [];

/** One thing that is done to both, and that has to come to the same. */
type Step = (buffer: RingBuffer, twin: Twin) => [unknown, unknown];

const counts = fc.oneof(
	fc.nat({ max: 8 }),
	fc.nat({ max: 200 }),
	fc.nat({ max: 9000 }),
);
const bytes = fc.oneof(
	fc.uint8Array({ maxLength: 12 }),
	fc.uint8Array({ maxLength: 300 }),
	counts.map((count) => Uint8Array.from({ length: count }, (_, n) => n * 7)),
);

const ordinary: fc.Arbitrary<Step>[] = [
	bytes.map((data) => write((buffer) => buffer.write(data), data)),
	fc
		.nat({ max: 255 })
		.map((byte) => write((buffer) => buffer.writeByte(byte), [byte])),
	fc
		.string({ unit: "grapheme" })
		.map((text) =>
			write((buffer) => buffer.writeString(text), Buffer.from(text)),
		),
	counts.map((count) => (buffer, twin) => [
		overwritten(buffer.read(count)),
		twin.take(count),
	]),
	counts.map((count) => (buffer, twin) => [
		readInto(count, (target) => buffer.read(target)),
		twin.take(count),
	]),
	fc.constant((buffer, twin) => [[buffer.readByte()], [twin.take(1)[0]]]),
	counts.map((count) => (buffer, twin) => [
		buffer.retrieve(count),
		void twin.take(count),
	]),
	counts.map((count) => (buffer, twin) => [
		overwritten(buffer.virtualRead(count)),
		twin.readAhead(count),
	]),
	counts.map((count) => (buffer, twin) => [
		readInto(count, (target) => buffer.virtualRead(target)),
		twin.readAhead(count),
	]),
	fc.constant((buffer, twin) => [
		buffer.virtualFlush(),
		void twin.take(twin.ahead),
	]),
	fc.constant((buffer, twin) => {
		twin.ahead = 0;
		return [buffer.virtualRevert(), undefined];
	}),
	counts.map((count) => (buffer, twin) => [
		joined(buffer.peek(count)),
		twin.bytes.slice(0, count),
	]),
	fc
		.tuple(fc.nat({ max: 255 }), counts)
		.map(([byte, from]) => (buffer, twin) => [
			buffer.indexOf(byte, from),
			twin.bytes.indexOf(byte, from),
		]),
	counts.map((at) => (buffer, twin) => [
		[
			buffer.peekUint8(at),
			buffer.peekUint16(at),
			buffer.peekUint32(at),
			buffer.peekUint64(at),
		].map((value) => (value === undefined ? undefined : BigInt(value))),
		[1, 2, 4, 8].map((count) => twin.number(at, count)),
	]),
	fc.constantFrom<Step>(
		(buffer, twin) => [buffer.retrieveAll(), void twin.take(twin.bytes.length)],
		(buffer, twin) => {
			twin.take(twin.bytes.length);
			return [
				[buffer.reset(), buffer.capacity],
				[undefined, 0],
			];
		},
	),
];

/** What only a connection does to its buffer. */
const inner: fc.Arbitrary<Step>[] = [
	bytes.map((data) => (buffer, twin) => {
		twin.bytes.push(...data);
		return [inside.appendTo(buffer, Buffer.from(data)), undefined];
	}),
	fc.constant((buffer, twin) => {
		inside.settle(buffer);
		const { length } = twin.bytes;
		if (length === 0) twin.ahead = 0;
		const most = length === 0 ? 0 : Math.max(64, 4 * length);
		return [buffer.capacity <= most, true];
	}),
];

function write(
	act: (buffer: RingBuffer) => void,
	data: Iterable<number>,
): Step {
	const all = [...data];
	return (buffer, twin) => {
		const fits = twin.most === 0 || twin.bytes.length + all.length <= twin.most;
		if (fits) twin.bytes.push(...all);
		return [codeOf(() => act(buffer)), fits ? undefined : "ERR_GEV_FULL"];
	};
}

/** The bytes, which are overwritten then: the buffer must not see it, and nobody else may write to them later. */
function overwritten(bytes: Buffer): number[] {
	const numbers = [...bytes];
	bytes.fill(MARK);
	handedOut.push(bytes);
	return numbers;
}

function readInto(
	count: number,
	read: (target: Uint8Array) => number,
): number[] {
	const target = new Uint8Array(count);
	return [...target.subarray(0, read(target))];
}

function joined(runs: readonly [Buffer, Buffer]): number[] {
	return [...Buffer.concat(runs)];
}

function codeOf(act: () => void): string | undefined {
	try {
		act();
		return undefined;
	} catch (error) {
		return (error as GevError).code;
	}
}

for (const [name, Kind, steps] of [
	["a buffer", RingBuffer, ordinary],
	[
		"the buffer of a connection",
		inside.RingBuffer,
		[...ordinary, ...inner, ...inner],
	],
] as const) {
	test(`${name} does what an array does: seed ${seed}`, (t) => {
		const property = fc.property(
			fc.constantFrom(0, 1, 10, 100, 1000, 20_000),
			fc.array(fc.oneof(...steps), { maxLength: 60 }),
			(most, steps) => {
				handedOut.length = 0;
				const buffer = new Kind(most);
				const twin = new Twin(most);
				for (const step of steps) {
					const [real, expected] = step(buffer, twin);
					t.deepEqual(real, expected);
					const { length } = twin.bytes;
					t.is(buffer.length, length);
					t.is(buffer.isEmpty, length === 0);
					t.is(buffer.virtualLength, length - twin.ahead);
					t.true(buffer.capacity >= length);
					t.is(buffer.isFull, length > 0 && buffer.capacity === length);
				}
				t.deepEqual(joined(buffer.peekAll()), twin.bytes);
				t.deepEqual([...buffer.bytes()], twin.bytes);
				const all = handedOut.splice(0);
				t.true(all.every((bytes) => bytes.every((byte) => byte === MARK)));
			},
		);
		t.notThrows(() => fc.assert(property, { seed, numRuns: 1000 }));
	});
}

test("a header and a body that come apart are read ahead as they are, wherever the buffer wraps", (t) => {
	const header = [0x82, 0x85, 1, 2, 3, 4];
	const body = [10, 20, 30, 40, 50];
	for (let offset = 0; offset <= 130; offset++) {
		for (let size = 0; size <= 70; size++) {
			const buffer = new RingBuffer();
			// Somewhere in its memory, with so many bytes of before.
			buffer.write(new Uint8Array(offset));
			buffer.retrieve(offset);
			buffer.write(new Uint8Array(size).fill(7));
			buffer.retrieve(size);
			buffer.write(Uint8Array.from(header));
			t.deepEqual([...buffer.virtualRead(6)], header);
			t.is(buffer.virtualLength, 0);
			t.is(buffer.virtualRead(5).length, 0);
			buffer.virtualRevert();
			t.is(buffer.virtualLength, 6);
			buffer.write(Uint8Array.from(body));
			t.deepEqual([...buffer.virtualRead(6)], header);
			t.is(buffer.virtualLength, 5);
			t.deepEqual([...buffer.virtualRead(5)], body);
			buffer.virtualFlush();
			t.true(buffer.isEmpty);
		}
	}
});

test("a buffer that grows during a virtual read goes on where that was", (t) => {
	const buffer = new RingBuffer(0);
	buffer.write(new Uint8Array(60));
	buffer.retrieve(50);
	buffer.write(Uint8Array.from({ length: 20 }, (_, n) => n));
	t.is(buffer.capacity, 64);
	t.is(buffer.virtualRead(15).length, 15);
	buffer.write(new Uint8Array(1000).fill(9));
	t.true(buffer.capacity > 64);
	t.deepEqual(
		[...buffer.virtualRead(16)],
		[...Array.from({ length: 15 }, (_, n) => n + 5), 9],
	);
	buffer.virtualFlush();
	t.is(buffer.length, 999);
});

test("a buffer has no memory before it has bytes, and fills it to the last before it grows", (t) => {
	const buffer = new RingBuffer();
	t.deepEqual(
		[buffer.capacity, buffer.isFull, buffer.isEmpty],
		[0, false, true],
	);
	buffer.writeByte(1);
	const { capacity } = buffer;
	for (let n = 1; n < capacity; n++) buffer.writeByte(1);
	t.deepEqual([buffer.capacity, buffer.isFull], [capacity, true]);
	buffer.writeByte(1);
	t.deepEqual([buffer.capacity, buffer.isFull], [2 * capacity, false]);
});

test("a buffer holds as many bytes as it may and not one more, and says so", (t) => {
	const buffer = new RingBuffer(100);
	buffer.writeString("x".repeat(99));
	for (const act of [
		() => buffer.write(Buffer.from("zz")),
		() => buffer.writeString("ä"),
	]) {
		const error = t.throws(act, { instanceOf: GevError });
		t.is(error?.code, "ERR_GEV_FULL");
		t.regex(error?.message ?? "", /^2 bytes behind 99 .* 100 /);
	}
	buffer.writeByte(0x79);
	t.is(buffer.bytes().toString(), `${"x".repeat(99)}y`);
	t.is(buffer.capacity, 100);
	t.throws(() => buffer.writeByte(1), { code: "ERR_GEV_FULL" });
	t.is(buffer.readByte(), 0x78);
	buffer.writeByte(1);
	t.true(buffer.isFull);
});

test("what is no count, no byte and no bytes is refused, and changes nothing", (t) => {
	const buffer = new RingBuffer();
	buffer.writeString("text");
	for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
		for (const act of [
			() => buffer.peek(wrong),
			() => buffer.peekUint8(wrong),
			() => buffer.peekUint64(wrong),
			() => buffer.read(wrong),
			() => buffer.retrieve(wrong),
			() => buffer.virtualRead(wrong),
			() => buffer.indexOf(1, wrong),
			() => buffer.writeByte(wrong),
			() => new RingBuffer(wrong),
		]) {
			t.throws(act, { instanceOf: GevError, code: "ERR_GEV_OPTION" });
		}
	}
	const none = {} as Uint8Array;
	for (const act of [
		() => buffer.write(none),
		() => buffer.read(none),
		() => buffer.virtualRead(none),
		() => buffer.writeString(none as unknown as string),
	]) {
		t.throws(act, { instanceOf: GevError, code: "ERR_GEV_DATA" });
	}
	t.is(buffer.bytes().toString(), "text");
	t.is(buffer.virtualLength, 4);
});
