/** Where and with what a benchmark ran. */
import { spawnSync } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import os from "node:os";
import { join, relative, sep } from "node:path";
import { benchmarkFolder, rootFolder } from "./peers.mjs";

/** What a reader needs to judge the figures, by its name. */
export function describeMachine({ pins, why }) {
	const cpus = os.cpus();
	return {
		date: new Date().toISOString(),
		command: commandLine(process.argv),
		cpu: `${cpus[0]?.model ?? "unknown"}, ${cpus.length} CPUs`,
		kernel: `${os.type()} ${os.release()} ${os.arch()}`,
		node: process.version,
		commit: commit(),
		peers: peerVersions(),
		cores: pins
			? `server on CPU ${pins.server}, generator on CPU ${pins.generator}`
			: `not pinned: ${why}`,
		loadAverageBefore: Number(os.loadavg()[0].toFixed(2)),
	};
}

/** How `argv` is typed in a clone. */
export function commandLine([, script, ...args]) {
	const file = relative(rootFolder, realpathSync(script)).split(sep).join("/");
	return ["node", file, ...args].join(" ");
}

/** The version of a Go module that the text of a go.mod requires, in a line of its own or in a block. */
export function goVersion(text, module) {
	const lines = text.split("\n").map((line) => line.trim().split(/\s+/));
	const words = lines.find((words) => words.includes(module)) ?? [];
	const version = words[words.indexOf(module) + 1];
	if (version === undefined) throw new Error(`go.mod requires no ${module}`);
	return version.replace(/^v/, "");
}

function commit() {
	const answer = spawnSync("git", ["describe", "--always", "--dirty"], {
		cwd: rootFolder,
		encoding: "utf8",
	});
	return answer.status === 0 ? answer.stdout.trim() : "unknown";
}

/** Versions of the peers, from the files that they are installed by. */
function peerVersions() {
	const { packages } = JSON.parse(
		readFileSync(join(benchmarkFolder, "package-lock.json"), "utf8"),
	);
	const fromNpm = Object.entries(packages)
		.filter(([path]) => path !== "")
		.map(
			([path, { version }]) =>
				`${path.replace("node_modules/", "")} ${version}`,
		);
	const modules = readFileSync(
		join(benchmarkFolder, "servers", "go", "go.mod"),
		"utf8",
	);
	const gnet = goVersion(modules, "github.com/panjf2000/gnet/v2");
	return [...fromNpm, `gnet ${gnet}`].join(", ");
}
