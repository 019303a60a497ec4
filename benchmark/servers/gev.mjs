/**
 * Echo with gev: `gev.mjs [--protocol raw] [--borrow] [--threads] [--deflate shared|dedicated] [--unix]`. Pinned to one core
 * its loop has by default no thread; with `--threads` it has. With `--unix` it listens on a unix socket of its own.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { raw, Server, webSocket } from "../../dist/index.js";

const { values } = parseArgs({
	options: {
		protocol: { type: "string", default: "websocket" },
		borrow: { type: "boolean", default: false },
		threads: { type: "boolean" },
		deflate: { type: "string" },
		unix: { type: "boolean", default: false },
	},
});
const path = join(tmpdir(), `gev-bench-${process.pid}.sock`);

const server = new Server(
	{
		onMessage(_connection, message) {
			return message;
		},
	},
	{
		...(values.unix ? { path } : { host: "127.0.0.1", port: 0 }),
		loops: 1,
		protocol:
			values.protocol === "raw"
				? raw()
				: webSocket({ perMessageDeflate: deflate(values.deflate) }),
		borrow: values.borrow,
		threads: values.threads,
	},
);
const { port } = await server.start();
console.log(`listening ${values.unix ? `unix:${path}` : port}`);
// Which removes the socket's file.
if (values.unix) process.once("SIGTERM", () => server.stop({ timeoutMs: 0 }));

function deflate(mode) {
	if (mode === undefined) return false;
	if (mode === "shared") return true;
	// By default the compressors of some 150 connections would have room, and the others would share.
	return { mode, memoryBudgetBytes: 2 * 1024 ** 3 };
}
