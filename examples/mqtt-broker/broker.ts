import type { Connection, FrameError, FramesHandler } from "gev";
import { fits, isFilter, Subscriptions } from "./filters.ts";
import {
	BAD_ID,
	connack,
	decode,
	disconnect,
	type Message,
	type Packet,
	pingresp,
	publish,
	type Subscription,
	suback,
	unsuback,
	type Version,
	versionOf,
} from "./packets.ts";
import { PROTOCOL_ERROR, Refusal } from "./reader.ts";

/** What is known of a client: the `context` of its connection. */
export class Session {
	version: Version = 4;
	/** `""` before its CONNECT. */
	id = "";
	/** What is published for it if it does not say goodbye. */
	will: Message | undefined;
	readonly filters = new Set<string>();
	keepAliveMs = FIRST_PACKET_MS;
	heardAt = performance.now();
}

type Client = Connection<Session>;

/** Hands on what is published to those who have subscribed to it, and keeps what is retained. */
export class Broker implements FramesHandler<Session> {
	readonly #clients = new Map<string, Client>();
	readonly #subscriptions = new Subscriptions<Client, Subscription>();
	readonly #retained = new Map<string, Message>();
	readonly #maxBytes: number;

	/** `maxBytes` is the length of the longest packet. */
	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	onConnect(client: Client) {
		client.context = new Session();
	}

	onMessage(client: Client, frame: Buffer) {
		const session = client.context;
		session.heardAt = performance.now();
		try {
			const isFirst = session.id === "";
			if (isFirst) session.version = versionOf(frame);
			const packet = decode(frame, session.version);
			if ((packet.type === "connect") !== isFirst) {
				throw new Refusal(PROTOCOL_ERROR, "CONNECT comes first, and once");
			}
			this.#take(client, session.version, packet);
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			this.#refuse(client, error);
		}
	}

	onFrameError({ context }: Client, { message }: FrameError) {
		console.log(`${context.id || "somebody"}: ${message}`);
	}

