import type { CloseReason, Connection, Handler } from "gev";
import { Queue } from "./queue.js";

/** One call of a handler. */
export type Call =
	| { name: "connect"; connection: Connection }
	| { name: "message"; connection: Connection; message: string | Buffer }
	| { name: "close"; connection: Connection; reason: CloseReason }
	| { name: "error"; connection: Connection | undefined; error: Error };

/** A handler that answers nothing and keeps its calls for the test to await. */
export class Recorder implements Handler {
	readonly calls = new Queue<Call>();

	onConnect(connection: Connection): void {
		this.calls.push({ name: "connect", connection });
	}

	onMessage(connection: Connection, message: string | Buffer): void {
		this.calls.push({ name: "message", connection, message });
	}

	onClose(connection: Connection, reason: CloseReason): void {
		this.calls.push({ name: "close", connection, reason });
	}

	onError(error: Error, connection?: Connection): void {
		this.calls.push({ name: "error", connection, error });
	}

	/** The next call, which has to be this one. */
	async next<Name extends Call["name"]>(
		name: Name,
	): Promise<Extract<Call, { name: Name }>> {
		const call = await this.calls.next();
		if (call.name !== name) {
			throw new Error(`${name} should come next, not ${call.name}`);
		}
		return call as Extract<Call, { name: Name }>;
	}
}
