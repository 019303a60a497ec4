/**
 * A server with gev: `gev.mjs [--mode echo|broadcast|rooms|json] [--protocol raw] [--framing
 * length-prefixed|lines|jt808|resp|custom] [--borrow] [--transfer] [--loops N] [--threads | --driven] [--busy US]
 * [--text buffer] [--deflate shared|dedicated] [--unix] [--broadcast]`. Pinned to one core its loop has by default no thread; with
 * `--threads` it has, with `--driven` it has none in any case. With `--busy` the handler is busy for so many microseconds
 * with each message. With `--transfer` messages are given away when they are sent, with `--text buffer` text is no string, and
 * with `--unix` it listens on a unix socket of its own.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as gev from "../../dist/index.js";
import { beBusy } from "./busy.mjs";
import { ownProtocol } from "./own-protocol.mjs";
import { Rooms, roomSizes } from "./rooms.mjs";

const { values } = parseArgs({
	options: {
		mode: { type: "string", default: "echo" },
		protocol: { type: "string", default: "websocket" },
		framing: { type: "string" },
		borrow: { type: "boolean", default: false },
		transfer: { type: "boolean", default: false },
		text: { type: "string", default: "string" },
		loops: { type: "string", default: "1" },
		threads: { type: "boolean" },
		driven: { type: "boolean", default: false },
		busy: { type: "string", default: "0" },
		deflate: { type: "string" },
		unix: { type: "boolean", default: false },
		broadcast: { type: "boolean", default: false },
	},
});
const framings = {
	"length-prefixed": () => gev.lengthPrefixed(),
	lines: () => gev.lines(),
	jt808: () => gev.jt808(),
	resp: () => gev.resp({ text: true }),
	custom: () => gev.custom(ownProtocol),
};
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

const server = new gev.Server(chosenHandler(), {
	...(values.unix ? { path } : { host: "127.0.0.1", port: 0 }),
	loops: Number(values.loops),
	protocol: chosenProtocol(),
	borrow: values.borrow,
	threads: values.driven ? false : values.threads,
});
const { port } = await server.start();
console.log(`listening ${values.unix ? `unix:${path}` : port}`);
// Which removes the socket's file.
if (values.unix) process.once("SIGTERM", () => server.stop({ timeoutMs: 0 }));

function chosenHandler() {
	if (values.framing !== "resp") return handlers[values.mode];
	const pong = new gev.RespSimple("PONG");
	return {
		onMessage(_connection, [name]) {
			return name === "PING" ? pong : new gev.RespError(`ERR no ${name} here`);
		},
	};
}

function chosenProtocol() {
	if (values.framing !== undefined) return framings[values.framing]();
	if (values.protocol === "raw") return gev.raw();
	return gev.webSocket({
		perMessageDeflate: deflate(values.deflate),
		text: values.text,
	});
}

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

/** Sends each message to all members of a room, one call for each, or with `--broadcast` one for all. */
function inRooms(size) {
	const rooms = new Rooms(size);
	return {
		onConnect(connection) {
			connection.context = rooms.join(connection);
		},
		onMessage({ context: { members } }, message) {
			if (!values.broadcast) {
				for (const member of members) member.send(message);
			} else if (size === Number.POSITIVE_INFINITY) {
				server.broadcast(message);
			} else {
				server.broadcast(message, { to: members });
			}
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
