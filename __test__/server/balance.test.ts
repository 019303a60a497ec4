import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import type { Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import {
	type BalanceFunction,
	type BalanceMode,
	raw,
	Server,
	type ServerOptions,
	webSocket,
} from "gev";
import { Queue } from "../kit/queue.js";
import { reset } from "../kit/reset.js";
import { type AnyHandler, echo, serve } from "../kit/server.js";
import { socketPath } from "../kit/socket-path.js";
import { openSocket, tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

/** A server with so many loops that have threads. */
function balanced(
	t: ExecutionContext,
	loops: number,
	balance: BalanceMode | BalanceFunction,
	handler: AnyHandler = echo,
	options: ServerOptions = {},
) {
	return serve(t, handler, {
		...{ protocol: raw(), loops, threads: true, balance },
		socket: { backlog: 2048 },
		...options,
	});
}

/** So many connections, all at once. */
async function burst(
	t: ExecutionContext,
	port: number,
	count: number,
): Promise<Socket[]> {
	const sockets = Array.from({ length: count }, () => openSocket(port));
	t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
	await Promise.all(sockets.map((socket) => once(socket, "connect")));
	return sockets;
}

/** How many connections each loop has. */
function spread(server: Server, loops: number): number[] {
	const counts = Array.from({ length: loops }, () => 0);
	for (const { loopIndex } of server.connections()) {
		counts[loopIndex] = (counts[loopIndex] ?? 0) + 1;
	}
	return counts;
}

/** What handlers and `balance` have gone wrong with. */
function failures(): { handler: AnyHandler; errors: Error[] } {
	const errors: Error[] = [];
	const onError = (error: Error) => void errors.push(error);
	return { handler: { ...echo, onError }, errors };
}

for (const loops of [2, 4, 8]) {
	for (const count of [16, 100, 1000]) {
		const name = `${count} connections over ${loops} loops`;
		for (const balance of ["round-robin", "least-connections"] as const) {
			test.serial(`${balance} is even: a burst of ${name}`, async (t) => {
				const { server, port } = await balanced(t, loops, balance);
				await burst(t, port, count);
				await until(() => server.connectionCount === count);
				const counts = spread(server, loops);
				t.true(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
			});
		}
		test.serial(`kernel keeps no loop far above: ${name}`, async (t) => {
			const { server, port } = await balanced(t, loops, "kernel");
			await burst(t, port, count);
			await until(() => server.connectionCount === count);
			const counts = spread(server, loops);
			// Loops look at each other while the others accept, so that each may be a few behind.
			const most = (1.25 * count) / loops + 8 + 2 * loops;
			t.true(Math.max(...counts) <= most, String(counts));
		});
		test.serial(`random reaches every loop: ${name}`, async (t) => {
			const { server, port } = await balanced(t, loops, "random");
			await burst(t, port, count);
			await until(() => server.connectionCount === count);
			const counts = spread(server, loops);
			t.is(
				counts.reduce((sum, own) => sum + own),
				count,
			);
			// One in 10^9 runs misses this: six standard deviations.
			const deviation = Math.sqrt((count / loops) * (1 - 1 / loops));
			const most = count / loops + 6 * deviation + 1;
			t.true(Math.max(...counts) <= most, String(counts));
		});
		test.serial(`source-hash keeps an address together: ${name}`, async (t) => {
			const { server, port } = await balanced(t, loops, "source-hash");
			await burst(t, port, count);
			await until(() => server.connectionCount === count);
			const counts = spread(server, loops);
			t.is(Math.max(...counts), count);
		});
		test.serial(`a function sees what it has dealt: ${name}`, async (t) => {
			const fewest: BalanceFunction = (loops) =>
				loops.reduce((least, loop) =>
					loop.connections < least.connections ? loop : least,
				).index;
			const { handler, errors } = failures();
			const { server, port } = await balanced(t, loops, fewest, handler);
			await burst(t, port, count);
			await until(() => server.connectionCount === count);
			const counts = spread(server, loops);
			t.true(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
			t.deepEqual(errors, []);
		});
	}
}

for (const balance of ["round-robin", "least-connections"] as const) {
	test(`${balance} is even when connections come one after the other`, async (t) => {
		const { server, port } = await balanced(t, 4, balance);
		for (let n = 1; n <= 40; n++) {
			await tcp(t, port);
			await until(() => server.connectionCount === n);
			const counts = spread(server, 4);
			t.true(Math.max(...counts) - Math.min(...counts) <= 1, String(counts));
		}
	});
}

test("least-connections fills the loop that has lost some", async (t) => {
	const { server, port } = await balanced(t, 4, "least-connections");
	const sockets = await burst(t, port, 40);
	await until(() => server.connectionCount === 40);
	const byPort = new Map(
		sockets.map((socket) => [socket.localPort as number, socket]),
	);
	for (const { loopIndex, remotePort } of [...server.connections()]) {
		if (loopIndex === 2) byPort.get(remotePort)?.destroy();
	}
	await until(() => server.connectionCount === 30);
	await burst(t, port, 10);
	await until(() => server.connectionCount === 40);
	t.deepEqual(spread(server, 4), [10, 10, 10, 10]);
});

test("source-hash tells addresses apart", async (t) => {
	const { server, port } = await balanced(t, 4, "source-hash");
	for (let n = 1; n <= 64; n++) {
		const socket = openSocket(port, { localAddress: `127.0.1.${n}` });
		const again = openSocket(port, { localAddress: `127.0.1.${n}` });
		t.teardown(() => [socket, again].forEach((it) => void it.destroy()));
	}
	await until(() => server.connectionCount === 128);
	const loopsOf = new Map<string, Set<number>>();
	for (const { remoteAddress, loopIndex } of server.connections()) {
		const loops = loopsOf.get(remoteAddress) ?? new Set();
		loopsOf.set(remoteAddress, loops.add(loopIndex));
	}
	t.is(loopsOf.size, 64);
	for (const [address, loops] of loopsOf) t.is(loops.size, 1, address);
	// Of 64 addresses, one of 4 loops gets none in one run of 25 million.
	t.true(spread(server, 4).every((own) => own > 0));
});

test("a function is told of loops and peer, and is obeyed", async (t) => {
	const asked = new Queue<Parameters<BalanceFunction>>();
	let index = 0;
	const { server, port } = await balanced(t, 3, (...all) => {
		asked.push(all);
		return index;
	});
	const expected = [0, 0, 0];
	for (const wish of [2, 2, 0, 1, 2]) {
		index = wish;
		const { socket } = await tcp(t, port);
		const [loops, peer] = await asked.next();
		t.deepEqual(
			loops,
			expected.map((connections, index) => ({ index, connections })),
		);
		t.deepEqual(peer, {
			remoteAddress: "127.0.0.1",
			remotePort: socket.localPort as number,
		});
		expected[wish] = (expected[wish] ?? 0) + 1;
		await until(() => spread(server, 3)[wish] === expected[wish]);
	}
});

test("WebSockets go where the function says, and serve there", async (t) => {
	const { server, url } = await balanced(t, 3, () => 1, echo, {
		protocol: webSocket(),
	});
	for (let n = 0; n < 5; n++) {
		const client = await connect(t, url);
		client.socket.send("hello");
		t.is(await client.messages.next(), "hello");
	}
	t.deepEqual(spread(server, 3), [0, 5, 0]);
});

const nonsense: [name: string, value: unknown, shown: RegExp][] = [
	["another index", 2, /0 to 1, not 2$/],
	["a negative index", -1, /not -1$/],
	["a fraction", 0.5, /not 0\.5$/],
	["no number", Number.NaN, /not NaN$/],
	["nothing", undefined, /not undefined$/],
	["text", "0", /not "0"$/],
	["a bigint", 1n, /not 1n$/],
	["a promise", Promise.resolve(0), /not an object \(Promise\)$/],
];
for (const [name, value, message] of nonsense) {
	test(`a function that returns ${name} is told so, and loops choose`, async (t) => {
		const { handler, errors } = failures();
		const choose = () => value as number;
		const { server, port } = await balanced(t, 2, choose, handler);
		for (let n = 1; n <= 4; n++) {
			await tcp(t, port);
			await until(() => server.connectionCount === n);
		}
		t.deepEqual(spread(server, 2), [2, 2]);
		t.is(errors.length, 4);
		for (const error of errors) {
			t.like(error, { name: "GevError", code: "ERR_GEV_BALANCE" });
			t.regex(error.message, message);
		}
	});
}

test("what a function throws, or its promise is rejected with, goes to onError", async (t) => {
	const { handler, errors } = failures();
	const thrown = new Error("no idea");
	const rejected = new Error("no idea yet");
	const faults = [
		() => {
			throw thrown;
		},
		() => Promise.reject(rejected) as never,
	];
	const choose = () => (faults.shift() ?? (() => 1))();
	const { server, port } = await balanced(t, 2, choose, handler);
	for (let n = 1; n <= 3; n++) {
		await tcp(t, port);
		await until(() => server.connectionCount === n);
	}
	t.true(errors.includes(thrown) && errors.includes(rejected));
	t.is(errors.length, 3);
});

test("who waits for a slow function is placed as told", async (t) => {
	const names: number[] = [];
	const slowly: BalanceFunction = (_, { remotePort }) => {
		const end = performance.now() + 5;
		while (performance.now() < end);
		names.push(remotePort);
		return remotePort % 3;
	};
	const { server, port } = await balanced(t, 3, slowly);
	await burst(t, port, 40);
	await until(() => server.connectionCount === 40);
	t.is(new Set(names).size, 40);
	for (const { loopIndex, remotePort } of server.connections()) {
		t.is(loopIndex, remotePort % 3);
	}
});

test("a client that goes while the function is asked harms nobody", async (t) => {
	const sockets: Socket[] = [];
	const choose: BalanceFunction = () => {
		for (const socket of sockets.splice(0)) reset(socket);
		return 1;
	};
	const { handler, errors } = failures();
	const { server, port } = await balanced(t, 2, choose, handler);
	sockets.push(...(await burst(t, port, 5)));
	const client = await tcp(t, port);
	client.write("still here");
	t.is(String(await client.read(10)), "still here");
	await until(() => server.connectionCount === 1);
	t.deepEqual(errors, []);
});

test("whoever is asked about when the server stops is told goodbye, and it starts again", async (t) => {
	let stops: Promise<unknown> | undefined;
	const server = new Server(echo, {
		...{ host: "127.0.0.1", port: 0, loops: 3, threads: true },
		balance: () => {
			stops ??= server.stop();
			return 2;
		},
	});
	t.teardown(() => server.stop());
	const { port } = await server.start();
	const clients = await burst(t, port, 20);
	await Promise.all(
		clients.map(async (client) => {
			client.resume();
			if (!client.closed) await once(client, "close");
		}),
	);
	await stops;
	const again = await server.start();
	const client = await tcp(t, again.port);
	client.write("again");
	t.is(String(await client.read(5)), "again");
});

test("a single loop, driven or not, asks nobody", async (t) => {
	for (const threads of [true, false]) {
		const choose = () => t.fail() as never;
		const options = { threads };
		const { port } = await balanced(t, 1, choose, echo, options);
		const client = await tcp(t, port);
		client.write("x");
		t.is(String(await client.read(1)), "x");
	}
});

const onLinux = process.platform === "linux" ? test.serial : test.skip;
onLinux("pinned loops run on one CPU each, and serve as ever", async (t) => {
	const allowed = cpusOf("self");
	const { server, port } = await balanced(t, 3, "kernel", echo, {
		pinLoops: true,
	});
	await burst(t, port, 100);
	await until(() => server.connectionCount === 100);
	const counts = spread(server, 3);
	t.true(Math.max(...counts) <= (1.25 * 100) / 3 + 8 + 6, String(counts));
	const client = await tcp(t, port);
	client.write("x");
	t.is(String(await client.read(1)), "x");
	const pinned = new Set<string>();
	for (const task of readdirSync("/proc/self/task")) {
		const [, index] = /^gev-loop-(\d)$/m.exec(nameOf(task)) ?? [];
		if (index === undefined) continue;
		const [cpu, ...others] = cpusOf(`self/task/${task}`);
		if (others.length > 0) continue; // of another test
		if (cpu === allowed[Number(index) % allowed.length]) pinned.add(index);
	}
	t.deepEqual([...pinned].sort(), ["0", "1", "2"]);
	t.deepEqual(cpusOf("self"), allowed);
});

function nameOf(task: string): string {
	try {
		return readFileSync(`/proc/self/task/${task}/comm`, "utf8");
	} catch {
		return ""; // It has ended.
	}
}

/** The CPUs that a thread may run on. */
function cpusOf(place: string): number[] {
	const status = readFileSync(`/proc/${place}/status`, "utf8");
	const [, list = ""] = /^Cpus_allowed_list:\s*(.*)$/m.exec(status) ?? [];
	return list.split(",").flatMap((range) => {
		const [first = 0, last = first] = range.split("-").map(Number);
		return Array.from({ length: last - first + 1 }, (_, n) => first + n);
	});
}

const unix = process.platform === "win32" ? test.skip : test;
unix("a unix socket has no address to choose by", async (t) => {
	const path = socketPath();
	const peers = new Queue<unknown>();
	const options = { loops: 2, threads: true, protocol: raw(), path };
	for (const balance of [
		"source-hash",
		((_, peer) => {
			peers.push(peer);
			return 0;
		}) satisfies BalanceFunction,
	] as const) {
		const server = new Server(echo, { ...options, balance });
		t.teardown(() => server.stop());
		await server.start();
		const clients = Array.from({ length: 4 }, () =>
			openSocket(undefined as never, { path } as never),
		);
		await until(() => server.connectionCount === 4);
		const expected = balance === "source-hash" ? [2, 2] : [4, 0];
		t.deepEqual(spread(server, 2), expected);
		for (const client of clients) client.destroy();
		await server.stop();
	}
	t.deepEqual(await peers.next(), { remoteAddress: "", remotePort: 0 });
});
