import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How a program ended. */
export interface Ended {
	code: number | null;
	signal: NodeJS.Signals | null;
	stdout: string;
	stderr: string;
}

/**
 * Runs one of the programs in `fixtures/` in a process of its own, to its end.
 *
 * @param name - file name without its ending.
 */
export function run(name: string, ...args: string[]): Promise<Ended> {
	const file = fileURLToPath(
		new URL(`../fixtures/${name}.js`, import.meta.url),
	);
	const child = spawn(process.execPath, [file, ...args], {
		stdio: ["ignore", "pipe", "pipe"],
		timeout: 90_000,
		killSignal: "SIGKILL",
	});
	let stdout = "";
	let stderr = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		stdout += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text) => {
		stderr += text;
	});
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code, signal) =>
			resolve({ code, signal, stdout, stderr }),
		);
	});
}
