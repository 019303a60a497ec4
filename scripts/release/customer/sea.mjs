/** A single executable, with the addon as an asset of it. */
import { spawnSync } from "node:child_process";
import {
	chmodSync,
	copyFileSync,
	readdirSync,
	readFileSync,
	writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { build } from "esbuild";
import { inject } from "postject";

const require = createRequire(import.meta.url);
const [name] = readdirSync("node_modules/@gev-node");
const addon = require.resolve(`@gev-node/${name}`);

await build({
	entryPoints: ["sea-main.cjs"],
	bundle: true,
	platform: "node",
	outfile: "sea-bundle.cjs",
	external: ["@gev-node/*"],
});
const config = {
	main: "sea-bundle.cjs",
	output: "sea.blob",
	disableExperimentalSEAWarning: true,
	assets: { "gev.node": addon },
};
writeFileSync("sea.json", JSON.stringify(config));
spawnSync(process.execPath, ["--experimental-sea-config", "sea.json"]);
copyFileSync(process.execPath, "program");
chmodSync("program", 0o755);
await inject("program", "NODE_SEA_BLOB", readFileSync("sea.blob"), {
	sentinelFuse: "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2",
});
