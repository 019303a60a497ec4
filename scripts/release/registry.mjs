/**
 * A registry on loopback, for a rehearsal: it has the packages that are
 * published to it, and everything else from the registry that npm is set up
 * with. What it has fetched stays below node_modules/.cache.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	existsSync,
	mkdirSync,
	openSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { cacheFolder, execute } from "../npm-runtimes.mjs";
import { SetupError } from "../requirements.mjs";
import { manifest } from "./targets.mjs";

const folder = cacheFolder("gev-registry");
const program = join(folder, "node_modules", "verdaccio", "bin", "verdaccio");
const storage = join(folder, "storage");
const scope = manifest.napi.packageName.split("/")[0];

/** Starts it, without packages of ours. `url` is where it listens; `stop()` ends it. */
export async function startRegistry() {
	if (!existsSync(program)) installVerdaccio();
	for (const name of [manifest.name, scope]) {
		rmSync(join(storage, name), { recursive: true, force: true });
	}
	const port = await freePort();
	const url = `http://127.0.0.1:${port}/`;
	const config = join(folder, "config.json");
	writeFileSync(config, JSON.stringify(configuration()));
	const log = openSync(join(folder, "log.txt"), "w");
	const child = spawn(
		process.execPath,
		[program, "--config", config, "--listen", `127.0.0.1:${port}`],
		{ cwd: folder, stdio: ["ignore", log, log] },
	);
	await answers(url, child);
	return {
		url,
		async stop() {
			child.kill();
			await once(child, "exit");
		},
	};
}

/** Packages of ours come from here alone: nobody else's may have their names meanwhile. */
function configuration() {
	const upstream = execute("npm", ["config", "get", "registry"]).output;
	const ours = {
		access: "$all",
		publish: "$anonymous",
		unpublish: "$anonymous",
	};
	return {
		storage,
		uplinks: { upstream: { url: upstream, timeout: "60s", maxage: "1d" } },
		packages: {
			[`${scope}/*`]: ours,
			[manifest.name]: ours,
			"**": { access: "$all", proxy: "upstream" },
		},
		auth: { htpasswd: { file: join(folder, "htpasswd") } },
		max_body_size: "50mb",
		log: { type: "stdout", format: "pretty", level: "warn" },
	};
}

function installVerdaccio() {
	mkdirSync(folder, { recursive: true });
	writeFileSync(
		join(folder, "package.json"),
		JSON.stringify({
			private: true,
			dependencies: { verdaccio: "6.8.0" },
			// The version that verdaccio asks for has been withdrawn.
			overrides: { "node-fetch": "2.7.0" },
		}),
	);
	const flags = ["--ignore-scripts", "--prefix", folder];
	const { ok, output } = execute("npm", ["install", ...flags], 300_000);
	if (!ok) throw new SetupError(`${output}\nrelease: npm has no verdaccio`);
}

/** A port that nobody had a moment ago. */
async function freePort() {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const { port } = server.address();
	server.close();
	return port;
}

/** Waits until it answers; it has a minute. */
async function answers(url, child) {
	const ended = once(child, "exit").then(() => {
		throw new SetupError(`release: verdaccio ended, see ${folder}/log.txt`);
	});
	ended.catch(() => {});
	const deadline = AbortSignal.timeout(60_000);
	while (!deadline.aborted) {
		const answer = fetch(`${url}-/ping`).then((response) => response.ok);
		if (await Promise.race([answer.catch(() => false), ended])) return;
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	child.kill();
	throw new SetupError("release: verdaccio does not answer");
}
