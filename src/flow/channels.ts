import { type Channel, channel } from "node:diagnostics_channel";
import type { Addresses } from "../bridge/addresses.js";
import type { CloseReason } from "../bridge/close-reason.js";

/** What is published, by the name of its channel: what users know as `Diagnostics`, which has their types. */
export interface Published {
	"gev:open": { server: object; connection: object };
	"gev:close": { server: object; connection: object; reason: CloseReason };
	"gev:refused": Omit<Addresses, "proxyTlvs"> & {
		server: object;
		status: number | undefined;
		reason: string;
	};
	"gev:error": { server: object; error: Error; connection: object | undefined };
	"gev:stop": { server: object; result: object };
}

// Kept here, as a channel that nobody keeps is forgotten with its subscribers.
const channels: { [Name in keyof Published]: Channel } = {
	"gev:open": channel("gev:open"),
	"gev:close": channel("gev:close"),
	"gev:refused": channel("gev:refused"),
	"gev:error": channel("gev:error"),
	"gev:stop": channel("gev:stop"),
};

/** Who is told of one server, by the same names. Its members never throw. */
export type Watcher = {
	[Name in keyof Published]?: (message: Published[Name]) => void;
};

const watchers = new WeakMap<object, Watcher[]>();

/** From now on `watcher` is told of what the server does, as long as there is the server. */
export function watch(server: object, watcher: Watcher): void {
	const known = watchers.get(server);
	if (known === undefined) watchers.set(server, [watcher]);
	else known.push(watcher);
}

/** Publishes to those who watch, if there are any. */
export function publish<Name extends keyof Published>(
	name: Name,
	message: Published[Name],
): void {
	const own = watchers.get(message.server);
	if (own !== undefined) {
		for (const watcher of own) watcher[name]?.(message);
	}
	if (channels[name].hasSubscribers) channels[name].publish(message);
}
