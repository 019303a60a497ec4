// node examples/mqtt-broker/server.ts --port 1883
//
// A broker for MQTT 3.1.1 and 5, for QoS 0: wildcards, retained messages, wills, keep alive. mosquitto_pub and mosquitto_sub talk
// to it, and the package mqtt. Packets are cut natively by `mqtt()`; packets.ts reads them, broker.ts does what they say.

import { mqtt, Server } from "gev";
import { example, listen } from "../serve.ts";
import { Broker } from "./broker.ts";

/** Of a packet. */
const maxMessageBytes = 256 * 1024;

await example({}, async (settings) => {
	const protocol = mqtt({ maxMessageBytes, frameTimeoutMs: 10_000 });
	const broker = new Broker(maxMessageBytes);
	const server = new Server(broker, { ...settings, protocol });
	server.runEvery(1000, () => broker.closeSilent(server.connections()));
	await listen("mqtt", server);
});
