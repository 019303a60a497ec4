/**
 * Bundles the declarations of the public API into index.d.cts, the one file
 * that users' compilers and editors read; index.d.ts says that `import` gets
 * the same. It refuses to write a file that names something which users cannot
 * import: such a name is a leak.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";

const entry = "build/package/index.d.ts";
const { url } = JSON.parse(readFileSync("package.json", "utf8")).repository;
const homepage = `${url.replace(/^git\+|\.git$/g, "")}/blob/main`;
const header =
	"// Generated from index.ts by the build (scripts/build-types.mjs), do not edit.\n";

/** Options are classes for their tables only: users get them as types, and so as what they are. */
const interfaces = {
	name: "interfaces",
	transform: (code) =>
		code.replace(
			/^export declare class (\w+Options(?: extends \w+Options)?) \{/gm,
			"export interface $1 {",
		),
};

const chunk = await bundle();
const leaks = [...foreignImports(chunk), ...unexportedNames(chunk)];
if (leaks.length > 0) {
	console.error(
		`The public API uses what index.ts does not export: ${leaks.join(", ")}.\nExport it from index.ts, or mark what uses it with @internal.`,
	);
	process.exit(1);
}
const code = inBrief(withTabs(withLinks(withPages(chunk.code))));
writeIfChanged("index.d.cts", header + references(chunk) + code);
writeIfChanged("index.d.ts", `${header}export * from "./index.cjs";\n`);

async function bundle() {
	const build = await rollup({
		input: entry,
		plugins: [interfaces, dts()],
		external: (id) => id.startsWith("node:") || id.startsWith("#"),
		onwarn: (warning) => {
			throw new Error(warning.message);
		},
	});
	const { output } = await build.generate({ format: "es" });
	return output[0];
}

/** Tags of comments end a paragraph by themselves. */
function inBrief(code) {
	return code.replace(/\n\t* \*\n(\t*) \* @/g, "\n$1 * @");
}

/** Examples and diagrams of what has a page with them in docs/presets are left to that, as they are many. */
function withPages(code) {
	const doc =
		/\/\*\*(?:(?!\*\/)[\s\S])*\*\/\ndeclare (?:const|function) (\w+)/g;
	return code.replace(doc, (all, name) => {
		const page = `docs/presets/${name}.md`;
		const at = all.indexOf(" * @example");
		if (at < 0 || !existsSync(page)) return all;
		const end = all.indexOf("*/", at);
		const text = all.slice(0, at).replace(/ \* ```text\n[\s\S]*?```\n/g, "");
		return `${text} * @see ${homepage}/${page}\n ${all.slice(end)}`;
	});
}

/** Pages of docs/ are not in the package: where a comment names one, readers get a link to it. */
function withLinks(code) {
	return code.replace(/`(docs\/[\w/-]+\.md)`/g, (_, page) => {
		if (existsSync(page)) return `{@link ${homepage}/${page} | ${page}}`;
		throw new Error(`there is no ${page}, which a comment names`);
	});
}

function withTabs(code) {
	return code.replace(/^(?: {4})+/gm, (spaces) =>
		"\t".repeat(spaces.length / 4),
	);
}

/** Modules that the published package does not let users resolve. */
function foreignImports({ imports }) {
	return imports.filter((id) => !id.startsWith("node:"));
}

/** Declared at the top level, yet not among the exports. */
function unexportedNames({ code, exports }) {
	const declaration =
		/^(?:declare )?(?:abstract )?(?:class|const|enum|function|interface|let|namespace|type) (\w+)/gm;
	const names = [...code.matchAll(declaration)].map((match) => match[1]);
	return [...new Set(names)].filter((name) => !exports.includes(name));
}

/** `Buffer` and its kind are globals of @types/node: the file says that it needs them. */
function references({ code }) {
	const isThere = code.includes('/// <reference types="node" />');
	return isThere ? "" : '/// <reference types="node" />\n\n';
}

/** An unchanged file keeps its time, so that nothing downstream believes it to be new. */
function writeIfChanged(file, text) {
	if (!existsSync(file) || readFileSync(file, "utf8") !== text)
		writeFileSync(file, text);
}
