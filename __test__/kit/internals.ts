import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { compileFunction } from "node:vm";

/**
 * What the bundle has by these names, whether it exports it or not, before it gets short ones. It is another instance than the
 * imported package.
 */
export function internals(names: readonly string[]): Record<string, unknown> {
	const file = createRequire(import.meta.url).resolve("gev");
	const whole = new URL("../../internals.cjs", import.meta.url);
	const code = `${readFileSync(whole, "utf8")}\nreturn { ${names.join(", ")} };`;
	const parameters = [
		"exports",
		"require",
		"module",
		"__filename",
		"__dirname",
	];
	const run = compileFunction(code, parameters, { filename: file });
	const module = { exports: {} };
	const require = createRequire(file);
	return run(module.exports, require, module, file, dirname(file));
}
