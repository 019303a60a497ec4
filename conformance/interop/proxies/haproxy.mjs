/** HAProxy in front of a server: a way of saying whose connection it is, and checks of the server's health. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { execute } from "../../../scripts/npm-runtimes.mjs";
import { startProgram } from "./program.mjs";

/** @param {string} executable */
export function haproxyVersion(executable) {
	const { output } = execute(executable, ["-v"], 10_000);
	return /HAProxy version (\d[\d.]*)/i.exec(output)?.[1] ?? "?";
}

/**
 * @param {string} executable
 * @param {string} say How a server is told whose connection it is, in HAProxy's words.
 * @returns {import("./index.mjs").Start}
 */
export function haproxy(executable, say) {
	return async ({ folder, routes }) => {
		const file = join(folder, "haproxy.cfg");
		const stats = join(folder, "stats.sock");
		writeFileSync(file, configuration(stats, routes, say));
		const ports = routes.map(({ port }) => port);
		// In the foreground.
		const command = [executable, "-db", "-f", file];
		const { stop } = await startProgram(command, ports);
		return {
			stop,
			health: () => health(stats),
			hasTlvs: say.includes("unique-id"),
		};
	};
}

function configuration(stats, routes, say) {
	const listeners = routes.map(
		({ name, port, to }) => `
listen ${name}
	bind 127.0.0.1:${port}
	bind ::1:${port}
	unique-id-format id-%cp
	server gev ${typeof to === "string" ? `unix@${to}` : `127.0.0.1:${to}`} ${say} check check-send-proxy inter 100ms
`,
	);
	return `
global
	stats socket ${stats} mode 600
defaults
	mode tcp
	timeout connect 5s
	timeout client 30s
	timeout server 30s
${listeners.join("")}`;
}

/** What it has found out about each server: its state, and how often a check has failed. */
async function health(stats) {
	const socket = connect(stats).setEncoding("utf8");
	await once(socket, "connect");
	socket.write("show stat\n");
	let csv = "";
	for await (const text of socket) csv += text;
	const [head, ...rows] = csv
		.trim()
		.split("\n")
		.map((line) => line.split(","));
	const column = (name) => head.indexOf(name);
	return rows
		.filter((row) => row[column("svname")] === "gev")
		.map((row) => ({
			status: row[column("status")],
			check: row[column("check_status")],
			failures: Number(row[column("chkfail")]),
		}));
}
