import * as binding from "#binding";
import type { LoopMemory } from "./bridge/event-loop.js";
import { type Members, membersOf } from "./flow/dispatcher.js";
import type { CheckedOptions } from "./options.js";
import { framingOf } from "./protocol.js";

/**
 * What the native side is told of a server: its options by the names and in the groups that they have here, but for the
 * address that the host has come to, that a function balances, and for what users do not see of the protocol; and which members the handler has.
 */
export function nativeOptions(
	options: CheckedOptions,
	address: string,
	handler: Members,
): object {
	const {
		codec,
		stepwise,
		options: codecOptions,
	} = framingOf(options.protocol);
	return {
		...options,
		host: address,
		balance: typeof options.balance === "function" ? "asked" : options.balance,
		protocol: { name: codec, stepwise, options: codecOptions },
		handler: membersOf(handler),
	};
}

/**
 * Memory for a loop, which gets its address. An ArrayBuffer has the faster copies, yet could be detached from its
 * memory by whoever gets hold of it (`structuredClone` with a transfer list, for example); so where borrowed messages
 * show that of events to handlers, it is a SharedArrayBuffer, which cannot.
 */
export function loopMemory(options: CheckedOptions): LoopMemory {
	const { queueBytes } = options.eventLoop;
	const { maxConnections } = options.limits;
	const control = binding.controlBytes(queueBytes, maxConnections);
	return {
		control: new Uint8Array(control),
		events: new Uint8Array(
			options.borrow
				? new SharedArrayBuffer(queueBytes)
				: new ArrayBuffer(queueBytes),
		),
	};
}
