/**
 * What the sanitizers watch: servers of two loops and of both protocols, with many clients in the same process, that are
 * started and stopped again and again; and workers that are terminated at work. Prints "done" when every byte was right.
 *
 *   node __test__/sanitize/scenario.mjs <rounds> <clients> <messages> <workers>
 */
import { once } from "node:events";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";
import { raw, Server, webSocket } from "gev";
import { WebSocket } from "ws";

const [rounds, clients, messages, workers] = process.argv.slice(2).map(Number);
const host = "127.0.0.1";

/** Around what is treated in a way of its own: no bytes, short, compressed, larger than a part, larger than a queue. */
const sizes = [0, 1, 125, 126, 1500, 20_000, 70_000, 300_000];

async function round(protocol, talk) {
	const server = new Server(
		{
			onConnect: (connection) => connection.send("welcome"),
			onMessage: (_connection, message) => message,
		},
		{
			host,
			port: 0,
			loops: 2,
			eventLoop: { queueBytes: 256 * 1024 },
			protocol,
		},
	);
	const { port } = await server.start();
	await Promise.all(Array.from({ length: clients }, (_, n) => talk(port, n)));
	// One is half way with a message when the server stops, and one is cut before.
	const left = connect(port, host).on("error", () => {});
	left.write(Buffer.alloc(100_000));
	connect(port, host)
		.on("error", () => {})
		.on("connect", function cut() {
			this.resetAndDestroy();
		});
	await once(left, "connect");
	const closed = isClosed(left.resume());
	await server.stop({ timeoutMs: 100 });
	await closed;
}

async function talkRaw(port, seed) {
	const socket = connect({ port, host, allowHalfOpen: true });
	const sent = Array.from({ length: messages }, (_, n) => payload(seed + n));
	for (const bytes of sent) socket.write(bytes);
	socket.end();
	const received = Buffer.concat(await socket.toArray());
	check(received, Buffer.concat([Buffer.from("welcome"), ...sent]));
}

async function talkWebSocket(port, seed) {
	const socket = new WebSocket(`ws://${host}:${port}`, {
		perMessageDeflate: seed % 2 === 0,
	});
	const closed = once(socket, "close");
	const sent = Array.from({ length: messages }, (_, n) => payload(seed + n));
	const expected = [Buffer.from("welcome"), ...sent];
	socket.on("open", () => {
		for (const [at, bytes] of sent.entries()) {
			socket.send(bytes, { binary: at % 2 === 0 });
		}
	});
	socket.on("message", (data) => {
		check(data, expected.shift());
		if (expected.length === 0) socket.close();
	});
	await closed;
	if (expected.length > 0)
		throw new Error(`${expected.length} messages missed`);
}

/** However it comes to its end. */
function isClosed(socket) {
	return new Promise((resolve) => socket.on("close", resolve));
}

/** Letters, so that every payload is also text. */
function payload(n) {
	const size = sizes[n % sizes.length];
	return Buffer.alloc(size, Buffer.from(`${n} and so on, `));
}

function check(received, expected) {
	if (!expected?.equals(received)) throw new Error("not what was sent");
}

/** A worker whose server is busy, and that is terminated before its clients are content. */
async function terminate() {
	const worker = new Worker(
		new URL("../../build/__test__/fixtures/echo-worker.js", import.meta.url),
		{ workerData: { name: "", protocol: "raw" } },
	);
	const [port] = await once(worker, "message");
	const client = connect(port, host).on("error", () => {});
	client.write(Buffer.alloc(512 * 1024));
	await new Promise((resolve) => client.on("data", resolve));
	const closed = isClosed(client.resume());
	await worker.terminate();
	await closed;
}

for (let count = 0; count < rounds; count++) {
	await round(raw(), talkRaw);
	for (const mode of ["shared", "dedicated"]) {
		await round(webSocket({ perMessageDeflate: { mode } }), talkWebSocket);
	}
}
for (let count = 0; count < workers; count++) await terminate();
console.log("done");
