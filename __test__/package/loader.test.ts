import {
	copyFile,
	cp,
	mkdir,
	mkdtemp,
	readdir,
	readFile,
	rm,
	writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import test, { type ExecutionContext } from "ava";
import { start } from "../kit/program.js";

const require = createRequire(import.meta.url);
const root = dirname(require.resolve("gev/package.json"));

/** What a program that loads the package prints: "loaded", or the error. */
interface Outcome {
	code?: string;
	message: string;
	causeCode?: string;
	causeMessage?: string;
}

const attempts = {
	// Node.js 20 rejects, beside the promise that the program has, one that nobody has.
	import: `process.on("unhandledRejection", () => {});
		const load = () => import("gev");`,
	require: `const load = async () => require("gev");`,
};

/** A program of somebody else's. The package is installed beside it, without any addon. */
async function customer(t: ExecutionContext, entry = attempts.require) {
	const folder = await mkdtemp(join(tmpdir(), "gev-loader-"));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	const installed = join(folder, "node_modules/gev");
	await mkdir(installed, { recursive: true });
	await cp(join(root, "dist"), join(installed, "dist"), { recursive: true });
	await copyFile(join(root, "package.json"), join(installed, "package.json"));
	await writeFile(
		join(folder, "main.cjs"),
		`${entry}
		load().then(
			({ Server }) => ({ message: typeof Server === "function" ? "loaded" : "not loaded" }),
			({ code, message, cause }) => ({ code, message, causeCode: cause?.code, causeMessage: cause?.message }),
		).then((outcome) => console.log(JSON.stringify(outcome)));`,
	);
	return folder;
}

/** A package for another platform, or for this one. */
async function installAddon(folder: string, platform: string, content: Buffer) {
	const name = join(folder, `node_modules/@gev-node/binding-${platform}`);
	await mkdir(name, { recursive: true });
	await writeFile(
		join(name, "package.json"),
		JSON.stringify({ main: "gev.node" }),
	);
	await writeFile(join(name, "gev.node"), content);
}

async function outcomeOf(
	t: ExecutionContext,
	folder: string,
	flags: string[] = [],
	env: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
	const { stdout, stderr, code } = await start(
		t,
		[...flags, join(folder, "main.cjs")],
		{
			NODE_OPTIONS: undefined,
			NODE_NO_WARNINGS: "1",
			// What these tests themselves may run with.
			NAPI_RS_NATIVE_LIBRARY_PATH: undefined,
			...env,
		},
	).ended;
	t.is(stderr, "");
	t.is(code, 0);
	return JSON.parse(stdout);
}

/** As napi-rs names platforms. Which C library this is, is learnt from the addon that was built here. */
const built = await addonOfThisBuild();

async function addonOfThisBuild() {
	const [file = ""] = (await readdir(join(root, "native"))).filter((name) =>
		name.startsWith(`gev.${process.platform}-${process.arch}`),
	);
	return {
		platform: file.replace(/^gev\.|\.node$/g, ""),
		file: join(root, "native", file),
	};
}

function pretend(platform: string, arch: string): string[] {
	const pretence = `for (const [name, value] of [["platform", "${platform}"], ["arch", "${arch}"]])
		Object.defineProperty(process, name, { value })`;
	return ["--import", `data:text/javascript,${encodeURIComponent(pretence)}`];
}

for (const [way, entry] of Object.entries(attempts)) {
	test(`without an addon, ${way} says what is missing and why that may be`, async (t) => {
		const outcome = await outcomeOf(t, await customer(t, entry));
		t.is(outcome.code, "ERR_GEV_BINDING");
		t.is(outcome.causeCode, "MODULE_NOT_FOUND");
		t.is(outcome.message.split("\n").length, 1);
		t.true(
			outcome.message.startsWith(
				`gev cannot load its native addon for ${built.platform}: @gev-node/binding-${built.platform} is not installed: `,
			),
		);
		t.regex(outcome.message, /--omit=optional.*lockfile.*Supported are /);
	});
}

test("the error names the platforms that package.json has targets for", async (t) => {
	const { napi } = JSON.parse(
		await readFile(join(root, "package.json"), "utf8"),
	);
	const { message } = await outcomeOf(t, await customer(t));
	const [, list = ""] = /Supported are (.*)$/.exec(message) ?? [];
	t.deepEqual(
		list.split(", ").sort(),
		napi.targets.map(platformOfTarget).sort(),
	);
});

function platformOfTarget(target: string): string {
	const [cpu = "", , system = "", abi] = target.split("-");
	const arch = { x86_64: "x64", aarch64: "arm64" }[cpu];
	const platform = { windows: "win32" }[system] ?? system;
	return [platform, arch, abi].filter((part) => part !== undefined).join("-");
}

test("for every platform with a target its package is asked for", async (t) => {
	const { napi } = JSON.parse(
		await readFile(join(root, "package.json"), "utf8"),
	);
	const folder = await customer(t);
	const addon = Buffer.from("not an addon");
	for (const name of napi.targets.map(platformOfTarget) as string[]) {
		const [platform = "", arch = "", abi] = name.split("-");
		// Which C library a program runs on cannot be pretended.
		if (platform === "linux" && !built.platform.endsWith(`-${abi}`)) continue;
		await installAddon(folder, name, addon);
		const flags = pretend(platform, arch);
		const { code, causeCode } = await outcomeOf(t, folder, flags);
		t.is(code, "ERR_GEV_BINDING", name);
		t.is(causeCode, "ERR_DLOPEN_FAILED", name);
		await rm(join(folder, "node_modules/@gev-node"), { recursive: true });
	}
});

test("a platform without a package is told how to get there", async (t) => {
	const outcome = await outcomeOf(
		t,
		await customer(t),
		pretend("sunos", "sparc"),
	);
	t.is(outcome.code, "ERR_GEV_BINDING");
	t.regex(
		outcome.message,
		/for sunos-sparc: there is no package for this platform: build .* NAPI_RS_NATIVE_LIBRARY_PATH/,
	);
});

test("node_modules of another platform are told as such", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, "win32-arm64-msvc", Buffer.from(""));
	const { code, message } = await outcomeOf(t, folder);
	t.is(code, "ERR_GEV_BINDING");
	t.regex(
		message,
		/that for win32-arm64-msvc is: node_modules was installed on another platform/,
	);
});

