/**
 * ThreadSanitizer: the Rust tests, and programs with an instrumented addon in Node. It sees what Rust does, not what
 * JavaScript does to the shared memory, nor the kernel; the queues between Rust and JavaScript are loom's business.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { hasNightly } from "../../scripts/requirements.mjs";
import { root } from "../../scripts/setup.mjs";
import { countCargo } from "../../scripts/test.mjs";
import {
	buildAddon,
	countWitnesses,
	emptyFolders,
	hasTool,
	instrumented,
	loading,
	needsNightly,
	programs,
	readReports,
	run,
	runPrograms,
	target,
} from "./instrumented.mjs";

const suppressions = join(root, "__test__", "sanitize", "thread.supp");

export function missing() {
	if (!hasNightly()) return needsNightly;
	if (library() === undefined) {
		return "clang's runtime library: `apt install libclang-rt-19-dev`, or that of another version";
	}
	// The runtime wants its addresses where they were when it was built.
	return hasTool("setarch") ? undefined : "setarch: `apt install util-linux`";
}

export async function check() {
	const { reports, witnesses } = emptyFolders("thread");
	const env = instrumented(
		"-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
	);
	// Their reports are told apart from failed tests by their exit code.
	const options = `exitcode=0:log_path=${join(reports, "report")}:suppressions=${suppressions}`;
	const loaded = {
		addon: await buildAddon("thread", env, "__tsan_init"),
		library: library(),
		witnesses,
	};
	const tests = await run("setarch", ["-R", "cargo", ...testArguments()], {
		env: { ...env, TSAN_OPTIONS: options },
		shown: true,
	});
	const programEnv = {
		...loading(loaded),
		// Of Node, which is not instrumented, only a part of what it does would be seen.
		TSAN_OPTIONS: `ignore_noninstrumented_modules=1:${options}`,
	};
	const broken = await runPrograms(programs, programEnv, ["setarch", "-R"]);
	const { passed, failed } = countCargo({
		text: tests.output,
		ok: tests.code === 0,
	});
	return {
		findings: readReports(reports),
		failed: failed + broken,
		processes: countWitnesses(loaded),
		summary: `${passed} tests, ${programs.length} programs`,
	};
}

function testArguments() {
	const crates = ["gev-wire", "gev-reactor", "gev-node"];
	return [
		"test",
		"--no-fail-fast",
		// Without doc tests, for which the flags do not suffice.
		"--lib",
		"--tests",
		...crates.map((name) => `--package=${name}`),
		`--target=${target}`,
		`--target-dir=${join(root, "target", "sanitize", "thread")}`,
		"--quiet",
	];
}

/** Clang's: that of GCC lacks functions that Rust's code calls. */
function library() {
	return readdirSync("/usr/lib")
		.filter((name) => /^llvm-\d+$/.test(name))
		.map((name) => Number(name.slice("llvm-".length)))
		.sort((left, right) => right - left)
		.map(
			(version) =>
				`/usr/lib/llvm-${version}/lib/clang/${version}/lib/linux/libclang_rt.tsan-x86_64.so`,
		)
		.find((file) => existsSync(file));
}
