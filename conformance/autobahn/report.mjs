/** Verdicts as Markdown, for the terminal and for conformance/latest.md. */
import { ranking } from "./verdicts.mjs";

/** Columns that a table has even when there is nothing in them. */
const standing = ["OK", "INFORMATIONAL", "NON-STRICT", "FAILED", "UNCLEAN"];

/**
 * @typedef {object} Outcome What became of one run.
 * @property {string} title
 * @property {import("./sections.mjs").Section[]} sections
 * @property {import("./verdicts.mjs").Verdict[]} verdicts
 * @property {string[]} problems Failures that belong to no case.
 * @property {number} seconds
 */

/** @param {Outcome} outcome */
export function formatOutcome({
	title,
	sections,
	verdicts,
	problems,
	seconds,
}) {
	const failed = verdicts.filter(({ isPassed }) => !isPassed);
	return [
		`## ${title}`,
		table(sections, verdicts),
		`${seconds.toFixed(0)} s.`,
		...excuses(verdicts),
		...problems.map((problem) => block("Failure", [problem])),
		...failed.map(({ id, verdict, details }) =>
			block(`${id} ${verdict}`, details),
		),
	].join("\n\n");
}

/** The head and the rows of each table in such a text, by its title; without the sums, as a run may leave sections out. */
export function rowsOf(text) {
	const parts = text.split(/^## /m).slice(1);
	return new Map(
		parts.map((part) => [
			part.slice(0, part.indexOf("\n")),
			part.match(/^\| (?:section|\d).*$/gm) ?? [],
		]),
	);
}

function table(sections, verdicts) {
	const seen = new Set(verdicts.map(({ verdict }) => verdict));
	const columns = [...new Set([...ranking, ...seen])].filter(
		(name) => standing.includes(name) || seen.has(name),
	);
	const count = (some) =>
		columns.map((name) => some.filter((v) => v.verdict === name).length);
	const rows = sections.map(({ number, title, cases }) => {
		const own = verdicts.filter(({ section }) => section === number);
		return [`${number} ${title}`, cases, own.length, ...count(own)];
	});
	const expected = sections.reduce((sum, { cases }) => sum + cases, 0);
	return [
		["section", "cases", "run", ...columns],
		["---", ...Array(columns.length + 2).fill("---:")],
		...rows,
		["all", expected, verdicts.length, ...count(verdicts)],
	]
		.map((cells) => `| ${cells.join(" | ")} |`)
		.join("\n");
}

function excuses(verdicts) {
	const reasons = new Set(verdicts.map(({ excuse }) => excuse));
	reasons.delete(undefined);
	return [...reasons].map((reason) => {
		const ids = verdicts.filter((v) => v.excuse === reason).map(({ id }) => id);
		return `Passed as an exception: ${ids.join(", ")}. ${reason}`;
	});
}

function block(title, lines) {
	return `### ${title}\n\n\`\`\`text\n${lines.join("\n")}\n\`\`\``;
}
