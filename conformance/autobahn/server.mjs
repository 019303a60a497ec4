/**
 * The server under test, in a process of its own:
 * `server.mjs [--loops N] [--deflate shared|dedicated]`. It says
 * `listening PORT`, sends every message back, and stops when its standard
 * input ends. What it writes to standard error is a failure of the run.
 */
import { parseArgs } from "node:util";
import { Server, webSocket } from "../../dist/index.js";

const { values } = parseArgs({
	options: {
		loops: { type: "string", default: "1" },
		deflate: { type: "string" },
	},
});

// With a threshold of 0 even messages of 16 bytes come back compressed.
const perMessageDeflate = { mode: values.deflate, threshold: 0 };

const server = new Server(
	{ onMessage: (_connection, message) => message },
	{
		host: "127.0.0.1",
		port: 0,
		loops: Number(values.loops),
		flow: {
			// Section 9 sends 16 MiB and wants them back: with a header they are more than the default.
			maxBufferedBytes: 32 * 1024 * 1024,
		},
		protocol: webSocket({
			// Section 9 sends 4 MiB in fragments of 64 bytes.
			maxFragments: 65_536,
			...(values.deflate !== undefined && { perMessageDeflate }),
		}),
	},
);
const { port } = await server.start();
console.log(`listening ${port}`);
process.stdin.resume().once("end", () => server.stop());
