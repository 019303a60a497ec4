import { existsSync, readFileSync } from "node:fs";
import test from "ava";

/** The two first pages say the same. */

const root = new URL("../../../", import.meta.url);
const english = readFileSync(new URL("README.md", root), "utf8");
const chinese = readFileSync(new URL("README-ZH.md", root), "utf8");

/** Samples and commands, as they are but for what a shell does not read. */
function samples(page: string): string[] {
	return [...page.matchAll(/^```.*?^```$/gms)].map(([code]) =>
		code.replace(/ +# .*$/gm, (comment) =>
			code.startsWith("```sh") ? "" : comment,
		),
	);
}

function links(page: string): string[] {
	return [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link);
}

test("both have the same samples and commands", (t) => {
	t.true(samples(english).length >= 7);
	t.deepEqual(samples(chinese), samples(english));
});

test("both name the same things in code", (t) => {
	const names = (page: string) => {
		const text = page.replace(/^```.*?^```$/gms, "");
		const spans = [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
		return [...new Set(spans)].sort();
	};
	t.deepEqual(names(chinese), names(english));
});

test("both have the same links, each to something that is there", (t) => {
	const others = (page: string) =>
		links(page)
			.filter((link) => !/^README/.test(link))
			.sort();
	t.deepEqual(others(chinese), others(english));
	t.true(links(english).includes("README-ZH.md"));
	t.true(links(chinese).includes("README.md"));
	for (const link of links(english)) {
		if (/^https?:/.test(link)) continue;
		t.true(existsSync(new URL(link, root)), link);
	}
});

test("both have the same chapters", (t) => {
	const chapters = (page: string) => page.match(/^#+ /gm);
	t.deepEqual(chapters(chinese), chapters(english));
});
