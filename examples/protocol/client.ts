// node examples/protocol/client.ts --port 1833
//
// The client of server.ts: sends every line of its input as a message and prints the answers. The protocol is the server's: it
// needs no connection to encode and decode.

import { custom } from "gev";
import { example } from "../serve.ts";
import { talk } from "../talk.ts";
import { Lengths } from "./lengths.ts";

await example({}, (settings) =>
	talk(
		settings,
		custom(new Lengths(), { maxMessageBytes: 64 * 1024 }),
		(line) => Buffer.from(line),
		(answer) => answer.toString(),
	),
);
