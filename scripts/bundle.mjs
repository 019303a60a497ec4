/**
 * Bundles the compiled package into one CommonJS file with a source map, as
 * jest and older tools cannot `require` ES modules, and gives `import` a module
 * that names its exports: there is one of each class, whichever way it came.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { decode, encode } from "@jridgewell/sourcemap-codec";
import { rollup } from "rollup";
import { parseAst } from "rollup/parseAst";

const entry = "build/package/index.js";
const loader = resolve("build/package/src/bridge/binding.js");
const folder = "dist";
const commonjs = "index.cjs";
const esm = "index.js";

/** Hands the compiler's source maps on, so that the bundle's leads to the TypeScript. */
const sourceMaps = {
	name: "source-maps",
	load(id) {
		const code = readFileSync(id, "utf8");
		const comment = `//# sourceMappingURL=${basename(id)}.map`;
		return {
			code: code.replace(comment, ""),
			map: readFileSync(`${id}.map`, "utf8"),
		};
	},
};

/** `#binding` is what the loader finds, whatever the addon exports. */
const binding = {
	name: "binding",
	resolveId: (id) =>
		id === "#binding" ? { id: loader, syntheticNamedExports: "binding" } : null,
};

/** `#page` is the live page as one text: its document with its style and its script. */
const page = {
	name: "page",
	resolveId: (id) => (id === "#page" ? "#page" : null),
	load: (id) => {
		if (id !== "#page") return null;
		const [html, css, js] = ["html", "css", "mjs"].map((ending) =>
			inBrief(readFileSync(`src/live/page.${ending}`, "utf8")),
		);
		const whole = html
			.replace("/*css*/", () => css)
			.replace("/*js*/", () => js);
		const code = `export const page = ${JSON.stringify(whole)};`;
		return { code, map: { mappings: "" } };
	},
};

/** Without what lines begin with, and comments that are lines of their own. */
function inBrief(text) {
	return text.replace(/^(?:\s+|\/\/.*\n|\/\*\*.*\*\/\n)+/gm, "");
}

const chunk = await bundle();
const { code, map } = shortened(chunk);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, `${commonjs}.map`), map);
writeFileSync(join(folder, commonjs), code);
writeFileSync(
	join(folder, esm),
	`export { ${chunk.exports.join(", ")} } from "./${commonjs}";\n`,
);

/**
 * Without docs, which are for who reads the types, comments and empty lines, and with tabs, it is a sixth shorter, and loads the
 * faster for it. The source map knows lines: where in a line something begins would make it three times as large, which is a third
 * of the package.
 *
 * @param {{ code: string, map: import("rollup").SourceMap }} chunk
 */
function shortened({ code, map: { version, file, sources, mappings } }) {
	const doc = /^[ \t]*\/\*\*.*?\*\/$/gms;
	const lines = code
		.replace(doc, (text) => text.replace(/[^\n]+/g, ""))
		.split("\n");
	const ofLines = decode(mappings);
	const kept = { code: [], mappings: [] };
	for (const [at, line] of lines.entries()) {
		const [, spaces, rest] = /^( *)(.*)$/.exec(line);
		if (rest === "" || /^\/\/(?!# source)/.test(rest)) continue;
		kept.code.push("\t".repeat(spaces.length / 4) + rest);
		kept.mappings.push(begins(ofLines[at] ?? []));
	}
	const short = `${kept.code.join("\n")}\n`;
	if (meaning(short) !== meaning(code)) {
		throw new Error("the bundle says something else without its empty lines");
	}
	const ofAll = { version, file, sources, names: [] };
	return {
		code: short,
		map: JSON.stringify({ ...ofAll, mappings: encode(kept.mappings) }),
	};
}

/** Where a line comes from, and what in it comes from another one than what is before it. */
function begins(segments) {
	return segments
		.filter((segment, at) => segment.length > 1 && isNewLine(segments, at))
		.map(([column, source, line, from], at) => [
			at === 0 ? 0 : column,
			source,
			line,
			from,
		]);
}

/** True for what comes from another line than what is before it. */
function isNewLine(segments, at) {
	const [, source, line] = segments[at];
	const [, sourceBefore, lineBefore] = segments[at - 1] ?? [];
	return source !== sourceBefore || line !== lineBefore;
}

/** What code says, wherever it stands. */
function meaning(code) {
	return JSON.stringify(parseAst(code), (key, value) => {
		if (key === "start" || key === "end") return undefined;
		return typeof value === "bigint" ? `${value}n` : value;
	});
}

async function bundle() {
	const build = await rollup({
		input: entry,
		plugins: [binding, page, sourceMaps],
		external: (id) => id.startsWith("node:"),
		onwarn: (warning) => {
			throw new Error(warning.message);
		},
	});
	const { output } = await build.generate({
		format: "cjs",
		file: join(folder, commonjs),
		sourcemap: true,
		// Names and lines of the repository are enough: with the text the package would be twice as large.
		sourcemapExcludeSources: true,
	});
	return output[0];
}
