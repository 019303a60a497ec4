import WebSocket from "ws";
import type { Client } from "./checks.js";

/** The client of `ws`. */
export const client: Client<WebSocket> = {
	connect: (url, { protocols = [], compress = false }) =>
		new WebSocket(url, protocols, {
			perMessageDeflate: compress,
			maxPayload: 0,
		}),

	connectToPath: (path) => new WebSocket(`ws+unix:${path}:/`),

	sendFragments(socket, pieces) {
		for (const [index, piece] of pieces.entries()) {
			socket.send(piece, { fin: index === pieces.length - 1 });
		}
	},

	ping: (socket, data) =>
		new Promise((resolve) => {
			socket.once("pong", (answer) => resolve(answer.toString()));
			socket.ping(data);
		}),
};
