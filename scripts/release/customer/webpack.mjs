import { resolve } from "node:path";
import webpack from "webpack";

const compiler = webpack({
	entry: "./main.cjs",
	target: "node",
	mode: "production",
	externals: { gev: "commonjs gev", ws: "commonjs ws" },
	output: { path: resolve("out"), filename: "main.js" },
});
compiler.run((error, stats) => {
	if (error || stats.hasErrors()) throw error ?? new Error(stats.toString());
});
