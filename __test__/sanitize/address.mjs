/**
 * AddressSanitizer: the whole AVA suite with an instrumented addon, and then programs that end by themselves, for what
 * the addon has not freed in the end. Node itself is not instrumented, but its library replaces every allocation.
 */
import { join } from "node:path";
import { hasNightly } from "../../scripts/requirements.mjs";
import { countAva } from "../../scripts/test.mjs";
import {
	buildAddon,
	countWitnesses,
	emptyFolders,
	expectSuccess,
	hasTool,
	instrumented,
	loading,
	needsNightly,
	programs,
	readReports,
	run,
	runPrograms,
} from "./instrumented.mjs";

export function missing() {
	if (!hasNightly()) return needsNightly;
	return hasTool("gcc") ? undefined : "gcc, for its libasan: `apt install gcc`";
}

export async function check() {
	const { reports, witnesses } = emptyFolders("address");
	const env = instrumented("-Zsanitizer=address");
	const loaded = {
		addon: await buildAddon("address", env, "__asan_init"),
		library: await libasan(),
		witnesses,
	};
	const options = `abort_on_error=1:exitcode=0:log_path=${join(reports, "report")}`;

	const counts = { passed: 0, failed: 0 };
	// With a thread for each event loop, and without.
	for (const threads of ["1", "0"]) {
		const shared = { ...loading(loaded), GEV_TEST_THREADS: threads };
		// Without leaks: tests end by process.exit(), which frees nothing.
		const suite = await run(
			process.execPath,
			["node_modules/ava/entrypoints/cli.mjs", "--timeout=10m"],
			{
				env: { ...shared, ASAN_OPTIONS: `detect_leaks=0:${options}` },
				shown: true,
			},
		);
		const { passed, failed } = countAva({
			text: suite.output,
			ok: suite.code === 0,
		});
		const broken = await runPrograms(programs, {
			...shared,
			ASAN_OPTIONS: `detect_leaks=1:${options}`,
		});
		counts.passed += passed;
		counts.failed += failed + broken;
	}
	return {
		findings: readReports(reports).flatMap(findings),
		failed: counts.failed,
		processes: countWitnesses(loaded),
		summary: `${counts.passed} tests, ${2 * programs.length} programs`,
	};
}

/** Node leaks too, so that of leaks only those count that the addon has a part in. */
export function findings(report) {
	if (!report.includes("LeakSanitizer")) return [report];
	return report
		.split("\n\n")
		.filter((part) => /leak of/.test(part) && OURS.test(part));
}

/** A line of a stack that is in the addon, where its source is known and where it is not. */
const OURS = / (?:\S*\/)?crates\/\w+\/src\/|gev\.node/;

async function libasan() {
	const found = await run("gcc", ["-print-file-name=libasan.so"]);
	expectSuccess(found);
	return found.output.trim();
}
