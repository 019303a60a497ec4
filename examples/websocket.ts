// node examples/websocket.ts --port 1833 --every-ms 200
//
// What a WebSocket server does beside echoing: it looks at the request, answers in four ways by turns (returns a message,
// sends one, sends ten later, closes), and has a word for everybody five times in a second.

import {
	type Connection,
	type Handler,
	type HttpRequest,
	Server,
	webSocket,
} from "gev";
import { example, listen } from "./serve.ts";

/** What is known of a client: it is `connection.context`, from the handshake on. */
interface Session {
	uri: string;
	headers: Map<string, string>;
	messages: number;
}

class Various implements Handler<Session> {
	onUpgrade({ url, headers }: HttpRequest) {
		return { context: { uri: url, headers: new Map(headers), messages: 0 } };
	}
	onConnect({ context: { uri, headers } }: Connection<Session>) {
		console.log(`uri: ${uri}`);
		for (const [name, value] of headers) console.log(`${name}: ${value}`);
	}
	onMessage(connection: Connection<Session>, message: string | Buffer) {
		switch (connection.context.messages++ % 4) {
			case 0:
				return message; // as it has come: text as text, bytes as bytes
			case 1:
				connection.send(message, { text: true });
				return;
			case 2:
				for (let count = 0; count < 10; count++) {
					setImmediate(() => connection.send("sent later"));
				}
				return;
			default:
				connection.close(1000, "close");
				return;
		}
	}
	onClose({ context: { uri, messages } }: Connection<Session>) {
		console.log(`closed: ${uri} after ${messages} messages`);
	}
}

await example({ "every-ms": "200" }, async (settings, more) => {
	const protocol = webSocket();
	const server = new Server(new Various(), { ...settings, protocol });
	server.runEvery(Number(more["every-ms"]), () => {
		for (const connection of server.connections()) connection.send("news");
	});
	await listen("ws", server);
});
