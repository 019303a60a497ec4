/**
 * Who speaks RESP, STOMP and messages with a type, and how each is brought to where it can run.
 *
 * @typedef {import("../clients.mjs").Client} Client
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
	cacheFolder,
	execute,
	install,
	versionOf,
} from "../../../scripts/npm-runtimes.mjs";
import { pythonEnvironment } from "../../../scripts/python.mjs";
import { root } from "../../../scripts/setup.mjs";
import { find } from "../programs.mjs";
import { startBroker } from "./broker.mjs";
import { namesOf, redisChecks, stompChecks, typedChecks } from "./checks.mjs";
import { startStore } from "./store.mjs";
import { startTypedEcho } from "./typed.mjs";

const folder = join(root, "conformance", "interop", "values");

/** @type {Client[]} */
const redisPeers = [
	{ name: "node-redis", prepare: () => prepareNpm("redis", "redis@6.3.1") },
	{ name: "ioredis", prepare: () => prepareNpm("ioredis", "ioredis@6.0.0") },
	{
		name: "redis-parser",
		prepare: () => prepareNpm("redis-parser", "redis-parser@3.0.0"),
	},
	{ name: "redis-py", prepare: () => preparePython("redis") },
	{ name: "hiredis", prepare: () => preparePython("hiredis") },
	{ name: "redis-cli", prepare: () => prepareTool("redis-cli") },
	{ name: "redis-benchmark", prepare: () => prepareTool("redis-benchmark") },
];

/** @type {Client[]} */
const stompPeers = [
	{ name: "@stomp/stompjs", prepare: prepareStompJs },
	{ name: "stomp.py", prepare: () => preparePython("stomp.py") },
];

/** @type {Client[]} */
const typedPeers = [{ name: "plugin of gev (Go)", prepare: preparePlugin }];

/** Kinds of peers, each with a server of its own that peers are given the port of. */
export const valueKinds = [
	{
		kind: "peer of RESP",
		checks: namesOf(redisChecks),
		peers: redisPeers,
		start: startStore,
	},
	{
		kind: "peer of STOMP",
		checks: namesOf(stompChecks),
		peers: stompPeers,
		start: startBroker,
	},
	{
		kind: "peer of typedProtobuf",
		checks: namesOf(typedChecks),
		peers: typedPeers,
		start: startTypedEcho,
	},
];

function prepareNpm(name, spec) {
	const prefix = installed(spec);
	if (prefix === undefined) return undefined;
	const script = join(folder, "redis_client.mjs");
	return {
		command: [process.execPath, script, name, prefix],
		version: spec.split("@").at(-1),
	};
}

function prepareStompJs() {
	const stompJs = "@stomp/stompjs@7.5.0";
	const prefix = installed(stompJs, "@stomp/tcp-wrapper@1.0.1");
	if (prefix === undefined) return undefined;
	const script = join(folder, "stomp_client.mjs");
	return { command: [process.execPath, script, prefix], version: "7.5.0" };
}

/** Where packages of npm are, which are fetched if need be. */
function installed(...specs) {
	const [first] = specs;
	const prefix = join(cacheFolder("gev-interop"), first.replaceAll("/", "_"));
	const library = join(prefix, "node_modules", first.replace(/@[^@]*$/, ""));
	if (!existsSync(library)) install(specs, prefix);
	return existsSync(library) ? prefix : undefined;
}

function preparePython(name) {
	const requirements = join(folder, "requirements.txt");
	const { python, missing } = pythonEnvironment(
		"gev-interop-values",
		requirements,
	);
	if (missing) {
		console.error(missing);
		return undefined;
	}
	const wanted = readFileSync(requirements, "utf8").split("\n");
	const version = wanted
		.find((line) => line.startsWith(`${name}==`))
		?.split("==")[1];
	const isStomp = name === "stomp.py";
	const script = join(folder, isStomp ? "stomp_checks.py" : "redis_checks.py");
	const args = isStomp ? [] : [name];
	return { command: [python, "-B", script, ...args], version };
}

function preparePlugin() {
	const source = join(folder, "plugin");
	const executable = join(cacheFolder("gev-interop"), "plugin");
	const build = ["build", "-C", source, "-mod=readonly", "-o", executable, "."];
	const { ok, output } = execute("go", build, 600_000);
	if (!ok) {
		console.error(output);
		return undefined;
	}
	const manifest = readFileSync(join(source, "go.mod"), "utf8");
	const [, version] = /Allenxuxu\/gev v(.*)/.exec(manifest);
	return { command: [executable], version };
}

function prepareTool(name) {
	const program = find(name);
	if (program === undefined) {
		console.error(`there is no ${name}: it is in Debian's package redis-tools`);
		return undefined;
	}
	const script = join(folder, "redis_tools.mjs");
	return {
		command: [process.execPath, script, name, program],
		version: versionOf(program),
	};
}
