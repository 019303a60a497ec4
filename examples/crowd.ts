// A page of the echo example, at /crowd, on which a visitor opens a thousand connections, and the clients that a browser does not
// let it have: browsers open about 250 WebSockets at a time. This is no example itself.

import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import {
	isMainThread,
	parentPort,
	Worker,
	workerData,
} from "node:worker_threads";
import type { HttpRequest, HttpResponse } from "gev";

/** Clients on a thread of their own, so that what they do is not the server's work. */
export class Crowd {
	#worker: Worker | undefined;

	/** What a request gets that may be about it; undefined for one that is not. */
	answer(request: HttpRequest): HttpResponse | undefined {
		const [path, query] = request.url.split("?");
		if (path === "/crowd") return html(page);
		if (path !== "/crowd/clients") return undefined;
		// Only the page itself may ask for it, and no other site that a visitor has open.
		const origin = request.headers.get("origin");
		const isOwn = origin === `http://${request.headers.get("host")}`;
		if (request.method !== "POST" || !isOwn) return { status: 403 };
		const count = Number(new URLSearchParams(query).get("count"));
		if (!(count >= 0 && count <= MOST)) return { status: 400 };
		this.#want({ count, port: request.localPort });
		return { status: 204 };
	}

	/** All of its clients go. */
	end(): void {
		void this.#worker?.terminate();
		this.#worker = undefined;
	}

	#want(wanted: Wanted): void {
		this.#worker ??= new Worker(new URL(import.meta.url), {
			workerData: NAME,
		}).on("exit", () => {
			this.#worker = undefined;
		});
		this.#worker.unref();
		this.#worker.postMessage(wanted);
	}
}

export function html(body: string): HttpResponse {
	return { headers: { "Content-Type": "text/html; charset=utf-8" }, body };
}

interface Wanted {
	count: number;
	port: number;
}

/** On the thread of the clients: has as many as are wanted, each of which says something once a second. */
function serveCrowd(): void {
	const clients = new Set<Socket>();
	parentPort?.on("message", ({ count, port }: Wanted) => {
		for (const client of [...clients].slice(count)) client.end(frame(8, ""));
		for (let open = clients.size; open < count; open++) {
			const client = connect(port, "127.0.0.1");
			clients.add(client);
			client.on("error", () => {});
			client.on("close", () => clients.delete(client));
			client.write(handshake());
			client.resume();
		}
	});
	setInterval(() => {
		for (const client of clients) client.write(frame(1, "hello"));
	}, 1000);
}

function handshake(): string {
	const lines = [
		"GET /crowd HTTP/1.1",
		"Host: 127.0.0.1",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",
		`Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
	];
	return `${lines.join("\r\n")}\r\n\r\n`;
}

/** A whole frame of a client; a mask of zeros leaves the text as it is (RFC 6455 section 5.3). */
function frame(opcode: number, text: string): Buffer {
	const head = [0x80 | opcode, 0x80 | text.length, 0, 0, 0, 0];
	return Buffer.concat([Buffer.from(head), Buffer.from(text)]);
}

const MOST = 1000;
const NAME = "crowd";

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>gev crowd</title>
<link rel="icon" href="data:,">
<style>
	:root { color-scheme: light dark }
	body { font: 16px system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
	button, input { font: inherit }
	dl { display: grid; grid-template-columns: 1fr auto; gap: .25rem 1rem; font-variant-numeric: tabular-nums }
	dd { margin: 0; text-align: right }
</style>
<h1>A crowd</h1>
<form><label>Connections <input type="number" min="0" max="1000" value="1000"></label> <button>Open them</button></form>
<p>Each says hello once a second and hears it back. A browser opens no more than about 250; the others are clients of
the example's own, on a thread of theirs.</p>
<dl>
	<dt>open in this page<dd id="open">0
	<dt>clients of the example<dd id="others">0
	<dt>echoes of this page in the last second<dd id="echoes">0
	<dt>round trip, median<dd id="median">
</dl>
<p id="live" hidden>What the server makes of it: <a target="_blank">the live page</a></p>
<script>
	const show = (id, text) => { document.getElementById(id).textContent = text };
	const mine = 240;
	let sockets = [];
	let times = [];
	function open() {
		const socket = new WebSocket(location.href.replace(/^http/, "ws"));
		socket.onmessage = ({ data }) => times.push(performance.now() - data);
		socket.onclose = () => { sockets = sockets.filter((one) => one !== socket) };
		sockets.push(socket);
	}
	document.querySelector("form").onsubmit = async (event) => {
		event.preventDefault();
		const wanted = Number(document.querySelector("input").value);
		const here = Math.min(mine, wanted);
		for (const socket of sockets.slice(here)) socket.close();
		while (sockets.length < here) open();
		const count = wanted - here;
		const { ok } = await fetch("/crowd/clients?count=" + count, { method: "POST" });
		show("others", ok ? count : "refused");
	};
	setInterval(() => {
		const ready = sockets.filter(({ readyState }) => readyState === 1);
		show("open", ready.length);
		show("echoes", times.length);
		const median = times.sort((a, b) => a - b)[times.length >> 1];
		show("median", median === undefined ? "" : median.toFixed(1) + " ms");
		times = [];
		for (const socket of ready) socket.send(performance.now());
	}, 1000);
	addEventListener("pagehide", () => navigator.sendBeacon("/crowd/clients?count=0"));
	fetch("/live").then(async (response) => {
		if (!response.ok) return;
		document.querySelector("a").href = await response.text();
		document.getElementById("live").hidden = false;
	});
</script>
</html>
`;

if (!isMainThread && workerData === NAME) serveCrowd();
