/**
 * Proves that imports point down: examples and tests use the package by its
 * name; index.ts uses src, the rooms of src one another in one direction, the
 * bridge the binding; the crate node uses options, which uses reactor and frames,
 * reactor uses session, session and frames use wire, and the last three stay pure. No file of src comes back to itself, by whatever way; what
 * is imported for its types counts too. For crates it looks at what Cargo
 * resolves for every platform, not at what the manifests say.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { listFiles, root } from "./setup.mjs";

/** The rooms of the TypeScript side, and what else each may use. */
const rooms = {
	"src/base": [],
	"src/bridge": ["src/base", "#binding"],
	"src/framing": ["src/base"],
	"src/flow": ["src/base", "src/bridge", "src/framing"],
	"src/http": ["src/base", "src/bridge"],
	"src/live": ["src/base", "src/bridge", "src/flow", "#page"],
	src: [
		"src/live",
		"src/base",
		"src/bridge",
		"src/framing",
		"src/flow",
		"src/http",
		"#binding",
	],
	"src/presets": ["src", "src/base", "src/framing", "src/flow"],
};

/** The crates of the addon. */
const crates = [
	"gev-wire",
	"gev-frames",
	"gev-session",
	"gev-reactor",
	"gev-options",
	"gev-node",
];

const forbidLine = "#![forbid(unsafe_code)]";

process.chdir(root);
const violations = [
	...forbidden("gev-wire", "normal", [
		"mio",
		"socket2",
		"napi",
		"gev-session",
		"gev-reactor",
		"gev-node",
	]),
	...forbidden("gev-frames", "normal", [
		"mio",
		"socket2",
		"napi",
		"gev-session",
		"gev-reactor",
		"gev-options",
		"gev-node",
	]),
	...forbidden("gev-session", "normal", [
		"mio",
		"socket2",
		"napi",
		"gev-reactor",
		"gev-node",
	]),
	...forbidden("gev-reactor", "normal", ["napi", "gev-options", "gev-node"]),
	...forbidden("gev-options", "normal", ["gev-node"]),
	...crates.flatMap((crate) => forbidden(crate, "all", ["gev-load", "tokio"])),
	...forbidden("gev-load", "all", ["tokio"]),
	...unsafeAllowed([
		"crates/wire/src/lib.rs",
		"crates/frames/src/lib.rs",
		"crates/options/src/lib.rs",
		"crates/session/src/lib.rs",
		"crates/reactor/src/lib.rs",
	]),
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
	const imports = new Map(files.map((file) => [file, importsOf(file)]));
	return [
		...files.flatMap((file) =>
			imports
				.get(file)
				.filter((id) => !mayImport(file, id))
				.map((id) => `${file} must not import ${id}`),
		),
		...circles(imports),
	];
}

/** What a file imports, for its values or its types: statements, and `import()` in types and code. */
function importsOf(file) {
	const imported =
		/^(?:import|export)\b[^;]*?["']([^"']+)["'];?$|\bimport\(\s*["']([^"']+)["']/gm;
	return [...readFileSync(file, "utf8").matchAll(imported)].map(
		([, statement, call]) => statement ?? call,
	);
}

/** Relative imports stay in their own folder, but for index.ts and src, which go down. */
function mayImport(file, id) {
	const folder = file.split(sep)[0];
	if (id.startsWith("#")) return mayUse(roomOf(file), id);
	if (!id.startsWith(".")) return !(folder === "src" && id === "gev");
	const target = targetOf(file, id);
	if (folder === "src") return mayUse(roomOf(file), roomOf(target));
	return target.split(sep)[0] === (file === "index.ts" ? "src" : folder);
}

function mayUse(room, other) {
	return room === other || rooms[room]?.includes(other) === true;
}

function roomOf(file) {
	return dirname(file).split(sep).join("/");
}

function targetOf(file, id) {
	return normalize(join(file, "..", id)).replace(/\.js$/, ".ts");
}

/** Each way from a file of the package back to itself, told once. */
function circles(imports) {
	const found = [];
	const done = new Set();
	const visit = (file, way) => {
		const start = way.indexOf(file);
		if (start >= 0) found.push([...way.slice(start), file]);
		if (start >= 0 || done.has(file)) return;
		for (const id of imports.get(file) ?? []) {
			if (id.startsWith(".")) visit(targetOf(file, id), [...way, file]);
		}
		done.add(file);
	};
	for (const file of imports.keys()) {
		if (file.startsWith(`src${sep}`)) visit(file, []);
	}
	return found.map((way) => `imports go round: ${way.join(" -> ")}`);
}
