// A process that stands still for a while (SIGSTOP here; a debugger, `docker pause`, a machine that sleeps elsewhere) has its
// clients' bytes in the kernel when it goes on. No timer may judge them before these were looked at. One after the other,
// as the times matter here.
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import type { Connection, ServerOptions } from "gev";
import { FLOOD_BYTES, type Settings } from "../fixtures/standstill.js";
import {
	CLOSE,
	closeFrame,
	frame,
	handshake,
	PING,
	PONG,
	readClose,
	readFrame,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { loops } from "../kit/loops.js";
import { isStopped, type Program, start } from "../kit/program.js";
import { Queue } from "../kit/queue.js";
import { protocols, serve as serveHere } from "../kit/server.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";

/** What every timer of a trial is set to, and how long the process stands still. */
const TIME_MS = 1000;
const STANDSTILL_MS = 2500;

const onLinux = process.platform === "linux" ? test.serial : test.serial.skip;

/** Servers in a process of their own. */
async function serve(t: ExecutionContext, all: Settings[]) {
	const file = fileURLToPath(
		new URL("../fixtures/standstill.js", import.meta.url),
	);
	const settings = all.map(({ options, ...rest }) => ({
		...rest,
		options: { ...loops(1), ...options },
	}));
	const program = start(t, [file, JSON.stringify(settings)]);
	const ports = (await program.line()).split(" ").map(Number);
	return { program, ports };
}

/** The process stands still; `meanwhile` begins when it does. */
async function standStill(program: Program, meanwhile: () => void) {
	program.signal("SIGSTOP");
	while (!isStopped(program)) await setTimeout(1);
	meanwhile();
	await setTimeout(STANDSTILL_MS);
	program.signal("SIGCONT");
}

/** One character as a client says it, and how long the echo is. */
const chat = {
	raw: { said: Buffer.from("x"), heard: 1, enter: tcp },
	websocket: { said: frame(TEXT, "x"), heard: 3, enter: upgraded },
};

const idle: Record<string, ServerOptions> = {
	"anything is said": { timeouts: { idleMs: TIME_MS } },
	"they speak": { timeouts: { idleMs: { read: TIME_MS } } },
	"they are answered": { timeouts: { idleMs: { write: TIME_MS } } },
};

for (const protocol of ["raw", "websocket"] as const) {
	onLinux(
		`${protocol} clients that go on talking to a process that stands still are not idle`,
		async (t) => {
			const { said, heard, enter } = chat[protocol];
			const settings = Object.values(idle).map((options) => ({
				protocol,
				options,
			}));
			const { program, ports } = await serve(t, settings);
			const clients = await Promise.all(ports.map((port) => enter(t, port)));
			let count = 0;
			const speak = () => {
				count++;
				for (const { write } of clients) write(said);
			};
			const timer = setInterval(speak, TIME_MS / 10);
			t.teardown(() => clearInterval(timer));
			await Promise.all(clients.map(({ read }) => read(3 * heard)));
			await standStill(program, speak);
			speak();
			clearInterval(timer);
			t.true(count > 3 + STANDSTILL_MS / TIME_MS);
			const rest = await Promise.allSettled(
				clients.map(({ read }) => read((count - 3) * heard)),
			);
			for (const [at, when] of Object.keys(idle).entries()) {
				t.is(rest[at]?.status, "fulfilled", when);
			}
		},
	);

	onLinux(
		`a ${protocol} client that reads what a process has sent that stands still is not stalled`,
		async (t) => {
			const { enter } = chat[protocol];
			const options = {
				timeouts: { writeStallMs: TIME_MS },
				socket: { sendBufferBytes: 256 * 1024 },
			};
			const { program, ports } = await serve(t, [{ protocol, options }]);
			const client = await enter(t, ports[0] as number);
			client.socket.pause();
			client.write(protocol === "raw" ? "flood" : frame(TEXT, "flood"));
			t.is(await program.line(), "waiting true");
			await standStill(program, () => client.socket.resume());
			t.is((await client.read(FLOOD_BYTES)).length, FLOOD_BYTES);
		},
	);
}

for (const protocol of ["raw", "websocket"] as const) {
	// With a thread of its own a loop would have heard the client, and nothing more since.
	onLinux(
		`a ${protocol} client that talks while JavaScript is busy, which drives the loop, is not idle`,
		async (t) => {
			const { said, heard, enter } = chat[protocol];
			const connections = new Queue<Connection>();
			const { port } = await serveHere(
				t,
				{
					onConnect: (connection) => connections.push(connection),
					onMessage: (_, message) => message,
				},
				{
					loops: 1,
					threads: false,
					protocol: protocols[protocol](),
					timeouts: { idleMs: { read: 200 } },
				},
			);
			const client = await enter(t, port);
			const connection = await connections.next();
			for (let round = 0; round < 3; round++) {
				client.write(said);
				const end = performance.now() + 500;
				while (performance.now() < end);
				connection.send("y");
				t.regex(String(await client.read(2 * heard)), /y.*x/s);
			}
		},
	);
}

onLinux(
	"a pong, and the end of a handshake, that come while the process stands still come in time",
	async (t) => {
		const { program, ports } = await serve(t, [
			{
				protocol: "websocket",
				webSocket: { pingIntervalMs: 100, pongTimeoutMs: TIME_MS },
			},
			{
				protocol: "websocket",
				options: { timeouts: { handshakeMs: TIME_MS } },
			},
		]);
		const [forPings = 0, forHandshakes = 0] = ports;
		const request = handshake();
		const late = await tcp(t, forHandshakes);
		late.write(request.slice(0, 50));
		// Whoever connects later is let in later.
		await upgraded(t, forHandshakes);
		const pinged = await upgraded(t, forPings);
		t.is((await readFrame(pinged)).opcode, PING);
		await standStill(program, () => {
			pinged.write(frame(PONG));
			late.write(request.slice(50));
		});
		t.regex(await late.readHead(), /^HTTP\/1.1 101 /);
		late.write(frame(TEXT, "x"));
		t.is(String((await readFrame(late)).payload), "x");
		t.is((await readFrame(pinged)).opcode, PING);
		pinged.write(frame(PONG));
	},
);

onLinux(
	"goodbyes that come, and answers that are promised, while the process stands still are in time",
	async (t) => {
		const settings: Settings = {
			protocol: "websocket",
			options: { timeouts: { closeMs: TIME_MS } },
		};
		const { program, ports } = await serve(t, [settings, settings, settings]);
		const [ours, theirs, last] = (await Promise.all(
			ports.map((port) => upgraded(t, port)),
		)) as [TcpClient, TcpClient, TcpClient];
		ours.write(frame(TEXT, "close"));
		t.is((await readClose(ours)).code, 4000);
		last.write(frame(TEXT, "stop"));
		t.is((await readClose(last)).code, 1001);
		theirs.write(Buffer.concat([frame(TEXT, "later"), closeFrame(3000)]));
		t.is(await program.line(), "promised");
		await standStill(program, () => {
			ours.write(closeFrame(4000));
			last.write(closeFrame(1001));
		});
		t.is(String((await readFrame(theirs)).payload), "late");
		t.is((await readFrame(theirs)).opcode, CLOSE);
		for (const { socket } of [ours, theirs, last]) socket.end();
		const lines = await Promise.all([1, 2, 3, 4].map(() => program.line()));
		t.deepEqual(lines.sort(), [
			"close local 4000 true",
			"close peer 3000 true",
			"close stop 1001 true",
			"stop 1 0",
		]);
	},
);
