// node examples/push-messages.ts --port 1833 --every-ms 1000
//
// Sends something to every connection once in a second, and answers besides. The server knows its connections: no list of
// them is needed, and no lock, as handlers and timers run on one thread.

import { type Connection, type Handler, Server } from "gev";
import { example, listen } from "./serve.ts";

class Echo implements Handler<unknown, "raw"> {
	onMessage(_connection: Connection, data: Buffer) {
		return data;
	}
}

await example({ "every-ms": "1000" }, async (settings, more) => {
	const server = new Server(new Echo(), settings);
	server.runEvery(Number(more["every-ms"]), () => {
		for (const connection of server.connections()) connection.send("hello\n");
	});
	await listen("tcp", server);
});
