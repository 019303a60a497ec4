/** node esbuild.mjs external|copy: a bundle that leaves the package out, or one with the addon beside it. */
import { build } from "esbuild";

const isExternal = process.argv[2] === "external";
await build({
	entryPoints: ["main.cjs"],
	bundle: true,
	platform: "node",
	outdir: "out",
	...(isExternal ? { external: ["gev"] } : { loader: { ".node": "copy" } }),
});
