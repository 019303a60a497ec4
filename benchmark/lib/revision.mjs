/**
 * Another revision of this repository, built in a folder of its own, which git ignores and later runs find again.
 *
 * @typedef {object} Revision
 * @property {string} name Its short hash.
 * @property {string} title The hash and what its commit says.
 * @property {string} commit Its whole hash.
 * @property {string} folder Where it is checked out.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { isFor } from "./cells.mjs";
import { UsageError } from "./options.mjs";
import { benchmarkFolder, hasTwin, rootFolder, serverArgs } from "./peers.mjs";
import { run } from "./prepare.mjs";
import { startServer } from "./processes.mjs";

/**
 * @param {string} wanted Anything that `git rev-parse` takes.
 * @returns {Revision}
 */
export function findRevision(wanted) {
	const commit = git(["rev-parse", "--verify", `${wanted}^{commit}`]);
	if (commit === undefined) {
		throw new UsageError(`--against: git knows no revision ${wanted} here`);
	}
	return {
		name: git(["rev-parse", "--short", commit]),
		title: git(["log", "-1", "--format=%h %s", commit]),
		commit,
		folder: join(benchmarkFolder, "results", "tmp", "revisions", commit),
	};
}

/** Whether something here is not what its commit says. */
export function isDirty() {
	return git(["status", "--porcelain"]) !== "";
}

/**
 * Checks a revision out and has it build itself. Its files are written each time, which mends what was interrupted; its own
 * setup then does only what is due.
 *
 * @param {Revision} revision
 */
export function buildRevision({ name, commit, folder }) {
	process.stderr.write(`bench: building ${name} ...\n`);
	mkdirSync(folder, { recursive: true });
	const index = { ...process.env, GIT_INDEX_FILE: `${folder}.index` };
	const quiet = {
		cwd: rootFolder,
		env: index,
		stdio: ["ignore", "ignore", "inherit"],
	};
	run("git", ["read-tree", commit], quiet);
	run(
		"git",
		["checkout-index", "--all", "--force", `--prefix=${folder}/`],
		quiet,
	);
	cpSync(serversOf(rootFolder), join(folder, "benchmark", ours), {
		recursive: true,
	});
	// In one target folder two revisions would take each other's addon.
	const { CARGO_TARGET_DIR: _, ...env } = process.env;
	run(process.execPath, ["scripts/setup.mjs"], {
		cwd: folder,
		env,
		stdio: ["ignore", "ignore", "inherit"],
	});
}

/**
 * Puts behind each peer that can have one its twin at the revision. What does not start there is left out on both sides.
 * Throws when nothing does.
 *
 * @param {import("./peers.mjs").Peer[]} peers
 * @param {import("./cells.mjs").Cell[]} cells Those that the twins have to be able to run in.
 * @param {Revision} revision
 * @returns {Promise<{ peers: import("./peers.mjs").Peer[], notes: string[] }>}
 */
export async function addTwins(peers, cells, revision) {
	const all = [];
	const notes = [];
	for (const peer of peers) {
		const twin = hasTwin(peer)
			? await twinOf(peer, argsIn(peer, cells), revision)
			: undefined;
		if (twin) all.push(peer, twin);
		else if (!hasTwin(peer)) all.push(peer);
		else
			notes.push(`Left out: ${peer.name} (not to be had at ${revision.name}).`);
	}
	if (!all.some(({ twinOf }) => twinOf)) {
		throw new Error(`none of the peers of gev starts at ${revision.name}`);
	}
	return { peers: all, notes };
}

/** What its server is told in these cells, each once. */
function argsIn(peer, cells) {
	const own = cells.filter((cell) => isFor(cell, peer));
	const all = own.map((cell) => serverArgs(peer, cell));
	return [...new Map(all.map((args) => [args.join(" "), args])).values()];
}

/**
 * Runs the revision's own server, which knows its API, or, where that does not take the arguments for all that is to be done,
 * ours with its package.
 */
async function twinOf(peer, ways, { name, folder }) {
	for (const servers of ["servers", ours]) {
		const file = join(folder, "benchmark", servers, peer.server);
		if (await startsInAll(ways, file)) {
			return {
				...peer,
				name: `${peer.name}@${name}`,
				server: relative(serversOf(rootFolder), file),
				twinOf: peer.name,
			};
		}
	}
}

async function startsInAll(ways, file) {
	for (const args of ways) {
		const command = [process.execPath, file, ...args];
		if (!(await starts(command))) return false;
	}
	return true;
}

async function starts(command) {
	try {
		const server = await startServer(command);
		await server.stop();
		return true;
	} catch (error) {
		console.error(`bench: ${error.message}`);
		return false;
	}
}

/** The folder that our servers have beside the revision's own. */
const ours = "servers-now";

function serversOf(folder) {
	return join(folder, "benchmark", "servers");
}

/** What git says, or nothing when it has failed. */
function git(args) {
	const { status, stdout } = spawnSync("git", args, {
		cwd: rootFolder,
		encoding: "utf8",
	});
	return status === 0 ? stdout.trim() : undefined;
}
