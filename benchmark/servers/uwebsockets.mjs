/**
 * Echo with uWebSockets.js: `uwebsockets.mjs [--keep] [--deflate shared|dedicated]`. With `--keep` the handler gets memory of
 * its own, as those of gev do, where uWebSockets.js has a view that is valid during the call.
 */
import { parseArgs } from "node:util";
import uWS from "uwebsockets";

const { values } = parseArgs({
	options: {
		keep: { type: "boolean", default: false },
		deflate: { type: "string" },
	},
});
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
			const data = values.keep ? message.slice(0) : message;
			socket.send(data, isBinary, compresses);
		},
	})
	.listen("127.0.0.1", 0, (listener) => {
		console.log(`listening ${uWS.us_socket_local_port(listener)}`);
	});
