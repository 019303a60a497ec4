/**
 * Where rustup's servers cannot be reached and Debian's can: a Rust of Debian's,
 * unpacked below node_modules/.cache and not installed, that builds its own
 * standard library for another target.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cacheFolder } from "../npm-runtimes.mjs";

const packages = [
	"rustc-web",
	"cargo-web",
	"rust-web-src",
	"libstd-rust-web-dev",
];

/** Libraries that these need and a machine may lack. Others of theirs, such as the C library, every machine has. */
const libraries =
	/^lib(?:std-rust-web|llvm|git2|ssh2|mbed|http-parser|z3|xml2|edit|icu|curl|sqlite3)/;

/**
 * The variables of the environment with which Cargo builds a standard library too, or undefined where there is no Debian, or none
 * that is new enough.
 */
export function debianRust() {
	const folder = cacheFolder("gev-debian-rust");
	const rootFolder = join(folder, "root");
	const rustc = join(rootFolder, "usr", "bin", "rustc");
	if (!existsSync(rustc) && !unpack(folder, rootFolder)) return undefined;
	return {
		PATH: [join(rootFolder, "usr", "bin"), process.env.PATH].join(delimiter),
		LD_LIBRARY_PATH: join(rootFolder, "usr", "lib", "x86_64-linux-gnu"),
		RUSTC_BOOTSTRAP: "1",
		CARGO_UNSTABLE_BUILD_STD: "std,panic_abort",
		CARGO_HOME: join(folder, "cargo"),
		CARGO_TARGET_DIR: join(folder, "target"),
	};
}

function unpack(folder, rootFolder) {
	const isDebian =
		process.arch === "x64" &&
		existsSync("/etc/os-release") &&
		/^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"));
	if (!isDebian) return false;
	mkdirSync(folder, { recursive: true });
	const download = ["download", ...withLibraries(packages)];
	if (!run("apt-get", download, folder).ok) return false;
	return readdirSync(folder)
		.filter((file) => file.endsWith(".deb"))
		.every((file) => run("dpkg", ["-x", file, rootFolder], folder).ok);
}

/** The packages and, down to the libraries of their libraries, what they depend on. */
function withLibraries(names) {
	const all = new Set(names);
	for (let depth = 0; depth < 3; depth++) {
		const { output } = run("apt-cache", ["depends", "--important", ...all]);
		const found = output.matchAll(/Depends: (\S+)/g);
		for (const [, name] of found) if (libraries.test(name)) all.add(name);
	}
	return [...all];
}

function run(command, args, cwd) {
	const result = spawnSync(command, args, {
		cwd,
		encoding: "utf8",
		timeout: 10 * 60_000,
	});
	return { ok: result.status === 0, output: result.stdout ?? "" };
}
