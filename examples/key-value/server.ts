// node examples/key-value/server.ts --port 6379
//
// A key-value server that clients of Redis talk to: redis-cli, the packages redis and ioredis, redis-benchmark. What it can do is
// in commands.ts. Pipelined commands are answered together, with one write.

import {
	type FrameError,
	type FramesHandler,
	RespError,
	type RespReply,
	resp,
	Server,
} from "gev";
import { example, listen } from "../serve.ts";
import { answer, Client, forget, type Peer, store } from "./commands.ts";

class KeyValue implements FramesHandler<Client, Buffer[], RespReply> {
	onConnect(peer: Peer) {
		peer.context = new Client();
	}
	onMessage(peer: Peer, args: Buffer[]) {
		return answer(peer, args);
	}
	/** The connection is closed behind the answer. */
	onFrameError(peer: Peer, { reason, message }: FrameError) {
		console.log(`${peer.remoteAddress}: ${message}`);
		peer.send(new RespError(`ERR Protocol error: ${reason}`));
	}
	onClose(peer: Peer) {
		forget(peer);
	}
	onError({ message }: Error) {
		console.log(`error: ${message}`);
	}
}

await example({}, async (settings) => {
	const protocol = resp({
		maxMessageBytes: 8 * 1024 * 1024,
		maxValues: 1024 * 1024,
	});
	const server = new Server(new KeyValue(), { ...settings, protocol });
	server.runEvery(100, () => store.sweep(1000));
	await listen("redis", server);
});
