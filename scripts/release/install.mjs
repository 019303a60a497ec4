/** Installs gev into an empty folder as a customer would, with each package manager, from a given registry. */
import { spawnSync } from "node:child_process";
import {
	cpSync,
	existsSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	renameSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import {
	cacheFolder,
	fetchRuntime,
	install,
	runtimes,
} from "../npm-runtimes.mjs";
import { root } from "../setup.mjs";
import { muslRuntime } from "./musl.mjs";

const sources = join(root, "scripts", "release", "customer");
const tools = cacheFolder("gev-managers");

/** How a package manager is run, and which files tell it where the registry is. */
const managers = {
	npm: {
		install: (flags) => ["npm", "install", "--ignore-scripts", ...flags],
		files: (url) => ({ ".npmrc": npmrc(url) }),
	},
	pnpm: {
		install: () => [...script("pnpm@10", "pnpm/bin/pnpm.cjs"), "install"],
		files: (url) => ({
			".npmrc": `${npmrc(url)}ignore-scripts=true\nstore-dir=${join(tools, "pnpm-store")}\n`,
		}),
	},
	yarn: {
		install: () => [...yarn(), "install"],
		files: (url) => yarnFiles(url, "node-modules"),
	},
	"yarn-pnp": {
		install: () => [...yarn(), "install"],
		files: (url) => yarnFiles(url, "pnp"),
	},
	bun: {
		install: () => [runtime("Bun"), "install", "--ignore-scripts"],
		files: (url) => ({
			"bunfig.toml": `[install]\nregistry = "${url}"\ncache = "${join(tools, "bun-cache")}"\n`,
		}),
	},
};

/**
 * Lets a customer install and run, in a folder of its own below the temporary one.
 *
 * @param {import("./customers.mjs").Customer} customer
 * @param {string} url of the registry.
 * @param {string} version of gev that it wants.
 * @returns {{ ok: boolean, output: string, folder: string }}
 */
export function tryCustomer(customer, url, version) {
	const folder = mkdtempSync(join(tmpdir(), "gev-customer-"));
	const manager = managers[customer.manager];
	cpSync(sources, folder, { recursive: true });
	const dependencies = Object.fromEntries(
		[`gev@${version}`, "ws@8", ...(customer.packages ?? [])].map(
			nameAndVersion,
		),
	);
	const files = { ...manager.files(url), ...customer.files };
	files["package.json"] = JSON.stringify({ private: true, dependencies });
	for (const [name, text] of Object.entries(files)) {
		writeFileSync(join(folder, name), text);
	}
	const env = environment(folder);
	const installed = run(
		manager.install(customer.installFlags ?? []),
		folder,
		env,
	);
	if (!installed.ok) return { ...installed, folder };
	return { ...runCommands(customer, folder, env), folder };
}

/** All commands have to end well, and the last one to have said "echoed". */
function runCommands({ commands, away }, folder, env) {
	let output = "";
	for (const [index, command] of commands.entries()) {
		const isLast = index === commands.length - 1;
		const place = away && isLast ? moveAway(folder) : folder;
		const result = run(commandLine(command, folder), place, env);
		if (!result.ok) return result;
		output = result.output;
	}
	return { ok: output.includes("echoed"), output };
}

/** A place from which node_modules cannot be found. */
function moveAway(folder) {
	const place = mkdtempSync(join(tmpdir(), "gev-away-"));
	renameSync(join(folder, "out"), join(place, "out"));
	return place;
}

function commandLine([program, ...args], folder) {
	switch (program) {
		case "node":
			return [process.execPath, ...args];
		case "bin": {
			const [name, ...rest] = args;
			return [process.execPath, binOf(folder, name), ...rest];
		}
		case "yarn":
			return [...yarn(), ...args];
		case "bun":
			return [runtime("Bun"), ...args];
		case "bun-musl":
			return [muslRuntime(), ...args];
		case "deno":
			return [runtime("Deno"), ...args];
		default:
			return [program, ...args];
	}
}

/** The file of a program that an installed package brings. */
function binOf(folder, name) {
	const packages = { ncc: "@vercel/ncc" };
	const home = join(folder, "node_modules", packages[name] ?? name);
	const { bin } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
	return join(home, typeof bin === "string" ? bin : bin[name]);
}

/** Without Rust in PATH, and without what npm has set for the script that this is. */
function environment(folder) {
	const bin = join(folder, ".bin");
	mkdirSync(bin);
	const paths = (process.env.PATH ?? "").split(delimiter);
	for (const name of ["node", "npm", "npx"]) {
		const from = [dirname(process.execPath), ...paths];
		const found = from.map((path) => join(path, name)).find(existsSync);
		if (found) symlinkSync(found, join(bin, name));
	}
	const isRust = (path) =>
		["cargo", "rustc"].some((tool) => existsSync(join(path, tool)));
	const own = Object.entries(process.env).filter(
		([name]) => !/^(npm_|node_|init_cwd|gev_|napi_)/i.test(name),
	);
	return {
		...Object.fromEntries(own),
		PATH: [bin, ...paths.filter((path) => !isRust(path))].join(delimiter),
		npm_config_cache: join(tools, "npm-cache"),
		YARN_GLOBAL_FOLDER: join(tools, "yarn"),
		NO_COLOR: "1",
		CI: "1",
	};
}

function run([program, ...args], cwd, env) {
	const result = spawnSync(program, args, {
		cwd,
		env,
		encoding: "utf8",
		timeout: 300_000,
	});
	const output = `${result.error?.message ?? ""}${result.stdout}${result.stderr}`;
	return { ok: result.status === 0, output: output.trim() };
}

function npmrc(url) {
	return `registry=${url}\naudit=false\nfund=false\n`;
}

function yarnFiles(url, nodeLinker) {
	const lines = {
		nodeLinker,
		npmRegistryServer: url,
		npmMinimalAgeGate: "0",
		unsafeHttpWhitelist: '["127.0.0.1"]',
		enableScripts: "false",
		enableTelemetry: "false",
		enableGlobalCache: "false",
		enableImmutableInstalls: "false",
	};
	const text = Object.entries(lines).map(
		([name, value]) => `${name}: ${value}\n`,
	);
	// An empty lockfile says that this folder, and none above it, is the project.
	return { ".yarnrc.yml": text.join(""), "yarn.lock": "" };
}

function yarn() {
	return script("@yarnpkg/cli-dist@4", "@yarnpkg/cli-dist/bin/yarn.js");
}

/** A package manager from npm, which is kept. */
function script(spec, file) {
	const prefix = join(tools, spec.replaceAll(/[/@]/g, "_"));
	const found = join(prefix, "node_modules", file);
	if (!existsSync(found)) install(spec, prefix);
	return [process.execPath, found];
}

function runtime(name) {
	return fetchRuntime(runtimes.find((each) => each.name === name));
}

/** "typescript@5" and "typescript" */
function nameAndVersion(spec) {
	const at = spec.indexOf("@", 1);
	return at < 0 ? [spec, "*"] : [spec.slice(0, at), spec.slice(at + 1)];
}
