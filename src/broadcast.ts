import * as check from "./base/check.js";
import { OptionTable, option } from "./base/option-table.js";
import type { LoopOfConnection } from "./bridge/loop-server.js";
import { type Connection, coreOf } from "./connection.js";
import type { ConnectionCore } from "./flow/connection-core.js";
import {
	contentForNow,
	type PreparedContent,
} from "./flow/prepared-message.js";
import { type SendOptions, SendStatus } from "./flow/send.js";

/** To whom `broadcast()` sends a message, and how. */
export class BroadcastOptions {
	/**
	 * The connections that get it, each once, of which some may be gone.
	 *
	 * @defaultValue undefined, for all open connections of the server
	 */
	// biome-ignore lint/suspicious/noExplicitAny: connections of whichever context and messages
	to?: Iterable<Connection<any, any>> | undefined = option(
		connections,
		undefined,
	);
	/**
	 * A connection that does not get it, or several.
	 *
	 * @defaultValue undefined
	 */
	except?: // biome-ignore lint/suspicious/noExplicitAny: connections of whichever context and messages
		| Connection<any, any>
		// biome-ignore lint/suspicious/noExplicitAny: connections of whichever context and messages
		| Iterable<Connection<any, any>>
		| undefined = option(connections, undefined);
	/**
	 * Says which connections get it, of those that would; called for each before anything is sent, so that nothing has been sent
	 * if it throws. What it sends itself goes out before the message.
	 *
	 * @defaultValue undefined
	 */
	// biome-ignore lint/suspicious/noExplicitAny: connections of whichever context and messages
	filter?: ((connection: Connection<any, any>) => boolean) | undefined = option(
		(value, name) => {
			if (typeof value === "function") return value as () => boolean;
			throw check.wrong(name, "a function", value);
		},
		undefined,
	);
	/**
	 * As that of {@link SendOptions}.
	 *
	 * @defaultValue undefined, as there
	 */
	text?: boolean | undefined = option(
		(value, name) => check.boolean(name, value),
		undefined,
	);
	/**
	 * As that of {@link SendOptions}.
	 *
	 * @defaultValue undefined, as there
	 */
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

/** Sends a message to those of `open` whom the options name. With `packs` it may be any that a protocol in TypeScript packs. */
export function broadcast(
	open: readonly ConnectionCore[],
	packs: boolean,
	message: unknown,
	options: unknown,
): BroadcastResult {
	const given = OPTIONS.check(options);
	const { text, compress } = given;
	const how: SendOptions = { text, compress };
	const targets = targetsOf(given, open);
	const single: ConnectionCore[] = [];
	let shares = !packs;
	for (const core of targets) {
		if (core.packs) single.push(core);
		else shares = true;
	}
	const result = { queued: 0, congested: 0, dropped: 0 };
	if (shares) {
		const content = contentForNow(message, how);
		checkAll(targets, content);
		share(targets, content, result);
	}
	for (const core of single) count(result, core.send(message, how));
	return result;
}

/** Who is to get it, each once. */
function targetsOf(
	{ to, except, filter }: BroadcastOptions,
	open: readonly ConnectionCore[],
): Iterable<ConnectionCore> {
	const named = (to as Iterable<ConnectionCore> | undefined) ?? open;
	if (except === undefined && filter === undefined) return named;
	const targets = new Set(named);
	for (const core of (except as Iterable<ConnectionCore> | undefined) ?? []) {
		targets.delete(core);
	}
	if (filter !== undefined) {
		for (const core of targets) {
			if (!filter(core.face as never)) targets.delete(core);
		}
	}
	return targets;
}

/** Throws what is wrong with a message for any of them that share it. */
function checkAll(
	targets: Iterable<ConnectionCore>,
	{ data, length }: PreparedContent,
): void {
	let checked: unknown;
	for (const { packs, sender } of targets) {
		if (packs) continue;
		const { checkSend } = sender;
		if (checkSend === undefined || checkSend === checked) continue;
		checkSend(data as string | Uint8Array, length);
		checked = checkSend;
	}
}

/** Has the loops send it to all that share it and have room for it, and sends it to those that have none. */
function share(
	targets: Iterable<ConnectionCore>,
	content: PreparedContent,
	result: BroadcastResult,
): void {
	const { bytes, length, flags } = content;
	const lists = new Map<LoopOfConnection, number[]>();
	const rest: ConnectionCore[] = [];
	for (const { sender } of targets) {
		// Its first call takes much of the stack, as that compiles it.
		sender.uncount(0);
		break;
	}
	let last: LoopOfConnection | undefined;
	let ids: number[] = [];
	try {
		for (const core of targets) {
			if (core.packs) continue;
			const { sender } = core;
			const { loop } = sender;
			if (loop !== last) {
				ids = lists.get(loop) ?? [];
				lists.set(loop, ids);
				last = loop;
			}
			if (!sender.joins(length)) {
				rest.push(core);
				continue;
			}
			ids.push(sender.slot, sender.generation);
			result.queued++;
		}
		for (const [loop, ids] of lists) loop.commands.share(ids, bytes, flags);
	} finally {
		// All have been given to their loops, unless that has failed. It may be the stack that is full: counting back takes no more of
		// it than to count.
		for (const [loop, ids] of lists) {
			for (let at = 0; at < ids.length; at += 2) {
				const core = loop.connections[ids[at] as number] as ConnectionCore;
				core.sender.uncount(loop.commands.cost(length));
			}
		}
	}
	for (const { sender } of rest) count(result, sender.sendPrepared(content));
}

function count(result: BroadcastResult, status: SendStatus): void {
	if (status === SendStatus.Queued) result.queued++;
	else if (status === SendStatus.Congested) result.congested++;
	else if (status === SendStatus.Dropped) result.dropped++;
}

/** What is behind one connection or several, each once. */
function connections(value: unknown, name: string): never {
	const isObject = typeof value === "object" && value !== null;
	const one = isObject ? coreOf(value) : undefined;
	if (one !== undefined) return [one] as never;
	if (!isObject || !(Symbol.iterator in value)) {
		throw check.wrong(name, "connections", value);
	}
	const cores: ConnectionCore[] = [];
	for (const item of value as Iterable<unknown>) {
		const core =
			typeof item === "object" && item !== null ? coreOf(item) : undefined;
		if (core === undefined) throw check.wrong(name, "connections", item);
		cores.push(core);
	}
	// To make a set costs as much as to send; a room is one already.
	const isUnique = Object.getPrototypeOf(value) === Set.prototype;
	return (isUnique ? cores : new Set(cores)) as never;
}

const OPTIONS = new OptionTable("broadcast()", BroadcastOptions);
