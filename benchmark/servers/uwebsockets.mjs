/** Echo with uWebSockets.js: `uwebsockets.mjs [--deflate shared|dedicated]`. */
import { parseArgs } from "node:util";
import uWS from "uwebsockets";

const { values } = parseArgs({ options: { deflate: { type: "string" } } });
const compression = {
	shared: uWS.SHARED_COMPRESSOR,
	dedicated: uWS.DEDICATED_COMPRESSOR,
};
const compresses = values.deflate !== undefined;

uWS
	.App()
	.ws("/*", {
		compression: compresses ? compression[values.deflate] : uWS.DISABLED,
		maxPayloadLength: 16 * 1024 * 1024,
		maxBackpressure: 64 * 1024 * 1024,
		message(socket, message, isBinary) {
			socket.send(message, isBinary, compresses);
		},
	})
	.listen("127.0.0.1", 0, (listener) => {
		console.log(`listening ${uWS.us_socket_local_port(listener)}`);
	});
