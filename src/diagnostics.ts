import { type Channel, channel } from "node:diagnostics_channel";
import type { Connection } from "./connection.js";
import type { CloseReason } from "./handler.js";
import type { Server, StopResult } from "./server.js";

/**
 * What all servers of this thread publish with `node:diagnostics_channel`, for tools that watch a program without being
 * part of it: by the name of the channel, what its messages are. What a
 * subscriber throws becomes an uncaught exception, as Node.js has it.
 *
 * ```ts
 * import { subscribe } from "node:diagnostics_channel"
 * import type { Diagnostics } from "gev"
 *
 * subscribe("gev:close", (message) => {
 *   const { connection, reason } = message as Diagnostics["gev:close"]
 * })
 * ```
 */
export interface Diagnostics {
	/** A connection is ready, and `onConnect` comes next. */
	"gev:open": { server: Server; connection: Connection };
	/** A connection is gone, and `onClose` comes next. */
	"gev:close": { server: Server; connection: Connection; reason: CloseReason };
	/** Something went wrong, and `onError` comes next. */
	"gev:error": {
		server: Server;
		error: Error;
		/** Undefined where the error belongs to none. */
		connection: Connection | undefined;
	};
	/** A server has stopped. */
	"gev:stop": { server: Server; result: StopResult };
}

// Kept here, as a channel that nobody keeps is forgotten with its subscribers.
const channels: { [Name in keyof Diagnostics]: Channel } = {
	"gev:open": channel("gev:open"),
	"gev:close": channel("gev:close"),
	"gev:error": channel("gev:error"),
	"gev:stop": channel("gev:stop"),
};

/** Publishes to those who watch, if there are any. */
export function publish<Name extends keyof Diagnostics>(
	name: Name,
	message: Diagnostics[Name],
): void {
	if (channels[name].hasSubscribers) channels[name].publish(message);
}
