/**
 * `npm run interop`: lets clients that others wrote talk to a server, prints a
 * table of what each found, and compares it with conformance/interop.md: other
 * outcomes than its are a failure. Names of clients as arguments check only those.
 *
 *   --write          writes conformance/interop.md, of all clients only
 *   --update         fetches newer runtimes from npm
 *   --allow-missing  a client that cannot be had here is no failure
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checks } from "../../build/__test__/kit/interop/checks.js";
import { startInteropServer } from "../../build/__test__/kit/interop/server.js";
import { forgetRuntimes } from "../../scripts/npm-runtimes.mjs";
import { SetupError } from "../../scripts/requirements.mjs";
import { root, runScript } from "../../scripts/setup.mjs";
import { clients } from "./clients.mjs";

const names = Object.keys(checks);
const limitMs = 60_000;
const reportFile = join(root, "conformance", "interop.md");

async function main() {
	const { values, positionals } = parseArgs({
		options: {
			write: { type: "boolean", default: false },
			update: { type: "boolean", default: false },
			"allow-missing": { type: "boolean", default: false },
		},
		allowPositionals: true,
	});
	if (values.write && positionals.length > 0) {
		throw new SetupError("interop: --write needs all clients");
	}
	if (values.update) forgetRuntimes();
	const results = [];
	for (const client of chosen(positionals)) results.push(await tryOut(client));

	const table = markdownTable(results);
	const failures = results.flatMap(({ name, errors }) =>
		errors.map((error) => `- ${name}, ${error}`),
	);
	console.log([table, ...failures].join("\n"));
	if (values.write) writeReport(table, failures);

	const isComplete = results.every((result) => result.version !== undefined);
	const isGood =
		failures.length === 0 &&
		(isComplete || values["allow-missing"]) &&
		(values.write || isKnown(results));
	process.exitCode = isGood ? 0 : 1;
}

function chosen(wanted) {
	const known = clients.map(({ name }) => name);
	const unknown = wanted.filter((name) => !known.includes(name));
	if (unknown.length > 0) {
		throw new SetupError(
			`interop: no client ${unknown.join(", ")}; there are ${known.join(", ")}`,
		);
	}
	return clients.filter(
		({ name }) => wanted.length === 0 || wanted.includes(name),
	);
}

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} [version] Missing when the client is not available.
 * @property {Map<string, string>} outcomes By the names of checks: "ok", "-" or what went wrong.
 * @property {string[]} errors
 */

/** Runs all checks of one client, against a server that no other client has talked to. */
async function tryOut({ name, prepare }) {
	process.stderr.write(`interop: ${name}\n`);
	const prepared = prepare();
	if (prepared === undefined) return { name, outcomes: new Map(), errors: [] };
	const server = await startInteropServer();
	const { output, end } = await run([...prepared.command, server.url]);
	await server.stop();
	const outcomes = outcomesIn(output);
	return {
		name,
		version: prepared.version,
		outcomes,
		errors: [...errorsIn(outcomes), ...(end === "exit 0" ? [] : [end])],
	};
}

async function run([command, ...args]) {
	const child = spawn(command, args, {
		env: { ...process.env, NO_COLOR: "1" },
		stdio: ["ignore", "pipe", "inherit"],
		timeout: limitMs,
		killSignal: "SIGKILL",
	});
	let output = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		output += text;
	});
	const end = await new Promise((resolve) => {
		child.on("error", ({ message }) => resolve(message));
		child.on("close", (code, signal) => resolve(signal ?? `exit ${code}`));
	});
	return { output, end };
}

/** A check that the client has said nothing about, because it ended or was ended before, has failed. */
function outcomesIn(output) {
	const lines = [...output.matchAll(/^([\w-]+) (.+)$/gm)];
	const said = new Map(lines.map(([, name, outcome]) => [name, outcome]));
	return new Map(names.map((name) => [name, said.get(name) ?? "no result"]));
}

function errorsIn(outcomes) {
	return [...outcomes]
		.filter(([, outcome]) => outcome !== "ok" && outcome !== "-")
		.map(([check, outcome]) => `${check}: ${outcome}`);
}

function writeReport(table, failures) {
	const lines = [REPORT_HEAD, table, ""];
	if (failures.length > 0) lines.push(...failures, "");
	writeFileSync(reportFile, lines.join("\n"));
}

/** Whether the report says the same of each client that was to be had, in whatever version. */
function isKnown(results) {
	const text = readFileSync(reportFile, "utf8");
	const rows = text.matchAll(/^\| (.+?) \([^()]*\) +\| (.*) \|$/gm);
	const known = new Map([...rows].map(([, name, cells]) => [name, cells]));
	const others = results.filter(({ name, version, outcomes }) => {
		if (version === undefined) return false;
		const cells = names.map((check) => cell(outcomes.get(check)));
		return cells.join() !== known.get(name)?.split(/ *\| /).join().trimEnd();
	});
	if (others.length === 0) return true;
	console.log(
		`interop: conformance/interop.md says something else of ${others.map(({ name }) => name).join(", ")}; --write writes it`,
	);
	return false;
}

/** A line for each client and a column for each check, padded so that it reads well in a terminal. */
function markdownTable(results) {
	const rows = [
		["client", ...names],
		...results.map(({ name, version, outcomes }) => [
			`${name} (${version ?? "not available"})`,
			...names.map((check) => cell(outcomes.get(check))),
		]),
	];
	const widths = rows[0].map((_, column) =>
		Math.max(...rows.map((row) => row[column].length)),
	);
	const lines = rows.map((row) => {
		const cells = row.map((text, column) => text.padEnd(widths[column]));
		return `| ${cells.join(" | ")} |`;
	});
	lines.splice(1, 0, `| ${widths.map((w) => "-".repeat(w)).join(" | ")} |`);
	return lines.join("\n");
}

function cell(outcome = "") {
	return ["ok", "-", ""].includes(outcome) ? outcome : "FAILED";
}

const REPORT_HEAD = `# Clients that others wrote

Written by \`npm run interop -- --write\`. A "-" is a check that the client's interface cannot express.

| check | what the client finds as it should be |
| --- | --- |
| text | echoes of ASCII, of characters of two, three and four bytes, and of an empty message |
| binary | echoes of every byte value, and of an empty message |
| large | echoes of 1 MiB, binary and text |
| fragments-sent | the echo of a message that it sends in several frames |
| fragments-received | one message of several frames |
| deflate | permessage-deflate agreed, and echoes of short messages, 1 KiB and 1 MiB over it |
| deflate-dedicated | the same where the server keeps the history of a connection, in windows of 1 KiB, and allows the client 2 KiB |
| ping | a pong for its ping, with the ping's data |
| pong | its own answer to a ping of the server, as the server has seen it |
| subprotocol | the first of its subprotocols that the server speaks |
| close-1000, close-4001 | its close answered; \`onClose\` has its code and reason, and \`wasClean\` |
| closed-1001, closed-4002 | the server's code and reason; \`onClose\` has \`wasClean\` |
`;

await runScript(main);
