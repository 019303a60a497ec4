/** Says in one line what is missing on a machine that cannot build gev. */
import { spawnSync } from "node:child_process";

const minimumNode = "20.19.0";
const minimumRust = "1.88.0";

/** Its `message` tells the person at the terminal what to do; a stack would not help. */
export class SetupError extends Error {}

/** Throws a `SetupError` unless `version` of Node.js is new enough. */
export function checkNode(version = process.versions.node) {
	if (isOlder(version, minimumNode)) {
		throw new SetupError(
			`gev needs Node.js 20.19 or newer, but this is Node.js ${version}: install a newer one from https://nodejs.org`,
		);
	}
}

/** Throws a `SetupError` unless both Rust tools answer: a broken installation may have only one of them. */
export function checkRust(env = process.env) {
	for (const tool of ["cargo", "rustc"]) {
		const version = versionOf(tool, env);
		if (version === undefined) {
			throw new SetupError(
				`gev needs Rust 1.88 or newer to build its native core, but \`${tool}\` was not found: install Rust from https://rustup.rs`,
			);
		}
		if (isOlder(version, minimumRust)) {
			throw new SetupError(
				`gev needs Rust 1.88 or newer to build its native core, but \`${tool}\` is ${version}: update it with \`rustup update stable\``,
			);
		}
	}
}

/** Throws a `SetupError` unless there is what `napi build --cross-compile` uses for systems other than Windows. */
export function checkZig(env = process.env) {
	for (const [tool, ...args] of [
		["zig", "version"],
		["cargo-zigbuild", "--version"],
	]) {
		if (spawnSync(tool, args, { env }).status === 0) continue;
		throw new SetupError(
			`gev needs zig and cargo-zigbuild to build its native core for another platform, but \`${tool}\` was not found: install both with \`pip install ziglang cargo-zigbuild\` and have a \`zig\` in PATH, or use \`node scripts/release/zig.mjs <triple>\`, which fetches them`,
		);
	}
}

/** The environment of commands that use nightly Rust. Asking for the toolchain must not install it. */
export const nightly = {
	...process.env,
	RUSTUP_TOOLCHAIN: "nightly",
	RUSTUP_AUTO_INSTALL: "0",
};

export function hasNightly() {
	const { stdout } = spawnSync("rustc", ["--version"], {
		env: nightly,
		encoding: "utf8",
	});
	return stdout?.includes("nightly") ?? false;
}

/** Compares dotted versions number by number. */
export function isOlder(version, minimum) {
	const left = version.split(".").map((part) => Number.parseInt(part, 10));
	const right = minimum.split(".").map((part) => Number.parseInt(part, 10));
	const differs = right.findIndex((part, index) => part !== left[index]);
	return differs !== -1 && left[differs] < right[differs];
}

function versionOf(tool, env) {
	const answer = spawnSync(tool, ["--version"], { encoding: "utf8", env });
	return /\d+\.\d+\.\d+/.exec(answer.stdout ?? "")?.[0];
}
