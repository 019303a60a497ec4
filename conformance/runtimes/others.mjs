/**
 * The scenarios of __test__/behaviour (echoes, flow control, closes, stops)
 * with servers that Bun and Deno run. Clients and accounts stay with Node.js,
 * which knows nothing of what is on the other side.
 */
import { join } from "node:path";
import {
	execute,
	fetchRuntime,
	runtimes,
	suitsThisMachine,
	versionOf,
} from "../../scripts/npm-runtimes.mjs";
import { root } from "../../scripts/setup.mjs";

if (suitsThisMachine) {
	const others = runtimes.filter(({ name }) => !name.startsWith("Node.js"));
	for (const runtime of others) {
		if (!passes(runtime)) process.exitCode = 1;
	}
} else {
	console.log(
		`other runtimes: skipped, because they are fetched for linux-x64 and this is ${process.platform}-${process.arch}`,
	);
}

function passes(runtime) {
	const executable = fetchRuntime(runtime);
	const command = [executable, ...runtime.flags].join(" ");
	const faults = join(root, "__test__", "behaviour", "faults.mjs");
	const scenarios = [faults, "--mode", "plain"];
	const { ok, output } = execute(process.execPath, scenarios, 600_000, {
		GEV_HOST_RUNTIME: command,
	});
	console.log(
		`\n${runtime.name} ${versionOf(executable)}: ${ok ? "ok" : "FAILED"}\n${output}`,
	);
	return ok;
}
