/** Echo with uWebSockets.js. */
import uWS from "uwebsockets";

uWS
	.App()
	.ws("/*", {
		compression: uWS.DISABLED,
		maxPayloadLength: 16 * 1024 * 1024,
		maxBackpressure: 64 * 1024 * 1024,
		message(socket, message, isBinary) {
			socket.send(message, isBinary);
		},
	})
	.listen("127.0.0.1", 0, (listener) => {
		console.log(`listening ${uWS.us_socket_local_port(listener)}`);
	});
