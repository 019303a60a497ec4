/**
 * A runtime for musl on a machine with glibc, put together from registries: Bun
 * as npm has it for musl, Debian's musl, and the C++ library that a wheel for
 * musl carries. That library is older than Bun would have it, and newer ones
 * need a newer musl: two functions that only report faults are made up.
 */
import { spawnSync } from "node:child_process";
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cacheFolder, execute } from "../npm-runtimes.mjs";
import { zigFolder } from "./zig.mjs";

const folder = cacheFolder("gev-musl");
const program = join(folder, "bin", "bun");
const libraries = join(folder, "lib");
const wheel = "pyzmq==25.1.2";
const missingFunctions = `
void abort(void);
void _ZSt28__throw_bad_array_new_lengthv(void) { abort(); }
void _ZSt21__glibcxx_assert_failPKciS0_S0_(void) { abort(); }
`;

/** A command that runs JavaScript with musl, or undefined where a part cannot be had. */
export function muslRuntime() {
	const command = join(folder, "bun-musl");
	if (existsSync(command)) return command;
	if (process.platform !== "linux" || process.arch !== "x64") return undefined;
	mkdirSync(join(folder, "bin"), { recursive: true });
	mkdirSync(libraries, { recursive: true });
	const zig = zigFolder();
	if (!zig || !bringMusl() || !bringCxx(zig) || !bringBun(zig))
		return undefined;
	const script = `#!/bin/sh\nLD_PRELOAD=${libraries}/missing.so LD_LIBRARY_PATH=${libraries} exec ${program} "$@"\n`;
	writeFileSync(command, script, { mode: 0o755 });
	return execute(command, ["--version"]).ok ? command : undefined;
}

function bringMusl() {
	return (
		run("apt-get", ["download", "musl"]) &&
		run("dpkg", ["-x", fileLike(/^musl_.*\.deb$/), "musl"]) &&
		bring("musl/lib/x86_64-linux-musl/libc.so", "ld-musl-x86_64.so.1")
	);
}

function bringCxx(zig) {
	const python = join(zig, "python");
	const pip = ["-m", "pip", "download", "--quiet", "--no-deps", wheel];
	const kind = [
		"--platform=musllinux_1_1_x86_64",
		"--python-version=311",
		"--only-binary=:all:",
	];
	if (!run(python, [...pip, ...kind])) return false;
	if (!run(python, ["-m", "zipfile", "-e", fileLike(/\.whl$/), "wheel"]))
		return false;
	const files = readdirSync(join(folder, "wheel", "pyzmq.libs"));
	for (const file of files) bring(`wheel/pyzmq.libs/${file}`, file);
	const cxx = files.find((file) => file.startsWith("libstdc++"));
	writeFileSync(join(folder, "missing.c"), missingFunctions);
	const target = ["-target", "x86_64-linux-musl", "-O2", "-fno-sanitize=all"];
	const output = [
		"-shared",
		"-nostdlib",
		"-o",
		join(libraries, "missing.so"),
		"missing.c",
	];
	return (
		bring(`wheel/pyzmq.libs/${cxx}`, "libstdc++.so.6") &&
		run(join(zig, "zig"), ["cc", ...target, ...output])
	);
}

/** npm does not install what is for another C library unless it is told that this is meant. */
function bringBun(zig) {
	const name = "@oven/bun-linux-x64-musl-baseline";
	const flags = [
		"--force",
		"--no-save",
		"--ignore-scripts",
		"--prefix",
		folder,
	];
	const loader = ["--set-interpreter", join(libraries, "ld-musl-x86_64.so.1")];
	if (!run("npm", ["install", ...flags, name])) return false;
	copyFileSync(join(folder, "node_modules", name, "bin", "bun"), program);
	return run(join(zig, "patchelf"), [...loader, program]);
}

function bring(from, name) {
	copyFileSync(join(folder, from), join(libraries, name));
	return true;
}

function fileLike(pattern) {
	return readdirSync(folder).find((name) => pattern.test(name)) ?? "";
}

function run(command, args) {
	const options = { cwd: folder, stdio: "ignore", timeout: 300_000 };
	return spawnSync(command, args, options).status === 0;
}
