/**
 * The cheap part of a rehearsal, for every change: assembles the packages with
 * this machine's addon, looks at them, installs them from tarballs with npm in
 * an empty folder, without a network, and lets them serve an echo there.
 */
import { spawnSync } from "node:child_process";
import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { cacheFolder, execute } from "../npm-runtimes.mjs";
import { SetupError } from "../requirements.mjs";
import { root, runScript, setup } from "../setup.mjs";
import { assemble } from "./assemble.mjs";
import { inspect } from "./inspect.mjs";
import { manifest, targets } from "./targets.mjs";
import { buildWithZig } from "./zig.mjs";

const folder = cacheFolder("gev-smoke");

await runScript(() => {
	setup();
	const here = targets.find(({ file }) =>
		existsSync(join(root, "native", file)),
	);
	const { addon, how } = bring(here);
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	const standIn = join(folder, "stand-in.node");
	writeFileSync(standIn, "");
	const out = join(folder, "packages");
	const folders = assemble(addon, out, () => standIn);
	const wrong = inspect(folders, (target) =>
		target === here ? how : "stand-in",
	);
	if (wrong.length > 0) throw new SetupError(wrong.join("\n"));
	const customer = installTarballs(
		[here, manifest].map(({ name }) => join(out, name)),
	);
	echo(customer);
	tellImportTime(customer);
	rmSync(customer, { recursive: true, force: true });
});

/** The addon as it is published, where zig is at hand, and otherwise as it is. */
function bring(target) {
	const paths = (process.env.PATH ?? "").split(delimiter);
	const isThere = paths.some((path) => existsSync(join(path, "zig")));
	if (target.os === "linux" && isThere) {
		const { folder: addon, missing } = buildWithZig(target);
		if (addon) return { addon, how: "zig" };
		console.log(`smoke: no build with zig, as ${missing}`);
	} else {
		console.log(
			"smoke: the floor of glibc is not looked at, as zig is not in PATH",
		);
	}
	return { addon: join(root, "native"), how: "plain" };
}

function installTarballs(packages) {
	const customer = mkdtempSync(join(tmpdir(), "gev-smoke-"));
	writeFileSync(join(customer, "package.json"), '{ "private": true }');
	const tarballs = packages.map((path) => {
		const { output } = npm([
			"pack",
			"--json",
			"--pack-destination",
			customer,
			path,
		]);
		const [{ filename, size }] = Object.values(
			JSON.parse(output.slice(output.search(/^[[{]/m))),
		);
		console.log(`smoke: ${filename} has ${size} bytes`);
		return join(customer, filename);
	});
	npm([
		"install",
		"--offline",
		"--ignore-scripts",
		"--prefix",
		customer,
		...tarballs,
	]);
	return customer;
}

/** ws has no dependencies: it need not be installed from anywhere. */
function echo(customer) {
	cpSync(join(root, "scripts", "release", "customer"), customer, {
		recursive: true,
	});
	cpSync(
		join(root, "node_modules", "ws"),
		join(customer, "node_modules", "ws"),
		{ recursive: true },
	);
	for (const program of ["main.mjs", "main.cjs"]) {
		const { ok, output } = execute(process.execPath, [join(customer, program)]);
		if (!ok || output !== "echoed")
			throw new SetupError(`${program}: ${output}`);
	}
}

function tellImportTime(customer) {
	const program = `const start = performance.now();
		import("gev").then(() => console.log(performance.now() - start));`;
	const times = Array.from({ length: 9 }, () => {
		const node = [
			process.execPath,
			["--eval", program],
			{ cwd: customer, encoding: "utf8" },
		];
		return Number(spawnSync(...node).stdout);
	});
	const median = times.sort((left, right) => left - right)[4];
	console.log(
		`smoke: import "gev" takes ${median.toFixed(1)} ms (median of 9)`,
	);
}

function npm(args) {
	const answer = execute("npm", args, 120_000);
	if (!answer.ok) throw new SetupError(answer.output);
	return answer;
}
