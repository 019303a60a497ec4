import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { type Ended, start } from "../kit/program.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** What the scripts below need of a checkout. */
const folders = ["scripts", "conformance/runtimes", "__test__/sanitize"];

/** What the tools of a machine say to `--version`; those that are not named are not installed. */
type Tools = { cargo?: string; rustc?: string };

/** Runs a script of a checkout in which nothing is built, on a machine that has these tools and this Node.js. */
async function runScript(
	t: ExecutionContext,
	name: string,
	tools: Tools,
	{ node = process.versions.node, args = [] as string[] } = {},
): Promise<Ended> {
	const checkout = await mkdtemp(join(tmpdir(), "gev-scripts-"));
	t.teardown(() => rm(checkout, { recursive: true, force: true }));
	for (const folder of folders) {
		await cp(join(root, folder), join(checkout, folder), { recursive: true });
	}
	for (const [tool, answer] of Object.entries(tools)) {
		await writeFile(
			join(checkout, tool),
			`#!/bin/sh\n[ "$*" = --version ] && echo "${tool} ${answer}"\n`,
			{ mode: 0o755 },
		);
	}
	const pretence = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${node}" } })`;
	const script = join(checkout, name);
	return start(
		t,
		["--import", `data:text/javascript,${pretence}`, script, ...args],
		{ PATH: checkout, npm_execpath: undefined },
	).ended;
}

/** The script has said this line and nothing else. */
function saysOnly(
	t: ExecutionContext,
	{ code, stdout, stderr }: Ended,
	line: RegExp,
): void {
	t.regex(stderr, /^[^\n]+\n$/);
	t.regex(stderr.trimEnd(), line);
	t.is(stdout, "");
	t.is(code, 1);
}

// Windows would not take a shell script for a tool, and does not look for tools in the same way.
const testOnUnix = process.platform === "win32" ? test.skip : test;

for (const name of ["setup.mjs", "start.mjs", "test.mjs"]) {
	testOnUnix(
		`without Rust ${name} says in one line what to install`,
		async (t) => {
			saysOnly(
				t,
				await runScript(t, `scripts/${name}`, {}),
				/^gev needs Rust 1\.88 or newer .*`cargo` was not found: .*https:\/\/rustup\.rs$/,
			);
		},
	);
}

testOnUnix(
	"without its tools sanitize.mjs says in one line what it needs",
	async (t) => {
		saysOnly(
			t,
			await runScript(t, "__test__/sanitize/run.mjs", {}),
			/^sanitize: --address needs (?:nightly Rust: `rustup .*`|Linux .*)$/,
		);
	},
);

for (const [title, tools, line] of [
	[
		"only one of the tools",
		{ cargo: "1.95.0" },
		/`rustc` was not found: install Rust/,
	],
	[
		"a cargo that is too old",
		{ cargo: "1.87.0 (99624be96 2025-05-06)", rustc: "1.88.0" },
		/^gev needs Rust 1\.88 or newer .*`cargo` is 1\.87\.0: .*`rustup update stable`$/,
	],
	[
		"a rustc that is too old",
		{ cargo: "1.88.0", rustc: "1.9.0" },
		/`rustc` is 1\.9\.0: update it/,
	],
	[
		"tools that do not answer as they should",
		{ cargo: "of no version" },
		/`cargo` was not found/,
	],
] as const) {
	testOnUnix(
		`with ${title} setup.mjs says in one line what to do`,
		async (t) => {
			saysOnly(t, await runScript(t, "scripts/setup.mjs", tools), line);
		},
	);
}

for (const node of ["20.18.3", "18.20.8", "20.9.0"]) {
	testOnUnix(
		`on Node.js ${node} setup.mjs says in one line that it is too old`,
		async (t) => {
			const line = new RegExp(
				`^gev needs Node\\.js 20\\.19 or newer, but this is Node\\.js ${node}: .*https://nodejs\\.org$`,
			);
			saysOnly(t, await runScript(t, "scripts/setup.mjs", {}, { node }), line);
		},
	);
}

for (const [node, cargo, rustc] of [
	["20.19.0", "1.88.0", "1.88.0 (6b00bc388 2025-06-23)"],
	["22.0.0", "2.0.0-nightly", "1.100.0-beta.1"],
] as const) {
	testOnUnix(
		`Node.js ${node}, cargo ${cargo} and rustc ${rustc} are new enough`,
		async (t) => {
			const tools = { cargo, rustc };
			const { stderr } = await runScript(t, "scripts/setup.mjs", tools, {
				node,
			});
			// As far as the first step, for which this machine has no npm.
			t.regex(stderr, /^setup: installing npm packages \.\.\. failed\n/);
			t.regex(stderr, /\bnpm\b.*ENOENT/);
		},
	);
}

test("runtimes.mjs names a runtime that it does not know", async (t) => {
	const runtimes = "conformance/runtimes/run.mjs";
	const args = ["--only", "Bun,Perl"];
	const outcome = await runScript(t, runtimes, {}, { args });
	saysOnly(
		t,
		outcome,
		/^runtimes: there is no Perl, only Node\.js 20, .*, Bun/,
	);
});

testOnUnix(
	"without zig setup.mjs says in one line what a build for another platform needs",
	async (t) => {
		const rust = { cargo: "1.88.0", rustc: "1.88.0" };
		const args = ["--target", "aarch64-unknown-linux-musl", "-x"];
		saysOnly(
			t,
			await runScript(t, "scripts/setup.mjs", rust, { args }),
			/^gev needs zig .*`zig` was not found: .*scripts\/release\/zig\.mjs/,
		);
	},
);

test("setup.mjs names an option that it does not know", async (t) => {
	const outcome = await runScript(
		t,
		"scripts/setup.mjs",
		{},
		{ args: ["--fast"] },
	);
	saysOnly(t, outcome, /^setup: Unknown option '--fast'/);
});
