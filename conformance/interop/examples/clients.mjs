/** The clients of examples that others wrote, and how each is brought to where it can run: as in ../clients.mjs. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
	cacheFolder,
	install,
	versionOf,
} from "../../../scripts/npm-runtimes.mjs";
import { root } from "../../../scripts/setup.mjs";
import { find } from "../programs.mjs";

const folder = join(root, "conformance", "interop", "examples");

/** @type {import("../clients.mjs").Client[]} */
export const redisClients = [
	fromNpm("redis", "6.3.1", ["redis.mjs", "redis"]),
	fromNpm("ioredis", "6.0.0", ["redis.mjs", "ioredis"]),
	installed("redis-cli", ["redis.mjs", "redis-cli"], (file) => file),
];

/** @type {import("../clients.mjs").Client[]} */
export const mqttClients = [4, 5].flatMap((version) => {
	const args = (name) => ["mqtt.mjs", name, String(version)];
	const title = version === 4 ? "3.1.1" : "5";
	return [
		fromNpm("mqtt", "5.16.0", args("mqtt"), `mqtt by MQTT ${title}`),
		installed(
			"mosquitto_sub",
			args("mosquitto"),
			dirname,
			`mosquitto by MQTT ${title}`,
		),
	];
});

/** One that is fetched from npm. */
function fromNpm(name, version, [script, ...args], title = name) {
	const prefix = join(cacheFolder("gev-interop"), `${name}@${version}`);
	const library = join(prefix, "node_modules", name);
	return {
		name: title,
		prepare: () => {
			if (!existsSync(library)) install(`${name}@${version}`, prefix);
			if (!existsSync(library)) return undefined;
			const manifest = readFileSync(join(library, "package.json"), "utf8");
			const command = [join(folder, script), ...args, library];
			return {
				command: [process.execPath, ...command],
				version: JSON.parse(manifest).version,
			};
		},
	};
}

/** A program of the system's own packages; `argumentOf` is what the script is told of it. */
function installed(program, [script, ...args], argumentOf, title = program) {
	return {
		name: title,
		prepare: () => {
			const file = find(program);
			if (file === undefined) {
				console.error(`there is no ${program}`);
				return undefined;
			}
			const command = [join(folder, script), ...args, argumentOf(file)];
			return {
				command: [process.execPath, ...command],
				version: versionOf(file),
			};
		},
	};
}
