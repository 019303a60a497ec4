import { Dispatcher } from "./dispatcher.js";
import type { StreamConnection } from "./stream-connection.js";

/** A dispatcher of connections whose loops wait until each message has been handled. */
export class SteppingDispatcher extends Dispatcher {
	protected override deliver(
		connection: StreamConnection,
		message: unknown,
	): void {
		super.deliver(connection, message);
		connection.handled();
	}
}
