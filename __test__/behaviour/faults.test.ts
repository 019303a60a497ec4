// Faults of whole processes and of the machine, against a server in a process of its own whose memory, descriptors and
// processor time can be told from those of the clients. The long ones run with `npm run faults` only.
import { spawnSync } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test from "ava";
import { type Protocol, SendStatus } from "gev";
import {
	BINARY,
	CONTINUATION,
	frame,
	readFrame,
	upgraded,
} from "../kit/frames.js";
import { MIB, scene, TOLERANCE, until, writer } from "../kit/host-scene.js";
import { isStopped } from "../kit/program.js";
import { HostProcess } from "./host-process.js";
import { read } from "./letters.js";

const isLinux = process.platform === "linux";
const onLinux = isLinux ? test.serial : test.serial.skip;
const long =
	isLinux && process.env.GEV_FAULTS === "long" ? test.serial : test.serial.skip;

/** Starts a program that may have 64 descriptors. */
const FEW_DESCRIPTORS = ["sh", "-c", 'ulimit -n 64; exec "$0" "$@"'];

const protocols: readonly Protocol["name"][] = ["raw", "websocket"];
for (const protocol of protocols) {
	onLinux(
		`a ${protocol} client that is stopped costs little, and loses nothing when it goes on`,
		async (t) => {
			const [count, size] = [1024, 64 * 1024];
			const highWaterMarkBytes = 256 * 1024;
			const { host, account, isUndisturbed, customer, close } = await scene(
				t,
				protocol,
				{ flow: { highWaterMarkBytes } },
			);
			const before = host.memory("peak");
			const client = customer("stop", count, size);
			await until(() => isStopped(client));
			await isUndisturbed(100);
			const { statuses, mostBuffered } = await account("stopped");
			t.true(statuses[SendStatus.Queued] < count);
			t.true(mostBuffered <= highWaterMarkBytes + size + 100);
			t.true(host.memory("peak") - before < TOLERANCE);
			client.signal("SIGCONT");
			t.is(await client.line(), `D ${count}`);
			t.is((await client.ended).code, 0);
			await close();
		},
	);

	for (const overflow of ["close", "drop-newest"] as const) {
		onLinux(
			`64 MiB for a ${protocol} client that never reads cost maxBufferedBytes: ${overflow}`,
			async (t) => {
				const maxBufferedBytes = 4 * MIB;
				const { host, enter, account, close } = await scene(t, protocol, {
					flow: { maxBufferedBytes, overflow },
				});
				const client = await enter("deaf");
				client.pause();
				const before = host.memory("peak");
				for (let time = 0; time < 4; time++) client.send(`F 256 ${64 * 1024}`);
				const all = async () => {
					const { statuses } = await account("deaf");
					const sum = Object.values(statuses).reduce((a, b) => a + b);
					// A connection that is closed may get no further request.
					return (
						sum === 1024 || (sum >= 256 && statuses[SendStatus.Closed] > 0)
					);
				};
				await until(all);
				const { statuses, mostBuffered } = await account("deaf");
				t.true(mostBuffered <= maxBufferedBytes, `${mostBuffered}`);
				t.true(host.memory("peak") - before < maxBufferedBytes + TOLERANCE);
				if (overflow === "close") {
					t.is(statuses[SendStatus.Dropped], 1);
					await until(async () => (await account("deaf")).close !== null);
					t.like((await account("deaf")).close, { cause: "limit", code: 1006 });
				} else {
					const [queued = 0, congested = 0, dropped] = Object.values(statuses);
					t.true((dropped ?? 0) > 0);
					client.resume();
					let last = -1;
					for (let kept = queued + congested; kept > 0; kept--) {
						const { number, intact } = read(await client.receive());
						t.true(intact);
						// Some are missing, and none is in another's place.
						t.true(number > last);
						last = number;
					}
					client.send(writer.letter("E", 0, 10));
					t.is(read(await client.receive()).verb, "E");
					await client.leave();
				}
				await close();
			},
		);
	}

	onLinux(
		`${protocol} clients that are killed in the middle of a letter are gone, and nothing is left of them`,
		async (t) => {
			const count = 20;
			const { host, account, customer, close } = await scene(t, protocol);
			const line = host.usage();
			for (let round = 0; round < 3; round++) {
				const client = customer("die", count);
				t.is(await client.line(), "ready");
				client.signal("SIGKILL");
				await client.ended;
				const closes = (round + 1) * count;
				await until(async () => (await host.call("report")).closes === closes);
				await host.backAt(line);
				for (let index = 0; index < count; index++) {
					const cause = (await account(`dying-${index}`)).close?.cause;
					t.true(cause === "peer" || cause === "reset", cause);
				}
				await host.call("forget");
			}
			await close();
		},
	);

	long(
		`256 MiB for a ${protocol} handler that is busy for two seconds wait outside`,
		async (t) => {
			const [count, size] = [16 * 1024, 16 * 1024];
			const { host, account, customer, close } = await scene(t, protocol);
			const before = host.memory("peak");
			const blocked = host.call("block", 2000);
			const client = customer("flood", count, size);
			await blocked;
			const waiting = Math.round((host.memory("peak") - before) / MIB);
			t.true(waiting * MIB < TOLERANCE);
			t.is(await client.line(), "pushed back");
			t.is((await client.ended).code, 0);
			await until(async () => (await account("flooding")).close !== null);
			t.is((await account("flooding")).letters, count);
			const grown = Math.round((host.memory("peak") - before) / MIB);
			t.log(`${waiting} MiB while it was busy, ${grown} MiB until the end`);
			// Of what has been handled V8 lets some lie about; it is never most of it.
			t.true(grown < 128);
			await close();
		},
	);
}

