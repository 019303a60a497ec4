/**
 * Whoever installs the package in a rehearsal: with which package manager, what
 * else, and the commands that end with "echoed". docs/bundlers.md has the
 * same table.
 *
 * @typedef {object} Customer
 * @property {string} title
 * @property {"npm" | "pnpm" | "yarn" | "yarn-pnp" | "bun"} manager
 * @property {string[]} [packages] What it installs besides gev and ws.
 * @property {string[]} [installFlags]
 * @property {string[][]} commands Run one after the other: `node`, `bin NAME` of an installed package, or a program.
 * @property {Record<string, string>} [files] Files besides those in customer/.
 * @property {(rehearsal: { addons: Map<string, string> }) => string | undefined} [lacks] Why it is left out, if so.
 * @property {boolean} [away] The last command runs in a folder without node_modules, to which out/ was moved.
 */

import { muslRuntime } from "./musl.mjs";

const node = (...args) => ["node", ...args];
const typescript = ["typescript@5", "@types/node@20"];

const modules = [node("main.mjs"), node("main.cjs")];

/** @type {Customer[]} */
export const customers = [
	{ title: "npm", manager: "npm", commands: modules },
	{ title: "pnpm", manager: "pnpm", commands: modules },
	{
		title: "yarn, node_modules",
		manager: "yarn",
		commands: modules,
	},
	{
		title: "yarn, Plug'n'Play",
		manager: "yarn-pnp",
		commands: [
			["yarn", "node", "main.mjs"],
			["yarn", "node", "main.cjs"],
		],
	},
	{ title: "bun install", manager: "bun", commands: modules },
	{
		title: "npm without optional dependencies: the error",
		manager: "npm",
		installFlags: ["--omit=optional"],
		commands: [node("left-out.mjs")],
	},
	{
		title: "Bun",
		manager: "npm",
		commands: [
			["bun", "main.mjs"],
			["bun", "main.cjs"],
		],
	},
	{
		title: "Deno",
		manager: "npm",
		commands: [["deno", "run", "--allow-all", "main.mjs"]],
	},
	{
		title: "Bun with musl, npm install --libc=musl",
		manager: "npm",
		installFlags: ["--libc=musl"],
		commands: [
			["bun-musl", "main.mjs"],
			["bun-musl", "main.cjs"],
		],
		lacks: ({ addons }) => {
			if (addons.get("linux-x64-musl") !== "zig")
				return "its addon is not built here";
			return muslRuntime() ? undefined : "a part of that cannot be had";
		},
	},
	{
		title: "Electron",
		manager: "npm",
		commands: [],
		lacks: () => "its binaries do not come from npm",
	},
	...[
		["node16", "node16", "typed.mts", "typed.cts"],
		["nodenext", "nodenext", "typed.mts", "typed.cts"],
		["esnext", "bundler", "typed.ts"],
		["commonjs", "node10", "typed.ts"],
	].map(([module, resolution, ...files]) => ({
		title: `TypeScript, ${resolution}`,
		manager: "npm",
		packages: typescript,
		commands: [node("typescript.mjs", module, resolution, ...files)],
	})),
	{
		title: "jest",
		manager: "npm",
		packages: ["jest@30"],
		commands: [["bin", "jest", "--runInBand", "--testMatch=**/*.test.js"]],
	},
	{
		title: "vitest",
		manager: "npm",
		packages: ["vitest@4"],
		commands: [["bin", "vitest", "run", "--dir=.", "echo.vitest.mjs"]],
		files: {
			"vitest.config.mjs":
				'export default { test: { include: ["*.vitest.mjs"] } };\n',
		},
	},
	{
		title: "node:test",
		manager: "npm",
		commands: [node("--test", "echo.test.js", "again.test.js")],
	},
	{
		title: "esbuild, external",
		manager: "npm",
		packages: ["esbuild"],
		commands: [node("esbuild.mjs", "external"), node("out/main.js")],
	},
	{
		title: "esbuild, --loader:.node=copy",
		manager: "npm",
		packages: ["esbuild"],
		commands: [node("esbuild.mjs", "copy"), node("out/main.js")],
		away: true,
	},
	{
		title: "webpack, external",
		manager: "npm",
		packages: ["webpack@5"],
		commands: [node("webpack.mjs"), node("out/main.js")],
	},
	{
		title: "rollup, external",
		manager: "npm",
		packages: ["rollup@4", "@rollup/plugin-commonjs"],
		commands: [node("rollup.mjs"), node("out/main.mjs")],
	},
	{
		title: "vite, SSR",
		manager: "npm",
		packages: ["vite@7"],
		commands: [node("vite.mjs"), node("out/main.mjs")],
	},
	{
		title: "ncc",
		manager: "npm",
		packages: ["@vercel/ncc"],
		commands: [
			["bin", "ncc", "build", "main.cjs", "--out", "out"],
			node("out/index.cjs"),
		],
		away: true,
	},
	{
		title: "@vercel/nft (Next.js standalone)",
		manager: "npm",
		packages: ["@vercel/nft"],
		commands: [node("nft.mjs"), node("out/main.mjs")],
		away: true,
	},
	{
		title: "single executable (SEA)",
		manager: "npm",
		packages: ["esbuild", "postject"],
		commands: [node("sea.mjs"), ["./program"]],
	},
];
