// node examples/key-value/server.ts --port 6379
//
// A key-value server that clients of Redis talk to: redis-cli, the packages redis and ioredis, redis-benchmark. Its protocol is
// in resp.ts, what it can do in commands.ts. Pipelined commands are answered together, with one write.

import { custom, type Handler, Server } from "gev";
import { example, listen } from "../serve.ts";
import { answer, Client, forget, type Peer, store } from "./commands.ts";
import { MAX_BYTES, Resp } from "./resp.ts";

class KeyValue implements Handler<Client, Resp> {
	onConnect(peer: Peer) {
		peer.context = new Client();
	}
	onMessage(peer: Peer, args: Buffer[]) {
		answer(peer, args);
	}
	onClose(peer: Peer) {
		forget(peer);
	}
	onError({ message }: Error) {
		console.log(`error: ${message}`);
	}
}

await example({}, async (settings) => {
	const protocol = custom(new Resp(), { maxMessageBytes: 2 * MAX_BYTES });
	const server = new Server(new KeyValue(), { ...settings, protocol });
	server.runEvery(100, () => store.sweep(1000));
	await listen("redis", server);
});
