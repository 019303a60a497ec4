import type { Socket } from "node:net";

/**
 * Ends a connection with RST, whatever is under way.
 *
 * While a shutdown is under way libuv refuses to reset, and Node.js takes the
 * handle for closed all the same: no `close` comes then, and the end of a worker
 * waits for ever. Such a socket is destroyed.
 */
export function reset(socket: Socket): void {
	const isShuttingDown = socket.writableEnded && !socket.writableFinished;
	if (isShuttingDown) socket.destroy();
	else socket.resetAndDestroy();
}
