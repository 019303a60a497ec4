// What clients of examples do beside what they show. This is no example itself.

import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Custom, FrameError } from "gev";

/** Where the server is. */
interface Place {
	host: string;
	port: number;
}

/**
 * Connects, sends what `question` makes of each line of the input, prints each answer as the text that `show` makes of it, and
 * ends this side behind the last line.
 */
export async function talk<Answer, Question>(
	{ host, port }: Place,
	protocol: Custom<Answer, Question>,
	question: (line: string) => Question,
	show: (answer: Answer) => string,
): Promise<void> {
	const socket = connect(port, host);
	const onFrameError = (error: FrameError) => void socket.destroy(error);
	const decoder = protocol.decoder({ onFrameError });
	socket.on("data", (chunk) => {
		for (const answer of decoder.push(chunk)) {
			console.log(`answer: ${show(answer)}`);
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
	for await (const line of lines) socket.write(protocol.encode(question(line)));
	socket.end();
}
