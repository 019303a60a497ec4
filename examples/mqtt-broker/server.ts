// node examples/mqtt-broker/server.ts --port 1883
//
// A broker for MQTT 3.1.1 and 5, for QoS 0: wildcards, retained messages, wills, keep alive. mosquitto_pub and mosquitto_sub talk
// to it, and the package mqtt. Packets are cut natively by `frames`; packets.ts reads them, broker.ts does what they say.

import { frames, Server } from "gev";
import { example, listen } from "../serve.ts";
import { Broker } from "./broker.ts";

/** Of a packet. */
const MAX_BYTES = 256 * 1024;

/** A byte of type and flags, and the length of the rest in one to four bytes (section 2 of both versions). */
const mqtt = frames({
	length: { at: 1, as: { varint: 4 } },
	maxMessageBytes: MAX_BYTES,
	frameTimeoutMs: 10_000,
});

await example({}, async (settings) => {
	const broker = new Broker(MAX_BYTES);
	const server = new Server(broker, { ...settings, protocol: mqtt });
	server.runEvery(1000, () => broker.closeSilent(server.connections()));
	await listen("mqtt", server);
});
