/**
 * Makes the folders that are published: one for the package, one for each
 * platform. It changes nothing in the checkout, and refuses to make less than
 * all.
 *
 *   node scripts/release/assemble.mjs --artifacts <folder> --out <folder>
 */
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { SetupError } from "../requirements.mjs";
import { isMain, root, runScript, setup } from "../setup.mjs";
import { manifest, targets } from "./targets.mjs";

/**
 * Assembles all packages below `out`, and returns their folders, that of the package itself last.
 *
 * @param {string} artifacts Where the addons are, at any depth.
 * @param {string} out Is emptied first.
 * @param {(target: import("./targets.mjs").Target) => string | undefined} [standIn] A file instead of an addon that is
 * missing, for a rehearsal.
 * @param {string} [version] Of all of them. Package managers keep what they have seen of one: a rehearsal has its own.
 */
export function assemble(
	artifacts,
	out,
	standIn = () => undefined,
	version = manifest.version,
) {
	setup({ only: "ts" });
	const addons = addonsBelow(artifacts);
	const files = targets.map(
		(target) => addons.get(target.file) ?? standIn(target),
	);
	const missing = targets.filter((_, index) => files[index] === undefined);
	if (missing.length > 0) {
		throw new SetupError(
			`release: no addon for ${missing.map(({ platform }) => platform).join(", ")} below ${artifacts}`,
		);
	}
	rmSync(out, { recursive: true, force: true });
	return [
		...targets.map((target, index) =>
			platformPackage(target, files[index], out, version),
		),
		mainPackage(out, version),
	];
}

function addonsBelow(folder) {
	const found = readdirSync(folder, { recursive: true }).filter((file) =>
		file.endsWith(".node"),
	);
	return new Map(
		found.map((file) => [file.split(/[\\/]/).at(-1), resolve(folder, file)]),
	);
}

const { name, description, keywords, license, author } = manifest;
const { repository, bugs, homepage, engines, publishConfig } = manifest;

/** An addon, and in which circumstances npm installs it. */
function platformPackage(target, addon, out, version) {
	const folder = join(out, target.name);
	write(join(folder, "package.json"), {
		name: target.name,
		version,
		description: `The native addon of ${name} for ${target.platform}`,
		license,
		author,
		homepage,
		bugs,
		repository,
		engines,
		os: [target.os],
		cpu: [target.cpu],
		...(target.libc && { libc: [target.libc] }),
		main: target.file,
		files: [target.file],
		// Plug'n'Play keeps packages in archives, from which no addon can be loaded.
		preferUnplugged: true,
		publishConfig,
	});
	copyFileSync(addon, join(folder, target.file));
	copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
	writeFileSync(
		join(folder, "README.md"),
		`# ${target.name}\n\nThe native addon of [${name}](${homepage}) for ${target.platform}. Install \`${name}\`, which depends on it.\n`,
	);
	return folder;
}

/** What users install: the JavaScript, its types, and every platform as an optional dependency. */
function mainPackage(out, version) {
	const folder = join(out, name);
	const { type, exports, main, types, files, preferUnplugged } = manifest;
	write(join(folder, "package.json"), {
		name,
		version,
		description,
		keywords,
		license,
		author,
		homepage,
		bugs,
		repository,
		engines,
		type,
		exports,
		main,
		types,
		files,
		preferUnplugged,
		publishConfig,
		optionalDependencies: Object.fromEntries(
			targets.map((target) => [target.name, version]),
		),
	});
	for (const file of [...files, "LICENSE", "README.md"]) {
		const to = join(folder, file);
		mkdirSync(dirname(to), { recursive: true });
		copyFileSync(join(root, file), to);
	}
	return folder;
}

function write(file, content) {
	mkdirSync(dirname(file), { recursive: true });
	writeFileSync(file, `${JSON.stringify(content, null, "\t")}\n`);
}

if (isMain(import.meta.url)) {
	await runScript(() => {
		const { values } = parseArgs({
			options: { artifacts: { type: "string" }, out: { type: "string" } },
		});
		const { artifacts = "artifacts", out = "artifacts/packages" } = values;
		if (!existsSync(artifacts)) {
			throw new SetupError(`release: there is no folder ${artifacts}`);
		}
		for (const folder of assemble(artifacts, out)) console.log(folder);
	});
}
