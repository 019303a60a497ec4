import { asError, GevError, harmless, shown } from "../base/errors.js";
import { isThenable } from "../base/thenable.js";
import { MemoryBudget } from "../bridge/memory-budget.js";
import type { Connection } from "../connection.js";
import { publish } from "../diagnostics.js";
import type { Handler, Reply } from "../handler.js";
import type { PendingRequest } from "../http/pending-request.js";
import type { Server } from "../server.js";
import { currentContext, type HandlerContext } from "./handler-context.js";

/**
 * Calls the members of a server's handler, each in its turn where a connection has to wait, and sees to what they throw and
 * to the promises that they return. Nobody else calls them.
 */
export class Dispatcher {
	/** Where members are called: where the server was started last, or made. */
	#context: HandlerContext = currentContext();
	/** The handler's `onMessage`, bound; `undefined` if there is none. */
	readonly #onMessage: Handler["onMessage"];
	readonly #handler: Handler;
	/** Connections wait for promises. */
	readonly #serial: boolean;
	readonly #server: Server;

	constructor(handler: Handler, serial: boolean, server: Server) {
		this.#handler = handler;
		this.#serial = serial;
		this.#server = server;
		this.#onMessage = handler.onMessage?.bind(handler);
	}

	/** The handler wants messages. */
	get takesMessages(): boolean {
		return this.#onMessage !== undefined;
	}

	/** From now on members are called in the context of whoever calls this. */
	adoptContext(): void {
		this.#context = currentContext();
	}

	/** Calls `callback`, which calls members more than once. */
	batch<Result>(callback: () => Result): Result {
		return this.#context.batch(callback);
	}

	/** Gives the handler a message, when its turn comes, and sends what it returns. */
	message(connection: Connection, message: string | Buffer): void {
		if (connection.inbox?.holds === true) {
			this.#holdMessage(connection, message);
		} else {
			this.#deliver(connection, message);
		}
	}

	/** Calls a member of the handler when the turn of what has arrived comes, of which `bytes` are kept until then. */
	callInTurn<Name extends ConnectionCall>(
		name: Name,
		connection: Connection,
		bytes: number,
		...rest: Rest<Name>
	): void {
		this.inTurn(connection, bytes, () => this.call(name, connection, ...rest));
	}

	/** Calls `deliver` when what came before has been delivered; now, in most cases. */
	inTurn(connection: Connection, bytes: number, deliver: () => void): void {
		if (connection.inbox?.holds === true) {
			this.#hold(connection, bytes, deliver);
		} else {
			deliver();
		}
	}

