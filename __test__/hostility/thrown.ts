import { bomb, bombObject, owned, type Tools, trick } from "./bombs.js";
import { type OfKind, pickOfKind } from "./kinds.js";
import { realm } from "./memory.js";

interface Maker extends OfKind {
	make(tools: Tools): unknown;
}

/** Something that a handler may throw, or reject a promise with. */
export function somethingToThrow(
	tools: Tools,
	without: ReadonlySet<string>,
): OfKind & { value: unknown } {
	const { kind, name, make } = pickOfKind(makers, tools.random, without);
	return { kind, name: `${kind} ${name}`, value: owned(make(tools)) };
}

/** What Node.js looks at when an error becomes a warning or is shown. */
const properties = [
	"name",
	"message",
	"stack",
	"code",
	"detail",
	"toString",
	"constructor",
	"cause",
] as const;

const makers: readonly Maker[] = [
	{
		kind: "ordinary",
		name: "Error",
		make: () => new Error("thrown on purpose"),
	},
	{
		kind: "ordinary",
		name: "no Error",
		make: ({ random }) =>
			random.pick<unknown>([
				"text",
				42,
				10n,
				null,
				undefined,
				Symbol("thrown"),
				{ key: 1 },
				[],
				() => {},
			]),
	},
	{
		kind: "realm",
		name: "Error",
		make: () => new realm.Error("of another realm"),
	},
	{ kind: "bombs", name: "no Error", make: () => bombObject() },
	{
		kind: "throwing-error",
		name: "Error with a getter that throws sooner or later",
		make({ random }) {
			const error = new Error("with a getter");
			const name = random.pick(properties);
			let left = random.below(4);
			Object.defineProperty(error, name, {
				get: () => (left-- > 0 ? "said before" : bomb()),
			});
			return error;
		},
	},
	{
		kind: "throwing-error",
		name: "Error with getters that do something",
		make(tools) {
			const error = shown(new Error("with getters"));
			const act = trick(tools);
			for (const name of properties) {
				Object.defineProperty(error, name, {
					get() {
						act();
						return "said";
					},
				});
			}
			return error;
		},
	},
	{
		kind: "throwing-error",
		name: "Error with properties of other types",
		make({ random }) {
			const error = shown(new Error("with properties"));
			const others: unknown[] = [Symbol("s"), 7, null, bombObject(), bomb];
			for (const name of properties) {
				Object.defineProperty(error, name, { value: random.pick(others) });
			}
			return error;
		},
	},
	{
		kind: "throwing-error",
		name: "Proxy of an Error",
		make(tools) {
			const act = trick(tools);
			return new Proxy(new Error("behind a proxy"), {
				get(target, name) {
					act();
					return Reflect.get(target, name);
				},
			});
		},
	},
	{
		kind: "throwing-error",
		name: "revoked Proxy",
		make() {
			const { proxy, revoke } = Proxy.revocable(new Error("revoked"), {});
			// Known before, as nothing can be asked of it any more.
			owned(proxy);
			revoke();
			return proxy;
		},
	},
];

/** The same error, with the stack that it is thrown with: the engine looks at name and message when it makes that. */
function shown(error: Error): Error {
	void error.stack;
	return error;
}
