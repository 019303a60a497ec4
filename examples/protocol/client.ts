// node examples/protocol/client.ts --port 1833
//
// The client of server.ts: sends every line of its input as a message and prints the answers. A RingBuffer cuts them here
// as it does in the server.

import { example } from "../serve.ts";
import { talk } from "../talk.ts";
import { pack, unpack } from "./lengths.ts";

await example({}, (settings) =>
	talk(
		settings,
		(line) => pack(Buffer.from(line)),
		(received) => unpack(received)?.toString(),
	),
);
