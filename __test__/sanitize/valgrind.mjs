/**
 * valgrind: what AddressSanitizer cannot see, uninitialized memory above all, in a short program. Node runs without its
 * compilers, whose code valgrind would have to translate again and again.
 */
import { join } from "node:path";
import {
	buildAddon,
	countWitnesses,
	emptyFolders,
	hasTool,
	loading,
	readReports,
	runPrograms,
	scenario,
} from "./instrumented.mjs";

export function missing() {
	return hasTool("valgrind") ? undefined : "valgrind: `apt install valgrind`";
}

export async function check() {
	const { reports, witnesses } = emptyFolders("valgrind");
	const loaded = {
		// Nothing is built in, so any addon with names in it will do.
		addon: await buildAddon("valgrind", process.env, "gev_node"),
		witnesses,
	};
	const program = scenario({ rounds: 1, clients: 4, messages: 8, workers: 2 });
	const failed = await runPrograms(
		[["--jitless", ...program]],
		loading(loaded),
		[
			"valgrind",
			"--num-callers=40",
			"--leak-check=full",
			"--show-leak-kinds=definite",
			`--log-file=${join(reports, "%p")}`,
		],
	);
	const texts = readReports(reports);
	const summaries = texts.filter((text) => text.includes("ERROR SUMMARY"));
	return {
		findings: texts.flatMap(findings),
		failed: summaries.length === 0 ? 1 : failed,
		processes: countWitnesses(loaded),
		summary: "one program",
	};
}

/** Node is not free of errors in every version, so that only those count that the addon has a part in. */
export function findings(report) {
	return report
		.replaceAll(/^==\d+== ?/gm, "")
		.split("\n\n")
		.filter((part) => /^ +(?:at|by) 0x.*gev[._]/m.test(part));
}
