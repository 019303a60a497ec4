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
import { minify } from "terser";

const entry = "build/package/index.js";
const loader = resolve("build/package/src/bridge/binding.js");
const folder = "dist";
const commonjs = "index.cjs";
const esm = "index.js";
/** Between the two: Node.js reads whatever is imported of CommonJS for its names, and would read the whole bundle. */
const namesOnly = "names.cjs";
/** The same by its own names, for tests of what the package does not export. */
const internals = "build/internals.cjs";

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

/** Constants stand where they are used, and nothing else changes its place. */
const numbersForNames = {
	...{ defaults: false, reduce_funcs: false },
	...{ reduce_vars: true, evaluate: true, toplevel: true, unused: true },
	...{ booleans: true, comparisons: true, conditionals: true },
	...{ dead_code: true, if_return: true, properties: true, arrows: true },
	passes: 2,
};

/**
 * Shorter names for what nobody sees, no comments and no white space: the file is a third shorter, and loads the faster for it.
 * What it does stays as it is, and classes keep the names that people see: those that are exported, and of what is handed to
 * them; those of functions are in the source map's lines.
 */
const short = {
	name: "short",
	async renderChunk(code, chunk) {
		const seen = [...chunk.exports, ...handedOut];
		const names = { keep_classnames: new RegExp(`^(${seen.join("|")})$`) };
		return minify(code, {
			compress: numbersForNames,
			mangle: { toplevel: true, ...names },
			// A statement a line: what a map of lines can tell apart, and in few bytes.
			format: { beautify: true, comments: false, indent_level: 0 },
			sourceMap: { asObject: true },
			...names,
		});
	},
};

const handedOut = ["CopiedHeaders", "CopiedRequest", "ServerTimer"];

/** `#page` is the live page as one text: its document with its style and its script. */
const page = {
	name: "page",
	resolveId: (id) => (id === "#page" ? "#page" : null),
	async load(id) {
		if (id !== "#page") return null;
		const [html, css, js] = ["html", "css", "mjs"].map((ending) =>
			readFileSync(`src/live/page.${ending}`, "utf8"),
		);
		const script = await minify(js, {
			module: true,
			mangle: { reserved: ["past"] },
		});
		const whole = inBrief(html)
			.replace("/*css*/", () => styleInBrief(css))
			.replace("/*js*/", () => script.code);
		const code = `export const page = ${JSON.stringify(whole)};`;
		return { code, map: { mappings: "" } };
	},
};

function styleInBrief(text) {
	return inBrief(text)
		.replace(/\s*([{};,])\s*/g, "$1")
		.replace(/: /g, ":")
		.replace(/;}/g, "}");
}

/** Without what lines begin with, and comments that are lines of their own. */
function inBrief(text) {
	return text.replace(/^(?:\s+|\/\/.*\n|\/\*\*.*\*\/\n)+/gm, "");
}

const chunk = await bundle();
mkdirSync(folder, { recursive: true });
const { code, map } = ofLines(chunk);
writeFileSync(join(folder, `${commonjs}.map`), map);
writeFileSync(join(folder, commonjs), code);
const names = chunk.exports.join(", ");
writeFileSync(
	join(folder, namesOnly),
	`const { ${names} } = require("./${commonjs}");\nmodule.exports = { ${names} };\n`,
);
writeFileSync(
	join(folder, esm),
	`export { ${names} } from "./${namesOnly}";\n`,
);

/**
 * Without empty lines, and with a source map that knows the others: where in a line something begins makes it three times as large,
 * which is a third of the package.
 *
 * @param {{ code: string, map: import("rollup").SourceMap }} chunk
 */
function ofLines({ code, map: { version, file, sources, mappings } }) {
	const all = decode(mappings);
	const lines = code
		.split("\n")
		.map((line, at) => ({ line, from: all[at]?.find(isOfSource) }))
		.filter(({ line }) => line !== "");
	const short = `${lines.map(({ line }) => line).join("\n")}\n`;
	if (meaning(short) !== meaning(code)) {
		throw new Error("the bundle says something else without its empty lines");
	}
	const kept = lines.map(({ line, from }) =>
		from !== undefined && mayBeInStack(line) ? [[0, ...from.slice(1, 4)]] : [],
	);
	const ofAll = { version, file, sources, names: [] };
	return {
		code: short,
		map: JSON.stringify({ ...ofAll, mappings: encode(kept) }),
	};
}

/** Nothing is called or thrown in a line that has none of these. */
function mayBeInStack(line) {
	return /\(|throw|`/.test(line);
}

function isOfSource(segment) {
	return segment.length > 1;
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
	const whole = await build.generate({ format: "cjs" });
	writeFileSync(internals, whole.output[0].code);
	const { output } = await build.generate({
		format: "cjs",
		plugins: [short],
		file: join(folder, commonjs),
		sourcemap: true,
		// Names and lines of the repository are enough: with the text the package would be twice as large.
		sourcemapExcludeSources: true,
	});
	return output[0];
}
