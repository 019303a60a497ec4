import { type Handler, SendStatus, Server, webSocket } from "gev";

const handler: Handler<{ name: string }> = {
	onMessage: (connection, message) =>
		`${connection.context?.name ?? SendStatus.Queued} ${message.length}`,
};
export const server: Server<{ name: string }> = new Server(handler, {
	protocol: webSocket(),
});
