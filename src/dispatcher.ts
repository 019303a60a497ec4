import type { Connection } from "./connection.js";
import { publish } from "./diagnostics.js";
import { asError, GevError, shown } from "./errors.js";
import { type Handler, isThenable, type Reply } from "./handler.js";
import type { PendingRequest } from "./pending-request.js";
import type { Server } from "./server.js";

/** Calls the members of a server's handler, and sees to what they throw and to the promises that they return. */
export class Dispatcher {
	/** The handler's `onMessage`, bound; `undefined` if there is none. */
	readonly onMessage: Handler["onMessage"];

	readonly #handler: Handler;
	/** Connections wait for promises. */
	readonly #serial: boolean;
	readonly #server: Server;

	constructor(handler: Handler, serial: boolean, server: Server) {
		this.#handler = handler;
		this.#serial = serial;
		this.#server = server;
		this.onMessage = handler.onMessage?.bind(handler);
	}

	/** Calls a member of the handler for a connection; what it throws ends that connection only. */
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
			const result = member?.call(handler, connection, ...rest);
			if (isThenable(result)) {
				const promise = Promise.resolve(result).catch((error) =>
					this.handlerFailed(error, connection),
				);
				if (name === "onEnd" || this.#serial) {
					connection.replyPending();
					promise.then(() => connection.replyDone());
				}
			}
		} catch (error) {
			this.handlerFailed(error, connection);
		}
	}

	/** Asks the handler about a request. */
	ask(pending: PendingRequest): void {
		pending.ask(this.#handler, (error) => this.failed(error));
	}

	/** Sends what a handler's promise is fulfilled with. */
	answerLater(connection: Connection, reply: PromiseLike<Reply>): void {
		connection.replyPending();
		Promise.resolve(reply)
			.then((data) => {
				if (data !== undefined && data !== null) connection.send(data);
			})
			.catch((error) => this.handlerFailed(error, connection))
			.then(() => connection.replyDone());
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
			const result: unknown = this.#handler.onError(error, connection);
			if (isThenable(result)) Promise.resolve(result).catch(warn);
		} catch (another) {
			warn(another);
		}
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
	const error = asError(thrown);
	try {
		process.emitWarning(error);
	} catch (another) {
		// An error whose own properties throw.
		process.emitWarning(asError(another));
	}
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
