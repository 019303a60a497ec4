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

/** Options for native code that tell `read` of each value that is no object, with the names that lead to it. */
export function watched(
	options: object,
	read: (path: readonly string[], value: unknown) => void,
	path: readonly string[] = [],
): object {
	return new Proxy(options, {
		get(target, name) {
			const value = Reflect.get(target, name);
			const names = [...path, String(name)];
			if (typeof value === "object" && !Array.isArray(value)) {
				return watched(value, read, names);
			}
			read(names, value);
			return value;
		},
	});
}
