import { asError, GevError, harmless, shown } from "../base/errors.js";
import { isThenable } from "../base/thenable.js";
import type { Fragment } from "../bridge/fragment.js";
import type { FrameError } from "../bridge/frame-error.js";
import type { LoopCalls } from "../bridge/loop-server.js";
import { MemoryBudget } from "../bridge/memory-budget.js";
import { publish } from "./channels.js";
import type { ConnectionCore } from "./connection-core.js";
import type { ConnectionSettings } from "./connection-settings.js";
import { currentContext, type HandlerContext } from "./handler-context.js";

/**
 * Calls the members of a server's handler, each in its turn where a connection has to wait, and sees to what they throw and
 * to the promises that they return. Nobody else calls them.
 */
export class Dispatcher implements LoopCalls<ConnectionCore> {
	readonly settings: ConnectionSettings;
	/** See `ConnectionSettings`. */
	readonly borrows: boolean;
	readonly frameTimeoutMs: number;
	/** The handler wants messages, or has to be done with them. */
	readonly takesMessages: boolean;
	/** The handler wants messages that are long in fragments, which only a WebSocket has. */
	readonly takesFragments: boolean;

	/** What `onMessage` returns is sent even if it is `null`, which is something that the protocol has. */
	protected readonly sendsNull: boolean = false;
	/** Where members are called: where the server was started last, or made. */
	#context: HandlerContext;
	/** The handler's `onMessage`, bound; `undefined` if there is none. */
	readonly #onMessage: Member | undefined;
	readonly #handler: Members;
	/** Connections wait for promises. */
	readonly #serial: boolean;
	/** The server that handlers and those who watch know. */
	readonly #server: object;
	/** Of the server's handler, whose `onClose` and `onError` are called where this one has none; `undefined` for itself. */
	readonly #base: Dispatcher | undefined;

	constructor(
		handler: Members,
		settings: ConnectionSettings,
		server: object,
		base?: Dispatcher,
	) {
		this.#handler = handler;
		this.settings = settings;
		this.borrows = settings.borrows;
		this.frameTimeoutMs = settings.frameTimeoutMs;
		this.#serial = settings.serial;
		this.#server = server;
		this.#base = base;
		this.#context = base === undefined ? currentContext() : base.#context;
		this.#onMessage = handler.onMessage?.bind(handler) as Member | undefined;
		this.takesMessages = settings.stepwise || handler.onMessage !== undefined;
		this.takesFragments =
			!settings.endsByFin && handler.onFragment !== undefined;
	}

	/** Whose members it calls. */
	get handler(): Members {
		return this.#handler;
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
	message(connection: ConnectionCore, message: string | Buffer): void {
		if (connection.holds) {
			this.#holdMessage(connection, message);
		} else {
			this.deliver(connection, message);
		}
	}

	/** As {@link message}, of text that is handed over as bytes. */
	textBytes(connection: ConnectionCore, text: Buffer): void {
		if (connection.holds) this.#holdText(connection, text);
		else this.#deliverText(connection, text);
	}

	fragment(connection: ConnectionCore, data: Buffer, fragment: Fragment): void {
		this.inTurn(connection, data.length, () =>
			this.call("onFragment", connection, data, fragment),
		);
	}

	ping(connection: ConnectionCore, data: Buffer): void {
		this.inTurn(connection, data.length, () =>
			this.call("onPing", connection, data),
		);
	}

	pong(connection: ConnectionCore, data: Buffer): void {
		this.inTurn(connection, data.length, () =>
			this.call("onPong", connection, data),
		);
	}

	frameFailed(connection: ConnectionCore, error: FrameError): void {
		connection.frameErrors++;
		this.inTurn(connection, error.head.length, () =>
			this.call("onFrameError", connection, error),
		);
	}

	peerEnded(connection: ConnectionCore): void {
		this.inTurn(connection, 0, () => connection.peerHasEnded());
	}

	mustEnd(connection: ConnectionCore): void {
		this.inTurn(connection, 0, () => connection.mustEnd());
	}

	/** Calls a member of the handler for a connection, at once. */
	call(
		name: ConnectionCall,
		connection: ConnectionCore,
		...args: unknown[]
	): void {
		const handler = this.#handler;
		try {
			const member = handler[name] as Member | undefined;
			if (member === undefined) {
				if (name === "onClose") this.#base?.call(name, connection, ...args);
				return;
			}
			const result = this.#context.call(
				(...all) => member.apply(handler, all),
				connection.face,
				...args,
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
	ask(question: Question): void {
		this.#context.call(() => this.#ask(question));
	}

	#ask(question: Question): void {
		const fail = (error: unknown) => {
			question.fail();
			this.failed(error);
		};
		try {
			const member = this.#handler[question.member] as Member | undefined;
			const reply = member?.call(this.#handler, question.request);
			const answered = isThenable(reply)
				? Promise.resolve(reply).then((reply) => question.answer(reply))
				: question.answer(reply);
			answered?.catch(fail);
		} catch (error) {
			fail(error);
		}
	}

	/** Calls `callback`, which is the application's, as members are called. */
	run<Args extends unknown[], Result>(
		callback: (...args: Args) => Result,
		...args: Args
	): Result {
		return this.#context.call(callback, ...args);
	}

	/** Gives the handler a message now, and sends what it returns. */
	// Apart from the others, as a list of arguments would cost every message something.
	protected deliver(connection: ConnectionCore, message: unknown): void {
		if (this.#onMessage === undefined) return;
		try {
			const reply = this.#context.call(
				this.#onMessage,
				connection.face,
				message,
			);
			this.#replied(connection, reply);
		} catch (error) {
			this.handlerFailed(error, connection);
		}
	}

	/** As {@link deliver}, of text as bytes. */
	#deliverText(connection: ConnectionCore, text: Buffer): void {
		if (this.#onMessage === undefined) return;
		try {
			const reply = this.#context.call(
				this.#onMessage,
				connection.face,
				text,
				true,
			);
			this.#replied(connection, reply);
		} catch (error) {
			this.handlerFailed(error, connection);
		}
	}

	/** Sends what `onMessage` has returned, at once or when it is there. */
	#replied(connection: ConnectionCore, reply: unknown): void {
		if (this.#isNothing(reply)) return;
		if (isThenable(reply)) void this.#settle(connection, reply, true, true);
		else connection.send(reply);
	}

	// Apart too: a closure in `message` would be made for every one.
	#holdMessage(connection: ConnectionCore, message: string | Buffer): void {
		const deliver = () => this.deliver(connection, message);
		this.hold(connection, message.length, deliver);
	}

	#holdText(connection: ConnectionCore, text: Buffer): void {
		const deliver = () => this.#deliverText(connection, text);
		this.hold(connection, text.length, deliver);
	}

