import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";

/** The samples of the first page and of those in docs/, which their readers copy. Those of presets have tests of their own. */

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

/** What samples take for granted. */
const scene = `
	declare const handler: import("gev").CommonHandler;
	declare const server: import("gev").Server;
	declare const connection: import("gev").Connection;
	declare const room: Set<import("gev").Connection>;
	declare const followers: Set<import("gev").Connection>;
	declare const cluster: typeof import("node:cluster").default;
	declare class Echo { onMessage(connection: import("gev").Connection, message: string | Buffer): string | Buffer }
	declare class Greeter { onConnect(connection: import("gev").Connection): void }
	declare class Broker { onMessage(connection: import("gev").Connection, packet: Buffer): void }
	interface User { name: string }
`;

test("the samples of the pages are right TypeScript", async (t) => {
	const folder = await folderFor(t);
	const files = new Map([["scene.d.ts", scene]]);
	for (const page of ["README.md", ...(await pagesOf("docs"))]) {
		for (const [at, sample] of samplesOf(page).entries()) {
			const name = `${basename(page, ".md")}-${at}.mts`;
			files.set(name, `${importsFor(sample)}\n${sample}\nexport {};\n`);
		}
	}
	t.true(files.size > 15);
	for (const [name, text] of files) await writeFile(join(folder, name), text);
	const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
	const flags =
		"--ignoreConfig --noEmit --strict --module nodenext --target es2023 --lib es2023,esnext.disposable --types node";
	const paths = [...files.keys()].map((name) => join(folder, name));
	const args = [compiler, ...flags.split(" "), ...paths];
	const { stdout } = await run(process.execPath, args, { cwd: root }).catch(
		(error: { stdout: string }) => error,
	);
	t.is(stdout, "");
});

async function pagesOf(folder: string): Promise<string[]> {
	const names = await readdir(join(root, folder));
	return names
		.filter((name) => name.endsWith(".md"))
		.map((name) => join(folder, name));
}

/** Of each page the blocks of TypeScript, in which `{ ... }` is a body that is left out. */
function samplesOf(page: string): string[] {
	const text = readFileSync(join(root, page), "utf8");
	return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) =>
		code.replaceAll("{ ... }", "{ throw new Error(); }"),
	);
}

/** A sample that imports the package has to import all of it that it uses; one that does not goes on from what was there before. */
function importsFor(sample: string): string {
	if (/ from "gev"/.test(sample)) return "";
	const types = readFileSync(join(root, "index.d.cts"), "utf8");
	const names = [...types.matchAll(/^export (?:type )?\{ (.*) \};$/gm)]
		.flatMap(([, list = ""]) => list.split(", "))
		.map((name) => name.replace(/^type /, ""))
		.filter((name) => new RegExp(`\\b${name}\\b`).test(sample));
	return `import { ${names.join(", ")} } from "gev";`;
}

/** A folder from which the package can be imported. */
async function folderFor(t: ExecutionContext): Promise<string> {
	const folder = await mkdtemp(
		fileURLToPath(new URL("samples-", import.meta.url)),
	);
	t.teardown(() => rm(folder, { recursive: true }));
	return folder;
}
