/**
 * `npm run prometheus`: has a real Prometheus (Debian's package `prometheus`) scrape a server under load, and compares what
 * its queries say with what the clients have counted; then gives the counts to libraries from npm. Then the same of a pool of
 * workers, of which one dies.
 *
 *   --seconds N      how long there is load; 60 if it is not given
 *   --allow-missing  without Prometheus there is no failure
 */
import { once } from "node:events";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import { raw, Server } from "gev";
import { runScript } from "../../scripts/setup.mjs";
import { find } from "../interop/programs.mjs";
import { checkPool } from "./pool.mjs";
import {
	compareAll,
	limitMs,
	pause,
	startPrometheus,
	token,
} from "./prometheus.mjs";
import { checkRegisters } from "./registers.mjs";

const { values } = parseArgs({
	options: {
		seconds: { type: "string", default: "60" },
		"allow-missing": { type: "boolean", default: false },
	},
});
const loadMs = Number(values.seconds) * 1000;
const clientCount = 20;
const turnedAway = 3;
const message = Buffer.alloc(100, "x");

await runScript(async () => {
	const program = find("prometheus");
	if (program !== undefined) {
		await check(program);
		if ((await checkPool(program)) > 0) process.exitCode = 1;
		return;
	}
	console.log("prometheus is missing (Debian's package of that name)");
	process.exitCode = values["allow-missing"] ? 0 : 1;
});

async function check(program) {
	const server = new Server(
		{ onMessage: (_, bytes) => bytes },
		{
			...{ host: "127.0.0.1", port: 0, protocol: raw() },
			limits: { maxConnections: clientCount },
			metrics: { token },
		},
	);
	const { port } = await server.start();
	const prometheus = await startPrometheus(program, server.metricsAddress.port);
	try {
		const begin = performance.now();
		const counted = await load(port, begin + loadMs);
		const seconds = (performance.now() - begin) / 1000;
		await compare(prometheus.query, counted, seconds);
		for (const wrong of await checkRegisters(server)) {
			console.log(wrong);
			process.exitCode = 1;
		}
	} finally {
		prometheus.stop();
		await server.stop();
	}
}

/** What clients have counted: whole messages that have come back, and bytes each way. */
async function load(port, until) {
	const counted = { messages: 0, bytes: 0, closed: clientCount };
	const clients = Array.from({ length: clientCount }, () =>
		connect(port, "127.0.0.1"),
	);
	await Promise.all(clients.map((client) => once(client, "connect")));
	for (const client of clients) await echoed(client, counted);
	for (let n = 0; n < turnedAway; n++) {
		const client = connect(port, "127.0.0.1").on("error", () => {});
		await once(client, "close");
	}
	const talks = clients.map(async (client) => {
		while (performance.now() < until) await echoed(client, counted);
		client.end();
		await once(client, "close");
	});
	await Promise.all(talks);
	return counted;
}

/** A message goes there and comes back. */
async function echoed(client, counted) {
	client.write(message);
	for (let left = message.length; left > 0; ) {
		const [bytes] = await once(client, "data");
		left -= bytes.length;
	}
	counted.messages++;
	counted.bytes += message.length;
}

async function compare(query, { messages, bytes, closed }, seconds) {
	const expected = {
		"sum(gev_received_messages_total)": messages,
		"sum(gev_sent_messages_total)": messages,
		"sum(gev_loop_received_messages_total)": messages,
		gev_received_bytes_total: bytes,
		gev_sent_bytes_total: bytes,
		'gev_connections_closed_total{cause="peer"}': closed,
		gev_connections_closed_cleanly_total: closed,
		gev_connections_opened_total: closed,
		gev_connections: 0,
		gev_connections_accepted_total: closed + turnedAway,
		'gev_connections_refused_total{reason="maxConnections"}': turnedAway,
		gev_buffered_bytes: 0,
	};
	const end = performance.now() + limitMs;
	// What has happened last is there with the next scrape.
	while ((await query("gev_connections")) !== 0) await pause(end);
	while ((await query("sum(gev_received_messages_total)")) !== messages) {
		await pause(end);
	}
	let differing = await compareAll(query, expected);
	const window = Math.ceil(seconds);
	const rate = await query(
		`increase(gev_received_messages_total[${window + 5}s])`,
	);
	console.log(`${"for reading".padEnd(12)} increase = ${rate} of ${messages}`);
	for (const text of [
		"histogram_quantile(0.99, gev_handler_seconds_bucket)",
		"histogram_quantile(0.99, sum by (le) (gev_loop_turn_seconds_bucket))",
		"histogram_quantile(0.99, sum by (le) (gev_loop_event_queue_depth_bytes_bucket))",
		"gev_script_utilization_ratio",
	]) {
		const found = await query(text);
		if (!(found > 0)) differing++;
		const verdict = found > 0 ? "ok" : "not > 0";
		console.log(`${verdict.padEnd(12)} ${text} = ${found}`);
	}
	if (differing > 0) process.exitCode = 1;
}
