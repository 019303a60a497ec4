/**
 * What can be told of assembled packages by looking at them: names, files,
 * sizes, platforms, the floor of glibc, and what publint and
 * @arethetypeswrong/cli think of them.
 *
 *   node scripts/release/inspect.mjs <folder> ...
 */
import { existsSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { cacheFolder, execute, install } from "../npm-runtimes.mjs";
import { isMain } from "../setup.mjs";
import { describeAddon, newest } from "./addon.mjs";
import { glibcFloor, manifest, targets } from "./targets.mjs";

const mostPackedBytes = 120_000;
const mostAddonBytes = 1_048_576;

/**
 * @param {string[]} folders Those of all packages.
 * @param {(target: import("./targets.mjs").Target) => string | undefined} [howBuilt] "stand-in": the addon need not be
 * one; "plain": it may need the glibc of this machine.
 * @returns {string[]} What is wrong, in sentences.
 */
export function inspect(folders, howBuilt = () => undefined) {
	const packages = new Map(folders.map((folder) => [nameOf(folder), folder]));
	return [
		...targets.flatMap((target) =>
			packages.has(target.name)
				? inspectPlatform(target, packages.get(target.name), howBuilt(target))
				: [`${target.name} is missing`],
		),
		...(packages.has(manifest.name)
			? inspectMain(packages.get(manifest.name))
			: [`${manifest.name} is missing`]),
	];
}

function inspectPlatform(target, folder, howBuilt) {
	const found = manifestOf(folder);
	const wrong = ["os", "cpu", "libc"]
		.filter((key) => String(found[key] ?? "") !== (target[key] ?? ""))
		.map((key) => `${target.name}: ${key} is ${found[key]}`);
	const file = join(folder, target.file);
	if (!existsSync(file)) return [...wrong, `${target.name} has no addon`];
	return [
		...wrong,
		...unexpectedFiles(folder, [target.file]),
		...(howBuilt === "stand-in"
			? []
			: inspectAddon(target, readFileSync(file), howBuilt === "plain")),
	];
}

function inspectAddon(target, bytes, isPlain) {
	const { name, os, cpu, libc } = target;
	const found = describeAddon(bytes);
	const wrong = [];
	if (bytes.length > mostAddonBytes) {
		wrong.push(`${name}: the addon has ${bytes.length} bytes`);
	}
	if (found?.os !== os || found.cpu !== cpu || found.libc !== libc) {
		wrong.push(`${name}: the addon is for ${JSON.stringify(found)}`);
	}
	if (isPlain)
		console.log(`inspect: ${name} is a plain build, which no floor holds for`);
	else if (found?.glibc && newest([found.glibc, glibcFloor]) !== glibcFloor) {
		wrong.push(
			`${name}: the addon needs glibc ${found.glibc}, not ${glibcFloor}`,
		);
	}
	return wrong;
}

function inspectMain(folder) {
	const { name, optionalDependencies = {} } = manifestOf(folder);
	const names = targets.map((target) => target.name);
	const wrong = names
		.filter((dependency) => !(dependency in optionalDependencies))
		.map((dependency) => `${name} does not depend on ${dependency}`);
	return [
		...wrong,
		...unexpectedFiles(folder, manifest.files),
		...foreignNames(folder, Object.keys(optionalDependencies)),
		...tool("publint", "publint@0.3.25", "publint/src/cli.js", [
			"run",
			folder,
			"--strict",
			"--pack=npm",
		]),
		...tool(
			"attw",
			"@arethetypeswrong/cli@0.18.5",
			"@arethetypeswrong/cli/dist/index.js",
			["--pack", folder],
		),
	];
}

/** What npm would put into the package, which is also what has a size. */
function unexpectedFiles(folder, expected) {
	const answer = execute("npm", ["pack", "--dry-run", "--json", folder]);
	if (!answer.ok) return [answer.output];
	const [{ name, files, size }] = Object.values(
		JSON.parse(answer.output.slice(answer.output.search(/^[[{]/m))),
	);
	const wanted = [...expected, "LICENSE", "README.md", "package.json"]
		.map((path) => path.replace(/^\//, ""))
		.sort();
	const packed = files.map(({ path }) => path).sort();
	const wrong = [];
	if (String(packed) !== String(wanted)) {
		wrong.push(`${name}: has the files ${packed.join(", ")}`);
	}
	if (name === manifest.name && size > mostPackedBytes) {
		wrong.push(`${name}: has ${size} bytes when packed`);
	}
	return wrong;
}

/** A name that the code asks for and that is nobody's, or not ours, is an invitation. */
function foreignNames(folder, allowed) {
	return manifest.files
		.filter((file) => /\.c?js$/.test(file) && existsSync(join(folder, file)))
		.flatMap((file) => {
			const code = readFileSync(join(folder, file), "utf8");
			const names = code.matchAll(
				/(?:\brequire\(|\bfrom |^import )["']([^"'./][^"']*)["']/gm,
			);
			return [...names].map(([, name]) => name);
		})
		.filter((name) => !isBuiltin(name) && !allowed.includes(name))
		.map((name) => `the code asks for ${name}`);
}

/** A tool from npm, which is kept; where it cannot be had, a line says so. */
function tool(title, spec, file, args) {
	const folder = join(cacheFolder("gev-release"), title);
	const script = join(folder, "node_modules", file);
	if (!existsSync(script)) install(spec, folder);
	if (!existsSync(script)) {
		console.log(`inspect: ${title} is skipped, as npm has not brought it`);
		return [];
	}
	const answer = execute(process.execPath, [script, ...args], 120_000);
	return answer.ok ? [] : [`${title}: ${answer.output}`];
}

function manifestOf(folder) {
	return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

function nameOf(folder) {
	return manifestOf(folder).name;
}

if (isMain(import.meta.url)) {
	const folders = process.argv.slice(2);
	const wrong = inspect(folders);
	for (const sentence of wrong) console.error(sentence);
	process.exitCode = wrong.length === 0 ? 0 : 1;
}
