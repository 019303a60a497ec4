/** Options that count, as names and values to look at; `[name, value, default]` where it is not the default. */
export type ShownOption = [name: string, value: string, fallback?: string];

/** The options of a server against the defaults, group by group; secrets and what only the program can show are not told. */
export function shownOptions(options: object, defaults: object): ShownOption[] {
	const usual = new Map(leaves(defaults));
	return [...leaves(options)].map(([name, value]): ShownOption => {
		const fallback = usual.get(name) ?? "none";
		return value === fallback ? [name, value] : [name, value, fallback];
	});
}

function* leaves(group: object, prefix = ""): Generator<[string, string]> {
	for (const [name, value] of Object.entries(group)) {
		const full = prefix + name;
		const isGroup = Object.getPrototypeOf(value ?? "") === Object.prototype;
		if (SECRET.test(name)) yield [full, value === undefined ? "none" : "set"];
		else if (isGroup && name !== "logger") yield* leaves(value, `${full}.`);
		else yield [full, shown(value)];
	}
}

function shown(value: unknown): string {
	if (value === undefined) return "none";
	if (typeof value === "number") return value.toLocaleString("en");
	if (typeof value === "object" && value !== null && !Array.isArray(value)) {
		return "name" in value ? String(value.name) : "set";
	}
	return typeof value === "function" ? "a function" : JSON.stringify(value);
}

const SECRET = /token|secret|password|page/i;
