import type { Random } from "../kit/random.js";
import { WIDE } from "./arrivals.js";
import { bombObject, type Tools } from "./bombs.js";
import { type OfKind, pickOfKind } from "./kinds.js";
import { liars } from "./liars.js";
import {
	detach,
	exactly,
	growable,
	placed,
	realm,
	resizable,
} from "./memory.js";

/** A value for `send()` and the like, and what has to become of it. */
export interface Specimen extends OfKind {
	value: unknown;
	/** What arrives, if anything does. */
	bytes: Buffer;
	/** It is a string. */
	text: boolean;
	/** Either: sent whole, or refused. */
	fate: "sent" | "refused" | "either";
	/** Overwrites the memory, which is the caller's again when the call has returned. */
	spoil(): void;
	/** Takes the memory away during the call, where there is that. Returns true if that is done. */
	wreck(): boolean;
}

/** What a maker makes of the bytes that are to arrive. */
export interface Made {
	value: unknown;
	/** Default: the bytes that were given. */
	bytes?: Buffer;
	/** Default "sent". */
	fate?: Specimen["fate"];
	/** Default: none that could be spoilt. */
	memory?: ArrayBufferLike | undefined;
}

export interface Maker extends OfKind {
	make(bytes: Buffer, tools: Tools): Made;
}

/** A value that is made of these bytes, which are ASCII. */
export function specimen(
	bytes: Buffer,
	tools: Tools,
	without: ReadonlySet<string>,
): Specimen {
	const { random } = tools;
	const maker = random.chance(40)
		? random.pick(ordinary)
		: pickOfKind(makers, random, without);
	const made = maker.make(bytes, tools);
	const { memory } = made;
	const found: Specimen = {
		kind: maker.kind,
		name: `${maker.kind} ${maker.name}`,
		value: made.value,
		bytes: made.bytes ?? bytes,
		text: typeof made.value === "string",
		fate: made.fate ?? "sent",
		spoil() {
			// Memory that was taken away has nothing left.
			if ((memory?.byteLength ?? 0) > 0) {
				new Uint8Array(memory as ArrayBuffer).fill(0xdd);
			}
		},
		wreck() {
			if (!(memory instanceof ArrayBuffer) || memory.byteLength === 0) {
				return false;
			}
			detach(memory, random);
			found.fate = "either";
			return true;
		},
	};
	return found;
}

function ofText(text: string): Made {
	return { value: text, bytes: Buffer.from(text) };
}

const ordinary: readonly Maker[] = [
	{
		kind: "ordinary",
		name: "text",
		make: (bytes) => ofText(bytes.toString("latin1")),
	},
	{
		kind: "ordinary",
		name: "text of many bytes",
		make: (bytes) => ofText(`${bytes.toString("latin1")}${WIDE}`),
	},
	{
		kind: "ordinary",
		name: "rope",
		make(bytes) {
			const text = bytes.toString("latin1");
			const half = text.length >> 1;
			return ofText(text.slice(0, half) + text.slice(half));
		},
	},
	{
		kind: "ordinary",
		name: "Buffer",
		make(bytes) {
			const value = Buffer.from(placed(bytes).buffer, 8, bytes.length);
			return { value, memory: value.buffer };
		},
	},
	{
		kind: "ordinary",
		name: "Uint8Array",
		make(bytes) {
			const value = placed(bytes);
			return { value, memory: value.buffer };
		},
	},
	{
		kind: "ordinary",
		name: "Float64Array",
		make(bytes) {
			const memory = exactly(bytes.subarray(0, bytes.length & -8));
			const value = new Float64Array(memory);
			return {
				value,
				bytes: Buffer.from(exactly(Buffer.from(memory))),
				memory,
			};
		},
	},
	{
		kind: "ordinary",
		name: "DataView",
		make(bytes) {
			const { buffer, byteOffset, byteLength } = placed(bytes);
			return {
				value: new DataView(buffer, byteOffset, byteLength),
				memory: buffer,
			};
		},
	},
	{
		kind: "ordinary",
		name: "ArrayBuffer",
		make(bytes) {
			const memory = exactly(bytes);
			return { value: memory, memory };
		},
	},
	{
		kind: "ordinary",
		name: "nothing",
		make: (_, { random }) => ({
			value: random.pick([
				"",
				Buffer.alloc(0),
				new ArrayBuffer(0),
				new DataView(new ArrayBuffer(8), 8),
			]),
			bytes: Buffer.alloc(0),
		}),
	},
];

const shared: readonly Maker[] = [
	{
		kind: "shared",
		name: "view",
		make(bytes) {
			const memory = new SharedArrayBuffer(bytes.length);
			const value = new Uint8Array(memory);
			value.set(bytes);
			return { value, memory };
		},
	},
	{
		kind: "shared",
		name: "memory",
		make(bytes) {
			const memory = new SharedArrayBuffer(bytes.length);
			new Uint8Array(memory).set(bytes);
			return { value: memory, memory };
		},
	},
	{
		kind: "shared",
		name: "view that has grown",
		make(bytes, { random }) {
			const half = bytes.length >> 1;
			const memory = growable(half, bytes.length);
			const value = random.chance(50)
				? new Uint8Array(memory)
				: new DataView(memory);
			memory.grow(bytes.length);
			new Uint8Array(memory).set(bytes);
			return { value, memory };
		},
	},
];

