// Topics and filters (MQTT 3.1.1 and 5, section 4.7): `sport/+/score` is for one level, `sport/#` for sport and all below.

/** Whether something can be published there. */
export function isTopic(topic: string): boolean {
	return isShort(topic) && !/[+#]/.test(topic);
}

/** Whether it can be subscribed to: a wildcard is a whole level, and `#` the last one. */
export function isFilter(filter: string): boolean {
	return (
		isShort(filter) && /^(?:(?:\+|[^+#/]*)\/)*(?:[+#]|[^+#/]*)$/.test(filter)
	);
}

/** Whether a filter, whatever it is, fits a topic. Topics that begin with `$` have to be named. */
export function fits(filter: string, topic: string): boolean {
	if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
	const wanted = filter.split("/");
	const levels = topic.split("/");
	const isOpen = wanted.at(-1) === "#";
	const depth = isOpen ? wanted.length - 1 : wanted.length;
	if (isOpen ? levels.length < depth : levels.length !== depth) return false;
	return levels
		.slice(0, depth)
		.every((level, at) => wanted[at] === "+" || wanted[at] === level);
}

/** A node of the tree has its name from the levels above it, and what is subscribed to with just these levels. */
class Node<Subscriber, Options> {
	readonly below = new Map<string, Node<Subscriber, Options>>();
	readonly here = new Map<Subscriber, Options>();
}

/** Who has subscribed to what, by levels, so that finding them takes as long as there are filters that fit, not filters. */
export class Subscriptions<Subscriber, Options> {
	readonly #root = new Node<Subscriber, Options>();

	/** True if the subscription is new. */
	add(filter: string, subscriber: Subscriber, options: Options): boolean {
		let node = this.#root;
		for (const level of filter.split("/")) {
			const next = node.below.get(level) ?? new Node<Subscriber, Options>();
			node.below.set(level, next);
			node = next;
		}
		const isNew = !node.here.has(subscriber);
		node.here.set(subscriber, options);
		return isNew;
	}

	/** True if there was one. */
	remove(filter: string, subscriber: Subscriber): boolean {
		const levels = filter.split("/");
		const way = [this.#root];
		for (const level of levels) {
			const next = way.at(-1)?.below.get(level);
			if (next === undefined) return false;
			way.push(next);
		}
		const wasThere = way.at(-1)?.here.delete(subscriber) ?? false;
		for (const level of levels.reverse()) {
			const node = way.pop();
			if (node === undefined || node.here.size + node.below.size > 0) break;
			way.at(-1)?.below.delete(level);
		}
		return wasThere;
	}

	/** Everybody whose filter fits, once for each of their filters. */
	*matching(topic: string): IterableIterator<[Subscriber, Options]> {
		let nodes = [this.#root];
		// A wildcard at the begin does not stand for a name with "$".
		let wildcards = !topic.startsWith("$");
		for (const level of topic.split("/")) {
			const next: Node<Subscriber, Options>[] = [];
			for (const { below } of nodes) {
				if (wildcards) yield* below.get("#")?.here ?? [];
				for (const name of wildcards ? [level, "+"] : [level]) {
					const node = below.get(name);
					if (node !== undefined) next.push(node);
				}
			}
			nodes = next;
			wildcards = true;
		}
		for (const { here, below } of nodes) {
			yield* here;
			yield* below.get("#")?.here ?? [];
		}
	}
}

/** Levels are few: nobody is to fill the memory with a filter of slashes. */
function isShort(topic: string): boolean {
	return topic !== "" && topic.split("/", MAX_LEVELS + 1).length <= MAX_LEVELS;
}

const MAX_LEVELS = 128;
