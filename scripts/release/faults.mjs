/**
 * Faults that a release could have, to be planted into assembled packages: a
 * rehearsal that passes with one of them proves nothing.
 */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../setup.mjs";
import { manifest } from "./targets.mjs";

/** Each gets the folder of all packages, and the target that this machine is. */
export const faults = {
	"missing-package": (out, { name }) =>
		rmSync(join(out, name), { recursive: true }),
	"wrong-libc": (out, { name, libc }) =>
		edit(join(out, name, "package.json"), (text) =>
			text.replace(`"${libc}"`, libc === "glibc" ? '"musl"' : '"glibc"'),
		),
	// What Cargo builds without zig needs the glibc of the machine that it is built on.
	"new-glibc": (out, { name, file }) =>
		copyFileSync(join(root, "native", file), join(out, name, file)),
	"left-out-file": (out) =>
		edit(join(out, manifest.name, "package.json"), (text) =>
			text.replace(/\s*"dist\/index\.cjs",/, ""),
		),
	"foreign-name": (out, { name, platform }) =>
		edit(join(out, manifest.name, "dist", "index.cjs"), (text) =>
			text.replaceAll(`"${name}"`, `"${manifest.name}-${platform}"`),
		),
};

/** Plants a fault by its name, and fails if it has changed nothing. */
export function plant(name, out, target) {
	if (!(name in faults)) {
		throw new Error(`no fault ${name}, but ${Object.keys(faults).join(", ")}`);
	}
	faults[name](out, target);
}

function edit(file, change) {
	const before = readFileSync(file, "utf8");
	const after = change(before);
	if (before === after) throw new Error(`nothing to plant in ${file}`);
	writeFileSync(file, after);
}
