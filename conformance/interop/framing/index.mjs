/**
 * Framing against encoders, decoders, clients and servers that others wrote: real bytes over real sockets, both ways. Every
 * peer talks to a server of its own.
 */
import { spawn } from "node:child_process";
import { programs } from "./programs.mjs";
import { rows } from "./rows.mjs";
import { serve } from "./servers.mjs";

const limitMs = 180_000;

export const framingNames = programs.map(({ name }) => name);

/**
 * @typedef {object} Exchange
 * @property {string} row
 * @property {string} from Where the peer is from.
 * @property {string} peer
 * @property {string} [version] Missing when the peer is not available.
 * @property {string} outcome "ok", or what went wrong.
 * @property {number} received
 * @property {number} sent
 */

/**
 * Runs the programs of these names, one after the other.
 *
 * @returns {Promise<Exchange[]>} In the order of rows.
 */
export async function tryOutFraming(names) {
	const all = new Map();
	for (const program of programs) {
		if (!names.includes(program.name)) continue;
		for (const one of await tryOut(program)) {
			all.set(`${one.row}/${one.from}/${one.peer}`, one);
		}
	}
	const keys = rows.flatMap(({ name, peers }) =>
		programs.flatMap(({ language, from }) =>
			(peers[language] ?? []).map((peer) => `${name}/${from}/${peer}`),
		),
	);
	return keys.flatMap((key) => all.get(key) ?? []);
}

async function tryOut({ name, language, from, prepare, ports }) {
	process.stderr.write(`interop: ${name}\n`);
	const wanted = rows.flatMap((row) =>
		(row.peers[language] ?? []).map((peer) => ({ row, peer })),
	);
	const command = prepare();
	if (command === undefined) {
		return wanted.map(({ row, peer }) => ({
			...{ row: row.name, from, peer, outcome: "not available" },
			...{ received: 0, sent: 0 },
		}));
	}
	const servers = new Map();
	for (const { row, peer } of wanted) {
		servers.set(`${row.name}/${peer}`, await serve(row));
	}
	const numbers = [...servers].map(([key, { count }]) => [key, count.port]);
	const said = await run([...command, ...ports(Object.fromEntries(numbers))]);
	const exchanges = wanted.map(({ row, peer }) => {
		const key = `${row.name}/${peer}`;
		const judgement = judged(row, said.get(key), servers.get(key).count);
		return { row: row.name, from, peer, ...judgement };
	});
	for (const { stop } of servers.values()) await stop();
	return exchanges;
}

/** What the peer says has to be what the server has seen. */
function judged(row, said, { received, sent, errors }) {
	const { version, outcome } = said ?? { version: "?", outcome: "no result" };
	const heard = row.heard ?? received;
	const wrong = [
		...(outcome === "ok" ? [] : [outcome]),
		...errors,
		...(received === 0 ? ["nothing has been cut"] : []),
		...(received === heard ? [] : [`${received} messages, not ${heard}`]),
	];
	return { version, received, sent, outcome: wrong[0] ?? "ok" };
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
	await new Promise((resolve) => {
		child.on("error", resolve);
		child.on("close", resolve);
	});
	const lines = output.split("\n").map((line) => line.split("\t"));
	return new Map(
		lines.map(([key, version, outcome]) => [key, { version, outcome }]),
	);
}
