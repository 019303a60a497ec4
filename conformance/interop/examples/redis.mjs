/** Checks of examples/key-value with a package of npm, or redis-cli: `redis.mjs redis|ioredis|redis-cli LIBRARY URL`. */
import { execFile, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { argv } from "node:process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { Inbox, report } from "./checking.mjs";
import { redisChecks } from "./redis-checks.mjs";

const [name, library, url] = argv.slice(2);
const { hostname, port } = new URL(url);
const require = createRequire(import.meta.url);
const makers = { redis, ioredis, "redis-cli": cli };
const { client, end } = await makers[name]();
await report(redisChecks, client);
await end();

async function redis() {
	const { createClient } = require(library);
	const open = (RESP) =>
		createClient({ socket: { host: hostname, port }, RESP });
	const client = await open(2).connect();
	const newer = await open(3).connect();
	const call = (...args) => client.sendCommand(args);
	return {
		client: {
			call,
			together: (commands) =>
				Promise.all(commands.map((args) => call(...args))),
			async subscribe(channel) {
				const subscriber = await client.duplicate().connect();
				const inbox = new Inbox();
				await subscriber.subscribe(channel, (message) => inbox.push(message));
				const end = async () => {
					await subscriber.unsubscribe(channel);
					await subscriber.close();
				};
				return { next: () => inbox.next(), end };
			},
			hello: async () => (await newer.hello(3)).proto,
		},
		end: () => Promise.all([client.close(), newer.close()]),
	};
}

async function ioredis() {
	const { Redis } = require(library);
	const client = new Redis(port, hostname);
	return {
		client: {
			call: (...args) => client.call(...args),
			async together(commands) {
				const replies = await client
					.pipeline(commands.map((args) => ["call", ...args]))
					.exec();
				return replies.map(([, reply]) => reply);
			},
			async subscribe(channel) {
				const subscriber = client.duplicate();
				const inbox = new Inbox();
				subscriber.on("message", (_channel, message) => inbox.push(message));
				await subscriber.subscribe(channel);
				const end = async () => {
					await subscriber.unsubscribe(channel);
					await subscriber.quit();
				};
				return { next: () => inbox.next(), end };
			},
		},
		end: () => client.quit(),
	};
}

async function cli() {
	const place = ["-h", hostname, "-p", port];
	const run = promisify(execFile);
	const call = async (...args) => {
		const { stdout } = await run(library, [...place, "--json", ...args]);
		return JSON.parse(stdout.replace(/^error:/, ""));
	};
	return {
		client: {
			call,
			together: (commands) => piped(library, place, commands),
			async subscribe(channel) {
				const args = [...place, "--json", "SUBSCRIBE", channel];
				const child = spawn(library, args);
				const inbox = new Inbox();
				createInterface({ input: child.stdout }).on("line", (line) => {
					if (line.startsWith("[")) inbox.push(JSON.parse(line));
				});
				await inbox.next();
				return {
					next: async () => (await inbox.next())[2],
					end: async () => child.kill(),
				};
			},
			hello: async () => (await call("HELLO")).proto,
		},
		end: async () => {},
	};
}

/** Commands as lines of its input; each reply is a line. */
async function piped(file, place, commands) {
	const child = execFile(file, [...place, "--json"]);
	child.stdin.end(commands.map((args) => `${args.join(" ")}\n`).join(""));
	const replies = [];
	for await (const line of createInterface({ input: child.stdout })) {
		if (line !== "") replies.push(JSON.parse(line));
	}
	return replies;
}
