/**
 * `npm run interop`: lets clients that others wrote talk to a server and to examples, puts
 * proxies that others wrote in front of one, and has encoders and decoders of
 * others tried on framing; prints tables of what was found, and compares them with
 * conformance/interop.md and docs/presets/peers.md: other outcomes than theirs are
 * a failure. Names of clients, proxies and programs as arguments check only those.
 *
 *   --write          writes these pages, with all, or with all of framing: that one only
 *   --update         fetches newer runtimes from npm
 *   --allow-missing  who cannot be had here is no failure
 */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";
import { checks } from "../../build/__test__/kit/interop/checks.js";
import { startInteropServer } from "../../build/__test__/kit/interop/server.js";
import { forgetRuntimes } from "../../scripts/npm-runtimes.mjs";
import { SetupError } from "../../scripts/requirements.mjs";
import { runScript } from "../../scripts/setup.mjs";
import { clients } from "./clients.mjs";
import { mqttClients, redisClients } from "./examples/clients.mjs";
import { mqttChecks } from "./examples/mqtt-checks.mjs";
import { redisChecks } from "./examples/redis-checks.mjs";
import { startExample } from "./examples/server.mjs";
import { framingNames, tryOutFraming } from "./framing/index.mjs";
import { framingTable, newsOf, writeFramingPage } from "./framing/page.mjs";
import { proxyChecks, runProxyChecks } from "./proxies/checks.mjs";
import { proxies } from "./proxies/index.mjs";
import { Scene } from "./proxies/scene.mjs";
import { isKnown, markdownTable, writeReport } from "./report.mjs";
import { valueKinds } from "./values/index.mjs";

const limitMs = 60_000;

const kinds = [
	{
		kind: "client",
		checks: Object.keys(checks),
		peers: clients,
		tryOut: tryOutClients(checks, startInteropServer),
	},
	{
		kind: "proxy",
		checks: Object.keys(proxyChecks),
		peers: proxies,
		tryOut: tryOutProxy,
	},
	{
		kind: "client of Redis",
		checks: Object.keys(redisChecks),
		peers: redisClients,
		tryOut: tryOutClients(redisChecks, () => startExample("key-value/server")),
	},
	{
		kind: "client of MQTT",
		checks: Object.keys(mqttChecks),
		peers: mqttClients,
		tryOut: tryOutClients(mqttChecks, () => startExample("mqtt-broker/server")),
	},
	...valueKinds.map(({ start, ...kind }) => ({
		...kind,
		tryOut: (peer) => tryOutPeer(peer, kind.checks, start),
	})),
];

async function main() {
	const { values, positionals } = parseArgs({
		options: {
			write: { type: "boolean", default: false },
			update: { type: "boolean", default: false },
			"allow-missing": { type: "boolean", default: false },
		},
		allowPositionals: true,
	});
	const isFraming = positionals.join() === framingNames.join();
	if (values.write && positionals.length > 0 && !isFraming) {
		throw new SetupError(
			`interop: --write needs all clients and proxies, or ${framingNames.join(" ")}`,
		);
	}
	if (values.update) forgetRuntimes();
	const tables = [];
	const results = [];
	for (const { kind, checks, peers, tryOut } of chosen(positionals)) {
		const own = [];
		for (const peer of peers) own.push(await tryOut(peer));
		tables.push({ kind, table: markdownTable(kind, checks, own) });
		results.push(...own);
	}
	const programs = positionals.length === 0 ? framingNames : positionals;
	const exchanges = await tryOutFraming(programs);
	const failures = results.flatMap(({ name, errors }) =>
		errors.map((error) => `- ${name}, ${error}`),
	);
	const framing = framingTable(exchanges);
	const all = tables.map(({ table }) => table);
	if (exchanges.length > 0) all.push(framing);
	console.log(all.join("\n\n"));
	const wrong = exchanges
		.filter(({ version, outcome }) => version !== undefined && outcome !== "ok")
		.map(
			({ row, from, peer, outcome }) =>
				`- ${row}, ${from}: ${peer}: ${outcome}`,
		);
	for (const failure of [...failures, ...wrong]) console.log(failure);
	if (values.write) writeFramingPage(framing);
	if (values.write && !isFraming) writeReport(tables, failures);

	const isComplete = [...results, ...exchanges].every(
		(result) => result.version !== undefined,
	);
	const isGood =
		failures.length + wrong.length === 0 &&
		(isComplete || values["allow-missing"]) &&
		(values.write || (isKnown(results) && isFramingKnown(exchanges)));
	process.exitCode = isGood ? 0 : 1;
}

