import type { Pair } from "./pair.js";

/**
 * Sends `message` to a client that does not read, until the kernel takes nothing more and each one is dropped or replaces
 * another.
 */
export async function saturate(
	{ connection, join }: Pair,
	message: Buffer,
): Promise<void> {
	const other = await join();
	other.client.socket.resume();
	for (let unchanged = 0, last = -1; unchanged < 20; ) {
		const { dropped } = connection;
		connection.send(message);
		// When this has been sent, the loop has tried what was there before.
		other.connection.send(".");
		await other.connection.sent();
		const length = connection.writeBufferLength;
		const isFull = connection.dropped > dropped && length === last;
		unchanged = isFull ? unchanged + 1 : 0;
		last = length;
	}
}