	onClose(client: Client) {
		const { id, filters, will } = client.context;
		for (const filter of filters) this.#subscriptions.remove(filter, client);
		if (this.#clients.get(id) === client) this.#clients.delete(id);
		if (will !== undefined) this.#publish(will, undefined);
	}

	/** Closes those of `clients` that have been silent for half as long again as they have said they would be. */
	closeSilent(clients: Iterable<Client>) {
		for (const client of clients) {
			const { keepAliveMs, heardAt } = client.context;
			const isSilent = performance.now() - heardAt > 1.5 * keepAliveMs;
			if (keepAliveMs > 0 && isSilent && client.connected) {
				this.#refuse(client, new Refusal(0x8d, "silent for too long"));
			}
		}
	}

	#take(client: Client, version: Version, packet: Packet) {
		switch (packet.type) {
			case "connect":
				return this.#connect(client, packet);
			case "publish":
				return this.#publish(packet.message, client);
			case "subscribe": {
				const { number, subscriptions } = packet;
				const codes = subscriptions.map((one, at) =>
					this.#check(client, one, at),
				);
				client.send(suback(version, number, codes));
				subscriptions.forEach((one, index) => {
					if (codes[index] === 0) this.#subscribe(client, version, one);
				});
				return;
			}
			case "unsubscribe": {
				const { number, filters } = packet;
				const codes = filters.map((one) => this.#unsubscribe(client, one));
				client.send(unsuback(version, number, codes));
				return;
			}
			case "ping":
				client.send(pingresp);
				return;
			case "disconnect":
				if (packet.reason !== WITH_WILL) client.context.will = undefined;
				client.close();
		}
	}

	#connect(client: Client, packet: Packet & { type: "connect" }) {
		const session = client.context;
		const { version, id, isClean, keepAliveMs, will } = packet;
		if (id === "" && version === 4 && !isClean) {
			client.send(connack(version, BAD_ID, undefined, this.#maxBytes));
			client.close();
			return;
		}
		session.id = id || `anonymous-${++count}`;
		Object.assign(session, { keepAliveMs, will });
		const before = this.#clients.get(session.id);
		if (before !== undefined) {
			this.#refuse(before, new Refusal(0x8e, "its name is taken over"));
		}
		this.#clients.set(session.id, client);
		const assigned = id === "" ? session.id : undefined;
		client.send(connack(version, 0, assigned, this.#maxBytes));
	}

	/** 0, or why it cannot be subscribed to; `at` others come before it. */
	#check({ context }: Client, { filter }: Subscription, at: number): number {
		if (!isFilter(filter)) return 0x8f;
		if (context.version === 5 && filter.startsWith("$share/")) return 0x9e;
		return context.filters.size + at < MAX_FILTERS ? 0 : 0x97;
	}

	#subscribe(client: Client, version: Version, subscription: Subscription) {
		const { filter, retainHandling } = subscription;
		client.context.filters.add(filter);
		const isNew = this.#subscriptions.add(filter, client, subscription);
		if (retainHandling === 2 || (retainHandling === 1 && !isNew)) return;
		for (const message of this.#retainedFor(filter)) {
			if (message.expiresAt <= Date.now()) {
				this.#retained.delete(message.topic);
			} else if (fits(filter, message.topic)) {
				deliver(client, publish(message, version, true));
			}
		}
	}

	/** What may fit: where no wildcard is, one at most. */
	#retainedFor(filter: string): Iterable<Message> {
		if (/[+#]/.test(filter)) return this.#retained.values();
		const message = this.#retained.get(filter);
		return message === undefined ? [] : [message];
	}

	/** 0, or 17 if there is no such subscription. */
	#unsubscribe(client: Client, filter: string): number {
		client.context.filters.delete(filter);
		return this.#subscriptions.remove(filter, client) ? 0 : 17;
	}

	#publish(message: Message, publisher: Client | undefined) {
		if (message.isRetained) this.#retain(message);
		// Once for each client, however many of its filters fit; written once for each form.
		const receivers = new Map<Client, boolean>();
		for (const [client, options] of this.#subscriptions.matching(
			message.topic,
		)) {
			if (options.noLocal && client === publisher) continue;
			const isTold = receivers.get(client) || options.retainAsPublished;
			receivers.set(client, isTold && message.isRetained);
		}
		const packets = new Map<string, Buffer>();
		for (const [client, isRetained] of receivers) {
			const { version } = client.context;
			const form = `${version} ${isRetained}`;
			const packet = packets.get(form) ?? publish(message, version, isRetained);
			packets.set(form, packet);
			deliver(client, packet);
		}
	}

	#retain(message: Message) {
		const { topic, payload } = message;
		if (payload.length === 0) this.#retained.delete(topic);
		else if (this.#retained.has(topic) || this.#retained.size < MAX_RETAINED) {
			// What is kept must not keep the memory that it has come in.
			this.#retained.set(topic, { ...message, payload: Buffer.from(payload) });
		}
	}

	/** Closes, with a word why where the protocol has one. */
	#refuse(client: Client, { reason, message }: Refusal) {
		const { version, id } = client.context;
		console.log(`${id || "somebody"}: ${message}`);
		if (id === "")
			client.send(connack(version, reason, undefined, this.#maxBytes));
		else if (version === 5) client.send(disconnect(reason));
		client.close();
	}
}

/** QoS 0 is at most once: who does not read misses messages. */
function deliver(client: Client, packet: Buffer) {
	if (client.writeBufferLength <= MOST_WAITING) client.send(packet);
}

let count = 0;

/** How long a client may take to its CONNECT. */
const FIRST_PACKET_MS = 10_000;
/** Of a client. Each is compared with everything that is retained. */
const MAX_FILTERS = 100;
const MAX_RETAINED = 10_000;
const MOST_WAITING = 1024 * 1024;
/** MQTT 5, section 3.14.2.1: a goodbye that does not keep the will from being published. */
const WITH_WILL = 4;
