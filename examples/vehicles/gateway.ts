// node examples/vehicles/gateway.ts --port 8080 --device-port 8808
//
// Takes the reports of vehicles (JT/T 808 over TCP) and shows where they are on a page, over WebSocket: two servers in one
// program. Open the first address that it prints in a browser, and run `node examples/vehicles/simulator.ts --port 8808`.

import {
	type Connection,
	type FrameError,
	type Handler,
	jt808,
	Server,
	webSocket,
} from "gev";
import { example, listen } from "../serve.ts";
import { Fleet } from "./fleet.ts";
import {
	ANSWER,
	AUTHENTICATE,
	DONE,
	decode,
	encode,
	FAILED,
	HEARTBEAT,
	type Message,
	NOT_SERVED,
	POSITION,
	plateOf,
	positionOf,
	REGISTER,
	REGISTERED,
	wordOf,
} from "./jt808.ts";
import { page } from "./page.ts";

/** What is known of a vehicle's connection. */
interface Link {
	/** Of a vehicle that has authenticated. */
	phone: string | undefined;
	serial: number;
}

class Vehicles implements Handler<Link, "frames"> {
	readonly #fleet: Fleet;

	constructor(fleet: Fleet) {
		this.#fleet = fleet;
	}

	onConnect(connection: Connection<Link>) {
		connection.context = { phone: undefined, serial: 0 };
	}

	onMessage({ context }: Connection<Link>, frame: Buffer) {
		const message = decode(frame);
		const { phone, isNew, id } = message;
		context.serial = (context.serial + 1) & 0xffff;
		const head = { phone, isNew, serial: context.serial };
		const asked = Buffer.alloc(4);
		asked.writeUInt16BE(message.serial);
		asked.writeUInt16BE(id, 2);
		if (id === REGISTER && !message.isPartial) {
			const word = this.#fleet.register(phone, plateOf(message));
			const result = word === undefined ? "\x02" : `\0${word}`;
			const body = [asked.subarray(0, 2), Buffer.from(result, "latin1")];
			return encode({ ...head, id: REGISTERED }, Buffer.concat(body));
		}
		const result = Buffer.of(this.#take(context, message));
		return encode({ ...head, id: ANSWER }, Buffer.concat([asked, result]));
	}

	onFrameError({ remoteAddress }: Connection<Link>, { message }: FrameError) {
		console.log(`${remoteAddress}: ${message}`);
	}

	/** What {@link decode} has thrown; the connection is closed. */
	onError({ message }: Error, connection?: Connection<Link>) {
		console.log(`${connection?.remoteAddress}: ${message}`);
	}

	onClose({ context: { phone } }: Connection<Link>) {
		if (phone !== undefined) this.#fleet.update(phone, { isOnline: false });
	}

	#take(link: Link, message: Message): number {
		const { id, phone, body } = message;
		if (message.isPartial) return NOT_SERVED;
		if (id === AUTHENTICATE) {
			if (!this.#fleet.isWord(phone, wordOf(message))) return FAILED;
			link.phone = phone;
			this.#fleet.update(phone, { isOnline: true });
			return DONE;
		}
		if (link.phone !== phone) return FAILED;
		if (id === HEARTBEAT) return DONE;
		if (id !== POSITION) return NOT_SERVED;
		this.#fleet.update(phone, { isOnline: true, ...positionOf(body) });
		return DONE;
	}
}

/** Those who look at the page get all vehicles first, and then what changes. */
class Viewers implements Handler {
	readonly #fleet: Fleet;

	constructor(fleet: Fleet) {
		this.#fleet = fleet;
	}

	onConnect(viewer: Connection) {
		viewer.send(JSON.stringify(this.#fleet.all()));
	}
}

await example({ "device-port": "8808" }, async (settings, more) => {
	const fleet = new Fleet();
	const viewers = new Server(new Viewers(fleet), {
		...settings,
		protocol: webSocket({ page, maxMessageBytes: 1024 }),
	});
	const vehicles = new Server(new Vehicles(fleet), {
		...settings,
		port: Number(more["device-port"]),
		protocol: jt808({ frameTimeoutMs: 30_000 }),
		timeouts: { idleMs: 180_000 },
	});
	// Together, twice in a second, however many reports there are.
	viewers.runEvery(500, () => {
		const changes = fleet.changes();
		if (changes.length === 0) return;
		const news = JSON.stringify(changes);
		for (const viewer of viewers.connections()) viewer.send(news);
	});
	await listen("http", viewers);
	await listen("jt808", vehicles);
});