function isFramingKnown(exchanges) {
	const news = newsOf(exchanges);
	if (news.length === 0) return true;
	console.log(
		`interop: docs/presets/peers.md says something else of ${news.join("; ")}; --write writes it`,
	);
	return false;
}

/** The kinds that have peers of these names, with those only. */
function chosen(wanted) {
	const known = [
		...kinds.flatMap(({ peers }) => peers.map(({ name }) => name)),
		...framingNames,
	];
	const unknown = wanted.filter((name) => !known.includes(name));
	if (unknown.length > 0) {
		throw new SetupError(
			`interop: no ${unknown.join(", ")}; there are ${known.join(", ")}`,
		);
	}
	return kinds
		.map((one) => ({
			...one,
			peers: one.peers.filter(
				({ name }) => wanted.length === 0 || wanted.includes(name),
			),
		}))
		.filter(({ peers }) => peers.length > 0);
}

/**
 * How all checks of one client are run, against a server that no other client has talked to.
 *
 * @returns {(client: import("./clients.mjs").Client) => Promise<import("./report.mjs").Result>}
 */
function tryOutClients(checks, startServer) {
	return async ({ name, prepare }) => {
		process.stderr.write(`interop: ${name}\n`);
		const prepared = prepare();
		if (!prepared) return { name, outcomes: new Map(), errors: [] };
		const server = await startServer();
		const { output, end } = await run([...prepared.command, server.url]);
		await server.stop();
		const outcomes = outcomesIn(output, Object.keys(checks));
		return {
			name,
			version: prepared.version,
			outcomes,
			errors: [...errorsIn(outcomes), ...(end === "exit 0" ? [] : [end])],
		};
	};
}

/**
 * Runs what one peer can check of `checks`, against a server of its own that must not have been told of any error.
 *
 * @returns {Promise<import("./report.mjs").Result>}
 */
async function tryOutPeer({ name, prepare }, checks, start) {
	process.stderr.write(`interop: ${name}\n`);
	const prepared = prepare();
	if (prepared === undefined) return { name, outcomes: new Map(), errors: [] };
	const server = await start();
	const { output, end } = await run([...prepared.command, `${server.port}`]);
	await server.stop();
	const outcomes = outcomesIn(output, checks);
	return {
		name,
		version: prepared.version,
		outcomes,
		errors: [
			...errorsIn(outcomes),
			...server.errors,
			...(end === "exit 0" ? [] : [end]),
		],
	};
}

/**
 * Runs all checks through one proxy, in front of servers of its own.
 *
 * @returns {Promise<import("./report.mjs").Result>}
 */
async function tryOutProxy({ name, unix, prepare }) {
	process.stderr.write(`interop: ${name}\n`);
	const prepared = prepare();
	if (prepared === undefined) return { name, outcomes: new Map(), errors: [] };
	const { version, start } = prepared;
	try {
		const scene = await Scene.open(start, unix);
		const outcomes = await runProxyChecks(scene);
		await scene.close();
		return { name, version, outcomes, errors: errorsIn(outcomes) };
	} catch (error) {
		return { name, version, outcomes: new Map(), errors: [error.message] };
	}
}

async function run([command, ...args]) {
	const child = spawn(command, args, {
		env: { ...process.env, NO_COLOR: "1" },
		stdio: ["ignore", "pipe", "inherit"],
		timeout: limitMs,
		killSignal: "SIGKILL",
	});
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		output += text;
	});
	const end = await new Promise((resolve) => {
		child.on("error", ({ message }) => resolve(message));
		child.on("close", (code, signal) => resolve(signal ?? `exit ${code}`));
	});
	return { output, end };
}

/** A check that the client has said nothing about, because it ended or was ended before, has failed. */
function outcomesIn(output, checks) {
	const lines = [...output.matchAll(/^([\w-]+) (.+)$/gm)];
	const said = new Map(lines.map(([, name, outcome]) => [name, outcome]));
	return new Map(checks.map((name) => [name, said.get(name) ?? "no result"]));
}

function errorsIn(outcomes) {
	return [...outcomes]
		.filter(([, outcome]) => outcome !== "ok" && outcome !== "-")
		.map(([check, outcome]) => `${check}: ${outcome}`);
}

await runScript(main);
