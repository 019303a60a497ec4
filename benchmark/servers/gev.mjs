/** Echo with gev: `gev.mjs [--protocol raw] [--borrow]`. */
import { parseArgs } from "node:util";
import { raw, Server, webSocket } from "../../dist/index.js";

const { values } = parseArgs({
	options: {
		protocol: { type: "string", default: "websocket" },
		borrow: { type: "boolean", default: false },
	},
});

const server = new Server(
	{
		onMessage(_connection, message) {
			return message;
		},
	},
	{
		host: "127.0.0.1",
		port: 0,
		loops: 1,
		protocol: values.protocol === "raw" ? raw() : webSocket(),
		borrow: values.borrow,
	},
);
const { port } = await server.start();
console.log(`listening ${port}`);
