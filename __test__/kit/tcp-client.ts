import { once } from "node:events";
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import type { ExecutionContext } from "ava";

/** A plain TCP client that reads exactly what is asked for. */
export interface TcpClient {
	socket: Socket;
	write(bytes: Uint8Array | string): void;
	/** Writes one byte at a time, each when the one before is with the kernel. */
	trickle(bytes: Uint8Array | string): Promise<void>;
	/** Exactly `count` bytes. Rejects when the connection ends before. */
	read(count: number): Promise<Buffer>;
	/** Everything up to the end of the connection, by FIN or by reset. */
	readToEnd(): Promise<Buffer>;
	/** The head of an HTTP response, with the empty line. */
	readHead(): Promise<string>;
}

/**
 * A plain TCP socket of the loopback that is connecting. An end that is none, such as a reset, is told by its `close` as
 * every other is: the server may reset whom it cuts, and nobody need be there who listens to `error`.
 */
export function openSocket(
	port: number,
	options: Omit<TcpNetConnectOpts, "port"> = {},
): Socket {
	const socket = connect({ port, host: "127.0.0.1", ...options });
	socket.on("error", () => {});
	return socket;
}

/** Connects, and destroys the socket when the test is over. */
export async function tcp(
	t: ExecutionContext,
	port: number,
	host = "127.0.0.1",
): Promise<TcpClient> {
	const socket = openSocket(port, { host, noDelay: true, allowHalfOpen: true });
	t.teardown(() => socket.destroy());
	await once(socket, "connect");

	let chunks: Buffer[] = [];
	let length = 0;
	let ended = false;
	let wake = () => {};
	socket.on("data", (chunk: Buffer) => {
		chunks.push(chunk);
		length += chunk.length;
		wake();
	});
	const end = () => {
		ended = true;
		wake();
	};
	socket.on("end", end);
	socket.on("close", end);
	const more = () =>
		new Promise<void>((resolve) => {
			wake = resolve;
		});
	/** What has come and nobody has taken; put together when somebody asks, not with each chunk. */
	const received = () => {
		const all = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
		chunks = [all as Buffer];
		return all as Buffer;
	};
	const take = (count: number) => {
		const all = received();
		chunks = [all.subarray(count)];
		length -= count;
		return all.subarray(0, count);
	};
	const read = async (count: number) => {
		while (length < count) {
			if (ended) throw new Error(`ended after ${length} of ${count} bytes`);
			await more();
		}
		return take(count);
	};
	const readToEnd = async () => {
		while (!ended) await more();
		return take(length);
	};
	const readHead = async () => {
		for (;;) {
			const end = received().indexOf("\r\n\r\n");
			if (end >= 0) return take(end + 4).toString("latin1");
			if (ended) throw new Error(`ended in the head: ${received()}`);
			await more();
		}
	};
	const trickle = async (bytes: Uint8Array | string) => {
		for (const byte of Buffer.from(bytes)) {
			await new Promise<void>((resolve, reject) => {
				socket.write(Buffer.of(byte), (error) =>
					error ? reject(error) : resolve(),
				);
			});
		}
	};
	return {
		socket,
		write: (bytes) => void socket.write(bytes),
		trickle,
		read,
		readToEnd,
		readHead,
	};
}
