/** Checks of examples/mqtt-broker with the package mqtt, or mosquitto's clients: `mqtt.mjs mqtt|mosquitto 4|5 LIBRARY URL`. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join } from "node:path";
import { argv } from "node:process";
import { createInterface } from "node:readline";
import { Inbox, report } from "./checking.mjs";
import { mqttChecks } from "./mqtt-checks.mjs";

const [name, version, library, url] = argv.slice(2);
const isNew = version === "5";
const makers = { mqtt, mosquitto };
const { client, end } = await makers[name]();
await report(mqttChecks, { ...client, isNew });
await end();

async function mqtt() {
	const { connectAsync } = createRequire(import.meta.url)(library);
	const open = (options) =>
		connectAsync(url, {
			protocolVersion: Number(version),
			reconnectPeriod: 0,
			keepalive: 1,
			...options,
		});
	const willOf = (topic) =>
		topic === undefined ? {} : { will: { topic, payload: "gone", qos: 0 } };
	const publisher = await open();
	return {
		client: {
			keepAliveMs: 1000,
			async publish(topic, payload, { retain = false, property } = {}) {
				const userProperties = { key: property };
				const properties = property === undefined ? {} : { userProperties };
				await publisher.publishAsync(topic, payload, { retain, properties });
			},
			leave: async (will) => (await open(willOf(will))).endAsync(),
			async subscribe(filters, { will } = {}) {
				const subscriber = await open(willOf(will));
				const inbox = new Inbox();
				subscriber.on("message", (topic, payload, { retain, properties }) => {
					const property = properties?.userProperties?.key;
					inbox.push({ topic, payload: String(payload), retain, property });
				});
				await subscriber.subscribeAsync(filters);
				return {
					next: () => inbox.next(),
					end: () => subscriber.endAsync(),
					cut: async () => void subscriber.stream.destroy(),
				};
			},
		},
		end: () => publisher.endAsync(),
	};
}

async function mosquitto() {
	const { hostname, port } = new URL(url);
	const kind = isNew ? "mqttv5" : "mqttv311";
	const place = ["-h", hostname, "-p", port, "-V", kind];
	const publish = async (topic, payload, { retain, property } = {}) => {
		const args = [...place, "-t", topic, payload === "" ? "-n" : "-s"];
		if (retain) args.push("-r");
		if (property) args.push("-D", "publish", "user-property", "key", property);
		const child = execFile(join(library, "mosquitto_pub"), args);
		child.stdin.end(payload);
		await once(child, "exit");
	};
	// Who has subscribed gets this one at once, which says that they have.
	await publish("ready", "yes", { retain: true });
	return {
		client: {
			// The least that it takes.
			keepAliveMs: 5000,
			publish,
			async leave(will) {
				const topics = ["-t", "any", "--will-topic", will];
				const args = [...place, ...topics, "--will-payload", "gone", "-E"];
				await once(execFile(join(library, "mosquitto_sub"), args), "exit");
			},
			subscribe: (filters, { will } = {}) =>
				subscription([
					...place,
					...["-k", "5", "-F", isNew ? "%t %r %P %p" : "%t %r - %p"],
					...["ready", ...filters].flatMap((filter) => ["-t", filter]),
					...(will ? ["--will-topic", will, "--will-payload", "gone"] : []),
				]),
		},
		end: async () => {},
	};
}

async function subscription(args) {
	const child = spawn(join(library, "mosquitto_sub"), args);
	const inbox = new Inbox();
	createInterface({ input: child.stdout }).on("line", (line) => {
		const [topic, retain, properties, ...payload] = line.split(" ");
		inbox.push({
			topic,
			payload: payload.join(" "),
			retain: retain === "1",
			property: /^key:(.*)$/.exec(properties)?.[1],
		});
	});
	await inbox.next();
	const kill = (signal) => async () => {
		child.kill(signal);
		await once(child, "exit");
	};
	// By MQTT 5 it asks for its will when it is interrupted, so it is ended by what it takes for the last message.
	return {
		next: () => inbox.next(),
		end: kill("SIGINT"),
		cut: kill("SIGKILL"),
	};
}
