/**
 * A pool of two workers, scraped at one port while one of them dies and is replaced: no count goes down, and each is what
 * clients have counted.
 */
import { once } from "node:events";
import { WorkerPool } from "gev";
import WebSocket from "ws";
import {
	compareAll,
	limitMs,
	pause,
	startPrometheus,
	token,
} from "./prometheus.mjs";

const clientCount = 10;
const rounds = 20;
/** What must not go down. */
const counts = [
	...["gev_received_bytes_total", "gev_received_messages_total"],
	...["gev_sent_bytes_total", "gev_connections_accepted_total"],
	...["gev_frames_received_total", "gev_handler_seconds_count"],
	...["gev_script_drains_total", "gev_script_busy_seconds_total"],
	...["gev_loop_turns_total", "gev_loop_turn_seconds_bucket"],
	...["gev_loop_received_bytes_total", "gev_loop_event_queue_depth_bytes_sum"],
];

/** Returns how many queries say something else. */
export async function checkPool(program) {
	const exits = [];
	const pool = new WorkerPool(new URL("./pool-worker.mjs", import.meta.url), {
		...{ workers: 2, host: "127.0.0.1", port: 0, metrics: { token } },
		onWorkerExit: (exit) => exits.push(exit),
	});
	const { port } = await pool.start();
	const prometheus = await startPrometheus(program, pool.metricsAddress.port);
	const end = performance.now() + limitMs;
	try {
		const { query } = prometheus;
		const before = await crowd(port);
		await talk(before);
		const messages = clientCount * rounds;
		while ((await query("gev_received_messages_total")) !== messages) {
			await pause(end);
		}
		before[0].send("die");
		while (exits.length === 0) await pause(end);
		for (const client of before) client.terminate();
		await talk(await crowd(port));
		const all = 2 * messages + 1;
		while ((await query("gev_received_messages_total")) !== all) {
			await pause(end);
		}
		return await compareAll(query, {
			'gev_frames_received_total{opcode="text"}': all,
			"sum(gev_loop_received_messages_total)": all,
			"count(gev_loop_received_messages_total)": 2,
			gev_sent_messages_total: all - 1,
			gev_connections: clientCount,
			"sum(gev_loop_connections)": clientCount,
			gev_connections_opened_total: 2 * clientCount,
			gev_worker_failures_total: 1,
			"count(gev_worker_utilization_ratio)": 2,
			...Object.fromEntries(
				counts.map((name) => [`max(resets(${name}[10m]))`, 0]),
			),
		});
	} finally {
		prometheus.stop();
		await pool.stop({ timeoutMs: 0 });
	}
}

async function crowd(port) {
	const clients = Array.from(
		{ length: clientCount },
		() => new WebSocket(`ws://127.0.0.1:${port}`),
	);
	await Promise.all(clients.map((client) => once(client, "open")));
	return clients;
}

/** Each message goes there and comes back. */
async function talk(clients) {
	for (let round = 0; round < rounds; round++) {
		for (const client of clients) {
			client.send("hello");
			await once(client, "message");
		}
	}
}