	/** Calls a member of the handler for a connection, at once. */
	call<Name extends ConnectionCall>(
		name: Name,
		connection: Connection,
		...rest: Rest<Name>
	): void {
		const handler = this.#handler;
		try {
			const member = handler[name] as
				| ((...args: unknown[]) => void | Promise<void>)
				| undefined;
			if (member === undefined) return;
			const result = this.#context.call(
				(...args) => member.apply(handler, args),
				connection,
				...rest,
			);
			if (isThenable(result)) {
				const waits = name === "onEnd" || this.#serial;
				void this.#settle(connection, result, waits, false);
			}
		} catch (error) {
			this.handlerFailed(error, connection);
		}
	}

	/** Asks the handler about a request, which gets its answer. */
	ask(pending: PendingRequest): void {
		this.#context.call(() => this.#ask(pending));
	}

	#ask(pending: PendingRequest): void {
		const fail = (error: unknown) => {
			pending.fail();
			this.failed(error);
		};
		try {
			const reply = this.#handler[pending.member]?.(pending.request);
			const answered = isThenable(reply)
				? Promise.resolve(reply).then((reply) => pending.answer(reply))
				: pending.answer(reply);
			answered?.catch(fail);
		} catch (error) {
			fail(error);
		}
	}

	// Apart from the others, as a list of arguments would cost every message something.
	#deliver(connection: Connection, message: string | Buffer): void {
		if (this.#onMessage === undefined) return;
		try {
			const reply = this.#context.call(this.#onMessage, connection, message);
			if (reply === undefined || reply === null) return;
			if (isThenable(reply)) void this.#settle(connection, reply, true, true);
			else connection.send(reply);
		} catch (error) {
			this.handlerFailed(error, connection);
		}
	}

	// Apart too: a closure in `message` would be made for every one.
	#holdMessage(connection: Connection, message: string | Buffer): void {
		const deliver = () => this.#deliver(connection, message);
		this.#hold(connection, message.length, deliver);
	}

	/** Delivers later, unless the connection is closed from this side before; `bytes` are kept until then. */
	#hold(connection: Connection, bytes: number, deliver: () => void): void {
		const kept = bytes + MemoryBudget.OVERHEAD;
		connection.keep(kept);
		connection.inbox?.hold(() => {
			connection.release(kept);
			if (connection.hears) deliver();
		});
	}

	/** Sees to a promise, for which the connection `waits` or not, and `sends` what it is fulfilled with. Never rejected. */
	async #settle(
		connection: Connection,
		promise: PromiseLike<Reply>,
		waits: boolean,
		sends: boolean,
	): Promise<void> {
		if (waits) connection.replyPending();
		try {
			// Of a promise's own members, which may be anything, this asks none.
			const reply = await promise;
			if (sends && reply !== undefined && reply !== null) {
				connection.send(reply);
			}
		} catch (error) {
			this.handlerFailed(error, connection);
		}
		if (waits) connection.replyDone();
	}

	/** A member has thrown, or its promise was rejected. */
	handlerFailed(error: unknown, connection: Connection): void {
		connection.fail();
		this.failed(error, connection);
	}

	/** Tells `onError`, or everybody. Never throws. */
	failed(thrown: unknown, connection?: Connection): void {
		const error = asError(thrown);
		const server = this.#server;
		publish("gev:error", { server, error, connection });
		try {
			if (this.#handler.onError === undefined) {
				warn(error);
				return;
			}
			const result: unknown = this.#context.call(() =>
				this.#handler.onError?.(error, connection),
			);
			if (isThenable(result)) void warnIfRejected(result);
		} catch (another) {
			warn(another);
		}
	}
}

async function warnIfRejected(result: PromiseLike<unknown>): Promise<void> {
	try {
		await result;
	} catch (error) {
		warn(error);
	}
}

/** Members of a handler that are called for a connection and whose result does not matter. */
type ConnectionCall =
	| "onConnect"
	| "onFragment"
	| "onPing"
	| "onPong"
	| "onDrain"
	| "onEnd"
	| "onClose";

/** What such a member gets besides the connection. */
type Rest<Name extends ConnectionCall> =
	Parameters<NonNullable<Handler[Name]>> extends [Connection, ...infer Rest]
		? Rest
		: never;

/** For what nobody else is there to be told. Never throws. */
function warn(thrown: unknown): void {
	// Node looks at the warning later, where what it throws would end the process.
	process.emitWarning(harmless(asError(thrown)));
}

/** @throws {@link GevError} `ERR_GEV_HANDLER`. */
export function checkHandler(handler: unknown): void {
	if (typeof handler !== "object" || handler === null) {
		throw new GevError(
			"ERR_GEV_HANDLER",
			`the handler must be an object, not ${shown(handler)}`,
		);
	}
	for (const name of HANDLER_MEMBERS) {
		const member = (handler as Record<string, unknown>)[name];
		if (member !== undefined && typeof member !== "function") {
			throw new GevError(
				"ERR_GEV_HANDLER",
				`${name} must be a function, not ${shown(member)}`,
			);
		}
	}
}

const HANDLER_MEMBERS: readonly (keyof Handler)[] = [
	"onUpgrade",
	"onRequest",
	"onConnect",
	"onMessage",
	"onFragment",
	"onPing",
	"onPong",
	"onDrain",
	"onEnd",
	"onClose",
	"onError",
];
