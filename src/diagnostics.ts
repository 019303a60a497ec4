import type { CloseReason } from "./bridge/close-reason.js";
import type { Connection } from "./connection.js";
import type { Server } from "./server.js";
import type { StopResult } from "./stop.js";

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
	/**
	 * A client has got no connection. It was refused, with a status of 4xx natively or with whatever `onUpgrade` said; or
	 * `onUpgrade` or `onRequest` failed (500); or the time for the handshake was over, as the client did not finish its
	 * request (408) or your handler its answer (503); or the client has sent nothing in time, or has left: then there is no
	 * status. Counted in `Server.refusedHandshakeCount`.
	 *
	 * Not told of are those who asked for no connection and were answered with the option `page` or by `onRequest`, whatever
	 * the status; nor those who were closed as soon as they were accepted (`Server.refusedCount`).
	 */
	"gev:refused": {
		server: Server;
		/** The peer's IP address. */
		remoteAddress: string;
		/** The peer's port. */
		remotePort: number;
		/** The IP address that the peer has connected to. */
		localAddress: string;
		/** The port that the peer has connected to. */
		localPort: number;
		/** Of the response that the client was sent; undefined if there was none. */
		status: number | undefined;
		/** What was the matter, for people: "header line 3 has no colon". */
		reason: string;
	};
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
