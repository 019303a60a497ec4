/**
 * Echoes text, binary and 1 MiB over WebSocket, and bytes over plain TCP, with
 * the built package, and looks at the context in which callbacks are called. It
 * runs under Node.js, Bun and Deno (run.mjs) and must end by
 * itself: a process that hangs here has leaked something.
 */
import { deepStrictEqual, strictEqual } from "node:assert";
import { AsyncLocalStorage } from "node:async_hooks";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect } from "node:net";
import { raw, Server, webSocket } from "../../dist/index.js";

const echo = { onMessage: (_connection, message) => message };

await echoOverWebSocket();
await echoOverTcp();
await callBackInContext();
console.log("echoed");

async function echoOverWebSocket() {
	const server = new Server(echo, { port: 0, protocol: webSocket() });
	const { port } = await server.start();
	const socket = new (await webSocketClass())(`ws://127.0.0.1:${port}`);
	socket.binaryType = "arraybuffer";
	await next(socket, "open");
	for (const text of ["hello", "grüße 👋", ""]) {
		socket.send(text);
		strictEqual((await next(socket, "message")).data, text);
	}
	for (const size of [1, 1024 * 1024]) {
		const bytes = pattern(size);
		socket.send(bytes);
		const { data } = await next(socket, "message");
		strictEqual(Buffer.compare(Buffer.from(data), bytes), 0);
	}
	socket.close();
	await next(socket, "close");
	await server.stop();
}

async function echoOverTcp() {
	const server = new Server(echo, { port: 0, protocol: raw() });
	const { port } = await server.start();
	const socket = connect(port, "127.0.0.1");
	await once(socket, "connect");
	const bytes = pattern(1024 * 1024);
	socket.write(bytes);
	const received = await take(socket, bytes.length);
	strictEqual(Buffer.compare(received, bytes), 0);
	socket.end();
	await once(socket, "close");
	await server.stop();
}

async function callBackInContext() {
	const storage = new AsyncLocalStorage();
	const stores = [];
	const onConnect = (connection) => {
		const note = () => stores.push(storage.getStore());
		storage.run("a", () => connection.send("1", note));
		storage.run("b", () => connection.send("2", note));
		storage.run("c", () => connection.sent().then(note));
		storage.run("d", () => connection.destroy());
		storage.run("e", () => connection.send("3", note));
	};
	const server = new Server({ onConnect }, { port: 0, protocol: raw() });
	const { port } = await server.start();
	const socket = connect(port, "127.0.0.1");
	await once(socket, "close");
	await server.stop();
	deepStrictEqual(stores.sort(), ["a", "b", "c", "e"]);
}

/** The next `length` bytes. Not with `once`, as two chunks may come before a promise tells of the first. */
function take(socket, length) {
	const chunks = [];
	let missing = length;
	return new Promise((resolve) => {
		socket.on("data", (chunk) => {
			chunks.push(chunk);
			missing -= chunk.length;
			if (missing === 0) resolve(Buffer.concat(chunks));
		});
	});
}

/** The runtime's own client where it has one: Node.js 20 has none. */
async function webSocketClass() {
	return globalThis.WebSocket ?? (await import("ws")).WebSocket;
}

function next(target, type) {
	return new Promise((resolve, reject) => {
		target.addEventListener(type, resolve, { once: true });
		target.addEventListener("error", (event) => reject(reasonOf(event)), {
			once: true,
		});
	});
}

function reasonOf(event) {
	return event.error ?? new Error(event.message ?? "WebSocket error");
}

function pattern(size) {
	return Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 31));
}
