import type { Connection } from "gev";
import { Account, type Terms } from "./account.js";
import type { Client } from "./client.js";

/** The accounts of all connections of a server. Both ends of one know each other by the client's port. */
export class Ledger {
	readonly accounts: Account[] = [];
	readonly clients = new Set<Client>();
	/** So many times the server was told to stop: whoever came before the last one may have been turned away. */
	stops = 0;
	/** It is stopping, in a hurry. */
	isHurried = false;
	readonly #terms: Terms;
	readonly #byConnection = new Map<Connection, Account>();
	/** Accounts that only one end has told of. */
	readonly #halves = new Map<number, Account>();

	constructor(terms: Terms) {
		this.#terms = terms;
	}

	/** `onConnect` was called. */
	opened(connection: Connection): Account {
		if (this.#byConnection.has(connection)) {
			this.unexpected("onConnect twice for one connection");
		}
		const half = this.#halves.get(connection.remotePort);
		const account = half?.connection === undefined ? half : undefined;
		const found = account ?? this.#add(connection.remotePort);
		if (account !== undefined) this.#halves.delete(connection.remotePort);
		found.connection = connection;
		this.#byConnection.set(connection, found);
		if (found.client !== undefined) found.paired();
		return found;
	}

	/** A client is connected. */
	arrived(port: number, client: Client): Account {
		const half = this.#halves.get(port);
		const account = half?.client === undefined ? half : undefined;
		const found = account ?? this.#add(port);
		if (account !== undefined) this.#halves.delete(port);
		found.client = client;
		if (found.connection !== undefined) found.paired();
		return found;
	}

	/** A client is gone. */
	left(client: Client): void {
		this.clients.delete(client);
	}

	/** A client was not let in though it should have been. */
	refused(client: Client, status: number, stops: number): void {
		if (this.stops !== stops) return;
		this.unexpected(`${client.name} was refused with ${status}`);
	}

	of(connection: Connection): Account | undefined {
		return this.#byConnection.get(connection);
	}

	/** Accounts that can be sent to. */
	open(): Account[] {
		return this.accounts.filter(({ isOpen }) => isOpen);
	}

	/** Clients that can say something. */
	talking(): Client[] {
		return [...this.clients].filter(({ isOpen }) => isOpen);
	}

	unexpected(what: string): void {
		this.#terms.verdict.find(what);
	}

	#add(port: number): Account {
		const account = new Account(this.accounts.length + 1, this.#terms);
		if (this.isHurried) account.cut("stop()");
		this.accounts.push(account);
		this.#halves.set(port, account);
		return account;
	}
}
