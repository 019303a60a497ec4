import type { Client } from "./checks.js";
import type { Socket } from "./session.js";

/** What Bun's sockets have beyond the browsers'. */
interface NativeSocket extends Socket {
	ping?(data: string): void;
}

const { WebSocket } = globalThis as {
	WebSocket?: new (url: string, protocols: string[]) => NativeSocket;
};

/** The client that the runtime, or the browser, brings; Node.js 20 has none. */
export const client: Client<NativeSocket> | undefined = WebSocket && {
	connect: (url, { protocols = [] }) => new WebSocket(url, protocols),
	...("ping" in WebSocket.prototype && {
		ping: (socket, data) =>
			new Promise((resolve) => {
				socket.addEventListener("pong", (event) => {
					const { data } = event as { data: Uint8Array };
					resolve(new TextDecoder().decode(data));
				});
				socket.ping?.(data);
			}),
	}),
};