	/** Calls `deliver` when what came before has been delivered; now, in most cases. */
	inTurn(connection: ConnectionCore, bytes: number, deliver: () => void): void {
		if (connection.holds) this.hold(connection, bytes, deliver);
		else deliver();
	}

	/** Delivers later, unless the connection is closed from this side before; `bytes` are kept until then. */
	protected hold(
		connection: ConnectionCore,
		bytes: number,
		deliver: () => void,
	): void {
		const kept = bytes + MemoryBudget.OVERHEAD;
		connection.keep(kept);
		connection.inbox?.hold(() => {
			connection.release(kept);
			if (connection.hears) deliver();
		});
	}

	/** True for what sends nothing. */
	#isNothing(reply: unknown): boolean {
		return reply === undefined || (reply === null && !this.sendsNull);
	}

	/** Sees to a promise, for which the connection `waits` or not, and `sends` what it is fulfilled with. Never rejected. */
	async #settle(
		connection: ConnectionCore,
		promise: PromiseLike<unknown>,
		waits: boolean,
		sends: boolean,
	): Promise<void> {
		if (waits) connection.replyBegun();
		try {
			// Of a promise's own members, which may be anything, this asks none.
			const reply = await promise;
			if (sends && !this.#isNothing(reply)) connection.send(reply);
		} catch (error) {
			this.handlerFailed(error, connection);
		}
		if (waits) connection.replySettled();
	}

	/** A member has thrown, or its promise was rejected. */
	handlerFailed(error: unknown, connection: ConnectionCore): void {
		connection.fail();
		this.failed(error, connection);
	}

	/** Tells `onError`, or everybody. Never throws. */
	failed(thrown: unknown, connection?: ConnectionCore): void {
		const error = asError(thrown);
		const server = this.#server;
		const face = connection?.face;
		publish("gev:error", { server, error, connection: face });
		this.#tell(error, face);
	}

	#tell(error: Error, face: object | undefined): void {
		try {
			if (this.#handler.onError === undefined) {
				if (this.#base === undefined) warn(error);
				else this.#base.#tell(error, face);
				return;
			}
			const onError = this.#handler.onError as Member;
			const result = this.#context.call(() =>
				onError.call(this.#handler, error, face),
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

/** A member of a handler. What it takes and returns is what `Handler` says to those who write it. */
type Member = (...args: unknown[]) => unknown;

/** A handler as it is called, by name. */
export type Members = {
	readonly [Name in (typeof HANDLER_MEMBERS)[number]]?:
		| ((...args: never[]) => unknown)
		| undefined;
};

/** Members that are called for a connection and whose result does not matter. */
type ConnectionCall =
	| "onConnect"
	| "onFragment"
	| "onFrameError"
	| "onPing"
	| "onPong"
	| "onDrain"
	| "onEnd"
	| "onClose";

/** A request that the handler is asked about. */
export interface Question {
	readonly member: "onUpgrade" | "onRequest";
	/** What the handler gets. */
	readonly request: object;
	/** Answers what the handler says: now, or when the promise is fulfilled. Throws, or rejects with, what is wrong with it. */
	answer(reply: unknown): Promise<void> | undefined;
	/** The handler has thrown, or its reply is wrong. */
	fail(): void;
}

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

/** Which members a handler has. */
export function membersOf(handler: Members): Record<keyof Members, boolean> {
	const members = HANDLER_MEMBERS.map((name) => [
		name,
		handler[name] !== undefined,
	]);
	return Object.fromEntries(members);
}

const HANDLER_MEMBERS = [
	"onUpgrade",
	"onRequest",
	"onConnect",
	"onMessage",
	"onFragment",
	"onFrameError",
	"onPing",
	"onPong",
	"onDrain",
	"onEnd",
	"onClose",
	"onError",
] as const;
