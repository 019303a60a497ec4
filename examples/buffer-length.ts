// node examples/buffer-length.ts --port 1833 --every-ms 1000 --bytes 6
//
// Pushes to every connection, but for those that do not read: what the kernel has not taken waits in memory, and whoever
// has more than 10 KiB of it gets nothing until it has less. (`flow.maxBufferedBytes` is the end of all patience; `onDrain`
// tells when a slow one has caught up.)

import { type Connection, type Handler, Server } from "gev";
import { example, listen } from "./serve.ts";

const MOST_WAITING = 10 * 1024;

class Echo implements Handler<unknown, "raw"> {
	onMessage(connection: Connection, data: Buffer) {
		const { readBufferLength, writeBufferLength } = connection;
		console.log(`read: ${readBufferLength}, to write: ${writeBufferLength}`);
		return data;
	}
}

await example({ "every-ms": "1000", bytes: "6" }, async (settings, more) => {
	const message = "hello\n".repeat(Math.ceil(Number(more.bytes) / 6));
	const server = new Server(new Echo(), settings);
	server.runEvery(Number(more["every-ms"]), () => {
		for (const connection of server.connections()) {
			const waiting = connection.writeBufferLength;
			if (waiting <= MOST_WAITING) connection.send(message);
			else console.log(`skipped: ${waiting} bytes wait`);
		}
	});
	await listen("tcp", server);
});
