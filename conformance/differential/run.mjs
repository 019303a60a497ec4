/**
 * `npm run differential`: a second opinion about WebSocket. Random frames, good
 * ones and bad ones, go to a server of the built package and to wsproto, an
 * independent implementation; check.py compares what they
 * make of them.
 *
 *   node conformance/differential/run.mjs [--sequences 3000] [--seed N]
 *
 * It needs Python 3.10 or newer; wsproto is installed below node_modules/.cache.
 * Ends with 1 when the two disagree, and when nothing was compared.
 */
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pythonEnvironment } from "../../scripts/python.mjs";
import { SetupError } from "../../scripts/requirements.mjs";
import { isMain, root, runScript, setup } from "../../scripts/setup.mjs";

const folder = join(root, "conformance", "differential");

/** wsproto has no limits. */
const unlimited = {
	maxMessageBytes: 0,
	maxFragments: 0,
	maxControlFramesPerSecond: 0,
};

async function main(args) {
	const { values } = parseArgs({
		args,
		options: {
			sequences: { type: "string", default: "3000" },
			seed: { type: "string", default: `${randomInt(2 ** 32)}` },
		},
	});
	setup();
	const { python, missing } = pythonEnvironment(
		"gev-differential",
		join(folder, "requirements.txt"),
		"--require-hashes",
	);
	if (missing) {
		throw new SetupError(
			`${missing}\ndifferential: this needs Python 3.10 or newer with venv`,
		);
	}
	const { Server, webSocket } = await import("../../dist/index.js");
	let report = (_line) => {};
	const handler = recorder((line) => report(line));
	// A port for the clients that take over context, and one for those that do not.
	const servers = ["shared", "dedicated"].map((mode) => {
		const perMessageDeflate = { mode };
		const protocol = webSocket({ ...unlimited, perMessageDeflate });
		return new Server(handler, {
			host: "127.0.0.1",
			port: 0,
			loops: 1,
			timeouts: {
				// The check closes connections when all of a batch have ended.
				closeMs: 60_000,
			},
			protocol,
		});
	});
	const ports = [];
	for (const server of servers) ports.push((await server.start()).port);
	const check = [join(folder, "check.py"), ...ports.map(String)];
	const child = spawn(python, [...check, values.sequences, values.seed], {
		stdio: ["pipe", "inherit", "inherit"],
	});
	// The check may end with connections open.
	child.stdin.on("error", () => {});
	report = (line) => child.stdin.write(`${line}\n`);
	process.exitCode = await new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code) => resolve(code ?? 1));
	});
	for (const server of servers) await server.stop({ timeoutMs: 1000 });
}

/** A handler that tells of each connection, when it has ended, what it had received, as one line of JSON. */
function recorder(report) {
	return {
		onConnect(connection) {
			connection.context = [];
		},
		onMessage(connection, message) {
			const kind = typeof message === "string" ? "text" : "binary";
			const data = Buffer.from(message).toString("base64");
			connection.context.push([kind, data]);
		},
		onClose(connection, { code, reason, cause }) {
			const { localPort, remotePort, context: messages } = connection;
			const ports = [localPort, remotePort];
			report(JSON.stringify({ ports, messages, code, reason, cause }));
		},
	};
}

if (isMain(import.meta.url)) {
	await runScript(() => main(process.argv.slice(2)));
}
