import type { ConnectionSettings } from "./connection-settings.js";
import type { Dispatcher, Members } from "./dispatcher.js";
import { NotAMessage, type Parsing } from "./packing.js";
import { HEAD_BYTES, ReadingDispatcher } from "./packing-dispatcher.js";
import type { StreamConnection } from "./stream-connection.js";

/** A dispatcher of messages that the loops have cut, each of which is read where it is: no buffer is in between. */
export class ParsingDispatcher extends ReadingDispatcher {
	protected override readonly sendsNull: boolean;
	/** It needs no `this`. */
	readonly #parse: Parsing["parse"];

	constructor(
		handler: Members,
		settings: ConnectionSettings,
		server: object,
		{ parse, sendsNull }: Parsing,
		base?: Dispatcher,
	) {
		super(handler, settings, server, base);
		this.#parse = parse;
		this.sendsNull = sendsNull;
	}

	override message(connection: StreamConnection, cut: string | Buffer): void {
		if (connection.holds) this.#holdCut(connection, cut);
		else this.#read(connection, cut);
	}

	// Apart, as a closure in `message` would be made for every one.
	#holdCut(connection: StreamConnection, cut: string | Buffer): void {
		this.hold(connection, cut.length, () => this.#read(connection, cut));
	}

	#read(connection: StreamConnection, cut: string | Buffer): void {
		let message: unknown;
		try {
			message = this.#parse(cut);
		} catch (error) {
			this.#wrong(connection, cut, error);
			return;
		}
		if (message !== undefined) this.deliver(connection, message);
	}

	#wrong(
		connection: StreamConnection,
		cut: string | Buffer,
		error: unknown,
	): void {
		if (!(error instanceof NotAMessage)) {
			this.handlerFailed(error, connection);
			return;
		}
		const head =
			typeof cut === "string"
				? Buffer.from(cut.slice(0, HEAD_BYTES), "latin1")
				: Buffer.from(cut.subarray(0, HEAD_BYTES));
		this.tellWrong(connection, "malformed", head);
		connection.violated();
	}
}
