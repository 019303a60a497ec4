import { isUtf8 } from "node:buffer";
import { bytesOf, copyOf, lengthOf } from "./base/bytes.js";
import * as check from "./base/check.js";
import { GevError } from "./base/errors.js";
import { OptionTable, option } from "./base/option-table.js";
import { MOST_SHARED_BYTES } from "./bridge/command-queue.js";
import type { LoopOfConnection } from "./bridge/loop-server.js";
import { FLAG_TEXT } from "./bridge/records.js";
import { type Connection, coreOf } from "./connection.js";
import type { ConnectionCore } from "./flow/connection-core.js";
import {
	type SendOptions,
	SendStatus,
	sendFlags,
	sendOptions,
} from "./flow/send.js";

/** To whom `broadcast()` sends a message, and how. */
export class BroadcastOptions {
	/**
	 * The connections that get it, each once, of which some may be gone.
	 *
	 * @defaultValue all open connections of the server
	 */
	to?: Iterable<Connection<never, never>> | undefined = option(
		connections,
		undefined,
	);
	/** A connection that does not get it, or several. */
	except?:
		| Connection<never, never>
		| Iterable<Connection<never, never>>
		| undefined = option(connections, undefined);
	/**
	 * Says which connections get it, of those that would; called for each before anything is sent, so that nothing has been sent
	 * if it throws. What it sends itself goes out before the message.
	 */
	filter?: ((connection: never) => boolean) | undefined = option(
		(value, name) => {
			if (typeof value === "function") return value as () => boolean;
			throw check.wrong(name, "a function", value);
		},
		undefined,
	);
	/** As that of {@link SendOptions}. */
	text?: boolean | undefined = option(
		(value, name) => check.boolean(name, value),
		undefined,
	);
	/** As that of {@link SendOptions}. */
	compress?: boolean | undefined = option(
		(value, name) => check.boolean(name, value),
		undefined,
	);
}

/** For how many connections `send` would have said what; those that are gone or being closed are not counted. */
export interface BroadcastResult {
	/** On its way. */
	queued: number;
	/** On its way, and more than `flow.highWaterMarkBytes` wait for the peer. */
	congested: number;
	/** Dropped, as more than `flow.maxBufferedBytes` would wait. */
	dropped: number;
}

/** Sends a message to those of `open` whom the options name. */
export function broadcast(
	open: () => Iterable<ConnectionCore>,
	message: unknown,
	options: unknown,
): BroadcastResult {
	const { to, except, filter, text, compress } = OPTIONS.check(options);
	const named = (to as Set<ConnectionCore> | undefined) ?? open();
	const isChosen = except !== undefined || filter !== undefined;
	const targets = isChosen ? new Set(named) : named;
	if (targets instanceof Set) {
		for (const core of (except as Set<ConnectionCore> | undefined) ?? []) {
			targets.delete(core);
		}
		if (filter !== undefined) {
			for (const core of targets) {
				if (!filter(core.face as never)) targets.delete(core);
			}
		}
	}
	const how: SendOptions = { text, compress };
	const single: ConnectionCore[] = [];
	const sharing: ConnectionCore[] = [];
	for (const core of targets) (core.packs ? single : sharing).push(core);
	const result = { queued: 0, congested: 0, dropped: 0 };
	const mayShare = sharing.length > 0 || single.length === 0;
	if (mayShare) result.queued = share(sharing, message, how, single);
	for (const core of single) count(result, core.send(message, how));
	return result;
}

/** Has the loops send it to all of `cores` but those that it adds to `rest`; returns to how many. */
function share(
	cores: readonly ConnectionCore[],
	message: unknown,
	how: SendOptions,
	rest: ConnectionCore[],
): number {
	const isText = typeof message === "string";
	const given = bytesOf(isText ? Buffer.from(message) : message);
	const length = lengthOf(given);
	const flags = sendFlags(sendOptions(how, isText), false);
	if (!isText && (flags & FLAG_TEXT) !== 0 && !isUtf8(given)) {
		throw new GevError("ERR_GEV_DATA", "text to send is not UTF-8");
	}
	for (const { sender } of cores)
		sender.check(isText ? message : given, length);
	if (length > MOST_SHARED_BYTES) {
		rest.push(...cores);
		return 0;
	}
	const bytes = copyOf(given, 0, length);
	const lists = new Map<LoopOfConnection, number[]>();
	let queued = 0;
	for (const core of cores) {
		const { sender } = core;
		if (!sender.joins(length)) {
			rest.push(core);
			continue;
		}
		let ids = lists.get(sender.loop);
		if (ids === undefined) {
			ids = [];
			lists.set(sender.loop, ids);
		}
		ids.push(sender.slot, sender.generation);
		queued++;
	}
	for (const [loop, ids] of lists) loop.commands.share(ids, bytes, flags);
	return queued;
}

function count(result: BroadcastResult, status: SendStatus): void {
	if (status === SendStatus.Queued) result.queued++;
	else if (status === SendStatus.Congested) result.congested++;
	else if (status === SendStatus.Dropped) result.dropped++;
}

/** What is behind one connection or several. */
function connections(value: unknown, name: string): never {
	const cores = new Set<ConnectionCore>();
	const isObject = typeof value === "object" && value !== null;
	const one = isObject ? coreOf(value) : undefined;
	if (one !== undefined) return cores.add(one) as never;
	if (!isObject || !(Symbol.iterator in value)) {
		throw check.wrong(name, "connections", value);
	}
	for (const item of value as Iterable<unknown>) {
		const core =
			typeof item === "object" && item !== null ? coreOf(item) : undefined;
		if (core === undefined) throw check.wrong(name, "connections", item);
		cores.add(core);
	}
	return cores as never;
}

const OPTIONS = new OptionTable("broadcast()", BroadcastOptions);
