import * as check from "./base/check.js";
import { milliseconds, OptionTable, option } from "./base/option-table.js";
import { isCloseText, mayBeSent } from "./bridge/close-payload.js";

/** Settings of `Server.stop`. */
export class StopOptions {
	/**
	 * How long connections may take to be answered, to get what was sent to them and to say goodbye, before they are cut. In
	 * milliseconds; 0 cuts them at once.
	 *
	 * @defaultValue 5000
	 */
	timeoutMs?: number = milliseconds({ default: 5000 });
	/**
	 * WebSocket close code for every connection, as `Connection.close` takes it.
	 *
	 * @defaultValue 1001
	 */
	code?: number = option((value, name) => {
		if (mayBeSent(value)) return value;
		throw check.wrong(name, "a close code that may be sent", value);
	}, 1001);
	/**
	 * Text that goes with the code, at most 123 bytes in UTF-8.
	 *
	 * @defaultValue "server stopped"
	 */
	reason?: string = option((value, name) => {
		if (isCloseText(value)) return value;
		throw check.wrong(name, "a string of at most 123 bytes", value);
	}, "server stopped");
}

/** What a stop has come to. */
export interface StopResult {
	/** Connections that have said goodbye as the protocol wants it. */
	readonly closed: number;
	/** Connections that ended otherwise, most of them by force when the time was over. */
	readonly cut: number;
}

export const STOP_OPTIONS = new OptionTable("stop()", StopOptions);
