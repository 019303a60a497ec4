/**
 * A server with uWebSockets.js: `uwebsockets.mjs [--mode echo|broadcast|rooms|json] [--keep | --text] [--publish]
 * [--deflate shared|dedicated]`. With `--keep` the handler gets memory of its own, as those of gev do, where uWebSockets.js has
 * a view that is valid during the call; with `--text` a string for each message of text, as those of gev do too. With
 * `--publish` rooms are topics; otherwise their members are sent to one by one.
 */
import { parseArgs } from "node:util";
import uWS from "uwebsockets";
import { Rooms, roomSizes } from "./rooms.mjs";

const { values } = parseArgs({
	options: {
		mode: { type: "string", default: "echo" },
		keep: { type: "boolean", default: false },
		text: { type: "boolean", default: false },
		publish: { type: "boolean", default: false },
		deflate: { type: "string" },
	},
});
const compression = {
	shared: uWS.SHARED_COMPRESSOR,
	dedicated: uWS.DEDICATED_COMPRESSOR,
};
const compresses = values.deflate !== undefined;
const app = uWS.App();

const handlers = {
	echo: { message: values.text ? echoText : echo },
	json: {
		message(socket, message, isBinary) {
			const value = JSON.parse(Buffer.from(message).toString());
			socket.send(JSON.stringify(value), isBinary);
		},
	},
	broadcast: inRooms(roomSizes.broadcast),
	rooms: inRooms(roomSizes.rooms),
};

app
	.ws("/*", {
		compression: compresses ? compression[values.deflate] : uWS.DISABLED,
		maxPayloadLength: 16 * 1024 * 1024,
		maxBackpressure: 64 * 1024 * 1024,
		...handlers[values.mode],
	})
	.listen("127.0.0.1", 0, (listener) => {
		console.log(`listening ${uWS.us_socket_local_port(listener)}`);
	});

function echo(socket, message, isBinary) {
	const data = values.keep ? message.slice(0) : message;
	socket.send(data, isBinary, compresses);
}

function echoText(socket, message, isBinary) {
	const data = isBinary ? message : Buffer.from(message).toString();
	socket.send(data, isBinary);
}

function inRooms(size) {
	const rooms = new Rooms(size);
	return {
		open(socket) {
			socket.room = rooms.join(socket);
			if (values.publish) socket.subscribe(socket.room.topic);
		},
		message(socket, message, isBinary) {
			const { topic, members } = socket.room;
			if (values.publish) app.publish(topic, message, isBinary);
			else for (const member of members) member.send(message, isBinary);
		},
		close(socket) {
			socket.room.members.delete(socket);
		},
	};
}
