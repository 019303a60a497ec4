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

/** Publishes to those who watch, if there are any. */
export function publish<Name extends keyof Published>(
	name: Name,
	message: Published[Name],
): void {
	if (channels[name].hasSubscribers) channels[name].publish(message);
}
