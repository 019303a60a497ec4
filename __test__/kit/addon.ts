/** The native addon that the package loads, for tests that stand between the two. To be imported before the package. */
let exports: unknown;

const { dlopen } = process;
process.dlopen = (module, ...rest) => {
	dlopen.call(process, module, ...(rest as [string]));
	const { exports: loaded } = module as { exports: unknown };
	if ((loaded as { Environment?: unknown }).Environment) exports = loaded;
};

/** What it exports. */
export function addon(): unknown {
	return exports;
}
