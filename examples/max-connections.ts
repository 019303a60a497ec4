// node examples/max-connections.ts --port 1833 --max 1
//
// Serves one connection at a time, and tells others that they are too many before it sends them away. Where nothing needs
// to be said, `limits: { maxConnections: 1 }` has them closed natively, as soon as they are accepted.

import { type Connection, type Handler, Server } from "gev";
import { example, listen } from "./serve.ts";

class Limited implements Handler<unknown, "raw"> {
	readonly #max: number;
	#count = 0;

	constructor(max: number) {
		this.#max = max;
	}
	onConnect(connection: Connection) {
		this.#count++;
		if (this.#count <= this.#max) return;
		console.log(`refused: ${connection.remoteAddress}`);
		connection.send("too many connections\n");
		connection.end(); // what was sent goes out first
	}
	onMessage(_connection: Connection, data: Buffer) {
		return data; // to who is refused nothing is sent any more
	}
	onClose() {
		this.#count--;
	}
}

await example({ max: "1" }, async (settings, { max }) => {
	await listen("tcp", new Server(new Limited(Number(max)), settings));
});