onLinux("peers without FIN or RST are cut by idleMs and pings", async (t) => {
	const unshare = ["--map-root-user", "--net"];
	const trial = spawnSync("unshare", [...unshare, "ip", "link"]);
	if (trial.status !== 0) {
		t.log("left out: no network of its own to be had (unshare, ip)");
		t.pass();
		return;
	}
	const program = new URL("../fixtures/half-open.js", import.meta.url);
	const { stdout, stderr, status } = spawnSync(
		"unshare",
		[...unshare, process.execPath, fileURLToPath(program)],
		{ encoding: "utf8", timeout: 60_000 },
	);
	t.is(stderr, "");
	t.is(
		stdout,
		[
			"raw by idleMs: idle false 0",
			"websocket by idleMs: idle false 0",
			"websocket by pings: timeout false 0",
			"",
		].join("\n"),
	);
	t.is(status, 0);
});

onLinux("a connection that the system destroys has its onClose", async (t) => {
	const { port, enter, account, close } = await scene(t, "raw");
	const victim = await enter("victim");
	// Nothing but this one: the filter names both ports.
	const filter = `sport = :${port} and dport = :${victim.port}`;
	const killed = spawnSync("ss", ["-H", "-t", "-n", "-K", filter], {
		encoding: "utf8",
	});
	if (!killed.stdout?.includes(`:${victim.port}`)) {
		t.log("left out: no right to destroy sockets here (ss -K)");
		t.pass();
		return;
	}
	await until(async () => (await account("victim")).close !== null);
	t.is((await account("victim")).close?.cause, "reset");
	await close();
});

for (const [which, ms, processes] of [
	[onLinux, 1000, 1],
	[long, 20_000, 2],
] as const) {
	which(
		`a storm of connections that are reset at once leaves nothing behind: ${ms / 1000} s`,
		async (t) => {
			const { host, isUndisturbed, customer, close } = await scene(t, "raw", {
				loops: 2,
			});
			const line = host.usage();
			const before = host.memory("peak");
			const clients = Array.from({ length: processes }, () =>
				customer("storm", ms),
			);
			let opened = 0;
			for (const client of clients) opened += Number(await client.line());
			await isUndisturbed();
			t.log(
				`${opened} connections, ${Math.round((opened * 1000) / ms)} a second`,
			);
			t.true(opened > 100);
			await host.backAt(line);
			t.true(host.memory("peak") - before < TOLERANCE);
			const { connects } = await close();
			// One that is reset before it has been accepted may never have been there.
			t.true(connects > opened / 2 && connects <= opened + 1);
		},
	);
}

