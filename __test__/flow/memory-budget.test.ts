// One budget for what all connections of a server hold, in and out. The server has a process of its own, whose memory is
// measured: without the budget each of these takes a gigabyte or so. One after the other, as each needs the machine.

import { constants, deflateRawSync } from "node:zlib";
import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	SendStatus,
	type ServerOptions,
	type WebSocketOptions,
} from "gev";
import { framed, read, sealed } from "../behaviour/letters.js";
import { Lost, type Peer } from "../behaviour/peer.js";
import {
	BINARY,
	frame,
	handshake,
	readClose,
	readFrame,
	upgraded,
} from "../kit/frames.js";
import {
	scene as hostScene,
	MIB,
	TOLERANCE,
	until,
} from "../kit/host-scene.js";
import { loops } from "../kit/loops.js";
import { Queue } from "../kit/queue.js";
import { reset } from "../kit/reset.js";
import { type PlainName, serve, protocols as servers } from "../kit/server.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";

const onLinux = process.platform === "linux" ? test.serial : test.serial.skip;
const protocols: readonly PlainName[] = ["raw", "websocket"];

const maxMemoryBytes = 64 * MIB;
/** How much more the process may grow than that: by garbage, and by messages that are being handled. */
const MORE = 256 * MIB + TOLERANCE;

/** A server with a small budget. */
async function scene(
	t: ExecutionContext,
	protocol: PlainName,
	options: ServerOptions = {},
	webSocketOptions: WebSocketOptions = {},
) {
	const all = {
		...loops(1),
		limits: { maxMemoryBytes },
		timeouts: {
			// Whoever has been closed with a goodbye need not answer it.
			closeMs: 500,
		},
		...options,
	};
	const started = await hostScene(t, protocol, all, [], webSocketOptions);
	const { host, close } = started;
	const before = host.memory("peak");
	return {
		...started,
		/** The budget has been kept, and goes back when nobody holds anything. */
		async closeWithinBudget() {
			const grown = host.memory("peak") - before;
			t.log(`grown by ${Math.round(grown / MIB)} MiB`);
			t.true(grown < maxMemoryBytes + MORE);
			await until(async () => (await host.call("held")) === 0);
			// What is free again the allocator may keep.
			await host.call("tidy");
			t.true((await host.call("buffers")) < 4 * MIB);
			return await close();
		},
	};
}

