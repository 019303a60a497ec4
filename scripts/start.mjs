/**
 * `npm start`: brings the checkout up to date, then becomes the WebSocket echo
 * example. It stays one process, so that Ctrl-C and SIGTERM reach the server.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, runScript, setup } from "./setup.mjs";

const example = join(root, "build", "examples", "websocket-echo.js");

await runScript(() => setup());
process.argv[1] = example;
await import(pathToFileURL(example).href);

// On Ctrl-C the terminal signals npm and the server, and npm passes its signal on.
// The second one must not interrupt a server that is stopping.
for (const signal of ["SIGINT", "SIGTERM"]) {
	if (process.listenerCount(signal) > 0) process.on(signal, () => {});
}
