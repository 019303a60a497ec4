/** What is found out about a server behind a proxy, by the names of the report's columns. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";

const checkLimitMs = 10_000;
const MIB = 1024 * 1024;

/** @type {Record<string, (scene: import("./scene.mjs").Scene, signal: AbortSignal) => Promise<"ok" | "-">>} */
export const proxyChecks = {
	websocket: (scene) => echoes(scene, "websocket", "127.0.0.1", 20),
	"websocket-ipv6": (scene) => echoes(scene, "websocket", "::1", 20),
	raw: (scene) => echoes(scene, "raw", "127.0.0.1", 20),
	"raw-ipv6": (scene) => echoes(scene, "raw", "::1", 20),

	async large(scene) {
		await echoes(scene, "websocket", "127.0.0.1", MIB);
		return echoes(scene, "raw", "127.0.0.1", MIB);
	},

	async tlvs(scene) {
		if (!scene.proxy.hasTlvs) return "-";
		for (const name of ["websocket", "raw"]) {
			const { connection, clientPort } = await echo(scene, name, "::1", 20);
			const tlvs = new Map(
				connection.proxyTlvs.map(({ type, value }) => [type, value]),
			);
			same(`${tlvs.get(UNIQUE_ID)}`, `id-${clientPort}`);
			same(tlvs.get(CRC32C)?.length, 4);
			same(tlvs.size, 2);
		}
		return "ok";
	},

	async health(scene, signal) {
		if (scene.proxy.health === undefined) return "-";
		const before = { ...scene.silent };
		const known = scene.connections.websocket.length;
		const isChecked = (name) => scene.silent[name] >= before[name] + 3;
		while (!isChecked("websocket") || !isChecked("raw")) {
			await sleep(20, undefined, { signal });
		}
		for (const server of await scene.proxy.health()) {
			same(JSON.stringify(server), HEALTHY);
		}
		// Where there is no handshake, a handler is told of the proxy's own connections as of all others.
		same(scene.connections.websocket.length, known);
		same(scene.errors.length, 0);
		return "ok";
	},
};

/** Runs all checks, one after the other; a word or the first error of each. */
export async function runProxyChecks(scene) {
	const outcomes = new Map();
	for (const [name, check] of Object.entries(proxyChecks)) {
		const limit = new AbortController();
		const timer = setTimeout(() => limit.abort(), checkLimitMs);
		const tooLate = once(limit.signal, "abort").then(() => {
			throw new Error(`nothing after ${checkLimitMs} ms`);
		});
		try {
			const checked = check(scene, limit.signal);
			outcomes.set(name, await Promise.race([checked, tooLate]));
		} catch (error) {
			outcomes.set(name, error.message);
		}
		clearTimeout(timer);
	}
	return outcomes;
}

async function echoes(scene, name, host, length) {
	await echo(scene, name, host, length);
	return "ok";
}

/** Has a message echoed through the proxy; the server has to know whose it is. */
async function echo(scene, name, host, length) {
	const port = scene.ports[name];
	const message = Buffer.from(Uint8Array.from({ length }, (_, at) => at * 31));
	const { answer, clientPort } = await clients[name](host, port, message);
	if (!answer.equals(message)) throw new Error(`other ${answer.length} bytes`);
	const shown = scene.connections[name].map(
		({ remoteAddress, remotePort, localAddress, localPort }) =>
			`${remoteAddress} ${remotePort} > ${localAddress} ${localPort}`,
	);
	const wanted = `${host} ${clientPort} > ${host} ${port}`;
	const at = shown.lastIndexOf(wanted);
	if (at === -1) throw new Error(`no ${wanted} among ${shown.join(", ")}`);
	return { connection: scene.connections[name][at], clientPort };
}

/** How a message is sent and its echo awaited. */
const clients = {
	async websocket(host, port, message) {
		const address = host.includes(":") ? `[${host}]` : host;
		const socket = new WebSocket(`ws://${address}:${port}`);
		// Who waits for something else is told of it.
		socket.on("error", () => {});
		try {
			const [[response]] = await Promise.all([
				once(socket, "upgrade"),
				once(socket, "open"),
			]);
			const clientPort = response.socket.localPort;
			socket.send(message);
			const [answer] = await once(socket, "message");
			return { answer, clientPort };
		} finally {
			socket.terminate();
		}
	},

	async raw(host, port, message) {
		const socket = connect(port, host).on("error", () => {});
		try {
			await once(socket, "connect");
			const clientPort = socket.localPort;
			socket.write(message);
			const chunks = [];
			let length = 0;
			for await (const chunk of socket) {
				chunks.push(chunk);
				length += chunk.length;
				if (length >= message.length) break;
			}
			return { answer: Buffer.concat(chunks), clientPort };
		} finally {
			socket.destroy();
		}
	},
};

function same(actual, expected) {
	if (actual !== expected) throw new Error(`${actual} instead of ${expected}`);
}

const HEALTHY = JSON.stringify({ status: "UP", check: "L4OK", failures: 0 });

/** Types of TLVs (`doc/proxy-protocol.txt` of HAProxy, section 2.2). */
const CRC32C = 3;
const UNIQUE_ID = 5;