test("the addon of the platform's package is taken", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, built.platform, await readFile(built.file));
	t.deepEqual(await outcomeOf(t, folder), { message: "loaded" });
});

test("an addon that was built with other records is not taken", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, built.platform, await readFile(built.file));
	const bundle = join(folder, "node_modules/gev/dist/index.cjs");
	const code = await readFile(bundle, "utf8");
	const [, version = "?"] = /"(\d+\.\d+\.\d+-[0-9a-f]{8})"/.exec(code) ?? [];
	await writeFile(bundle, code.replace(version, "9.9.9-0badf00d"));
	for (const [env, hint] of [
		[{}, ""],
		[
			{ NAPI_RS_NATIVE_LIBRARY_PATH: built.file },
			` (NAPI_RS_NATIVE_LIBRARY_PATH is ${built.file})`,
		],
	] as const) {
		t.deepEqual(await outcomeOf(t, folder, [], env), {
			code: "ERR_GEV_BINDING",
			message: `gev 9.9.9-0badf00d cannot work with a native addon of ${version}${hint}: both have to come from one release, or from one build; install gev again, or build it again`,
		});
	}
});

test("an addon that does not say what records it was built with is not taken", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, built.platform, Buffer.from(""));
	const name = `node_modules/@gev-node/binding-${built.platform}`;
	await writeFile(
		join(folder, name, "package.json"),
		JSON.stringify({ main: "old.cjs" }),
	);
	await writeFile(join(folder, name, "old.cjs"), "exports.layout = () => ({})");
	const { code, message } = await outcomeOf(t, folder);
	t.is(code, "ERR_GEV_BINDING");
	t.regex(message, /cannot work with a native addon of an older version: /);
});

