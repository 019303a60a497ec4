import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Agent, ping, WebSocket } from "undici";
import type { Client } from "./checks.js";

/** The client of `undici`, whose pongs can be seen on a diagnostics channel only. */
export const client: Client<WebSocket> = {
	connect: (url, { protocols = [] }) => new WebSocket(url, protocols),

	connectToPath: (socketPath) =>
		new WebSocket("ws://localhost", {
			dispatcher: new Agent({ connect: { socketPath } }),
		}),

	ping: (socket, data) =>
		new Promise((resolve) => {
			subscribe(PONG, function onPong(message) {
				const pong = message as { websocket: WebSocket; payload: Uint8Array };
				if (pong.websocket !== socket) return;
				unsubscribe(PONG, onPong);
				resolve(Buffer.from(pong.payload).toString());
			});
			ping(socket, Buffer.from(data));
		}),
};

const PONG = "undici:websocket:pong";
