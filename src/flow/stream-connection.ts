import { GevError } from "../base/errors.js";
import type { Place } from "../bridge/loop-server.js";
import { COMMAND_STEP, COMMAND_UNREAD, PART_BYTES } from "../bridge/records.js";
import type { ConnectionCalls, ConnectionServer } from "./connection-core.js";
import type { Packing } from "./packing.js";
import { PackingConnection } from "./packing-connection.js";

/**
 * A connection on TCP, whose protocol may change, and which may be stepwise.
 *
 * ```text
 *   JavaScript   setProtocol --SET_PROTOCOL-->  loop: sends by the new one, decodes nothing more
 *                (until here all is the old one's) <--SWITCHED--
 *                what has not been cut --UNREAD, STEP-->  loop: decodes that and what follows by the new one
 * ```
 */
export class StreamConnection extends PackingConnection {
	/** What is spoken as soon as the loop has told of so many changes. */
	#change: { role: Role; switches: number } | undefined = undefined;
	/** The changes that the loop has not told of. */
	#numbers: RoleNumber[] | undefined = undefined;
	/** What has been told of an end meanwhile. */
	#end: (() => void) | undefined = undefined;
	/** What the loop has handed over has been given to the handler, and the loop has not been told to go on. */
	#isHandled = false;
	readonly #server: StreamServer;

	constructor(place: Place, server: StreamServer) {
		super(place, server, server.packing);
		this.#server = server;
	}

	/** True while what arrives is the old protocol's, and what is sent the new one's. */
	get isChanging(): boolean {
		return this.#change !== undefined;
	}

	override opened(): void {
		if (this.calls.settings.stepwise) this.handled();
	}

	/** See `Connection.setProtocol`. */
	override setProtocol(protocol: unknown, handler: unknown): boolean {
		const role = this.#server.roleOf(protocol, handler, this.calls);
		if (!this.connected) return false;
		if (this.sender.isMidMessage) {
			throw new GevError(
				"ERR_GEV_STATE",
				"setProtocol() cannot be called in the middle of a message that is sent",
			);
		}
		const number = this.#server.numberOf(role);
		this.#numbers ??= [];
		this.#numbers.push(number);
		const switches = (this.#change?.switches ?? 0) + 1;
		this.sender.changeTo(number.number, role.calls.settings);
		this.packing = role.packing;
		this.#change = { role, switches };
		return true;
	}

	/** What the loop has handed over, or the opening, has been given to the handler: when that is done with it, the loop may go on. */
	handled(): void {
		this.#isHandled = true;
		this.#step();
	}

	override replySettled(): void {
		super.replySettled();
		this.#step();
	}

	/** All that was the old protocol's is here: when it has been handled, the new one holds. */
	override switched(): void {
		const number = this.#numbers?.shift();
		if (number !== undefined) this.#server.settle(number);
		this.calls.inTurn(this, 0, () => this.#take());
	}

	override peerHasEnded(): void {
		if (this.isChanging) this.#end = () => super.peerHasEnded();
		else super.peerHasEnded();
	}

	override mustEnd(): void {
		if (this.isChanging) this.#end = () => super.mustEnd();
		else super.mustEnd();
	}

	override gone(): void {
		super.gone();
		for (const number of this.#numbers ?? []) this.#server.settle(number);
		this.#numbers = undefined;
	}

	#take(): void {
		const change = this.#change;
		if (change === undefined) return;
		change.switches--;
		if (change.switches > 0) return;
		this.#change = undefined;
		this.calls = change.role.calls;
		this.inbox?.adopt(this.calls.settings);
		// It belongs to the dispatcher that was.
		this.goOn = undefined;
		const end = this.#end;
		this.#end = undefined;
		const bytes = this.takeReceived();
		// Each goes before what is there, so that the last part is the first one.
		for (let until = bytes.length; until > 0; until -= PART_BYTES) {
			const part = bytes.subarray(Math.max(0, until - PART_BYTES), until);
			this.sender.command(COMMAND_UNREAD, part);
		}
		this.#isHandled = false;
		this.sender.command(COMMAND_STEP);
		// What has been given back comes first, and then the loop tells of the end once more.
		if (bytes.length === 0) end?.();
	}

	/** Has the loop go on, if it waits and nothing is to be waited for. */
	#step(): void {
		const unsettled = this.inbox?.unsettled ?? 0;
		if (!this.#isHandled || this.isChanging || unsettled > 0) return;
		this.#isHandled = false;
		if (this.connected) this.sender.command(COMMAND_STEP);
	}
}

/** What a connection needs of its server, whose connections may speak several protocols. */
export interface StreamServer extends ConnectionServer {
	/** Of the protocol that connections speak at first. */
	readonly packing: Packing | undefined;
	/**
	 * How this protocol is spoken with this handler, or with that of `calls`.
	 *
	 * @throws {@link GevError} `ERR_GEV_OPTION`, `ERR_GEV_HANDLER`.
	 */
	roleOf(protocol: unknown, handler: unknown, calls: ConnectionCalls): Role;
	/** By which number the loops know its protocol, until that is settled. */
	numberOf(role: Role): RoleNumber;
	/** The change to this number has been made, or will not be. */
	settle(number: RoleNumber): void;
}

/** By which number the loops know a protocol. */
export interface RoleNumber {
	readonly number: number;
}

/** How connections speak a protocol, and with whom. */
export interface Role {
	readonly calls: ConnectionCalls;
	readonly packing: Packing | undefined;
}
