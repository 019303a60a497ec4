/** Examples as servers of clients that others wrote: each in a process of its own, as a user starts it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../../../scripts/setup.mjs";

/** @returns {Promise<{ url: string, stop(): Promise<void> }>} Where it listens, by its first line. */
export async function startExample(name, ...args) {
	const file = join(root, "build", "examples", `${name}.js`);
	const child = spawn(process.execPath, [file, "--port=0", ...args], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const ended = once(child, "exit");
	const lines = createInterface({ input: child.stdout });
	const [line] = await once(lines, "line");
	return {
		url: /^listening on (\S+) /.exec(line)?.[1] ?? line,
		stop: async () => {
			child.kill();
			await ended;
		},
	};
}
