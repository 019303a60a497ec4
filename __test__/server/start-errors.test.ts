// First, so that it sees the package load its addon.
import "../kit/addon.js";
import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import {
	GevError,
	type Protocol,
	raw,
	Server,
	type ServerOptions,
	webSocket,
} from "gev";
import { whyNoFaults } from "../behaviour/suite.js";
import type { Attempt } from "../fixtures/starter.js";
import { addon, watched } from "../kit/addon.js";

/** The class that native code has for its side of all servers, from the addon that the package has loaded. */
const { Environment } = addon() as {
	Environment: { prototype: { start: Start } };
};

const local = { host: "127.0.0.1", port: 0 };
const withThreads: ServerOptions = { ...local, loops: 3 };
const withoutThreads: ServerOptions = { ...local, loops: 1, threads: false };

/** What native code is asked to do when a server starts. */
type Start = (
	options: Record<string, unknown>,
	control: unknown[],
	events: unknown[],
) => unknown;

/** Starts a server whose options are something else for native code. Resolves to the error, if there is one. */
async function startWith(
	protocol: Protocol,
	instead: (options: Record<string, unknown>) => object,
): Promise<unknown> {
	const original = Environment.prototype.start;
	Environment.prototype.start = function (this: unknown, options, ...memory) {
		const others = instead(options) as Record<string, unknown>;
		return original.call(this, others, ...memory);
	};
	const server = new Server({}, { ...withThreads, loops: 1, protocol });
	try {
		await server.start();
	} catch (error) {
		return error;
	} finally {
		Environment.prototype.start = original;
	}
	await server.stop();
	return undefined;
}

/** The names of the options that native code reads for a protocol, and of the groups that they are in. */
async function nativeOptions(protocol: Protocol): Promise<string[][]> {
	const paths = new Map<string, string[]>();
	await startWith(protocol, (options) =>
		watched(options, (path) => {
			for (let length = 1; length <= path.length; length++) {
				const names = path.slice(0, length);
				paths.set(names.join("."), names);
			}
		}),
	);
	return [...paths.values()];
}

test.serial(
	"what native code does not take has a code that is documented",
	async (t) => {
		const everything = webSocket({
			page: "<p>",
			path: "/chat",
			origins: ["https://example.com"],
			subprotocols: ["chat"],
			perMessageDeflate: true,
		});
		for (const protocol of [raw(), everything]) {
			const paths = await nativeOptions(protocol);
			t.true(paths.length > 20, paths.join(" "));
			let refused = 0;
			for (const path of paths) {
				const names = path.join(".");
				const last = path.pop() as string;
				for (const wrong of [undefined, null, "?", {}, () => {}, Symbol("?")]) {
					const error = await startWith(protocol, (options) => {
						const others = structuredClone(options);
						let group = others;
						for (const name of path) {
							group = group[name] as Record<string, unknown>;
						}
						group[last] = wrong;
						return others;
					});
					if (error === undefined) continue;
					refused++;
					t.true(error instanceof GevError, names);
					const { code, message } = error as GevError;
					t.is(code, "ERR_GEV_START", names);
					t.true(message.startsWith(`${code}: `), message);
				}
			}
			// Nearly every type is wrong for nearly every option.
			t.true(refused > 4 * paths.length, `${refused}`);
		}
	},
);

test.serial(
	"memory that cannot be had, or is not what it should be, has a code that is documented",
	async (t) => {
		const original = Environment.prototype.start;
		const start = async (...wrong: (unknown[] | undefined)[]) => {
			Environment.prototype.start = function (
				this: unknown,
				options,
				control,
				events,
			) {
				const memory = [wrong[0] ?? control, wrong[1] ?? events] as const;
				return original.call(this, options, ...memory);
			};
			try {
				await new Server({}, { ...local, loops: 1 }).start();
			} finally {
				Environment.prototype.start = original;
			}
		};
		const memories = [
			undefined,
			"memory",
			new ArrayBuffer(8),
			new Uint8Array(8),
			new Uint16Array(8),
			new Uint8Array(2 ** 20).subarray(1),
			new DataView(new ArrayBuffer(8)),
		];
		for (const memory of memories) {
			const refused = { code: "ERR_GEV_START" };
			await t.throwsAsync(start([memory]), refused);
			await t.throwsAsync(start(undefined, [memory]), refused);
		}
	},
);