/** A client that compresses what it sends, and has told its name. */
async function deflating(t: ExecutionContext, port: number, id: string) {
	const client = await tcp(t, port);
	client.write(handshake({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
	t.regex(await client.readHead(), /permessage-deflate/);
	await introduce(t, client, id);
	return client;
}

async function introduce(t: ExecutionContext, client: TcpClient, id: string) {
	client.write(frame(BINARY, `H ${id}`));
	t.is(String((await readFrame(client)).payload), `H ${id}`);
}

/** A message as permessage-deflate sends it (RFC 7692 section 7.2.1). */
function deflated(message: Buffer): Buffer {
	const finishFlush = constants.Z_SYNC_FLUSH;
	const packed = deflateRawSync(message, { level: 9, finishFlush });
	return frame(BINARY, packed.subarray(0, -4), { rsv: 4 });
}

for (const options of [{}, { limits: { maxMemoryBytes: 0 } }]) {
	onLinux(
		`messages that grow a thousandfold are inflated one after the other: ${JSON.stringify(options)}`,
		async (t) => {
			const { port, account, isUndisturbed, closeWithinBudget } = await scene(
				t,
				"websocket",
				options,
				{ perMessageDeflate: true },
			);
			const size = 16 * MIB - 100;
			const bytes = deflated(sealed("Q", 0, Buffer.alloc(size)));
			t.true(bytes.length < size / 900);
			const clients = await Promise.all(
				Array.from({ length: 100 }, (_, at) => deflating(t, port, `${at}`)),
			);
			for (const { write } of clients) write(bytes);
			await isUndisturbed();
			for (const at of clients.keys()) {
				await until(async () => (await account(`${at}`)).letters === 1);
			}
			for (const { socket } of clients) socket.destroy();
			await closeWithinBudget();
		},
	);
}

for (const protocol of protocols) {
	test.serial(
		`heldBytes tells what is held, in and out: ${protocol}`,
		async (t) => {
			const connections = new Queue<Connection>();
			let release = () => {};
			const released = new Promise<void>((resolve) => {
				release = resolve;
			});
			const handler = {
				onConnect: (connection: Connection) => connections.push(connection),
				onMessage: () => released,
			};
			const { server, port } = await serve(t, handler, {
				protocol: servers[protocol](),
				limits: { maxMemoryBytes: 16 * MIB },
				socket: { sendBufferBytes: 64 * 1024 },
				serial: true,
			});
			const size = 8 * MIB;
			t.is(server.heldBytes, 0);
			const client = await (protocol === "raw" ? tcp : upgraded)(t, port);
			const connection = await connections.next();
			client.socket.pause();
			connection.send(Buffer.alloc(size));
			await until(() => server.heldBytes > size / 2);
			t.true(server.heldBytes <= size + 100_000);
			client.socket.resume();
			await client.read(size);
			await until(() => server.heldBytes === 0);

			// The second one waits for the first.
			const message = frame(BINARY, Buffer.alloc(60_000));
			client.write(Buffer.concat([message, message]));
			await until(() => server.heldBytes > 0);
			release();
			await until(() => server.heldBytes === 0);

			client.write(frame(BINARY, Buffer.alloc(100_000)).subarray(0, 70_000));
			if (protocol === "websocket") await until(() => server.heldBytes > 0);
			client.socket.destroy();
			await until(() => server.connectionCount === 0);
			t.is(server.heldBytes, 0);
			await server.stop();
			t.is(server.heldBytes, 0);
		},
	);
}

/** The beginning of a message of 16 MiB: its header, and so many bytes. Masked with zeros, which costs nothing. */
function beginning(size: number): Buffer[] {
	const head = Buffer.from([0x82, 0xff, ...Array<number>(12).fill(0)]);
	head.writeBigUInt64BE(BigInt(16 * MIB), 2);
	return [head, Buffer.alloc(size)];
}

onLinux(
	"messages that do not come to their end hold no more than the budget",
	async (t) => {
		const { port, account, isUndisturbed, closeWithinBudget } = await scene(
			t,
			"websocket",
			loops(2),
		);
		const clients = await Promise.all(
			Array.from({ length: 60 }, () => upgraded(t, port)),
		);
		await Promise.all(
			clients.map((client, at) => introduce(t, client, `${at}`)),
		);
		const bytes = beginning(15 * MIB);
		for (const { write } of clients) bytes.forEach(write);
		// Some have to go, so that others can come to their end. Which is not what they want.
		const closed = async () => {
			await isUndisturbed(1);
			const all = clients.map((_, at) => account(`${at}`));
			return (await Promise.all(all)).filter(({ close }) => close !== null);
		};
		await until(async () => (await closed()).length > 0);
		for (const { close } of await closed()) {
			t.like(close, { code: 1013, cause: "limit" });
		}
		for (const { socket } of clients) reset(socket);
		await closeWithinBudget();
	},
);

onLinux("many large messages come in, if not at the same time", async (t) => {
	const { port, account, closeWithinBudget } = await scene(
		t,
		"websocket",
		loops(2),
	);
	const clients = await Promise.all(
		Array.from({ length: 40 }, () => upgraded(t, port)),
	);
	await Promise.all(clients.map((client, at) => introduce(t, client, `${at}`)));
	const bytes = frame(BINARY, sealed("Q", 0, Buffer.alloc(8 * MIB)));
	for (const { write } of clients) write(bytes);
	for (const at of clients.keys()) {
		await until(async () => (await account(`${at}`)).letters === 1);
	}
	for (const { socket } of clients) reset(socket);
	await closeWithinBudget();
});

onLinux(
	"who holds the most is closed with 1013 when nobody gets on, and others go on",
	async (t) => {
		const { host, port, account, isUndisturbed, closeWithinBudget } =
			await scene(t, "websocket", { limits: { maxMemoryBytes: 32 * MIB } });
		const enter = async (id: string) => {
			const client = await upgraded(t, port);
			await introduce(t, client, id);
			return client;
		};
		const holds = (size: number) =>
			until(async () => (await host.call("held")) >= size);
		const large = await enter("large");
		beginning(14 * MIB).forEach(large.write);
		await holds(13.5 * MIB);
		const bytes = frame(BINARY, sealed("Q", 0, Buffer.alloc(2 * MIB)));
		const small = await enter("small");
		small.write(bytes.subarray(0, 1.5 * MIB));
		await holds(15 * MIB);
		const last = await enter("last");
		last.write(frame(BINARY, sealed("Q", 0, Buffer.alloc(13 * MIB))));
		let isClosed = false;
		const closing = readClose(large).then((close) => {
			isClosed = true;
			return close;
		});
		while (!isClosed) await isUndisturbed(1);
		const { code, reason } = await closing;
		t.deepEqual([code, reason], [1013, "the server is short of memory"]);
		await until(async () => (await account("last")).letters === 1);
		small.write(bytes.subarray(1.5 * MIB));
		await until(async () => (await account("small")).letters === 1);
		large.socket.destroy();
		await until(async () => (await account("large")).close !== null);
		t.like((await account("large")).close, { code: 1013, cause: "limit" });
		t.is((await account("small")).close, null);
		t.is((await account("last")).close, null);
		for (const { socket } of [small, last]) reset(socket);
		await closeWithinBudget();
	},
);

/** How messages come to wait for peers that do not read. */
const floods: Record<string, ServerOptions> = {
	"at once": {},
	"one after the other": {},
	// In JavaScript's memory.
	"kept back": {
		flow: { overflow: "drop-oldest", highWaterMarkBytes: 100_000 },
	},
};

for (const protocol of protocols) {
	for (const [way, options] of Object.entries(floods)) {
		onLinux(
			`${protocol} peers that do not read hold no more than the budget: ${way}`,
			async (t) => {
				const { enter, account, isUndisturbed, closeWithinBudget } =
					await scene(t, protocol, options);
				const [count, letters] = [100, 180];
				const isFlooded = async (at: number) => {
					const { statuses } = await account(`${at}`);
					const sum = Object.values(statuses).reduce((a, b) => a + b);
					return sum === letters;
				};
				const peers: Peer[] = [];
				for (let at = 0; at < count; at++) {
					const peer = await enter(`${at}`);
					peer.pause();
					peers.push(peer);
				}
				for (const [at, peer] of peers.entries()) {
					peer.send(`F ${letters} ${64 * 1024}`);
					if (way === "one after the other") await until(() => isFlooded(at));
				}
				let stay = 0;
				for (const [at, peer] of peers.entries()) {
					await until(() => isFlooded(at));
					await isUndisturbed(1);
					const { statuses } = await account(`${at}`);
					peer.resume();
					if (statuses[SendStatus.Closed] > 0) {
						await peer.ended;
						continue;
					}
					// They are expelled by those who come later, or get everything.
					const got = await letterCount(t, peer, letters);
					if (got === letters) stay++;
					if (got === letters) await peer.leave();
				}
				for (const at of peers.keys()) {
					await until(async () => (await account(`${at}`)).close !== null);
					const { close } = await account(`${at}`);
					if (close?.cause === "peer") continue;
					t.like(close, { code: 1013, cause: "limit" });
				}
				t.log(`${stay} of ${count} stay`);
				t.true(stay > 0 && stay < count);
				await closeWithinBudget();
			},
		);
	}

	for (const [size, count] of [
		[64 * 1024, 240],
		[2000, 5000],
	] as const) {
		onLinux(
			`letters of ${size} bytes that wait for a ${protocol} handler that is not done hold no more than the budget`,
			async (t) => {
				const { host, enter, account, isUndisturbed, closeWithinBudget } =
					await scene(t, protocol, { serial: true, flow: { maxPending: 0 } });
				const wrap = protocol === "raw" ? framed : framedAsBinary;
				const body = Buffer.alloc(size);
				const bytes = Buffer.concat(
					Array.from({ length: count }, (_, number) =>
						wrap(sealed("S", number, body)),
					),
				);
				const peers = await Promise.all(
					Array.from({ length: 30 }, (_, at) => enter(`${at}`)),
				);
				t.true(peers.length * bytes.length > 4 * maxMemoryBytes);
				for (const peer of peers) peer.sendBytes(bytes);
				let held = 0;
				// It grows as long as anything is read.
				await until(async () => {
					await isUndisturbed(10);
					const before = held;
					held = await host.call("held");
					return held === before && held > maxMemoryBytes / 2;
				});
				t.true(held <= maxMemoryBytes);
				await host.call("release");
				let stay = 0;
				for (const [at, peer] of peers.entries()) {
					const isDone = async () => {
						const { letters, close } = await account(`${at}`);
						return letters === count || close !== null;
					};
					await until(isDone);
					const { close } = await account(`${at}`);
					// If that took so long that somebody had to go.
					if (close !== null) t.like(close, { code: 1013, cause: "limit" });
					else stay++;
					peer.reset();
				}
				t.log(`${stay} of ${peers.length} stay`);
				t.true(stay > peers.length / 2);
				await closeWithinBudget();
			},
		);
	}
}

function framedAsBinary(letter: Buffer): Buffer {
	return frame(BINARY, letter);
}

/** How many letters of a flood, intact and in order, come before the end. */
async function letterCount(t: ExecutionContext, peer: Peer, most: number) {
	for (let count = 0; count < most; count++) {
		try {
			const { number, intact } = read(await peer.receive());
			t.true(intact);
			t.is(number, count);
		} catch (error) {
			if (error instanceof Lost) return count;
			throw error;
		}
	}
	return most;
}