onLinux(
	"without descriptors accepting pauses, says so once, costs nothing and goes on",
	async (t) => {
		const { host, enter, close } = await scene(t, "raw", {}, FEW_DESCRIPTORS);
		const clients = 100;
		let release = () => {};
		const released = new Promise<void>((resolve) => {
			release = resolve;
		});
		const done = Array.from({ length: clients }, async (_, index) => {
			const client = await enter(`one-of-many-${index}`);
			await released;
			await client.leave();
		});
		await until(async () => (await host.call("report")).errors.length > 0);
		// So long that the pause comes to its longest.
		const before = host.cpuMs();
		await setTimeout(2000);
		t.true(host.cpuMs() - before < 1000, "it spins");
		const report = await host.call("report");
		t.is(report.errors.length, 1);
		t.true(report.connects < clients);
		release();
		await Promise.all(done);
		// Those who came in later may have used up what the first had left.
		const { errors: all } = await host.call("report");
		const after = await close(all.map(() => /^accept: .*\(os error 24\)$/));
		t.is(after.connects, clients + 1);
	},
);

onLinux("start() without descriptors fails, and takes none", async (t) => {
	const host = await HostProcess.start(FEW_DESCRIPTORS);
	t.teardown(() => host.kill());
	await host.call("start", "raw", { loops: 1 });
	await host.call("stop", {});
	await host.call("tidy");
	const line = host.usage();
	for (let time = 0; time < 3; time++) {
		await t.throwsAsync(host.call("start", "raw", { loops: 60 }), {
			message: /os error 24/,
		});
		await host.backAt(line);
	}
	t.true((await host.call("start", "raw", { loops: 1 })) > 0);
	await host.call("stop", {});
	await host.end();
});

for (const protocol of protocols) {
	onLinux(
		`two hundred ${protocol} clients that send a byte now and then cost little`,
		async (t) => {
			const { host, enter, isUndisturbed, close } = await scene(t, protocol);
			const before = host.memory("peak");
			const letter = writer.letter("E", 0, 100_000);
			const slow = await Promise.all(
				Array.from({ length: 200 }, (_, index) => enter(`slow-${index}`)),
			);
			for (const client of slow) client.sendPart(letter, 20);
			for (let round = 0; round < 20; round++) {
				for (const client of slow) client.sendBytes("x");
				await isUndisturbed(1);
			}
			t.true(host.memory("peak") - before < TOLERANCE);
			for (const client of slow) client.reset();
			await until(async () => (await host.call("report")).closes === 200);
			await close();
		},
	);
}

onLinux(
	"65,536 empty fragments make one message, and cost nothing",
	async (t) => {
		const { host, port, isUndisturbed, close } = await scene(t, "websocket");
		const before = host.memory("peak");
		const client = await upgraded(t, port);
		const letter = Buffer.from("H fragments");
		const unfinished = { fin: false };
		const empty = frame(CONTINUATION, "", unfinished);
		client.write(frame(BINARY, letter.subarray(0, 5), unfinished));
		client.write(Buffer.concat(Array<Buffer>(65_536).fill(empty)));
		await isUndisturbed();
		client.write(frame(CONTINUATION, letter.subarray(5)));
		const { opcode, payload } = await readFrame(client);
		t.is(opcode, BINARY);
		t.true(payload.equals(letter));
		t.true(host.memory("peak") - before < TOLERANCE);
		client.socket.destroy();
		await close();
	},
);
