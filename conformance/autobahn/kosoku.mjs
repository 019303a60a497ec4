/**
 * kosoku, which runs the original cases of Autobahn|Testsuite, in a Python
 * environment of its own below node_modules/.cache.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pythonEnvironment } from "../../scripts/python.mjs";
import { SetupError } from "../../scripts/requirements.mjs";
import { root } from "../../scripts/setup.mjs";
import { runToEnd } from "./processes.mjs";

const requirements = join(root, "conformance", "autobahn", "requirements.txt");
export const version = /==(.*)/.exec(readFileSync(requirements, "utf8"))[1];
const runLimitMs = 60 * 60_000;

const isWindows = process.platform === "win32";
const python = isWindows ? "python" : "python3";

/** Why kosoku cannot be installed on this machine; `undefined` when it can. */
export function whyNoPython() {
	const need = "the conformance suite needs Python 3.10 or newer with venv";
	const probe =
		"import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])";
	const answer = spawnSync(python, ["-c", probe], { encoding: "utf8" });
	if (answer.error) return `${need}, but \`${python}\` was not found`;
	if (answer.status !== 0) return `${need}, but \`${python}\` has no venv`;
	const [major, minor] = answer.stdout.split(".").map(Number);
	if (major > 3 || (major === 3 && minor >= 10)) return undefined;
	return `${need}, but \`${python}\` is ${answer.stdout.trim()}`;
}

/** Installs kosoku unless it is there, and returns the command that runs it. */
export function install() {
	const { bin, missing } = pythonEnvironment(
		"gev-kosoku",
		requirements,
		"--no-deps",
	);
	if (missing) throw new SetupError(missing);
	return join(bin, isWindows ? "kosoku.exe" : "kosoku");
}

/**
 * What the report says of one case. kosoku's report has more.
 *
 * @typedef {object} CaseReport
 * @property {string} id
 * @property {string} behavior The verdict on the messages.
 * @property {string} behaviorClose The verdict on the close.
 * @property {string} result Why the former.
 * @property {string} resultClose Why the latter.
 * @property {unknown} expected
 * @property {unknown} received
 * @property {number | null} remoteCloseCode
 * @property {string | null} wasNotCleanReason
 * @property {unknown[][]} wirelog
 * @property {{ incomingCompressionRatio: number | null } | null} trafficStats In the cases about permessage-deflate.
 */

/**
 * Runs the cases of `sections` against the server at `port`.
 *
 * @param {string} command
 * @param {{ port: number, sections: import("./sections.mjs").Section[], parallel: number, folder: string }} run
 * @returns {Promise<{ cases: CaseReport[], problems: string[] }>} `problems` are those of the runner itself.
 */
export async function runCases(command, { port, sections, parallel, folder }) {
	rmSync(folder, { recursive: true, force: true });
	const { how, stdout, stderr } = await runToEnd(
		[
			command,
			"--mode=fuzzingclient",
			`--parallelism=${parallel}`,
			`--outdir=${folder}`,
			...sections.map(({ number }) => `--include=${number}.*`),
			`127.0.0.1:${port}`,
		],
		runLimitMs,
	);
	// After this line it has a line for each of them, with less than its report says.
	const words = (stderr || stdout).replace(/(cases failed):\n.*/s, "$1");
	return {
		cases: readReports(folder),
		problems: how === 0 ? [] : [`kosoku ended with ${how}: ${words}`],
	};
}

/** @returns {CaseReport[]} None when the runner has not come as far as writing them. */
function readReports(folder) {
	const index = join(folder, "index.json");
	if (!existsSync(index)) return [];
	const read = (file) => JSON.parse(readFileSync(file, "utf8"));
	return Object.values(read(index))
		.flatMap((cases) => Object.values(cases))
		.map(({ reportfile }) => read(join(folder, reportfile)));
}
