import { once } from "node:events";
import { connect as connectNet } from "node:net";
import test, { type ExecutionContext } from "ava";
import {
	type BroadcastResult,
	type Connection,
	lines,
	type Protocol,
	raw,
	Server,
	type ServerOptions,
	webSocket,
} from "gev";
import type { ClientOptions } from "ws";
import { loops } from "../kit/loops.js";
import { patient } from "../kit/patience.js";
import { promised } from "../kit/promised.js";
import { socketPath } from "../kit/socket-path.js";
import { openWebSocket } from "../kit/ws-client.js";

/** What one of many clients has got, one message behind the other. */
interface Member {
	/** Says who it is. */
	introduce(name: string): void;
	/** Waits until it has been sent so many bytes. */
	read(bytes: number): Promise<Buffer>;
	/** Everything, when the server has ended the connection. */
	readonly ended: Promise<Buffer>;
	/** Takes nothing more, or goes on. */
	stop(): void;
	goOn(): void;
	end(): void;
}

/** How messages come to members, and how members come to the server. */
interface Kind {
	name: string;
	protocol: Protocol;
	/** Of the member with this index. */
	client?: (index: number) => ClientOptions;
	/** Over a unix socket. */
	isUnix?: boolean;
	/** What frames take at the end of each message. */
	end?: string;
}

const isWindows = process.platform === "win32";
const zipped = webSocket({ perMessageDeflate: { threshold: 100 } });
const half = (index: number): ClientOptions => ({
	perMessageDeflate: index % 2 === 0,
});

const kinds: Kind[] = [
	{ name: "raw", protocol: raw() },
	{ name: "lines", protocol: lines(), end: "\n" },
	{ name: "WebSocket", protocol: webSocket(), client: () => ({}) },
	{ name: "WebSocket, half of it compressed", protocol: zipped, client: half },
	{ name: "raw on a unix socket", protocol: raw(), isUnix: true },
	{
		...{ name: "WebSocket on a unix socket", protocol: webSocket() },
		...{ client: () => ({}), isUnix: true },
	},
].filter(({ isUnix }) => !(isUnix && isWindows));

const COUNT = 400;

/** So many members of a server, whose connections have their indices as context. */
async function gather(
	t: ExecutionContext,
	{ protocol, client, isUnix }: Kind,
	count: number,
	options: ServerOptions = {},
	onDrain: (connection: Connection<number>) => void = () => {},
) {
	const all = promised();
	let known = 0;
	const connections: Connection<number>[] = [];
	const handler = {
		onMessage(connection: Connection<number>, name: unknown) {
			connection.context = Number(`${name}`);
			connections[connection.context] = connection;
			known++;
			if (known === count) all.resolve();
		},
		onDrain,
	};
	const path = isUnix ? socketPath() : undefined;
	const server = new Server<number>(handler as never, {
		...(path === undefined ? { host: "127.0.0.1", port: 0 } : { path }),
		...loops(4),
		// What the kernel takes of who does not read need not be much.
		socket: { backlog: 2048, sendBufferBytes: 16 * 1024 },
		...patient(options),
		protocol: protocol as never,
	});
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	const { port } = await server.start();
	const members: Member[] = [];
	for (let index = 0; index < count; index++) {
		const webSocketUrl =
			path === undefined ? `ws://127.0.0.1:${port}` : `ws+unix:${path}:/`;
		members.push(
			client === undefined
				? streamMember(t, path === undefined ? { port } : { path })
				: webSocketMember(t, webSocketUrl, client(index)),
		);
		members[index]?.introduce(`${index}\n`);
	}
	await all.promise;
	return { server, members, connections };
}

/** What has come for a member. */
class Received {
	readonly #chunks: Buffer[] = [];
	#length = 0;
	#wake = () => {};

	add(chunk: Buffer): void {
		this.#chunks.push(chunk);
		this.#length += chunk.length;
		this.#wake();
	}

