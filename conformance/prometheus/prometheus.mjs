/** A Prometheus of our own, and ways to ask it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** What those who ask for metrics have to say. */
export const token = "prometheus";
export const limitMs = 30_000;

/** A moment, until `end`. */
export async function pause(end) {
	if (performance.now() > end) throw new Error("Prometheus does not see it");
	await sleep(200);
}

/** Scrapes this port every second. */
export async function startPrometheus(program, target) {
	const folder = mkdtempSync(join(tmpdir(), "gev-prometheus-"));
	const config = join(folder, "prometheus.yml");
	writeFileSync(
		config,
		JSON.stringify({
			global: { scrape_interval: "1s", scrape_timeout: "1s" },
			scrape_configs: [
				{
					job_name: "gev",
					authorization: { credentials: token },
					static_configs: [{ targets: [`127.0.0.1:${target}`] }],
				},
			],
		}),
	);
	const port = await freePort();
	const child = spawn(
		program,
		[
			`--config.file=${config}`,
			`--storage.tsdb.path=${join(folder, "data")}`,
			`--web.listen-address=127.0.0.1:${port}`,
		],
		{ stdio: "ignore" },
	);
	const query = async (text) => {
		const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`;
		const { data } = await (await fetch(url)).json();
		const value = data?.result[0]?.value[1];
		return value === undefined ? undefined : Number(value);
	};
	const end = performance.now() + limitMs;
	while ((await query("up").catch(() => undefined)) !== 1) await pause(end);
	const stop = () => {
		child.kill();
		child.once("exit", () => rmSync(folder, { recursive: true }));
	};
	return { query, stop };
}

/** A port that nobody has; Prometheus cannot tell which one the system has chosen. */
async function freePort() {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address();
	server.close();
	await once(server, "close");
	return port;
}

/** Compares what queries say with what they should, and shows it; returns how many differ. */
export async function compareAll(query, expected) {
	let differing = 0;
	for (const [text, value] of Object.entries(expected)) {
		const found = await query(text);
		if (found !== value) differing++;
		const verdict = found === value ? "ok" : `not ${value}`;
		console.log(`${verdict.padEnd(12)} ${text} = ${found}`);
	}
	return differing;
}
