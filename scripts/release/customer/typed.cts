import gev = require("gev");

const handler: gev.Handler<{ name: string }> = {
	onMessage: (connection, message) => connection.context?.name ?? message,
};
export const server: gev.Server<{ name: string }> = new gev.Server(handler, {
	protocol: gev.webSocket(),
});
