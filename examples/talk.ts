// What clients of examples do beside what they show. This is no example itself.

import { connect } from "node:net";
import { createInterface } from "node:readline";
import { RingBuffer } from "gev";

/** Where the server is. */
interface Place {
	host: string;
	port: number;
}

/**
 * Connects, sends what `pack` makes of each line of the input, prints each answer that `unpack` takes out of what has come
 * as a text, and ends this side behind the last line.
 */
export async function talk(
	{ host, port }: Place,
	pack: (line: string) => Uint8Array,
	unpack: (received: RingBuffer) => string | undefined,
): Promise<void> {
	const socket = connect(port, host);
	const received = new RingBuffer();
	socket.on("data", (chunk) => {
		received.write(chunk);
		for (;;) {
			const text = unpack(received);
			if (text === undefined) return;
			console.log(`answer: ${text}`);
		}
	});
	socket.on("error", ({ message }) => {
		console.error(message);
		process.exitCode = 1;
	});
	const lines = createInterface({ input: process.stdin });
	socket.on("close", () => {
		lines.close();
		process.stdin.destroy();
	});
	for await (const line of lines) socket.write(pack(line));
	socket.end();
}
