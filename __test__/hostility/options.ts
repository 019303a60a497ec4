import type { SendOptions } from "gev";
import { bomb, bombObject, type Tools, trick } from "./bombs.js";
import { type OfKind, pickOfKind } from "./kinds.js";
import { own, realm } from "./memory.js";

/** Options of a call, and what they come to by the properties that are their own. */
export interface OptionsSpecimen<Options> extends OfKind {
	value: unknown;
	/** What they say, or "wrong" for what has to be refused. */
	says: Options | "wrong";
	/** The name of an option that was read more than once. */
	overread(): string | undefined;
}

interface Shape extends OfKind {
	shape(says: object, tools: Tools, reader: Reader): unknown;
	/** What it says is not what the package has to read: nothing, or something wrong. */
	reads?: "nothing" | "wrong";
}

/** Options of `send()`. `during` is something else that their getters may do. */
export function sendOptions(
	tools: Tools,
	without: ReadonlySet<string>,
	during: () => void,
): OptionsSpecimen<SendOptions> {
	const { random } = tools;
	const says: SendOptions = {
		...(random.chance(30) && { text: random.chance(50) }),
		...(random.chance(30) && { compress: random.chance(50) }),
		...(random.chance(20) && { fin: random.chance(30) }),
	};
	return shaped(says, { ...tools, random }, without, during);
}

/** Options that say this, in some shape. */
export function shaped<Options extends object>(
	says: Options,
	tools: Tools,
	without: ReadonlySet<string>,
	during = () => {},
): OptionsSpecimen<Options> {
	const { random } = tools;
	const { kind, name, shape, reads } = random.chance(50)
		? plain
		: pickOfKind(shapes, random, without);
	const act = random.pick([trick(tools), during]);
	const reader = new Reader(act);
	return {
		kind,
		name: `${kind} ${name}`,
		value: shape({ ...says }, tools, reader),
		says:
			reads === "wrong"
				? "wrong"
				: reads === "nothing"
					? own({} as Options)
					: own(says),
		overread: () => reader.overread(),
	};
}

/** Knows what is read of an object, and does something then. */
class Reader {
	readonly act: () => void;
	readonly #times = new Map<string, number>();

	constructor(act: () => void) {
		this.act = act;
	}

	/** The same properties, as getters that do something, and say something else the second time. */
	getters(says: object): object {
		const target = {};
		for (const [name, saying] of Object.entries(says)) {
			Object.defineProperty(target, name, {
				enumerable: true,
				configurable: true,
				get: () => this.#get(name, saying),
			});
		}
		return target;
	}

	/** The name of a property that was read more than once. */
	overread(): string | undefined {
		return [...this.#times].find(([, times]) => times > 1)?.[0];
	}

	#get(name: string, saying: unknown): unknown {
		const times = (this.#times.get(name) ?? 0) + 1;
		this.#times.set(name, times);
		if (times > 1) return typeof saying === "boolean" ? !saying : bomb();
		this.act();
		return saying;
	}
}

const plain: Shape = {
	kind: "ordinary",
	name: "object",
	shape: (says, { random }) =>
		Object.keys(says).length === 0 && random.chance(70) ? undefined : says,
};

const shapes: readonly Shape[] = [
	plain,
	{
		kind: "ordinary",
		name: "frozen, without a prototype",
		shape: (says) => Object.freeze(Object.assign(Object.create(null), says)),
	},
	{
		kind: "realm",
		name: "object of another realm",
		shape: (says) => Object.assign(new realm.Object(), says),
	},
	{
		kind: "getters",
		name: "object",
		shape: (says, _tools, reader) => reader.getters(says),
	},
	{
		kind: "getters",
		name: "Proxy",
		shape: (says, _tools, reader) =>
			new Proxy(reader.getters(says), {
				ownKeys(target) {
					reader.act();
					return Reflect.ownKeys(target);
				},
			}),
	},
	{
		kind: "inherited",
		name: "prototype",
		shape: (says) => Object.create(says),
		reads: "nothing",
	},
	{
		kind: "inherited",
		name: "class with accessors",
		shape(says) {
			class Settings {}
			for (const [name, saying] of Object.entries(says)) {
				Object.defineProperty(Settings.prototype, name, {
					get: () => saying,
				});
			}
			return new Settings();
		},
		reads: "nothing",
	},
	{
		kind: "fake",
		name: "wrong options",
		shape: (says, { random }) =>
			random.pick<unknown>([
				null,
				42,
				"text",
				[],
				Symbol("options"),
				{ ...says, misspelt: true },
				{ ...says, __proto__: null, toString: 1 },
			]),
		reads: "wrong",
	},
	{
		kind: "bombs",
		name: "wrong options",
		shape: () => bombObject(),
		reads: "wrong",
	},
];
