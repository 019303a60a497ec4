import { bomb, type Tools, trick } from "./bombs.js";
import { exactly, placed } from "./memory.js";
import type { Made, Maker } from "./specimens.js";

/*
 * Bytes that say something else of themselves than is true, by properties of their own, by their class, or as a Proxy. What
 * has to be sent is what they have, and for a Proxy, which has nothing, nothing.
 */

/** A view, of one of the classes that the package tells apart. */
function view(bytes: Buffer, { random }: Tools) {
	switch (random.below(3)) {
		case 0:
			return placed(bytes);
		case 1:
			return Buffer.from(placed(bytes).buffer, 8, bytes.length);
		default: {
			const { buffer, byteOffset, byteLength } = placed(bytes);
			return new DataView(buffer, byteOffset, byteLength);
		}
	}
}

/** Gives an object a property of its own, which says this, or does something first. */
function lie(
	target: object,
	name: PropertyKey,
	saying: unknown,
	tools: Tools,
): void {
	const isTricky = tools.random.chance(30);
	const act = trick(tools);
	Object.defineProperty(
		target,
		name,
		isTricky
			? {
					get() {
						act();
						return saying;
					},
				}
			: { value: saying },
	);
}

const wrongLengths: readonly unknown[] = [
	-5,
	0,
	1,
	126,
	65_537,
	1_000_000,
	2 ** 32 + 1,
	Number.NaN,
	"7",
	undefined,
	{ valueOf: bomb },
];

const lyingLengths: readonly Maker[] = (
	["length", "byteLength", "byteOffset"] as const
).map((name) => ({
	kind: "lying-length",
	name,
	make(bytes, tools) {
		const value = view(bytes, tools);
		lie(value, name, tools.random.pick(wrongLengths), tools);
		return { value, memory: value.buffer };
	},
}));

const lyingBuffer: Maker = {
	kind: "lying-length",
	name: "buffer",
	make(bytes, tools) {
		const value = view(bytes, tools);
		const { buffer: memory } = value;
		const others = [new ArrayBuffer(0), exactly(bytes.map(() => 1)), 7, null];
		lie(value, "buffer", tools.random.pick(others), tools);
		return { value, memory };
	},
};

const methods = [
	"subarray",
	"slice",
	"set",
	"fill",
	"copy",
	"toString",
	"valueOf",
	Symbol.iterator,
	Symbol.toPrimitive,
] as const;

const ownMethods: Maker = {
	kind: "own-methods",
	name: "of a view",
	make(bytes, tools) {
		const value = view(bytes, tools);
		const act = trick(tools);
		const answers = [
			() => placed(Buffer.alloc(3, "x")),
			() => placed(Buffer.alloc(300_000, "x")),
			() => [1, 2, 3].values(),
			() => Array(1000).fill(120).values(),
			() => null,
		];
		const answer = tools.random.pick(answers);
		const own = () => {
			act();
			return answer();
		};
		for (const name of methods)
			Object.defineProperty(value, name, { value: own });
		return { value, memory: value.buffer };
	},
};

const ownClass: Maker = {
	kind: "own-methods",
	name: "of a class",
	make(bytes, tools) {
		const act = trick(tools);
		class Letter extends Uint8Array<ArrayBuffer> {
			override subarray(): Uint8Array<ArrayBuffer> {
				act();
				return new Uint8Array(5);
			}
			override slice(): Uint8Array<ArrayBuffer> {
				act();
				return new Uint8Array(100_000);
			}
			override *[Symbol.iterator](): ArrayIterator<number> {
				act();
				for (let at = 0; at < 1000; at++) yield 120;
			}
		}
		const value = new Letter(exactly(bytes));
		return { value, memory: value.buffer };
	},
};

/** `class Packet extends Uint8Array { constructor(kind, n) { super(n) } }` is what people write. */
class Packet extends Uint8Array<ArrayBuffer> {
	constructor(_kind: number, count: number) {
		super(new ArrayBuffer(count));
	}
}

const packet: Maker = {
	kind: "species",
	name: "class with another constructor",
	make(bytes) {
		const value = new Packet(1, bytes.length);
		value.set(bytes);
		return { value, memory: value.buffer };
	},
};

const ownSpecies: Maker = {
	kind: "species",
	name: "class with another species",
	make(bytes, tools) {
		const act = trick(tools);
		const species: unknown = tools.random.pick([
			Uint16Array,
			Float64Array,
			Array,
			Packet,
			undefined,
			class {
				constructor() {
					act();
				}
			},
		]);
		class Letter extends Uint8Array<ArrayBuffer> {
			static get [Symbol.species]() {
				act();
				return species;
			}
		}
		const value = new Letter(exactly(bytes));
		return { value, memory: value.buffer };
	},
};

const ownConstructor: Maker = {
	kind: "species",
	name: "view with a constructor of its own",
	make(bytes, tools) {
		const value = view(bytes, tools);
		const constructors = [Array, Packet, undefined, 7, { name: 7 }];
		lie(value, "constructor", tools.random.pick(constructors), tools);
		return { value, memory: value.buffer };
	},
};

/** A Proxy has no bytes, whatever stands behind it. */
function proxied(target: object, handler: ProxyHandler<object>): Made {
	return { value: new Proxy(target, handler), fate: "refused" };
}

const proxies: readonly Maker[] = [
	{
		kind: "proxy",
		name: "without traps",
		make: (bytes, tools) => proxied(view(bytes, tools), {}),
	},
	{
		kind: "proxy",
		name: "of an ArrayBuffer",
		make: (bytes) => proxied(exactly(bytes), {}),
	},
	{
		kind: "proxy",
		name: "with traps that answer",
		make(bytes, tools) {
			const act = trick(tools);
			return proxied(view(bytes, tools), {
				get(target, name) {
					act();
					const found: unknown = Reflect.get(target, name, target);
					return typeof found === "function" ? found.bind(target) : found;
				},
			});
		},
	},
	{
		kind: "proxy",
		name: "that is asked for its class",
		make(bytes, tools) {
			const act = trick(tools);
			return proxied(view(bytes, tools), {
				getPrototypeOf(target) {
					act();
					return Reflect.getPrototypeOf(target);
				},
			});
		},
	},
	{
		kind: "proxy",
		name: "that is revoked",
		make() {
			const { proxy, revoke } = Proxy.revocable({}, {});
			revoke();
			return { value: proxy, fate: "refused" };
		},
	},
];

export const liars: readonly Maker[] = [
	...lyingLengths,
	lyingBuffer,
	ownMethods,
	ownClass,
	packet,
	ownSpecies,
	ownConstructor,
	...proxies,
];
