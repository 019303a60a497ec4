/** What reports are made of. */

/** @param {Record<string, unknown>} machine */
export function list(machine) {
	return Object.entries(machine)
		.map(([name, value]) => `- ${name}: ${value}`)
		.join("\n");
}

/**
 * @template Row
 * @param {[title: string, format: (row: Row) => string][]} columns
 * @param {Row[]} rows
 */
export function table(columns, rows) {
	const lines = rows.map((row) => columns.map(([, format]) => format(row)));
	const titles = columns.map(([title]) => title);
	const rule = columns.map((_, index) => (index === 0 ? "---" : "---:"));
	return [titles, rule, ...lines]
		.map((cells) => `| ${cells.join(" | ")} |`)
		.join("\n");
}

/**
 * A median, and the range around it if there is one.
 *
 * @param {import("./statistics.mjs").Spread | null | undefined} values
 * @param {number} digits Behind the point.
 */
export function figure(values, digits) {
	if (!values) return "-";
	const format = (value) =>
		value.toLocaleString("en-US", {
			minimumFractionDigits: digits,
			maximumFractionDigits: digits,
		});
	const median = format(values.median);
	if (values.min === values.max) return median;
	return `${median} (${format(values.min)} - ${format(values.max)})`;
}
