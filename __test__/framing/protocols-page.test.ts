import { readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import test from "ava";
import { start } from "../kit/program.js";

const page = new URL("../../../docs/protocols.md", import.meta.url);

test("the example of docs/protocols.md does what the page says", async (t) => {
	const text = await readFile(page, "utf8");
	const [, code] = /^```js\n(.*?)^```$/ms.exec(text) ?? [];
	const [, printed] = /^It prints.*?^```text\n(.*?)^```$/ms.exec(text) ?? [];
	const file = fileURLToPath(new URL("sensors.mjs", import.meta.url));
	t.teardown(() => rm(file));
	await writeFile(file, code as string);
	const { code: exit, stdout, stderr } = await start(t, [file]).ended;
	t.deepEqual([exit, stderr], [0, ""]);
	const lines = (output: string) => [...new Set(output.split("\n"))].sort();
	t.deepEqual(lines(stdout), lines(printed as string));
});
