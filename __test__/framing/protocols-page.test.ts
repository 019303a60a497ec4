import { readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import test from "ava";
import { start } from "../kit/program.js";

for (const name of ["protocols", "framing"]) {
	const page = new URL(`../../../docs/${name}.md`, import.meta.url);
	test(`the examples of docs/${name}.md do what the page says`, async (t) => {
		const text = await readFile(page, "utf8");
		const examples = text.matchAll(
			/^```js\n(.*?)^```$.*?^It prints.*?^```text\n(.*?)^```$/gms,
		);
		let count = 0;
		for (const [, code, printed] of examples) {
			const program = `${name}-${count++}.mjs`;
			const file = fileURLToPath(new URL(program, import.meta.url));
			t.teardown(() => rm(file));
			await writeFile(file, code as string);
			const { code: exit, stdout, stderr } = await start(t, [file]).ended;
			t.deepEqual([exit, stderr], [0, ""]);
			const lines = (output: string) =>
				[...new Set(output.split(/\r?\n/))].sort();
			t.deepEqual(lines(stdout), lines(printed as string));
		}
		t.is(count, text.split("```js").length - 1);
	});
}
