import * as check from "./base/check.js";
import type { MemoryBudget } from "./bridge/memory-budget.js";
import type { ConnectionCalls } from "./flow/connection-core.js";
import type { ConnectionSettings } from "./flow/connection-settings.js";
import { checkHandler, Dispatcher, type Members } from "./flow/dispatcher.js";
import type { Packing } from "./flow/packing.js";
import { PackingDispatcher } from "./flow/packing-dispatcher.js";
import { ParsingDispatcher } from "./flow/parsing-dispatcher.js";
import { SteppingDispatcher } from "./flow/stepping-dispatcher.js";
import type { Role } from "./flow/stream-connection.js";
import { nativeOptions } from "./native-options.js";
import type { CheckedOptions } from "./options.js";
import { type AnyProtocol, framingOf, isProtocol } from "./protocol.js";
import { type ProtocolNumber, ProtocolNumbers } from "./protocol-numbers.js";

/** What connections of a server may speak, each protocol with each handler: what is made for that is made once. */
export class Roles {
	/** Of the server's own protocol and handler. */
	readonly first: ProtocolRole;
	readonly #server: ServerOfRoles;
	/** By handler, then by protocol. */
	#made = new WeakMap<Members, WeakMap<AnyProtocol, ProtocolRole>>();
	/** By which numbers the loops know protocols, by what those are natively. */
	readonly #numbers: ProtocolNumbers;

	constructor(server: ServerOfRoles, handler: Members) {
		this.#server = server;
		this.#numbers = new ProtocolNumbers((options, instead) =>
			server.addProtocol(options, instead),
		);
		this.first = this.#make(server.options.protocol, handler, undefined);
	}

	/** The server starts: its loops know nothing yet, and members are called in the context of whoever starts it. */
	forget(): void {
		this.#made = new WeakMap();
		this.#numbers.clear();
	}

	/** See `StreamServer`. */
	roleOf(protocol: unknown, given: unknown, calls: ConnectionCalls): Role {
		if (!isProtocol(protocol) || !framingOf(protocol).endsByFin) {
			throw check.wrong("protocol", "a protocol on TCP", protocol);
		}
		if (given !== undefined) checkHandler(given);
		const handler = (given ?? (calls as Dispatcher).handler) as Members;
		let ofHandler = this.#made.get(handler);
		if (ofHandler === undefined) {
			ofHandler = new WeakMap();
			this.#made.set(handler, ofHandler);
		}
		let role = ofHandler.get(protocol);
		if (role === undefined) {
			role = this.#make(protocol, handler, this.first.calls);
			ofHandler.set(protocol, role);
		}
		return role;
	}

	/** See `StreamServer`. Protocols that are the same natively have one number, however often they are made. */
	numberOf({ protocol }: ProtocolRole): ProtocolNumber {
		const { codec, options: native, stepwise } = framingOf(protocol);
		const key = JSON.stringify([codec, stepwise, native]);
		return this.#numbers.take(key, () => {
			const options = { ...this.#server.options, protocol } as CheckedOptions;
			return nativeOptions(options, "", this.first.calls.handler);
		});
	}

	/** See `StreamServer`. */
	settle(number: ProtocolNumber): void {
		this.#numbers.settle(number);
	}

	#make(
		protocol: AnyProtocol,
		handler: Members,
		base: Dispatcher | undefined,
	): ProtocolRole {
		const { face } = this.#server;
		const { custom: packing, stepwise } = framingOf(protocol);
		const settings = this.#settings(protocol, handler);
		const about = [handler, settings, face] as const;
		let calls: Dispatcher;
		if (packing === undefined) {
			const Calls = stepwise ? SteppingDispatcher : Dispatcher;
			calls = new Calls(...about, base);
		} else if ("parse" in packing) {
			calls = new ParsingDispatcher(...about, packing, base);
		} else {
			calls = new PackingDispatcher(...about, packing, base);
		}
		return { protocol, calls, packing };
	}

	#settings(protocol: AnyProtocol, handler: Members): ConnectionSettings {
		const { options, memory } = this.#server;
		const framing = framingOf(protocol);
		const { stepwise, endsByFin, checkSend } = framing;
		return {
			...options.flow,
			stepwise,
			serial: options.serial || stepwise,
			borrows: options.borrow && framing.custom === undefined,
			frameTimeoutMs: framing.frameTimeoutMs ?? 0,
			allowHalfOpen: options.socket.allowHalfOpen,
			memory,
			tellsDrain: handler.onDrain !== undefined,
			endsByFin,
			checkSend,
		};
	}
}

/** A role, with its protocol. */
export interface ProtocolRole extends Role {
	readonly protocol: AnyProtocol;
	readonly calls: Dispatcher;
	readonly packing: Packing | undefined;
}

/** A server, as far as it is concerned. */
export interface ServerOfRoles {
	/** The `Server` that users have. */
	readonly face: object;
	readonly options: CheckedOptions;
	readonly memory: MemoryBudget;
	/** Makes a protocol known to the loops, instead of the one with this number, or -1; returns its number. */
	addProtocol(options: object, instead: number): number;
}