/** Starts servers in a process of its own. */
function starter(t: ExecutionContext) {
	const file = new URL("../fixtures/starter.js", import.meta.url);
	const child = fork(fileURLToPath(file));
	t.teardown(() => child.kill("SIGKILL"));
	const ended = once(child, "exit").then(([code, signal]): never => {
		throw new Error(`the process has ended: ${code ?? signal}`);
	});
	ended.catch(() => {});
	const attempt = async (attempt: Attempt): Promise<string> => {
		const answer = once(child, "message") as Promise<[string]>;
		child.send(attempt);
		const [outcome] = await Promise.race([answer, ended]);
		return outcome;
	};
	return { child, attempt };
}

const hasPrlimit = spawnSync("prlimit", ["--version"]).status === 0;
const testWithLimits = hasPrlimit ? test : test.skip;

function limit({ pid }: ChildProcess, resource: string): void {
	const { status } = spawnSync("prlimit", [`--pid=${pid}`, `--${resource}`]);
	if (status !== 0) throw new Error(`prlimit --${resource}: ${status}`);
}

for (const [name, options] of Object.entries({ withThreads, withoutThreads })) {
	testWithLimits(
		`start() rejects with EMFILE at every descriptor that there is not: ${name}`,
		async (t) => {
			const { child, attempt } = starter(t);
			// Whatever the process takes once, it has then.
			t.is(await attempt({ options }), local.host);
			limit(child, "nofile=96");
			let descriptors = 0;
			for (;;) {
				const outcome = await attempt({ options, descriptors });
				if (outcome === local.host) break;
				t.is(outcome, "EMFILE", `${descriptors}`);
				descriptors++;
			}
			// A listener and a poll with its waker, at least.
			t.true(descriptors >= 3, `${descriptors}`);
		},
	);
}

/** Without rights of any kind. */
const NOBODY = 65_534;

/** Whom a test has to become so that limits and rights count for it. */
const user = process.getuid?.() === 0 ? { user: NOBODY } : {};

testWithLimits(
	"start() rejects with EAGAIN when it may have no threads",
	async (t) => {
		const { child, attempt } = starter(t);
		limit(child, "nproc=1");
		for (const loops of [1, 3]) {
			const options = { ...withThreads, loops };
			t.is(await attempt({ options, ...user }), "EAGAIN");
		}
		t.is(await attempt({ options: withoutThreads }), local.host);
	},
);

// AddressSanitizer takes more than any limit.
const testWithFewMemory =
	process.env.ASAN_OPTIONS === undefined ? testWithLimits : test.skip;

testWithFewMemory(
	"start() rejects with ENOMEM when there is no memory for its queues",
	async (t) => {
		const { child, attempt } = starter(t);
		t.is(await attempt({ options: withoutThreads }), local.host);
		const statm = readFileSync(`/proc/${child.pid}/statm`, "latin1");
		const bytes = Number(statm.split(" ", 1)[0]) * 4096;
		// Half of what one queue takes, so that what V8 gives back meanwhile does not make room for one, and leaves V8 without.
		limit(child, `as=${bytes + 2 ** 28}`);
		const options = { ...withoutThreads, eventLoop: { queueBytes: 2 ** 29 } };
		t.is(await attempt({ options }), "ENOMEM");
		t.is(await attempt({ options: withoutThreads }), local.host);
	},
);

