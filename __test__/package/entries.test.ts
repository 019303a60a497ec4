import {
	mkdir,
	mkdtemp,
	readFile,
	rm,
	symlink,
	writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import * as gev from "gev";
import { start } from "../kit/program.js";

const require = createRequire(import.meta.url);
const root = dirname(require.resolve("gev/package.json"));
const compiler = join(dirname(require.resolve("typescript")), "../bin/tsc");

/** A folder of somebody else's, in which the package is installed. */
async function customer(
	t: ExecutionContext,
	files: Record<string, string>,
): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), "gev-entries-"));
	t.teardown(() => rm(folder, { recursive: true, force: true }));
	await mkdir(join(folder, "node_modules"));
	await symlink(root, join(folder, "node_modules/gev"), "junction");
	await symlink(
		join(root, "node_modules/@types"),
		join(folder, "node_modules/@types"),
		"junction",
	);
	for (const [name, text] of Object.entries(files)) {
		await writeFile(join(folder, name), text);
	}
	return folder;
}

test("CommonJS modules get the same classes and functions", (t) => {
	const required: typeof gev = require("gev");
	t.deepEqual(Object.keys(required).sort(), Object.keys(gev).sort());
	for (const [name, value] of Object.entries(gev)) {
		t.is(Reflect.get(required, name), value, name);
	}
});

test("CommonJS modules can load it where ES modules cannot be required", async (t) => {
	const program = `
		const required = require("gev");
		import("gev").then((imported) => {
			for (const name of Object.keys(imported))
				if (name !== "default" && name !== "module.exports") console.log(name, imported[name] === required[name]);
		});
	`;
	const folder = await customer(t, { "main.cjs": program });
	const { code, stdout, stderr } = await start(t, [
		"--no-experimental-require-module",
		join(folder, "main.cjs"),
	]).ended;
	t.is(stderr, "");
	t.is(code, 0);
	t.deepEqual(
		stdout.trim().split("\n").sort(),
		Object.keys(gev).map((name) => `${name} true`),
	);
});

for (const [module, moduleResolution] of [
	["node16", "node16"],
	["nodenext", "nodenext"],
	["esnext", "bundler"],
]) {
	test(`TypeScript finds the types of both entries, and one of each class: ${moduleResolution}`, async (t) => {
		const isNode = module !== "esnext";
		const folder = await customer(t, {
			"package.json": '{ "type": "module" }',
			"tsconfig.json": JSON.stringify({
				compilerOptions: {
					module,
					moduleResolution,
					target: "es2022",
					strict: true,
					noEmit: true,
					types: ["node"],
				},
			}),
			"imported.mts": `
				import { type Handler, Server, webSocket } from "gev";
				const handler: Handler<{ name: string }> = { onMessage: (c, m) => \`\${c.context?.name} \${m.length}\` };
				export const server: Server<{ name: string }> = new Server(handler, { protocol: webSocket() });
			`,
			"required.cts": isNode
				? `
				import gev = require("gev");
				export function port(server: gev.Server<{ name: string }>): Promise<number> {
					return server.start().then((address) => address.port);
				}
				// @ts-expect-error: the types are there, and not "any".
				new gev.Server(1);
			`
				: "export const port = (_: object) => 0;",
			"both.mts": `
				import { server } from "./imported.mjs";
				import { port } from "./required.cjs";
				export const listening = port(server);
			`,
		});
		const { code, stdout, stderr } = await start(t, [
			compiler,
			"--project",
			folder,
		]).ended;
		t.is(stdout, "");
		t.is(stderr, "");
		t.is(code, 0);
	});
}

test("errors lead to the TypeScript that they come from", async (t) => {
	const folder = await customer(t, {
		"main.cjs": 'const { Server } = require("gev"); new Server(1);',
	});
	const { stderr } = await start(t, [
		"--enable-source-maps",
		join(folder, "main.cjs"),
	]).ended;
	t.regex(stderr, /src[\\/]\w+\.ts:\d+/);
	t.notRegex(stderr, /dist[\\/]index\.cjs:\d+/);
});

test("the package exports what its types declare, and nothing else", async (t) => {
	const file = require.resolve("gev/package.json");
	const types = await readFile(
		new URL("index.d.cts", `file://${file}`),
		"utf8",
	);
	const [, list = ""] = /^export \{ (.*) \};$/m.exec(types) ?? [];
	const names = ["GevError", "Protocol", "SendStatus", "Server", "raw"];
	t.true(names.every((name) => list.includes(name)));
	t.deepEqual(Object.keys(gev).sort(), list.split(", ").sort());
	t.deepEqual(Object.keys(require("gev")).sort(), list.split(", ").sort());
	t.throws(() => require("gev/dist/index.cjs"), {
		code: "ERR_PACKAGE_PATH_NOT_EXPORTED",
	});
	t.like(gev.SendStatus, { Queued: 0, Congested: 1, Dropped: 2, Closed: 3 });
});
