/**
 * The platforms that get a package of their own: what package.json has under
 * `napi.targets`, in the words of Rust, of napi-rs and of npm.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";

/** The oldest glibc that the packages for it run with: RHEL 7 and 8, Debian 8, Ubuntu 14.04 and newer have it. */
export const glibcFloor = "2.17";

export const manifest = JSON.parse(
	readFileSync(join(root, "package.json"), "utf8"),
);

/**
 * @typedef {object} Target
 * @property {string} triple What Rust calls it.
 * @property {string} platform What napi-rs calls it: `linux-x64-gnu`.
 * @property {string} name The name of its package.
 * @property {string} file The name of its addon.
 * @property {string} os What npm compares with `process.platform`.
 * @property {string} cpu What npm compares with `process.arch`.
 * @property {"glibc" | "musl"} [libc] Linux: what npm compares with the C library.
 */

/** @type {Target[]} */
export const targets = manifest.napi.targets.map((triple) => {
	const [processor, , system, abi] = triple.split("-");
	const cpu = { x86_64: "x64", aarch64: "arm64" }[processor];
	const os = { windows: "win32" }[system] ?? system;
	const platform = [os, cpu, abi].filter(Boolean).join("-");
	return {
		triple,
		platform,
		name: `${manifest.napi.packageName}-${platform}`,
		file: `${manifest.napi.binaryName}.${platform}.node`,
		os,
		cpu,
		...(os === "linux" && { libc: abi === "gnu" ? "glibc" : abi }),
	};
});

/** A target by its triple, which may end with a version of glibc, or by napi-rs's name. */
export function targetOf(name) {
	const triple = name.replace(/\.\d+\.\d+$/, "");
	const found = targets.find(
		(target) => target.triple === triple || target.platform === name,
	);
	if (!found) throw new Error(`no target ${name} in package.json`);
	return found;
}
