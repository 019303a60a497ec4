/** Echo of plain TCP with Node's own net. */
import { createServer } from "node:net";

const server = createServer({ noDelay: true }, (socket) => {
	socket.on("error", () => {});
	socket.on("data", (data) => {
		socket.write(data);
	});
});
server.listen(0, "127.0.0.1", 1024, () => {
	console.log(`listening ${server.address().port}`);
});