	all(): Buffer {
		return Buffer.concat(this.#chunks);
	}

	async read(bytes: number): Promise<Buffer> {
		while (this.#length < bytes) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		return this.all();
	}
}

function streamMember(
	t: ExecutionContext,
	where: { port: number } | { path: string },
): Member {
	const received = new Received();
	const socket = connectNet(where as { port: number });
	t.teardown(() => socket.destroy());
	socket.on("error", () => {}).on("data", (chunk) => received.add(chunk));
	return {
		introduce: (name) => void socket.write(name),
		read: (bytes) => received.read(bytes),
		ended: once(socket, "close").then(() => received.all()),
		stop: () => void socket.pause(),
		goOn: () => void socket.resume(),
		end: () => void socket.end(),
	};
}

/** Of a message that is text a mark comes first. */
function webSocketMember(
	t: ExecutionContext,
	url: string,
	options: ClientOptions,
): Member {
	const received = new Received();
	const socket = openWebSocket(url, options);
	t.teardown(() => socket.terminate());
	socket.on("message", (data: Buffer, isBinary) => {
		received.add(isBinary ? data : Buffer.concat([TEXT, data]));
	});
	return {
		introduce: (name) => socket.once("open", () => socket.send(name)),
		read: (bytes) => received.read(bytes),
		ended: once(socket, "close").then(() => received.all()),
		stop: () => socket.pause(),
		goOn: () => socket.resume(),
		end: () => socket.close(),
	};
}

const TEXT = Buffer.from("text:");

/** How a message looks that a member has received. */
function received(kind: Kind, message: string | Buffer): Buffer {
	const isText = typeof message === "string" && kind.client !== undefined;
	const before = isText ? TEXT : Buffer.alloc(0);
	const end = Buffer.from(kind.end ?? "");
	return Buffer.concat([before, Buffer.from(message as string), end]);
}

/** A message that no other one is like, text or bytes, short or of about so many. */
function message(n: number): string | Buffer {
	const length = [10, 300, 2000, 17_000][n % 4] as number;
	const text = `<${n}>`.padEnd(length, "all of it ");
	return n % 8 < 4 ? text : Buffer.from(text);
}

const only = (queued: number): BroadcastResult => ({
	queued,
	congested: 0,
	dropped: 0,
});

for (const kind of kinds) {
	test(`each of ${COUNT} connections over 4 loops gets each broadcast once: ${kind.name}`, async (t) => {
		const all = await gather(t, kind, COUNT);
		const { server, members, connections } = all;
		const expected: Buffer[][] = members.map(() => []);
		for (let n = 0; n < 8; n++) {
			const content = message(n);
			const except = connections.filter((_, index) => index % 5 === n);
			const filter = ({ context }: Connection<number>) => context % 7 !== n;
			const result = await server.broadcast(content as never, {
				except,
				filter,
			});
			let count = 0;
			for (const [index, its] of expected.entries()) {
				if (index % 5 === n || index % 7 === n) continue;
				its.push(received(kind, content));
				count++;
			}
			t.deepEqual(result, only(count));
		}
		const whole = expected.map((its) => Buffer.concat(its));
		for (const [index, member] of members.entries()) {
			const got = await member.read((whole[index] as Buffer).length);
			if (!got.equals(whole[index] as Buffer)) t.fail(`${index}`);
		}
		for (const member of members) member.end();
		for (const [index, member] of members.entries()) {
			// Nothing came behind it either.
			if (!(await member.ended).equals(whole[index] as Buffer)) t.fail();
		}
		t.pass();
	});
}

for (const kind of kinds.filter(({ isUnix, end }) => !isUnix && !end)) {
	test(`who does not read is congested, overflows and drains by himself: ${kind.name}`, async (t) => {
		const drains = new Set<number>();
		const drained = promised();
		const flow = {
			...{ highWaterMarkBytes: 64 * 1024, lowWaterMarkBytes: 0 },
			...{ maxBufferedBytes: 128 * 1024, overflow: "drop-newest" as const },
		};
		const lazy = 5;
		const onDrain = ({ context }: Connection<number>) => {
			drains.add(context);
			if (drains.size === lazy) drained.resolve();
		};
		const count = 25;
		const all = await gather(t, kind, count, { flow }, onDrain);
		const { server, members, connections } = all;
		const waiting = connections.slice(0, lazy);
		for (const member of members.slice(0, lazy)) member.stop();
		// Not to be compressed much.
		const bytes = Buffer.from(
			Array.from({ length: 30_000 }, () => 97 + Math.random() * 26),
		);
		const sums = only(0);
		let sent = 0;
		while (waiting.some(({ dropped }) => dropped < 3)) {
			const one = await server.broadcast(bytes as never);
			sent++;
			sums.queued += one.queued;
			sums.congested += one.congested;
			sums.dropped += one.dropped;
			const others = connections.slice(lazy);
			await Promise.all(others.map((it) => it.sent()));
		}
		const dropped = connections.map((it) => it.dropped);
		t.is(sums.queued + sums.congested + sums.dropped, sent * count);
		t.true(sums.congested >= lazy);
		t.is(
			sums.dropped,
			dropped.reduce((sum, it) => sum + it),
		);
		t.true(dropped.every((it, index) => (it === 0) === index >= lazy));
		drains.clear();
		for (const member of members.slice(0, lazy)) member.goOn();
		await drained.promise;
		t.deepEqual([...drains].sort(), [0, 1, 2, 3, 4]);
		const one = received(kind, bytes).length;
		for (const [index, member] of members.entries()) {
			const got = sent - (dropped[index] as number);
			await member.read(got * one);
			member.end();
			if ((await member.ended).length !== got * one) t.fail(`${index}`);
		}
	});
}

for (const kind of kinds.filter(({ isUnix, end }) => !isUnix && !end)) {
	test(`who closes or is closed while broadcasts go out takes nothing from the others: ${kind.name}`, async (t) => {
		const count = 80;
		const { server, members, connections } = await gather(t, kind, count);
		const sent: Buffer[] = [];
		for (let n = 0; n < 20; n++) {
			const content = message(n);
			sent.push(received(kind, content));
			const counts = server.broadcast(content as never);
			// Those with odd indices end, in each of three ways.
			members[4 * n + 1]?.end();
			const other = connections[4 * n + 3];
			if (n % 2 === 0) other?.close();
			else other?.destroy();
			const { queued, congested, dropped } = await counts;
			t.deepEqual([congested, dropped], [0, 0]);
			t.true(queued >= count / 2 && queued <= count);
		}
		const whole = Buffer.concat(sent);
		for (const [index, member] of members.entries()) {
			if (index % 2 === 0) {
				const got = await member.read(whole.length);
				if (!got.equals(whole)) t.fail(`${index}`);
				member.end();
			}
			const got = await member.ended;
			// Who has gone has what came before, and nothing twice; who was destroyed perhaps not all of that.
			if (!whole.subarray(0, got.length).equals(got)) t.fail(`${index}`);
		}
		t.pass();
	});
}
