import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import test from "ava";

const folder = new URL("../../../examples/", import.meta.url);
const page = readFileSync(new URL("README.md", folder), "utf8");

/** What can be run: files that begin with the line that runs them. */
const programs = readdirSync(folder, { recursive: true, encoding: "utf8" })
	.map((name) => name.replaceAll("\\", "/"))
	.filter((name) => name.endsWith(".ts"))
	.map((name) => {
		const [first = ""] = readFileSync(new URL(name, folder), "utf8").split(
			"\n",
		);
		return { name, first };
	})
	.filter(({ first }) => first.startsWith("// node "));

test("each example begins with the line that runs it", (t) => {
	t.true(programs.length > 12);
	for (const { name, first } of programs) {
		t.regex(first, new RegExp(`^// node examples/${name}( --[a-z-]+ \\d+)*$`));
	}
});

test("each example is in the table of all examples, by its run line", (t) => {
	for (const { name } of programs) {
		t.true(page.includes(`\`node examples/${name}`), name);
	}
});

test("what the table speaks of is there, and takes the options that it has", (t) => {
	for (const [, link = ""] of page.matchAll(/\]\(([^)]+)\)/g)) {
		t.true(existsSync(fileURLToPath(new URL(link, folder))), link);
	}
	for (const [, name, options = ""] of page.matchAll(
		/`node examples\/(\S+\.ts)([^`]*)`/g,
	)) {
		const program = programs.find((one) => one.name === name);
		t.truthy(program, name);
		for (const [option] of options.matchAll(/--[a-z-]+/g)) {
			t.true(program?.first.includes(option), `${name} ${option}`);
		}
	}
});