test("start() rejects with EACCES on a port that is not for everybody", async (t) => {
	const first = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
	if (process.platform !== "linux" || Number(readFileSync(first)) < 2) {
		t.log("all ports are for everybody here");
		t.pass();
		return;
	}
	const { attempt } = starter(t);
	for (const options of [withThreads, withoutThreads]) {
		t.is(
			await attempt({ options: { ...options, port: 1 }, ...user }),
			"EACCES",
		);
	}
});

const whyNoInjection = whyNoFaults();
const testWithInjection = whyNoInjection === undefined ? test : test.skip;

/** Lets the next system call of this name fail. Resolves when it would. */
async function fail(
	t: ExecutionContext,
	pid: number,
	call: string,
	error: string,
) {
	const strace = spawn(
		"strace",
		[
			"-f",
			"-p",
			`${pid}`,
			"-e",
			`trace=${call}`,
			"-e",
			`inject=${call}:error=${error}:when=1`,
		],
		{ stdio: ["ignore", "ignore", "pipe"] },
	);
	t.teardown(() => strace.kill("SIGKILL"));
	await once(createInterface({ input: strace.stderr }), "line");
	return async () => {
		const ended = once(strace, "exit");
		strace.kill("SIGINT");
		await ended;
	};
}

const failures: Record<string, string[]> = {
	socket: [
		"EACCES",
		"EAFNOSUPPORT",
		"EMFILE",
		"ENFILE",
		"ENOBUFS",
		"ENOMEM",
		"EPERM",
		"EPROTONOSUPPORT",
	],
	setsockopt: ["ENOPROTOOPT", "EPERM"],
	bind: ["EACCES", "EADDRINUSE", "EADDRNOTAVAIL", "EINVAL", "ENODEV", "EPERM"],
	getsockname: ["ENOBUFS"],
	listen: ["EADDRINUSE", "EOPNOTSUPP"],
	epoll_create1: ["EMFILE", "ENFILE", "ENOMEM"],
	eventfd2: ["EMFILE", "ENFILE", "ENODEV", "ENOMEM"],
	epoll_ctl: ["ENOMEM", "ENOSPC"],
};
for (const [call, errors] of Object.entries(failures)) {
	testWithInjection(
		`start() rejects with the code of a ${call}() that fails`,
		async (t) => {
			const { child, attempt } = starter(t);
			await attempt({ options: withoutThreads });
			for (const error of errors) {
				for (const options of [withThreads, withoutThreads]) {
					const undo = await fail(t, child.pid ?? 0, call, error);
					const code = error === "EOPNOTSUPP" ? "ENOTSUP" : error;
					t.is(await attempt({ options }), code);
					await undo();
					t.is(await attempt({ options }), local.host);
				}
			}
		},
	);
}

testWithInjection(
	"a server without a host is satisfied with IPv4 where there is no IPv6, and for no other reason",
	async (t) => {
		const { child, attempt } = starter(t);
		const options = { port: 0, loops: 2 };
		const everywhere = await attempt({ options });
		const expected = {
			socket: { EAFNOSUPPORT: "0.0.0.0", EPROTONOSUPPORT: "0.0.0.0" },
			bind: { EADDRNOTAVAIL: "0.0.0.0" },
		};
		const others = {
			socket: ["EACCES", "EMFILE", "ENOBUFS"],
			setsockopt: ["ENOPROTOOPT"],
			bind: ["EADDRINUSE", "EACCES", "EINVAL"],
			listen: ["EADDRINUSE"],
			epoll_create1: ["EMFILE"],
		};
		const all = [
			...Object.entries(expected),
			...Object.entries(others).map(
				([call, errors]) =>
					[
						call,
						Object.fromEntries(errors.map((error) => [error, error])),
					] as const,
			),
		];
		for (const [call, outcomes] of all) {
			for (const [error, outcome] of Object.entries(outcomes)) {
				const undo = await fail(t, child.pid ?? 0, call, error);
				t.is(await attempt({ options }), outcome, `${call} ${error}`);
				await undo();
				t.is(await attempt({ options }), everywhere);
			}
		}
	},
);
