// node examples/workers/server.ts --workers 4
//
// Handlers on every core: connections of one port go to the worker that has the fewest of them.
import { WorkerPool } from "gev";
import { example } from "../serve.ts";

// The compiled example has a compiled worker.
const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
const file = new URL(`./hash.${extension}`, import.meta.url);

await example({ workers: "2" }, async ({ host, port }, { workers }) => {
	const pool = new WorkerPool(file, { host, port, workers: Number(workers) });
	const listening = await pool.start();
	process.once("SIGINT", () => void pool.stop());
	process.once("SIGTERM", () => void pool.stop());
	console.log(
		`listening on tcp://${listening.address}:${listening.port} with ${workers} workers`,
	);
});
