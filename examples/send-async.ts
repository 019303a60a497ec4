// node examples/send-async.ts --port 1833
//
// Sends with a callback, which is called when the kernel has the message, or when it will never get it. The memory of what
// is sent can be used again as soon as `send` returns, so no callback is needed for that; this one says how a message fared.
// `await connection.sent()` is the same for everything that was sent so far.

import { type Connection, type Handler, Server } from "gev";
import { example, listen } from "./serve.ts";

class Teller implements Handler<unknown, "raw"> {
	onMessage(connection: Connection, data: Buffer) {
		console.log(`message: ${data.toString().trimEnd()}`);
		const begun = performance.now();
		connection.send("1234\n", (error) => {
			const ms = (performance.now() - begun).toFixed(1);
			console.log(error ? `not sent: ${error.message}` : `sent in ${ms} ms`);
		});
	}
}

await example({}, async (settings) => {
	await listen("tcp", new Server(new Teller(), settings));
});
