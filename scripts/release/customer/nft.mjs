/** Copies what @vercel/nft finds, as Next.js does for `output: "standalone"`. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeFileTrace } from "@vercel/nft";

const { fileList } = await nodeFileTrace(["main.mjs"]);
for (const file of fileList) {
	const to = join("out", file);
	mkdirSync(dirname(to), { recursive: true });
	cpSync(file, to, { dereference: true });
}
writeFileSync("out/package.json", "{}");
