/** Virtual environments of Python below node_modules/.cache, with packages from PyPI. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFolder, execute } from "./npm-runtimes.mjs";

const isWindows = process.platform === "win32";
const limitMs = 10 * 60_000;

/**
 * An environment with what a file asks for, made anew when that has changed.
 *
 * @param {string} name of its folder.
 * @param {string} requirements The file, as pip wants it.
 * @param {string[]} flags of `pip install`.
 * @returns {{ bin: string, python: string, missing?: string }} Its programs, and Python itself; `missing` says why there is
 * none.
 */
export function pythonEnvironment(name, requirements, ...flags) {
	const folder = cacheFolder(name);
	const bin = join(folder, isWindows ? "Scripts" : "bin");
	const python = join(bin, isWindows ? "python.exe" : "python");
	const stamp = join(folder, "installed.txt");
	const wanted = readFileSync(requirements, "utf8");
	if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) {
		return { bin, python };
	}
	process.stderr.write(`${name}: installing ${wanted.split(/\s/)[0]} ...\n`);
	const pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"];
	for (const [command, ...args] of [
		[isWindows ? "python" : "python3", "-m", "venv", "--clear", folder],
		[python, ...pip, "install", ...flags, "--requirement", requirements],
	]) {
		const { ok, output } = execute(command, args, limitMs);
		const missing = `${output}\n${name}: this command failed: ${[command, ...args].join(" ")}`;
		if (!ok) return { bin, python, missing };
	}
	writeFileSync(stamp, wanted);
	return { bin, python };
}
