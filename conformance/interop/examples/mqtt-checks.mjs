/**
 * What is found out about examples/mqtt-broker by a client of MQTT, by the names of the report's columns.
 *
 * @typedef {object} MqttClient
 * @property {(topic: string, payload: string, options?: { retain?: boolean, property?: string }) => Promise<void>} publish
 *   `property` is the value of a user property.
 * @property {(filters: string[], options?: { will?: string }) => Promise<Subscriber>} subscribe With a topic for its will.
 * @property {(will: string) => Promise<void>} leave Connects with that topic for its will, and says goodbye.
 * @property {boolean} isNew It speaks MQTT 5.
 * @property {number} keepAliveMs What its subscribers say to be silent for at most.
 *
 * @typedef {object} Subscriber
 * @property {() => Promise<{ topic: string, payload: string, retain: boolean, property?: string }>} next
 * @property {() => Promise<void>} end
 * @property {() => Promise<void>} cut It is gone without a goodbye.
 */
import { setTimeout } from "node:timers/promises";
import { same } from "./checking.mjs";

/** @type {Record<string, (client: MqttClient) => Promise<"-" | undefined>>} */
export const mqttChecks = {
	async messages({ publish, subscribe }) {
		const subscriber = await subscribe(["a/b"]);
		for (const payload of ["hello", "grüße 👋", "x".repeat(200_000)]) {
			await publish("a/c", "for nobody");
			await publish("a/b", payload);
			const { topic, payload: got, retain } = await subscriber.next();
			same([topic, got, retain], ["a/b", payload, false]);
		}
		await subscriber.end();
	},

	async wildcards({ publish, subscribe }) {
		const subscriber = await subscribe(["+/light", "attic/#"]);
		const topics = [
			"hall/light",
			"hall/a/light",
			"attic",
			"attic/a/b",
			"last/light",
		];
		for (const topic of topics) await publish(topic, "1");
		for (const topic of topics) {
			if (topic !== "hall/a/light")
				same((await subscriber.next()).topic, topic);
		}
		await subscriber.end();
	},

	async retained({ publish, subscribe }) {
		await publish("kept/a", "1", { retain: true });
		await publish("kept/b", "2", { retain: true });
		await publish("kept/a", "", { retain: true });
		const subscriber = await subscribe(["kept/#"]);
		const { topic, payload, retain } = await subscriber.next();
		same([topic, payload, retain], ["kept/b", "2", true]);
		await subscriber.end();
		await publish("kept/b", "", { retain: true });
	},

	async will({ subscribe, leave }) {
		const watcher = await subscribe(["gone/+"]);
		await leave("gone/polite");
		await (await subscribe(["any"], { will: "gone/cut" })).cut();
		same((await watcher.next()).topic, "gone/cut");
		await watcher.end();
	},

	async "keep-alive"({ publish, subscribe, keepAliveMs }) {
		const subscriber = await subscribe(["still/there"]);
		// Longer than it may be silent: it has to have pinged, and been answered.
		await setTimeout(2 * keepAliveMs);
		await publish("still/there", "yes");
		same((await subscriber.next()).payload, "yes");
		await subscriber.end();
	},

	async properties({ publish, subscribe, isNew }) {
		if (!isNew) return "-";
		const subscriber = await subscribe(["with/property"]);
		await publish("with/property", "1", { property: "value" });
		same((await subscriber.next()).property, "value");
		await subscriber.end();
	},
};
