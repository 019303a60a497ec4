// node examples/idle-connections.ts --port 1833 --idle-ms 5000
//
// Closes connections on which nothing has come or gone for five seconds. What is sent counts too, so that a client that
// only listens is not cut; `idleMs: { read: 5000 }` would count what comes alone.

import { type CloseReason, type Connection, type Handler, Server } from "gev";
import { example, listen } from "./serve.ts";

class Echo implements Handler<unknown, "raw"> {
	onMessage(_connection: Connection, data: Buffer) {
		return data;
	}
	onClose(connection: Connection, { cause }: CloseReason) {
		console.log(`closed: ${connection.remoteAddress}, ${cause}`);
	}
}

await example({ "idle-ms": "5000" }, async (settings, more) => {
	const timeouts = { idleMs: Number(more["idle-ms"]) };
	await listen("tcp", new Server(new Echo(), { ...settings, timeouts }));
});
