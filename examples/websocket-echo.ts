// npm start -- --host 127.0.0.1 --port 1833 --loops 2 --protocol websocket --live-port 1834
//
// Sends every message back. Open the printed address with http:// in a browser to try it, and the other one to watch.

import {
	type Connection,
	type Handler,
	type HttpRequest,
	raw,
	Server,
	webSocket,
} from "gev";
import { Crowd, html } from "./crowd.ts";
import { example, listen } from "./serve.ts";

class Echo implements Handler {
	readonly crowd = new Crowd();
	/** Where the live page is. */
	live = "";

	onMessage(_connection: Connection, message: string | Buffer) {
		return message;
	}

	onRequest(request: HttpRequest) {
		if (request.url === "/live") return { body: this.live };
		return this.crowd.answer(request) ?? html(page);
	}
}

const page = `<!doctype html>
<meta charset="utf-8">
<title>gev echo</title>
<style>
	body { font: 16px system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
	form { display: flex; gap: .5rem }
	input { flex: 1; font: inherit }
	#log { list-style: none; padding: 0 }
</style>
<h1>gev echo</h1>
<form><input autofocus placeholder="Say something"><button>Send</button></form>
<ul id="log"></ul>
<p><a href="/crowd">Open a thousand connections</a></p>
<script>
	const log = (text) => {
		const line = document.createElement("li");
		line.textContent = text;
		document.querySelector("#log").prepend(line);
	};
	const socket = new WebSocket(location.href.replace(/^http/, "ws"));
	socket.onopen = () => log("connected");
	socket.onmessage = ({ data }) => log("echo: " + data);
	socket.onclose = ({ code, reason }) => log("closed: " + code + " " + reason);
	document.querySelector("form").onsubmit = (event) => {
		event.preventDefault();
		const input = document.querySelector("input");
		socket.send(input.value);
		input.value = "";
	};
</script>
`;

const defaults = { protocol: "websocket", "live-port": "" };

await example(defaults, async (settings, more) => {
	const { protocol } = more;
	if (protocol !== "websocket" && protocol !== "raw") {
		throw new Error(`--protocol is websocket or raw, not ${protocol}`);
	}
	const echo = new Echo();
	// The port behind the server's, or any where that may be any.
	const next = settings.port === 0 ? 0 : settings.port + 1;
	const port = more["live-port"] === "" ? next : Number(more["live-port"]);
	const all = { ...settings, metrics: { port, tap: true } };
	const server =
		protocol === "raw"
			? new Server({ onMessage: echo.onMessage }, { ...all, protocol: raw() })
			: new Server(echo, { ...all, protocol: webSocket() });
	await listen(protocol === "raw" ? "tcp" : "ws", server);
	echo.live = `http://127.0.0.1:${server.metricsAddress?.port}/`;
	console.log(`live page at ${echo.live}`);

	let shown = 0;
	server.runEvery(2000, () => {
		if (server.connectionCount === shown) return;
		shown = server.connectionCount;
		console.log(`connections: ${shown}`);
	});
});
