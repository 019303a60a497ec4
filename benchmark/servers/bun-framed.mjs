/**
 * A server that cuts messages with Bun's own sockets: `bun-framed.mjs --framing length-prefixed|lines|jt808|resp|custom`. The framing
 * is the one that node-framed.mjs has, and what a read is answered with is written at once. It runs under Bun, not under Node.js.
 */
import { parseArgs } from "node:util";
import { framingOf } from "./framing.mjs";

const { values } = parseArgs({
	options: { framing: { type: "string", default: "length-prefixed" } },
});
const framed = await framingOf(values.framing);

const server = Bun.listen({
	hostname: "127.0.0.1",
	port: 0,
	socket: {
		open(socket) {
			socket.setNoDelay(true);
			socket.data = { framed: framed(), unsent: undefined };
		},
		data(socket, chunk) {
			const { framed } = socket.data;
			const answers = framed.push(chunk);
			if (answers.length > 0) write(socket, framed.frames(answers));
		},
		drain(socket) {
			const { unsent } = socket.data;
			socket.data.unsent = undefined;
			if (unsent !== undefined) write(socket, unsent);
		},
	},
});
console.log(`listening ${server.port}`);

/** Bun says how many bytes it has taken, and keeps none of the others. */
function write(socket, answer) {
	const { data } = socket;
	if (data.unsent !== undefined) {
		data.unsent = Buffer.concat([data.unsent, Buffer.from(answer)]);
		return;
	}
	const taken = socket.write(answer);
	const length = Buffer.byteLength(answer);
	if (taken < length) data.unsent = Buffer.from(answer).subarray(taken);
}
