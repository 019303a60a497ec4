import type { ExecutionContext } from "ava";
import type { Connection, Server, ServerOptions } from "gev";
import { upgraded } from "./frames.js";
import { Recorder } from "./recorder.js";
import { protocols, type Speaks, serve } from "./server.js";
import { type TcpClient, tcp } from "./tcp-client.js";

/** Both ends of a connection. */
export interface Ends {
	client: TcpClient;
	connection: Connection;
}

/** A server whose handler answers nothing, and its first client. */
export interface Pair extends Ends {
	server: Server;
	recorder: Recorder;
	/** One more client, of the same event loop. */
	join(): Promise<Ends>;
}

export async function pair(
	t: ExecutionContext,
	protocol: Speaks,
	options: ServerOptions = {},
): Promise<Pair> {
	const recorder = new Recorder();
	const { server, port } = await serve(t, recorder, {
		protocol: protocols[protocol](),
		...options,
	});
	const connect = protocol === "raw" ? tcp : upgraded;
	const join = async () => {
		const client = await connect(t, port);
		const { connection } = await recorder.next("connect");
		return { client, connection };
	};
	return { server, recorder, join, ...(await join()) };
}
