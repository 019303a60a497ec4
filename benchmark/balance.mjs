/**
 * How evenly each mode of `balance` spreads connections: the table in docs/balancing.md, which this writes.
 *
 *   node benchmark/balance.mjs
 *
 * Clients have an address each, of 127.0.0.0/8, which only Linux has ready.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Server } from "../dist/index.js";
import { table } from "./lib/markdown.mjs";

/** Where the handler chooses: the loop with the fewest. */
const fewest = (loops) =>
	loops.reduce((least, loop) =>
		loop.connections < least.connections ? loop : least,
	).index;

const modes = [
	["kernel", "kernel"],
	["round-robin", "round-robin"],
	["least-connections", "least-connections"],
	["source-hash", "source-hash"],
	["random", "random"],
	["a function: the fewest", fewest],
];
const counts = [16, 100, 1000];
const page = new URL("../docs/balancing.md", import.meta.url);

const rows = [];
for (const loops of [2, 4, 8]) {
	for (const [name, balance] of modes) {
		const row = { loops, name, spread: new Map() };
		for (const count of counts) {
			for (const isBurst of [true, false]) {
				const spread = await measure(loops, balance, count, isBurst);
				row.spread.set(`${count} ${isBurst}`, spread);
			}
		}
		rows.push(row);
	}
}
const columns = counts.flatMap((count) =>
	[true, false].map((isBurst) => [
		`${count}, ${isBurst ? "at once" : "in turn"}`,
		({ spread }) => spread.get(`${count} ${isBurst}`),
	]),
);
const markdown = table(
	[["loops", ({ loops }) => loops], ["mode", ({ name }) => name], ...columns],
	rows,
);
console.log(markdown);
const text = readFileSync(page, "utf8");
const [begin, end] = ["<!-- table -->", "<!-- end -->"];
const before = text.slice(0, text.indexOf(begin) + begin.length);
const after = text.slice(text.indexOf(end));
writeFileSync(page, `${before}\n${markdown}\n${after}`);

/** The fewest and the most connections that a loop has. */
async function measure(loops, balance, count, isBurst) {
	const where = { host: "127.0.0.1", port: 0, socket: { backlog: 2048 } };
	const server = new Server({}, { ...where, loops, threads: true, balance });
	const { port } = await server.start();
	const clients = [];
	for (let n = 0; n < count; n++) {
		const localAddress = `127.1.${n >> 8}.${n & 255}`;
		const client = connect({ host: "127.0.0.1", port, localAddress });
		clients.push(client);
		if (!isBurst) await until(() => server.connectionCount > n);
	}
	await until(() => server.connectionCount === count);
	const own = Array.from({ length: loops }, () => 0);
	for (const { loopIndex } of server.connections()) own[loopIndex]++;
	const closed = clients.map((client) => once(client, "close"));
	for (const client of clients) client.destroy();
	await Promise.all(closed);
	await server.stop();
	const [least, most] = [Math.min(...own), Math.max(...own)];
	return least === most ? String(least) : `${least} to ${most}`;
}

async function until(condition) {
	while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
