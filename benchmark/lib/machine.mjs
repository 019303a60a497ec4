/** Where and with what a benchmark ran. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { benchmarkFolder, rootFolder } from "./peers.mjs";

/** What a reader needs to judge the figures, by its name. */
export function describeMachine({ pins, why }) {
	const cpus = os.cpus();
	return {
		date: new Date().toISOString(),
		command: `node benchmark/run.mjs ${process.argv.slice(2).join(" ")}`.trim(),
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
	const gnet = /^require \S+ v(\S+)$/m.exec(modules)?.[1];
	return [...fromNpm, `gnet ${gnet}`].join(", ");
}
