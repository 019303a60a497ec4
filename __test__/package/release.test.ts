import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { start } from "../kit/program.js";

const require = createRequire(import.meta.url);
const manifest = require("gev/package.json");
const root = dirname(require.resolve("gev/package.json"));
const repository = /github\.com\/(.*)\.git$/.exec(manifest.repository.url)?.[1];

function runScript(t: ExecutionContext, name: string, ...args: string[]) {
	return start(t, [join(root, "scripts/release", name), ...args]).ended;
}

test("packages are not assembled unless all platforms have their addon", async (t) => {
	const artifacts = await mkdtemp(join(tmpdir(), "gev-artifacts-"));
	t.teardown(() => rm(artifacts, { recursive: true, force: true }));
	await writeFile(join(artifacts, "gev.linux-x64-gnu.node"), "");
	const { code, stderr } = await runScript(
		t,
		"assemble.mjs",
		`--artifacts=${artifacts}`,
		`--out=${join(artifacts, "packages")}`,
	);
	t.is(code, 1);
	t.regex(stderr, /^release: no addon for linux-x64-musl, .*freebsd-x64 below/);
	t.notRegex(stderr, /linux-x64-gnu/);
});

test("packages that are not there are not published", async (t) => {
	const empty = join(tmpdir(), `gev-nothing-${process.pid}`);
	const { code, stderr } = await runScript(t, "publish.mjs", empty);
	t.is(code, 1);
	t.is(stderr.match(/^\S+ is missing$/gm)?.length, 10);
});

test("the checkout itself cannot be published", (t) => {
	t.true(manifest.private);
	t.is(manifest.scripts.prepublishOnly, undefined);
});

test("a release begins when tag, version, repository and changelog agree", async (t) => {
	const { code, stdout } = await runScript(
		t,
		"version.mjs",
		repository ?? "none",
	);
	t.is(code, 0);
	t.is(stdout, `version=${manifest.version}\n`);
});

test("a release does not begin for another tag or repository", async (t) => {
	const elsewhere = ["somebody/else", "v99.0.0"];
	const { code, stderr } = await runScript(t, "version.mjs", ...elsewhere);
	t.is(code, 1);
	t.regex(stderr, /repository .*not somebody\/else\n/);
	t.regex(stderr, /the tag is v99\.0\.0, and the version/);
});
