// node examples/protocol/server.ts --port 1833
//
// Sends every message back, in a protocol of its own that is written in TypeScript: see lengths.ts. Its client is client.ts.

import { type Connection, custom, type Handler, Server } from "gev";
import { example, listen } from "../serve.ts";
import { Lengths } from "./lengths.ts";

class Echo implements Handler<unknown, Lengths> {
	onMessage(_connection: Connection<unknown, Buffer>, body: Buffer) {
		console.log(`message: ${body.length} bytes`);
		return body;
	}
}

await example({}, async (settings) => {
	const protocol = custom(new Lengths(), { maxMessageBytes: 64 * 1024 });
	await listen("tcp", new Server(new Echo(), { ...settings, protocol }));
});
