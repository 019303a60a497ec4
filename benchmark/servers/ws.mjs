/** A server with ws: `ws.mjs [--mode echo|broadcast|rooms|json] [--deflate]`. */
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { Rooms, roomSizes } from "./rooms.mjs";

const { values } = parseArgs({
	options: {
		mode: { type: "string", default: "echo" },
		deflate: { type: "boolean", default: false },
	},
});

const handlers = {
	echo(socket) {
		socket.on("message", (data, isBinary) => {
			socket.send(data, { binary: isBinary });
		});
	},
	json(socket) {
		socket.on("message", (data) => {
			socket.send(JSON.stringify(JSON.parse(data.toString())));
		});
	},
	broadcast: inRooms(roomSizes.broadcast),
	rooms: inRooms(roomSizes.rooms),
};

const server = new WebSocketServer({
	host: "127.0.0.1",
	port: 0,
	perMessageDeflate: values.deflate,
});
server.on("connection", (socket) => {
	socket.on("error", () => {});
	handlers[values.mode](socket);
});
server.on("listening", () => {
	console.log(`listening ${server.address().port}`);
});

function inRooms(size) {
	const rooms = new Rooms(size);
	return (socket) => {
		const { members } = rooms.join(socket);
		socket.on("message", (data, binary) => {
			for (const member of members) member.send(data, { binary });
		});
		socket.on("close", () => members.delete(socket));
	};
}
