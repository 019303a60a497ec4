/** Echo with Bun's own server; runs under Bun, not under Node.js. */
const server = Bun.serve({
	hostname: "127.0.0.1",
	port: 0,
	fetch(request, server) {
		if (!server.upgrade(request)) return new Response(null, { status: 426 });
	},
	websocket: {
		perMessageDeflate: false,
		message(socket, message) {
			socket.send(message);
		},
	},
});
console.log(`listening ${server.port}`);
