import type { Random } from "../kit/random.js";

/** What may be hostile. Each can be left out by its name: `npm run hostility -- --without species,realm`. */
export const kinds = {
	"lying-length": "views with an own length, byteLength, byteOffset or buffer",
	"own-methods": "views whose subarray, slice, set or iterator is another",
	species: "subclasses whose constructor or species is another",
	proxy: "Proxies of bytes, whose traps send or throw",
	prototype: "views whose prototype is another, or none",
	detached: "bytes that were transferred",
	shrunk: "views of memory that was resized",
	shared: "bytes in shared memory",
	realm: "bytes of another realm",
	fake: "what is not bytes but looks like it, and what does not",
	bombs: "objects that throw when they are converted",
	getters: "options whose getters send, throw, or say something else each time",
	inherited: "options that stand in a prototype",
	pollution: "properties of Object.prototype",
	"throwing-error": "errors whose own properties throw",
	thenables: "replies that are thenables of a kind of their own",
	overflow: "a full stack",
	"read-only": "writes to what can only be read",
	transfer: "handlers that transfer the memory of their messages",
	"borrowed-fill": "handlers that write over all the memory that they can see",
	subscribers: "subscribers that use what they are told of, or throw",
	restart: "stop() and start() at any time",
	workers: "worker threads, some of them terminated",
} as const;

export type Kind = keyof typeof kinds;

/** Something of one of these kinds, or ordinary. */
export interface OfKind {
	kind: Kind | "ordinary";
	name: string;
}

/** One of those that are not left out, of each kind as often as of every other. */
export function pickOfKind<Item extends OfKind>(
	items: readonly Item[],
	random: Random,
	without: ReadonlySet<string>,
): Item {
	const present = items.filter(({ kind }) => !without.has(kind));
	const kind = random.pick([...new Set(present.map(({ kind }) => kind))]);
	return random.pick(present.filter((item) => item.kind === kind));
}

/** @throws when it is not a list of kinds. */
export function parseKinds(list: string): Set<Kind> {
	const names = list.split(",").filter((name) => name !== "");
	const unknown = names.find((name) => !(name in kinds));
	if (unknown !== undefined) {
		throw new Error(
			`no kind ${unknown}; there are ${Object.keys(kinds).join(", ")}`,
		);
	}
	return new Set(names as Kind[]);
}
