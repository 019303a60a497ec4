import { type Connection, RespPush, type RespReply } from "gev";

/** A connection that can subscribe: what it has subscribed to is in its context. */
type Subscriber = Connection<{ readonly channels: Set<string> }, RespReply>;

/** Who wants what is published in which channel. */
export class Channels {
	readonly #subscribers = new Map<string, Set<Subscriber>>();

	subscribe(subscriber: Subscriber, channel: string): void {
		const subscribers = this.#subscribers.get(channel) ?? new Set();
		this.#subscribers.set(channel, subscribers.add(subscriber));
		subscriber.context.channels.add(channel);
	}

	unsubscribe(subscriber: Subscriber, channel: string): void {
		const subscribers = this.#subscribers.get(channel);
		subscribers?.delete(subscriber);
		if (subscribers?.size === 0) this.#subscribers.delete(channel);
		subscriber.context.channels.delete(channel);
	}

	/** How many have got it. */
	publish(channel: string, message: Buffer): number {
		const subscribers = this.#subscribers.get(channel) ?? [];
		const name = Buffer.from(channel, "latin1");
		let count = 0;
		for (const subscriber of subscribers) {
			subscriber.send(new RespPush(["message", name, message]));
			count++;
		}
		return count;
	}
}
