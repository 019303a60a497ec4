/**
 * `npm run release:rehearse`: a release without the world. Builds what this
 * machine can build, assembles all packages, looks at them, publishes them to a
 * registry on loopback, installs them from there as customers do, and prints
 * what works.
 *
 *   --native          builds for this machine only
 *   --customer TEXT   only the customers whose title has TEXT in it
 *   --plant FAULT     with a fault, which has to be found: see faults.mjs
 *   --faults          with each of the faults, one after the other
 */
import {
	copyFileSync,
	existsSync,
	mkdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "../npm-runtimes.mjs";
import { isMain, root, runScript } from "../setup.mjs";
import { assemble } from "./assemble.mjs";
import { customers } from "./customers.mjs";
import { faults, plant } from "./faults.mjs";
import { inspect } from "./inspect.mjs";
import { tryCustomer } from "./install.mjs";
import { packageFolders, publish } from "./publish.mjs";
import { startRegistry } from "./registry.mjs";
import { manifest, targets } from "./targets.mjs";
import { buildWithZig } from "./zig.mjs";

const folder = cacheFolder("gev-rehearsal");
const artifacts = join(folder, "artifacts");
const native = join(root, "native");

/** The target that this machine is: the one whose addon the build has made. */
const here = targets.find(({ file }) => existsSync(join(native, file)));

async function main(args) {
	const { values } = parseArgs({
		args,
		options: {
			native: { type: "boolean", default: false },
			customer: { type: "string", default: "" },
			plant: { type: "string" },
			faults: { type: "boolean", default: false },
		},
	});
	const addons = build(values.native || values.faults);
	if (!values.faults) {
		process.exitCode = (await rehearse(addons, values)) ? 0 : 1;
		return;
	}
	for (const fault of Object.keys(faults)) {
		if (fault === "new-glibc" && addons.get(here.platform) !== "zig") {
			console.log(`fault ${fault}: left out, as there is no zig`);
			continue;
		}
		const customer = "npm";
		const passed = await rehearse(addons, { customer, plant: fault });
		console.log(`fault ${fault}: ${passed ? "NOT FOUND" : "found"}\n`);
		if (passed) process.exitCode = 1;
	}
}

/**
 * Brings the addons that can be built here to one folder, and says for each platform where its addon comes from.
 *
 * @returns {Map<string, "zig" | "plain" | "stand-in">} by platform.
 */
function build(onlyNative) {
	rmSync(artifacts, { recursive: true, force: true });
	mkdirSync(artifacts, { recursive: true });
	const isPossible = ({ os, platform }) =>
		os === "linux" && (platform === here.platform || !onlyNative);
	return new Map(
		targets.map((target) => {
			const { folder: built, missing = "it is not built here" } =
				process.platform === "linux" && isPossible(target)
					? buildWithZig(target)
					: {};
			const source = built ?? (target === here ? native : undefined);
			const how = built ? "zig" : source ? "plain" : "stand-in";
			if (source) {
				copyFileSync(join(source, target.file), join(artifacts, target.file));
			}
			const why = how === "zig" ? "" : `, as ${missing}`;
			console.log(`${target.platform.padEnd(18)}${how}${why}`);
			return [target.platform, how];
		}),
	);
}

/** Returns whether all is well, after a matrix of what is. */
async function rehearse(addons, { customer, plant: fault }) {
	const out = join(folder, "packages");
	const standIn = join(folder, "stand-in.node");
	writeFileSync(
		standIn,
		"This platform's addon was not built for the rehearsal.\n",
	);
	const version = `${manifest.version}-rehearsal.${Date.now()}`;
	assemble(artifacts, out, () => standIn, version);
	if (fault) plant(fault, out, here);
	const folders = packageFolders(out).filter(existsSync);
	const wrong = inspect(folders, ({ platform }) => addons.get(platform));
	for (const sentence of wrong) console.error(sentence);
	const rows = [{ title: "the packages themselves", ok: wrong.length === 0 }];
	const registry = await startRegistry();
	try {
		publishTo(registry, folders);
		for (const each of customers) {
			if (!each.title.includes(customer)) continue;
			const lack = each.lacks?.({ addons });
			rows.push(
				lack === undefined
					? rowOf(each, registry, version)
					: { title: each.title, ok: true, lack },
			);
		}
	} finally {
		await registry.stop();
	}
	console.log(
		`\nRehearsal of ${manifest.name} ${manifest.version}${fault ? `, fault ${fault}` : ""}\n`,
	);
	for (const row of rows) console.log(line(row));
	return rows.every(({ ok }) => ok);
}

function publishTo({ url }, folders) {
	const token = `--${url.replace("http:", "")}:_authToken=rehearsal`;
	publish(folders, [
		`--registry=${url}`,
		"--no-provenance",
		"--tag=latest",
		token,
	]);
}

/** Keeps the folder of a customer that failed. */
function rowOf(customer, { url }, version) {
	const started = performance.now();
	const { ok, output, folder: place } = tryCustomer(customer, url, version);
	const seconds = ((performance.now() - started) / 1000).toFixed(0);
	const row = { title: customer.title, ok, seconds };
	console.log(line(row));
	if (ok) rmSync(place, { recursive: true, force: true });
	else console.error(`${customer.title}, in ${place}:\n${output}\n`);
	return row;
}

function line({ title, ok, lack, seconds = "" }) {
	if (lack !== undefined) return `${title.padEnd(48)}left out, as ${lack}`;
	return `${title.padEnd(48)}${(ok ? "ok" : "FAILED").padEnd(8)}${seconds}`;
}

if (isMain(import.meta.url)) {
	await runScript(() => main(process.argv.slice(2)));
}
