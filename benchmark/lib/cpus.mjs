/** Which core the server runs on and which the generator, so that neither takes time from the other. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/**
 * @typedef {object} Pins
 * @property {number} server
 * @property {number} generator
 */

/**
 * Two CPUs that are not the two threads of one core, from the end of the list: interrupts tend to go to the first.
 *
 * @returns {{ pins?: Pins, why?: string }} why: the reason for not pinning.
 */
export function choosePins() {
	if (process.platform !== "linux") {
		return { why: "pinning to cores needs Linux" };
	}
	if (spawnSync("taskset", ["--version"]).status !== 0) {
		return { why: "pinning to cores needs taskset (package util-linux)" };
	}
	const allowed = allowedCpus();
	const server = allowed.at(-1);
	const siblings = siblingsOf(server);
	const generator = allowed.findLast((cpu) => !siblings.includes(cpu));
	if (generator === undefined) {
		return { why: "pinning to cores needs two cores" };
	}
	return { pins: { server, generator } };
}

/**
 * @param {number | undefined} cpu undefined: anywhere.
 * @param {string[]} command
 */
export function pinned(cpu, command) {
	return cpu === undefined
		? command
		: ["taskset", "--cpu-list", String(cpu), ...command];
}

function allowedCpus() {
	const status = readFileSync("/proc/self/status", "utf8");
	return parseCpuList(/^Cpus_allowed_list:\s*(.+)$/m.exec(status)?.[1] ?? "");
}

function siblingsOf(cpu) {
	const file = `/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`;
	return existsSync(file) ? parseCpuList(readFileSync(file, "utf8")) : [cpu];
}

/** Reads lists like `0-2,5`. */
function parseCpuList(text) {
	return text
		.trim()
		.split(",")
		.flatMap((range) => {
			const [first, last = first] = range.split("-").map(Number);
			return Array.from({ length: last - first + 1 }, (_, i) => first + i);
		});
}
