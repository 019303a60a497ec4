import commonjs from "@rollup/plugin-commonjs";
import { rollup } from "rollup";

const bundle = await rollup({
	input: "main.mjs",
	external: ["gev", "ws"],
	plugins: [commonjs()],
});
await bundle.write({ file: "out/main.mjs", format: "es" });
