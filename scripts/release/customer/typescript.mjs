/** node typescript.mjs <module> <moduleResolution> <file> ...: compiles strictly, and looks into declarations too. */
import { spawnSync } from "node:child_process";

const [module, moduleResolution, ...files] = process.argv.slice(2);
const flags = [
	"--noEmit",
	"--strict",
	"--target",
	"es2022",
	"--types",
	"node",
	"--module",
	module,
	"--moduleResolution",
	moduleResolution,
];
const compiler = ["node_modules/typescript/bin/tsc", ...flags, ...files];
const { status } = spawnSync(process.execPath, compiler, { stdio: "inherit" });
if (status === 0) console.log("echoed");
process.exitCode = status ?? 1;
