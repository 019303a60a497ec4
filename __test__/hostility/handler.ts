import type {
	CloseReason,
	CommonHandler,
	Connection,
	Fragment,
	HttpRequest,
} from "gev";
import type { AnyHandler } from "../kit/server.js";
import type { Account } from "./account.js";
import type { Answer } from "./answers.js";
import type { Circumstances } from "./circumstances.js";
import type { Trial } from "./trial.js";

/** The handler of a trial: keeps account of what it is told, and does what the trial has in mind for its members. */
export function handlerOf(
	trial: Trial,
	circumstances: Circumstances,
): CommonHandler {
	const { members, shape } = circumstances;
	const all = new Members(trial);
	const chosen = Object.fromEntries(
		members.map((name) => [name, all[name].bind(all)]),
	) as CommonHandler;
	switch (shape) {
		case "class":
			return new (class {
				constructor() {
					Object.setPrototypeOf(this, chosen);
				}
			})() as CommonHandler;
		case "Proxy":
			return new Proxy(chosen, {});
		case "no prototype":
			return Object.assign(Object.create(null), chosen);
		case "frozen":
			return Object.freeze(chosen);
		default:
			return chosen;
	}
}

class Members implements Required<AnyHandler> {
	readonly #trial: Trial;
	/** Pieces of messages that come in pieces. */
	readonly #pieces = new Map<Account, Buffer[]>();

	constructor(trial: Trial) {
		this.#trial = trial;
	}

	onUpgrade(request: HttpRequest): undefined {
		return this.#answer("onUpgrade", request) as undefined;
	}

	onRequest(request: HttpRequest): never {
		return this.#answer("onRequest", request) as never;
	}

	onConnect(connection: Connection): undefined {
		const account = this.#trial.ledger.opened(connection);
		this.#trial.connects++;
		return this.#act("onConnect", account);
	}

	onMessage(connection: Connection, message: string | Buffer): undefined {
		const account = this.#account("onMessage", connection);
		if (account === undefined) return undefined;
		const isText = typeof message === "string";
		const bytes = isText ? Buffer.from(message) : message;
		if (this.#trial.isRaw) account.in.stream(bytes);
		else account.in.message(Buffer.from(bytes), isText);
		return this.#act("onMessage", account, message);
	}

	onFragment(
		connection: Connection,
		data: Buffer,
		fragment: Fragment,
	): undefined {
		const account = this.#account("onFragment", connection);
		if (account === undefined) return undefined;
		const pieces = this.#pieces.get(account) ?? [];
		if (fragment.first !== (pieces.length === 0)) {
			this.#trial.verdict.find("onFragment is wrong about the first piece");
		}
		pieces.push(Buffer.from(data));
		this.#pieces.set(account, fragment.last ? [] : pieces);
		if (fragment.last) account.in.message(Buffer.concat(pieces), fragment.text);
		return this.#act("onFragment", account, data);
	}

	onPing(connection: Connection, data: Buffer): undefined {
		const account = this.#account("onPing", connection);
		account?.heardPing(data);
		return this.#act("onPing", account, data);
	}

	onPong(connection: Connection, data: Buffer): undefined {
		const account = this.#account("onPong", connection);
		account?.ponged(data);
		return this.#act("onPong", account, data);
	}

	onDrain(connection: Connection): undefined {
		const account = this.#account("onDrain", connection);
		if (account !== undefined) account.awaitsDrain = false;
		return this.#act("onDrain", account);
	}

	onEnd(connection: Connection): undefined {
		return this.#act("onEnd", this.#account("onEnd", connection));
	}

	onClose(connection: Connection, reason: CloseReason): undefined {
		const account = this.#account("onClose", connection);
		this.#trial.closes++;
		account?.closed(reason);
		return this.#act("onClose", account);
	}

	onError(error: Error, connection?: Connection): undefined {
		this.#trial.judgeError(error);
		const account = connection && this.#trial.ledger.of(connection);
		return this.#act("onError", account);
	}

	/** The account of a connection that must have been opened and not be closed. */
	#account(member: string, connection: Connection): Account | undefined {
		const account = this.#trial.ledger.of(connection);
		if (account === undefined) {
			this.#trial.verdict.find(`${member} before onConnect`);
		} else if (account.isClosed) {
			this.#trial.verdict.find(`${member} after onClose of ${account.name}`);
		}
		return account;
	}

	#act(
		member: keyof AnyHandler,
		account: Account | undefined,
		message?: string | Buffer,
	): undefined {
		this.#trial.verdict.count(member);
		// Whatever it is: types say only what members should return.
		return this.#trial.act(member, account, message) as undefined;
	}

	#answer(member: "onUpgrade" | "onRequest", request: HttpRequest): unknown {
		this.#trial.verdict.count(member);
		const answer: Answer | undefined = this.#trial.answers.get(request.url);
		this.#trial.act(member, undefined, undefined);
		if (answer === undefined) {
			this.#trial.verdict.find(`${member} for ${request.url}`);
			return { status: 500 };
		}
		this.#trial.note(`${member} ${request.url}: ${answer.name}`);
		return answer.reply();
	}
}
