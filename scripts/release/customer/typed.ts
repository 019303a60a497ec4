import { type Handler, Server, webSocket } from "gev";

const handler: Handler<{ name: string }> = {
	onMessage: (connection, message) => connection.context?.name ?? message,
};
export const server: Server<{ name: string }> = new Server(handler, {
	protocol: webSocket(),
});
