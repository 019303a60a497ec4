// npm start -- --host 127.0.0.1 --port 1833 --loops 2 --protocol websocket
//
// Sends every message back. Open the printed address with http:// in a browser to try it.

import { type Connection, type Handler, raw, Server, webSocket } from "gev";
import { example, listen } from "./serve.ts";

class Echo implements Handler {
	onMessage(_connection: Connection, message: string | Buffer) {
		return message;
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

await example({ protocol: "websocket" }, async (settings, { protocol }) => {
	if (protocol !== "websocket" && protocol !== "raw") {
		throw new Error(`--protocol is websocket or raw, not ${protocol}`);
	}
	const isRaw = protocol === "raw";
	const server = new Server(new Echo(), {
		...settings,
		protocol: isRaw ? raw() : webSocket({ page }),
	});
	await listen(isRaw ? "tcp" : "ws", server);

	let shown = 0;
	server.runEvery(2000, () => {
		if (server.connectionCount === shown) return;
		shown = server.connectionCount;
		console.log(`connections: ${shown}`);
	});
});
