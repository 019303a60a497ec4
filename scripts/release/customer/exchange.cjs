/** Serves an echo and sends to it, text and binary, as any customer might. Says "echoed" when all is as it should be. */
module.exports = async function exchange({ Server, webSocket }, WebSocket) {
	const echo = { onMessage: (_connection, message) => message };
	const protocol = webSocket();
	const server = new Server(echo, { host: "127.0.0.1", port: 0, protocol });
	const { port } = await server.start();
	const socket = new WebSocket(`ws://127.0.0.1:${port}`);
	await next(socket, "open");
	for (const [sent, binary] of [
		["hello", false],
		[Buffer.alloc(100_000, 7), true],
	]) {
		const message = next(socket, "message");
		socket.send(sent);
		const [data, isBinary] = await message;
		if (!data.equals(Buffer.from(sent)) || isBinary !== binary)
			throw new Error("another message came back");
	}
	socket.close();
	await next(socket, "close");
	await server.stop();
	console.log("echoed");
};

function next(socket, event) {
	return new Promise((resolve, reject) => {
		socket.once(event, (...values) => resolve(values));
		socket.once("error", reject);
	});
}
