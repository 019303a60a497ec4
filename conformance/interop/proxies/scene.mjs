/** A proxy in front of two servers, of WebSocket and of raw bytes, and what the servers' handlers are told. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { raw, Server, webSocket } from "gev";
import { freePort } from "./program.mjs";

const protocols = { websocket: webSocket(), raw: raw() };

export class Scene {
	/** Connections by the names of the servers. */
	connections = { websocket: [], raw: [] };
	/** How many connections each server has seen end before a handler was told of a message. */
	silent = { websocket: 0, raw: 0 };
	/** What `onError` was told. */
	errors = [];
	/** Where the proxy listens, by the names of the servers. */
	ports = {};
	/** @type {import("./index.mjs").Running} */
	proxy;
	#folder = mkdtempSync(join(tmpdir(), "gev-proxy-"));
	#servers = {};
	#onRefused = ({ server }) => {
		for (const [name, own] of Object.entries(this.#servers)) {
			if (own === server) this.silent[name]++;
		}
	};

	/**
	 * @param {import("./index.mjs").Start} startProxy
	 * @param {boolean} unix Whether the servers have paths.
	 */
	static async open(startProxy, unix) {
		const scene = new Scene();
		subscribe("gev:refused", scene.#onRefused);
		try {
			const routes = [];
			for (const name of Object.keys(protocols)) {
				const to = await scene.#serve(name, unix);
				const port = await freePort();
				scene.ports[name] = port;
				routes.push({ name, port, to });
			}
			scene.proxy = await startProxy({ folder: scene.#folder, routes });
			return scene;
		} catch (error) {
			await scene.close();
			throw error;
		}
	}

	async close() {
		await this.proxy?.stop();
		for (const server of Object.values(this.#servers)) {
			await server.stop({ timeoutMs: 1000 });
		}
		unsubscribe("gev:refused", this.#onRefused);
		rmSync(this.#folder, { recursive: true });
	}

	/** Starts an echo, and tells its port or path. */
	async #serve(name, unix) {
		const spoken = new WeakSet();
		const handler = {
			onConnect: (connection) => void this.connections[name].push(connection),
			onMessage(connection, message) {
				spoken.add(connection);
				return message;
			},
			onClose: (connection) => {
				if (!spoken.has(connection)) this.silent[name]++;
			},
			onError: (error) => void this.errors.push(error),
		};
		const path = join(this.#folder, `${name}.sock`);
		const server = new Server(handler, {
			...(unix ? { path } : { host: "127.0.0.1", port: 0 }),
			protocol: protocols[name],
			proxyProtocol: "required",
		});
		this.#servers[name] = server;
		const { port } = await server.start();
		return unix ? path : port;
	}
}
