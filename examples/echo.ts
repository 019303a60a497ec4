// node examples/echo.ts --port 1833
//
// Sends back what comes, over TCP without framing, and says every two seconds how many connections there are.
// Try it with `nc 127.0.0.1 1833`.

import { type Connection, type Handler, Server } from "gev";
import { example, listen } from "./serve.ts";

class Echo implements Handler<unknown, "raw"> {
	onConnect(connection: Connection) {
		console.log(`connected: ${connection.remoteAddress}`);
	}
	onMessage(_connection: Connection, data: Buffer) {
		return data; // what is returned is sent
	}
	onClose(connection: Connection) {
		console.log(`closed: ${connection.remoteAddress}`);
	}
}

await example({}, async (settings) => {
	const server = new Server(new Echo(), settings);
	server.runEvery(2000, () => {
		console.log(`connections: ${server.connectionCount}`);
	});
	await listen("tcp", server);
});
