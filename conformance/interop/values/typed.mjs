/** An echo over `typedProtobuf()`. */
import { Server, typedProtobuf } from "gev";

/** @returns {Promise<{ port: number, stop(): Promise<void>, errors: string[] }>} */
export async function startTypedEcho() {
	const errors = [];
	const server = new Server(
		{
			onMessage: (_, message) => message,
			onFrameError: (_, error) => void errors.push(error.message),
			onError: (error) => void errors.push(error.message),
		},
		{ host: "127.0.0.1", port: 0, protocol: typedProtobuf() },
	);
	const { port } = await server.start();
	const stop = async () => void (await server.stop({ timeoutMs: 100 }));
	return { port, stop, errors };
}
