/**
 * A server that cuts messages with Node's own net: `node-framed.mjs --framing length-prefixed|lines|jt808|resp|custom [--plain]
 * [--gather] [--ring]`. Each answer is one write, and the socket is corked for all answers to a read, so that they go out
 * together; with `--plain` it is not, as in most programs; with `--gather` they are one write, which a program can only have
 * where it knows them all when it has handled what was read. With `--ring` it has the code that gev has in `custom()`, and gev's RingBuffer; otherwise the framing is by hand, or that of
 * redis-parser.
 */
import { createServer } from "node:net";
import { parseArgs } from "node:util";
import { framingOf } from "./framing.mjs";

const { values } = parseArgs({
	options: {
		framing: { type: "string", default: "length-prefixed" },
		plain: { type: "boolean", default: false },
		gather: { type: "boolean", default: false },
		ring: { type: "boolean", default: false },
	},
});
const framed = await (values.ring ? onRing() : framingOf(values.framing));
const writeMany = values.plain ? writeEach : writeCorked;
const write = values.gather ? writeOnce : writeMany;

const server = createServer({ noDelay: true }, (socket) => {
	const framing = framed();
	socket.on("error", () => {});
	socket.on("drain", () => socket.resume());
	socket.on("data", (chunk) => {
		const answers = framing.push(chunk);
		if (answers.length > 0) write(socket, framing, answers);
		if (socket.writableNeedDrain) socket.pause();
	});
});
server.listen(0, "127.0.0.1", 1024, () => {
	console.log(`listening ${server.address().port}`);
});

function writeOnce(socket, framing, answers) {
	socket.write(framing.frames(answers));
}

function writeCorked(socket, framing, answers) {
	socket.cork();
	writeEach(socket, framing, answers);
	socket.uncork();
}

function writeEach(socket, framing, answers) {
	for (const answer of answers) socket.write(framing.frames([answer]));
}

/** Frames are packed one by one. */
async function onRing() {
	const { RingBuffer } = await import("../../dist/index.js");
	const { ownProtocol } = await import("./own-protocol.mjs");
	return () => {
		const buffer = new RingBuffer();
		return {
			push(chunk) {
				buffer.write(chunk);
				const messages = [];
				for (;;) {
					const message = ownProtocol.unpack(undefined, buffer);
					if (message === undefined) return messages;
					messages.push(message);
				}
			},
			frames: ([message]) => ownProtocol.pack(undefined, message),
		};
	};
}