test("an addon that the system cannot load is told in the system's words", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, built.platform, Buffer.from("not an addon"));
	const outcome = await outcomeOf(t, folder);
	t.is(outcome.code, "ERR_GEV_BINDING");
	t.is(outcome.causeCode, "ERR_DLOPEN_FAILED");
	t.true(outcome.message.includes(outcome.causeMessage ?? "?"));
});

for (const [how, path] of [
	["by its absolute path", built.file],
	["from the current directory on", relative(process.cwd(), built.file)],
] as const) {
	test(`NAPI_RS_NATIVE_LIBRARY_PATH names the addon ${how}`, async (t) => {
		const folder = await customer(t);
		const env = { NAPI_RS_NATIVE_LIBRARY_PATH: path };
		t.deepEqual(await outcomeOf(t, folder, [], env), { message: "loaded" });
	});
}

test("a NAPI_RS_NATIVE_LIBRARY_PATH that leads nowhere is told, whatever else there is", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, built.platform, await readFile(built.file));
	const NAPI_RS_NATIVE_LIBRARY_PATH = join(folder, "nowhere.node");
	const outcome = await outcomeOf(t, folder, [], {
		NAPI_RS_NATIVE_LIBRARY_PATH,
	});
	t.is(outcome.code, "ERR_GEV_BINDING");
	t.is(outcome.causeCode, "ERR_DLOPEN_FAILED");
	t.true(
		outcome.message.includes(
			`(NAPI_RS_NATIVE_LIBRARY_PATH is ${NAPI_RS_NATIVE_LIBRARY_PATH})`,
		),
	);
});

/** Older versions call the flag experimental. */
const permission = process.allowedNodeEnvironmentFlags.has("--permission")
	? "--permission"
	: "--experimental-permission";

for (const [circumstance, flags] of [
	["with --no-addons", ["--no-addons"]],
	["under the permission model", [permission, "--allow-fs-read=*"]],
] as const) {
	for (const how of ["a package", "NAPI_RS_NATIVE_LIBRARY_PATH"]) {
		test(`${circumstance} the error says that addons are disabled: ${how}`, async (t) => {
			const folder = await customer(t);
			const isPackage = how === "a package";
			if (isPackage) {
				await installAddon(folder, built.platform, await readFile(built.file));
			}
			const env = isPackage ? {} : { NAPI_RS_NATIVE_LIBRARY_PATH: built.file };
			const outcome = await outcomeOf(t, folder, [...flags], env);
			t.is(outcome.code, "ERR_GEV_BINDING");
			t.is(outcome.causeCode, "ERR_DLOPEN_DISABLED");
			t.regex(
				outcome.message,
				/: native addons are disabled in this process: .*--no-addons.*--allow-addons/,
			);
			t.notRegex(outcome.message, /npm|optional/);
		});
	}
}

// Node.js 20 lets packages be loaded that may not be read.
const testOfReading =
	Number.parseInt(process.versions.node, 10) >= 22 ? test : test.skip;

testOfReading("an addon that may not be read is told as such", async (t) => {
	const folder = await customer(t);
	await installAddon(folder, built.platform, await readFile(built.file));
	const readable = ["main.cjs", "node_modules/gev/"].map(
		(name) => `--allow-fs-read=${join(folder, name)}`,
	);
	const flags = [permission, "--allow-addons", ...readable];
	const outcome = await outcomeOf(t, folder, flags);
	t.is(outcome.code, "ERR_GEV_BINDING");
	t.is(outcome.causeCode, "ERR_ACCESS_DENIED");
	t.regex(
		outcome.message,
		/: the permission model does not let it be read: .*--allow-fs-read/,
	);
	t.notRegex(outcome.message, /npm|optional/);
});
