import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";

/**
 * The asynchronous context (that of `AsyncLocalStorage`) in which the members of a handler are called: the one in which its
 * server was started, whatever earlier calls have entered.
 *
 * Runtimes keep contexts in either of two ways. In newer ones (Node.js 24, Bun, Deno) a call in a resource's scope begins
 * with the context that the resource was made in. In older ones the resource is what `enterWith` writes to, so that one
 * that has been written to is not used again. To see that, the resource is a proxy, which costs more than what it proxies:
 * there a batch of calls has one scope in common as long as nobody writes.
 */
export interface HandlerContext {
	/** Calls `callback`, which calls members of the handler only by {@link call}, with less cost for each of them. */
	batch<Result>(callback: () => Result): Result;
	/** Calls a member of the handler. */
	call<Args extends unknown[], Result>(
		member: (this: void, ...args: Args) => Result,
		...args: Args
	): Result;
}

/** The context of whoever calls this. */
export function currentContext(): HandlerContext {
	return resourcesAreWritten() ? new WrittenContext() : new KeptContext();
}

/** Where a resource keeps its context. */
class KeptContext implements HandlerContext {
	readonly #resource = new AsyncResource(NAME, MANUAL);

	batch<Result>(callback: () => Result): Result {
		return callback();
	}

	call<Args extends unknown[], Result>(
		member: (...args: Args) => Result,
		...args: Args
	): Result {
		return this.#resource.runInAsyncScope(member, undefined, ...args);
	}
}

/** Where a resource is written to. */
class WrittenContext implements HandlerContext {
	/** What all others get their context from; nobody is called in its scope. */
	readonly #origin = new AsyncResource(NAME, MANUAL);
	/** The next one to be used, or used by {@link batch}. */
	#scope = new Scope(this.#origin);
	#isInBatch = false;
	/** A member is being called. */
	#isCalling = false;

	batch<Result>(callback: () => Result): Result {
		const scope = this.#free();
		this.#isInBatch = true;
		try {
			return scope.run(callback);
		} finally {
			this.#isInBatch = false;
		}
	}

	call<Args extends unknown[], Result>(
		member: (...args: Args) => Result,
		...args: Args
	): Result {
		// What is called inside of another call must not write to that one's resource.
		if (this.#isCalling) return new Scope(this.#origin).run(member, ...args);
		const isShared = this.#isInBatch && !this.#scope.isWritten;
		this.#isCalling = true;
		try {
			return isShared ? member(...args) : this.#apart().run(member, ...args);
		} finally {
			this.#isCalling = false;
		}
	}

	/** A scope for one call. In a batch whose own has been written to, that one stays until the batch ends. */
	#apart(): Scope {
		return this.#isInBatch ? new Scope(this.#origin) : this.#free();
	}

	#free(): Scope {
		if (this.#scope.isWritten) this.#scope = new Scope(this.#origin);
		return this.#scope;
	}
}

/** A resource that knows whether it has been written to. */
class Scope {
	isWritten = false;
	readonly #resource: AsyncResource;

	constructor(origin: AsyncResource) {
		const resource = origin.runInAsyncScope(
			() => new AsyncResource(NAME, MANUAL),
		);
		this.#resource = new Proxy(resource, {
			set: (target, key, value) => {
				this.isWritten = true;
				return Reflect.set(target, key, value);
			},
		});
	}

	run<Args extends unknown[], Result>(
		callback: (...args: Args) => Result,
		...args: Args
	): Result {
		return this.#resource.runInAsyncScope(callback, undefined, ...args);
	}
}

let written: boolean | undefined;

/** True where `enterWith` writes to the resource in whose scope it is called. */
function resourcesAreWritten(): boolean {
	if (written !== undefined) return written;
	const storage = new AsyncLocalStorage<boolean>();
	const resource = new AsyncResource(NAME, MANUAL);
	resource.runInAsyncScope(() => storage.enterWith(true));
	written = resource.runInAsyncScope(() => storage.getStore() === true);
	storage.disable();
	return written;
}

/** What tools like `async_hooks` show. */
const NAME = "gev handler";
/** Nothing is to be done when a resource is collected. */
const MANUAL = { requireManualDestroy: true };
