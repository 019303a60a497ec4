import { GevError, shown } from "./base/errors.js";
import { isThenable } from "./base/thenable.js";

/** How connections come to loops, by name: see `ServerOptions.balance`. */
export type BalanceMode =
	| "kernel"
	| "round-robin"
	| "least-connections"
	| "source-hash"
	| "random";

/** A loop, as a function that balances sees it. */
export interface BalancedLoop {
	/** Position among the loops: what the function returns to choose it, and `Connection.loopIndex` then. */
	readonly index: number;
	/** Connections that it has, those included that are on their way to it or in their handshake. */
	readonly connections: number;
}

/** Who has connected, as far as it is known before a byte is read: behind a proxy, the proxy. */
export interface BalancedPeer {
	/** IP address; empty for a unix socket. */
	readonly remoteAddress: string;
	/** Port; 0 for a unix socket. */
	readonly remotePort: number;
}

/**
 * Says which loop a new connection belongs to.
 *
 * It is called for every one, on the thread of the handlers, which the connection waits for meanwhile; with a single loop there is
 * nothing to say, and it is never called. When it throws, or returns what is no loop's index (a promise is none), `onError` is told
 * and the connection goes to the loop with the fewest, as it does when more than 1,024 wait for an answer.
 */
export type BalanceFunction = (
	loops: readonly BalancedLoop[],
	peer: BalancedPeer,
) => number;

/** Asks the application's function, and knows what its loops have not heard of yet. */
export class Balancer {
	readonly #choose: BalanceFunction;
	readonly #failed: (error: unknown) => void;
	/** The latest choices, oldest first; undefined where the loops have chosen. */
	#choices: (number | undefined)[] = [];

	/** `failed` is told what is wrong with the function. */
	constructor(choose: BalanceFunction, failed: (error: unknown) => void) {
		this.#choose = choose;
		this.#failed = failed;
	}

	/**
	 * The index of the loop for this peer, or undefined when the function has not named one. `connections` are those of each loop
	 * without the latest `waiting` ones that were asked about.
	 */
	choose(
		connections: readonly number[],
		waiting: number,
		peer: BalancedPeer,
	): number | undefined {
		const choices = waiting === 0 ? [] : this.#choices.slice(-waiting);
		const loops = connections.map((own, index) => ({
			index,
			connections: own + choices.filter((choice) => choice === index).length,
		}));
		const choice = this.#ask(loops, peer);
		choices.push(choice);
		this.#choices = choices;
		return choice;
	}

	#ask(loops: readonly BalancedLoop[], peer: BalancedPeer): number | undefined {
		const count = loops.length;
		try {
			const index: unknown = this.#choose(loops, peer);
			// Nobody else would be told what it is rejected with.
			if (isThenable(index)) Promise.resolve(index).catch(this.#failed);
			if (isIndex(index, count)) return index;
			const message = `balance must return the index of a loop, 0 to ${count - 1}, not ${shown(index)}`;
			this.#failed(new GevError("ERR_GEV_BALANCE", message));
		} catch (error) {
			this.#failed(error);
		}
		return undefined;
	}
}

function isIndex(value: unknown, count: number): value is number {
	if (typeof value !== "number" || !Number.isInteger(value)) return false;
	return value >= 0 && value < count;
}
