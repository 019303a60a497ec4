/**
 * Proves that imports point down: examples and tests use the package by its
 * name; index.ts uses src, src the binding; the crate node uses reactor and
 * wire, reactor uses wire, wire stays pure. For crates it looks at what Cargo
 * resolves for every platform, not at what the manifests say.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, normalize, sep } from "node:path";
import { listFiles, root } from "./setup.mjs";

const forbidLine = "#![forbid(unsafe_code)]";

process.chdir(root);
const violations = [
	...forbidden("gev-wire", "normal", [
		"mio",
		"socket2",
		"napi",
		"gev-reactor",
		"gev-node",
	]),
	...forbidden("gev-reactor", "normal", ["napi", "gev-node"]),
	...["gev-wire", "gev-reactor", "gev-node"].flatMap((crate) =>
		forbidden(crate, "all", ["gev-load", "tokio"]),
	),
	...forbidden("gev-load", "all", ["tokio"]),
	...unsafeAllowed(["crates/wire/src/lib.rs", "crates/reactor/src/lib.rs"]),
	...typescriptViolations(),
];
for (const violation of violations) console.error(violation);
if (violations.length > 0) process.exit(1);

/** The crates of `names` that `crate` depends on, however far down. `kind` is normal or all (with tests and builds). */
function forbidden(crate, kind, names) {
	const flags = ["tree", "--target=all", "--prefix=none", "--format={p}"];
	const tree = spawnSync(
		"cargo",
		[...flags, `--package=${crate}`, `--edges=${kind}`],
		{ encoding: "utf8" },
	);
	if (tree.status !== 0) throw new Error(tree.error?.message ?? tree.stderr);
	const found = new Set(tree.stdout.split("\n").map((l) => l.split(" ")[0]));
	return names
		.filter((name) => found.has(name))
		.map((name) => `crate ${crate} must not depend on ${name}`);
}

function unsafeAllowed(files) {
	return files
		.filter((file) => !readFileSync(file, "utf8").includes(forbidLine))
		.map((file) => `${file} must say ${forbidLine}`);
}

function typescriptViolations() {
	const folders = ["index.ts", "src", "examples", "__test__"];
	const files = listFiles(folders, /\.ts$/);
	return files.flatMap((file) =>
		importsOf(file)
			.filter((id) => !mayImport(file, id))
			.map((id) => `${file} must not import ${id}`),
	);
}

function importsOf(file) {
	const statement = /^(?:import|export)\b[^;]*?["']([^"']+)["'];?$/gm;
	return [...readFileSync(file, "utf8").matchAll(statement)].map((m) => m[1]);
}

/** Relative imports stay in their own folder (index.ts may go down into src), and only src sees the binding. */
function mayImport(file, id) {
	const folder = file.split(sep)[0];
	if (id.startsWith("#")) return folder === "src";
	if (!id.startsWith(".")) return !(folder === "src" && id === "gev");
	const target = normalize(join(file, "..", id)).split(sep)[0];
	return target === (file === "index.ts" ? "src" : folder);
}
