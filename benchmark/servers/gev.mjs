/**
 * A server with gev: `gev.mjs [--mode echo|broadcast|rooms|json] [--protocol raw] [--borrow] [--transfer]
 * [--loops N] [--threads | --driven] [--busy US] [--text buffer] [--deflate shared|dedicated] [--unix]`. Pinned to one core its loop has by default no thread; with `--threads` it has, with
 * `--driven` it has none in any case. With `--busy` the handler is busy for so many microseconds with each message. With
 * `--transfer` messages are given away when they are sent, with `--text buffer` text is no string, and with `--unix` it listens
 * on a unix socket of its own.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { raw, Server, webSocket } from "../../dist/index.js";
import { Rooms, roomSizes } from "./rooms.mjs";

const { values } = parseArgs({
	options: {
		mode: { type: "string", default: "echo" },
		protocol: { type: "string", default: "websocket" },
		borrow: { type: "boolean", default: false },
		transfer: { type: "boolean", default: false },
		text: { type: "string", default: "string" },
		loops: { type: "string", default: "1" },
		threads: { type: "boolean" },
		driven: { type: "boolean", default: false },
		busy: { type: "string", default: "0" },
		deflate: { type: "string" },
		unix: { type: "boolean", default: false },
	},
});
const path = join(tmpdir(), `gev-bench-${process.pid}.sock`);

const handlers = {
	echo: { onMessage: chosenEcho() },
	json: {
		onMessage(_connection, message) {
			return JSON.stringify(JSON.parse(message));
		},
	},
	broadcast: inRooms(roomSizes.broadcast),
	rooms: inRooms(roomSizes.rooms),
};

const server = new Server(handlers[values.mode], {
	...(values.unix ? { path } : { host: "127.0.0.1", port: 0 }),
	loops: Number(values.loops),
	protocol:
		values.protocol === "raw"
			? raw()
			: webSocket({
					perMessageDeflate: deflate(values.deflate),
					text: values.text,
				}),
	borrow: values.borrow,
	threads: values.driven ? false : values.threads,
});
const { port } = await server.start();
console.log(`listening ${values.unix ? `unix:${path}` : port}`);
// Which removes the socket's file.
if (values.unix) process.once("SIGTERM", () => server.stop({ timeoutMs: 0 }));

function chosenEcho() {
	const busyUs = Number(values.busy);
	if (busyUs > 0) {
		return (_connection, message) => {
			beBusy(busyUs);
			return message;
		};
	}
	if (values.transfer) {
		const transfer = { transfer: true };
		return (connection, message) => {
			connection.send(message, transfer);
		};
	}
	if (values.text === "buffer") {
		const text = { text: true };
		return (connection, message, isText) => {
			connection.send(message, isText ? text : undefined);
		};
	}
	return (_connection, message) => message;
}

function beBusy(us) {
	const until = performance.now() + us / 1000;
	while (performance.now() < until);
}

/** Sends each message to all members of a room, one call for each. */
function inRooms(size) {
	const rooms = new Rooms(size);
	return {
		onConnect(connection) {
			connection.context = rooms.join(connection);
		},
		onMessage({ context: { members } }, message) {
			for (const member of members) member.send(message);
		},
		onClose(connection) {
			connection.context.members.delete(connection);
		},
	};
}

function deflate(mode) {
	if (mode === undefined) return false;
	if (mode === "shared") return true;
	// By default the compressors of some 150 connections would have room, and the others would share.
	return { mode, memoryBudgetBytes: 2 * 1024 ** 3 };
}
