/**
 * Libraries from npm that a server's counts are given to: `prom-client` by `Server.collect`, OpenTelemetry by the lines of
 * docs/metrics.md, as they stand there.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { cacheFolder, install } from "../../scripts/npm-runtimes.mjs";
import { root } from "../../scripts/setup.mjs";

const packages = [
	"prom-client@^15",
	"@opentelemetry/api@^1",
	"@opentelemetry/sdk-metrics@^2",
];

/** What was found to be wrong with what they say of `server`, on which nobody works meanwhile. */
export async function checkRegisters(server) {
	const prefix = cacheFolder("registers");
	if (!existsSync(join(prefix, "node_modules", "prom-client"))) {
		install(packages, prefix);
	}
	const require = createRequire(join(prefix, "index.js"));
	return [
		...(await checkPromClient(require("prom-client"), server)),
		...(await checkOpenTelemetry(require, server)),
	];
}

async function checkPromClient({ Registry }, server) {
	const register = new Registry();
	server.collect(register);
	const steady = (text) =>
		text
			.split("\n")
			.filter((line) =>
				/^(# |gev_\w+_(bytes|messages)_total|gev_conn)/.test(line),
			);
	const said = steady(await register.metrics()).join("\n");
	const isSame = said === steady(server.metrics()).join("\n");
	return isSame ? [] : [`prom-client says something else:\n${said}`];
}

async function checkOpenTelemetry(require, server) {
	const { metrics } = require("@opentelemetry/api");
	const sdk = require("@opentelemetry/sdk-metrics");
	const { CUMULATIVE } = sdk.AggregationTemporality;
	const exporter = new sdk.InMemoryMetricExporter(CUMULATIVE);
	const exportIntervalMillis = 60_000;
	const reader = new sdk.PeriodicExportingMetricReader({
		...{ exporter, exportIntervalMillis },
	});
	const provider = new sdk.MeterProvider({ readers: [reader] });
	metrics.setGlobalMeterProvider(provider);
	runInNewContext(documented(), { metrics, server });
	await reader.forceFlush();
	const found = exporter.getMetrics()[0].scopeMetrics[0].metrics;
	const sums = Object.fromEntries(
		found.map(({ descriptor, dataPoints }) => [
			descriptor.name,
			dataPoints.reduce((sum, { value }) => sum + value, 0),
		]),
	);
	await provider.shutdown();
	const { received, connections } = server.stats();
	const ended = Object.values(connections.closed);
	const expected = {
		"gev.received.bytes": received.bytes,
		"gev.connections": connections.open,
		"gev.connections.closed": ended.reduce((sum, count) => sum + count),
	};
	return Object.entries(expected)
		.filter(([name, value]) => sums[name] !== value)
		.map(
			([name, value]) =>
				`OpenTelemetry: ${name} is ${sums[name]}, not ${value}`,
		);
}

/** The lines of the docs, but for the import. */
function documented() {
	const docs = readFileSync(join(root, "docs", "metrics.md"), "utf8");
	const lines = /```js\nimport .* from "@opentelemetry\/api";\n([\s\S]*?)```/;
	return lines.exec(docs)[1];
}
