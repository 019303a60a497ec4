/**
 * A pool of workers with gev: `gev-workers.mjs [--mode busy] [--workers N] [--threads]`. With `--mode busy` each worker's
 * handler works for 20 microseconds with each message; with `--threads` each worker has a thread for its event loop besides.
 * This file is what workers serve, too.
 */
import { parseArgs } from "node:util";
import { isMainThread, workerData } from "node:worker_threads";
import { Server, WorkerPool, webSocket } from "../../dist/index.js";
import { beBusy } from "./busy.mjs";

const busyUs = workerData === "busy" ? 20 : 0;

export default isMainThread ? undefined : makeServer();

if (isMainThread) {
	const { values } = parseArgs({
		options: {
			mode: { type: "string", default: "echo" },
			workers: { type: "string", default: "1" },
			threads: { type: "boolean", default: false },
		},
	});
	const pool = new WorkerPool(new URL(import.meta.url), {
		workers: Number(values.workers),
		threads: values.threads,
		workerData: values.mode,
		host: "127.0.0.1",
		port: 0,
	});
	const { port } = await pool.start();
	console.log(`listening ${port}`);
}

function makeServer() {
	const onMessage = (_connection, message) => {
		if (busyUs > 0) beBusy(busyUs);
		return message;
	};
	return new Server({ onMessage }, { protocol: webSocket() });
}
