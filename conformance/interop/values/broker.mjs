/** A small message broker over `stomp()`, as far as the peers here want one. */
import { Server, stomp } from "gev";

/** @returns {Promise<{ port: number, stop(): Promise<void>, errors: string[] }>} */
export async function startBroker() {
	const subscriptions = new Map();
	const errors = [];
	let count = 0;
	const beats = new Map();
	const commands = {
		CONNECT(connection) {
			// Far more often than it says, so that nobody is cut on a machine that is busy.
			const beat = setInterval(() => connection.send("\n"), 50);
			beats.set(connection, beat);
			connection.send({
				command: "CONNECTED",
				headers: { version: "1.2", "heart-beat": "5000,5000" },
			});
		},
		SUBSCRIBE(connection, { headers }) {
			subscriptions.set(headers.destination, { connection, id: headers.id });
		},
		SEND(_, { headers, body }) {
			const { destination, ...others } = headers;
			const reader = subscriptions.get(destination);
			reader?.connection.send({
				command: "MESSAGE",
				headers: {
					...Object.fromEntries(
						Object.entries(others).filter(
							([name]) => !["content-length", "receipt"].includes(name),
						),
					),
					destination,
					subscription: reader.id,
					"message-id": ++count,
				},
				body,
			});
		},
		UNSUBSCRIBE(_, { headers }) {
			for (const [name, { id }] of subscriptions) {
				if (id === headers.id) subscriptions.delete(name);
			}
		},
		DISCONNECT() {},
	};
	commands.STOMP = commands.CONNECT;
	const server = new Server(
		{
			onMessage(connection, frame) {
				const run = commands[frame.command];
				if (run === undefined) {
					return { command: "ERROR", headers: { message: "unknown command" } };
				}
				run(connection, frame);
				const { receipt } = frame.headers;
				if (receipt === undefined) return undefined;
				return { command: "RECEIPT", headers: { "receipt-id": receipt } };
			},
			onClose(connection) {
				clearInterval(beats.get(connection));
				beats.delete(connection);
			},
			onFrameError: (_, error) => void errors.push(error.message),
			onError: (error) => void errors.push(error.message),
		},
		{
			host: "127.0.0.1",
			port: 0,
			protocol: stomp({ maxMessageBytes: 8 * 2 ** 20 }),
		},
	);
	const { port } = await server.start();
	const stop = async () => void (await server.stop({ timeoutMs: 100 }));
	return { port, stop, errors };
}
