const gev = require("gev");
const { WebSocket } = require("ws");
const exchange = require("./exchange.cjs");

exchange(gev, WebSocket).catch((error) => {
	console.error(error);
	process.exitCode = 1;
});
