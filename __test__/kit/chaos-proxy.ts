import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setImmediate, setTimeout } from "node:timers/promises";
import { Random } from "./random.js";
import { reset } from "./reset.js";

/** A TCP proxy on the loopback that treats what passes as a bad network does. */
export interface ChaosProxy {
	port: number;
	/** What it has reset, by the client's port. */
	resets: ReadonlySet<number>;
	/** Cuts what is left, and frees the port. */
	close(): Promise<void>;
}

export interface ChaosOptions {
	/** Where connections go. */
	port: number;
	/** Decides about everything; the same seed does the same to the same bytes. */
	seed: number;
	/** How many of a hundred connections are reset, somewhere. */
	resetPercent?: number;
}

/**
 * Pieces of what passes are cut, put together, delayed and held up, in each direction by itself, and some connections
 * are reset, on both sides. Nothing else is lost, and nothing comes in another order. An end of one side travels on,
 * behind everything before it.
 */
export async function startChaosProxy({
	port,
	seed,
	resetPercent = 0,
}: ChaosOptions): Promise<ChaosProxy> {
	const resets = new Set<number>();
	const sockets = new Set<Socket>();
	const keep = (socket: Socket) => {
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
		// What failed is closed, which the other side hears of.
		socket.on("error", () => {});
	};
	const seeds = new Random(seed);
	const another = () => new Random(seeds.below(2 ** 32));
	const server = createServer({ allowHalfOpen: true, noDelay: true });
	server.on("connection", (client) => {
		const random = another();
		const { remotePort = 0 } = client;
		const upstream = connect({
			port,
			host: "127.0.0.1",
			allowHalfOpen: true,
			noDelay: true,
		});
		keep(client);
		keep(upstream);
		const resetBoth = () => {
			reset(client);
			reset(upstream);
		};
		const isDoomed = random.below(100) < resetPercent;
		/** Bytes that may still pass, of either direction. */
		let left = isDoomed ? random.size(100_000) : Number.POSITIVE_INFINITY;
		const pass = (bytes: number) => {
			left -= bytes;
			if (left >= 0) return true;
			resets.add(remotePort);
			resetBoth();
			return false;
		};
		// The end of one side, when it is not an orderly one, is the end of the other.
		client.on("close", (failed) => failed && reset(upstream));
		upstream.on("close", (failed) => failed && reset(client));
		void pump(client, upstream, another(), pass);
		void pump(upstream, client, another(), pass);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return {
		port: (server.address() as AddressInfo).port,
		resets,
		async close() {
			for (const socket of sockets) socket.destroy();
			server.close();
			await once(server, "close");
		},
	};
}

/** Passes everything from one socket to another, to the end. */
async function pump(
	from: Socket,
	to: Socket,
	random: Random,
	pass: (bytes: number) => boolean,
): Promise<void> {
	try {
		for await (const chunk of from.iterator({ destroyOnReturn: false })) {
			for (const piece of cut(chunk as Buffer, random)) {
				await hold(random);
				if (!pass(piece.length)) return;
				if (!to.write(piece)) await once(to, "drain");
			}
		}
		to.end();
	} catch {
		// One of the two has gone.
	}
}

/** Now and then into small pieces, often into a few, or not at all. */
function cut(chunk: Buffer, random: Random): Buffer[] {
	const way = random.below(10);
	if (way < 4) return [chunk];
	const most = way < 5 ? 7 : chunk.length;
	const pieces: Buffer[] = [];
	// Not more than these, so that no chunk takes a minute.
	for (let at = 0; at < chunk.length; ) {
		const size = pieces.length < 50 ? 1 + random.below(most) : chunk.length;
		pieces.push(chunk.subarray(at, at + size));
		at += size;
	}
	return pieces;
}

/** Mostly not at all, sometimes for a turn or some milliseconds, in which what follows is put together, rarely longer. */
async function hold(random: Random): Promise<void> {
	const way = random.below(100);
	if (way < 60) return;
	if (way < 90) await setImmediate();
	else if (way < 99) await setTimeout(random.below(4));
	else await setTimeout(random.below(50));
}
