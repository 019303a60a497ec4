/**
 * A server with Bun's own: `bun.mjs [--mode echo|broadcast|rooms|json]`. It runs under Bun, not under Node.js. Rooms are topics,
 * which it publishes to.
 */
import { parseArgs } from "node:util";
import { Rooms, roomSizes } from "./rooms.mjs";

const { values } = parseArgs({
	options: { mode: { type: "string", default: "echo" } },
});

const handlers = {
	echo: {
		message(socket, message) {
			socket.send(message);
		},
	},
	json: {
		message(socket, message) {
			socket.send(JSON.stringify(JSON.parse(message)));
		},
	},
	broadcast: inRooms(roomSizes.broadcast),
	rooms: inRooms(roomSizes.rooms),
};

const server = Bun.serve({
	hostname: "127.0.0.1",
	port: 0,
	fetch(request, server) {
		if (!server.upgrade(request, { data: {} })) {
			return new Response(null, { status: 426 });
		}
	},
	websocket: {
		perMessageDeflate: false,
		maxPayloadLength: 16 * 1024 * 1024,
		backpressureLimit: 64 * 1024 * 1024,
		...handlers[values.mode],
	},
});
console.log(`listening ${server.port}`);

function inRooms(size) {
	const rooms = new Rooms(size);
	return {
		open(socket) {
			socket.data.room = rooms.join(socket);
			socket.subscribe(socket.data.room.topic);
		},
		message(socket, message) {
			server.publish(socket.data.room.topic, message);
		},
		close(socket) {
			socket.data.room.members.delete(socket);
		},
	};
}