const foreign: readonly Maker[] = [
	{
		kind: "realm",
		name: "Uint8Array",
		make(bytes) {
			const value = new realm.Uint8Array(bytes);
			return { value, memory: value.buffer };
		},
	},
	{
		kind: "realm",
		name: "view over memory of this one",
		make(bytes) {
			const { buffer, byteOffset, byteLength } = placed(bytes);
			const value = new realm.DataView(buffer, byteOffset, byteLength);
			return { value, memory: buffer };
		},
	},
	{
		kind: "realm",
		name: "view of this one over its memory",
		make(bytes) {
			const memory = new realm.Uint8Array(bytes).buffer;
			return { value: new Uint8Array(memory), memory };
		},
	},
	{
		kind: "realm",
		name: "ArrayBuffer",
		make(bytes) {
			const memory = new realm.Uint8Array(bytes).buffer;
			return { value: memory, memory };
		},
	},
];

const reborn: readonly Maker[] = [null, {}, Array.prototype].map(
	(prototype, at) => ({
		kind: "prototype",
		name: ["none", "an object's", "an array's"][at] as string,
		make(bytes) {
			const view = placed(bytes);
			const { buffer: memory } = view;
			return { value: Object.setPrototypeOf(view, prototype), memory };
		},
	}),
);

const lost: readonly Maker[] = Object.entries({
	Uint8Array: (bytes: Buffer) => placed(bytes),
	Buffer: (bytes: Buffer) => Buffer.from(placed(bytes).buffer, 8, bytes.length),
	DataView: (bytes: Buffer) => new DataView(exactly(bytes)),
	ArrayBuffer: (bytes: Buffer) => exactly(bytes),
}).map(([name, create]) => ({
	kind: "detached",
	name,
	make(bytes, { random }) {
		const value = create(bytes);
		detach(ArrayBuffer.isView(value) ? value.buffer : value, random);
		return { value, fate: "refused" };
	},
}));

/** Without a length it has whatever its memory has. */
function someView(
	random: Random,
	memory: ArrayBuffer,
	offset?: number,
	length?: number,
): Uint8Array | DataView {
	return random.chance(50)
		? new Uint8Array(memory, offset, length)
		: new DataView(memory, offset, length);
}

const shrunk: readonly Maker[] = [
	{
		kind: "shrunk",
		name: "view of fixed length",
		make(bytes, { random }) {
			const memory = resizable(bytes.length, bytes.length * 2);
			const value = someView(random, memory, 0, bytes.length);
			memory.resize(random.below(bytes.length));
			return { value, fate: "refused" };
		},
	},
	{
		kind: "shrunk",
		name: "view that begins behind the end",
		make(bytes, { random }) {
			const memory = resizable(bytes.length, bytes.length * 2);
			const value = someView(random, memory, bytes.length >> 1);
			memory.resize((bytes.length >> 1) - 1);
			return { value, fate: "refused" };
		},
	},
	{
		kind: "shrunk",
		name: "view that has the rest",
		make(bytes, { random }) {
			const memory = resizable(bytes.length * 2, bytes.length * 2);
			const value = someView(random, memory);
			new Uint8Array(memory).set(bytes);
			memory.resize(bytes.length);
			return { value, memory };
		},
	},
	{
		kind: "shrunk",
		name: "memory that has grown",
		make(bytes) {
			const memory = resizable(bytes.length >> 1, bytes.length);
			memory.resize(bytes.length);
			new Uint8Array(memory).set(bytes);
			return { value: memory, memory };
		},
	},
];

const notBytes: readonly unknown[] = [
	Object.create(Uint8Array.prototype),
	Object.create(Buffer.prototype, { length: { value: 5 } }),
	Object.create(ArrayBuffer.prototype),
	Object.create(SharedArrayBuffer.prototype),
	Object.create(DataView.prototype),
	{ length: 5, 0: 1, byteLength: 5, byteOffset: 0, buffer: new ArrayBuffer(5) },
	[1, 2, 3],
	42,
	10n,
	null,
	undefined,
	true,
	Symbol("bytes"),
	() => "bytes",
	Object("text"),
	new realm.String("text"),
	new Blob(["bytes"]),
	{ toString: () => "text" },
	{ [Symbol.iterator]: () => [1][Symbol.iterator]() },
];

const makers: readonly Maker[] = [
	...ordinary,
	...shared,
	...foreign,
	...reborn,
	...lost,
	...shrunk,
	...liars,
	{
		kind: "fake",
		name: "no bytes",
		make: (_, { random }) => ({
			value: random.pick(notBytes),
			fate: "refused",
		}),
	},
	{
		kind: "bombs",
		name: "no bytes",
		make: () => ({ value: bombObject(), fate: "refused" }),
	},
];

/** A size: of a control frame, of a record, of one that travels in parts, each often enough. */
export function size(random: Random): number {
	switch (random.below(7)) {
		case 0:
		case 1:
			return 1 + random.below(125);
		case 2:
		case 3:
			return random.size(9000);
		case 4:
			return random.below(65_536);
		default:
			return 65_536 + random.below(120_000);
	}
}
