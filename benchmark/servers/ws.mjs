/** Echo with ws: `ws.mjs [--deflate]`. */
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";

const { values } = parseArgs({
	options: { deflate: { type: "boolean", default: false } },
});

const server = new WebSocketServer({
	host: "127.0.0.1",
	port: 0,
	perMessageDeflate: values.deflate,
});
server.on("connection", (socket) => {
	socket.on("error", () => {});
	socket.on("message", (data, isBinary) => {
		socket.send(data, { binary: isBinary });
	});
});
server.on("listening", () => {
	console.log(`listening ${server.address().port}`);
});
