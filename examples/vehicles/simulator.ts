// node examples/vehicles/simulator.ts --port 8808 --vehicles 5 --every-ms 1000
//
// Vehicles for gateway.ts: each registers, authenticates and reports where it is while it goes around Beijing, twenty times as
// fast as it says, so that there is something to see. Clients over node:net, by the same protocol as the server.

import { connect, type Socket } from "node:net";
import { jt808 } from "gev";
import { example } from "../serve.ts";
import {
	AUTHENTICATE,
	decode,
	encode,
	POSITION,
	REGISTER,
	REGISTERED,
} from "./jt808.ts";

const HASTE = 20;
const protocol = jt808();
const defaults = { vehicles: "5", "every-ms": "1000" };

await example(defaults, async ({ host, port }, more) => {
	for (let number = 1; number <= Number(more.vehicles); number++) {
		const socket = connect(port, host);
		drive(socket, number, Number(more["every-ms"]));
	}
});

function drive(socket: Socket, number: number, everyMs: number): void {
	const phone = `1380000${String(number).padStart(4, "0")}`;
	let serial = 0;
	const send = (id: number, body: Buffer) => {
		const head = { id, phone, serial, isNew: number % 2 === 0 };
		socket.write(protocol.encode(encode(head, body)));
		serial = (serial + 1) & 0xffff;
	};
	let timer: NodeJS.Timeout | undefined;
	const decoder = protocol.decoder();
	socket.on("connect", () => send(REGISTER, registration(number)));
	socket.on("data", (chunk) => {
		for (const message of decoder.push(chunk)) {
			const { id, body } = decode(message);
			if (id !== REGISTERED) continue;
			send(AUTHENTICATE, authentication(number, body.subarray(3)));
			const report = () => send(POSITION, position(number, Date.now()));
			report();
			timer = setInterval(report, everyMs);
		}
	});
	socket.on("close", () => clearInterval(timer));
	socket.on("error", ({ message }) => {
		console.error(message);
		process.exitCode = 1;
	});
}

/** Those with an even number follow the standard of 2019. */
function registration(number: number): Buffer {
	const fields = number % 2 === 0 ? [11, 30, 30] : [5, 20, 7];
	const ids = fields.map((length) => Buffer.alloc(length));
	const place = Buffer.of(0, 11, 0, 100);
	// The character for Beijing, in GBK.
	const plate = Buffer.of(0xbe, 0xa9);
	const rest = Buffer.from(`A${String(10_000 + number)}`);
	return Buffer.concat([place, ...ids, Buffer.of(1), plate, rest]);
}

function authentication(number: number, word: Buffer): Buffer {
	if (number % 2 !== 0) return word;
	return Buffer.concat([Buffer.of(word.length), word, Buffer.alloc(15 + 20)]);
}

/** Around the city, each on a circle of its own, half of them the other way. */
function position(number: number, now: number): Buffer {
	const radius = 0.02 + 0.012 * number;
	const turn = number % 2 === 0 ? 1 : -1;
	const speed = 36 + 6 * number;
	// A degree has some 111 km.
	const hours = (HASTE * now) / 3_600_000;
	const angle = (turn * speed * hours) / 111 / radius + number;
	const body = Buffer.alloc(28);
	body.writeUInt32BE(3, 4);
	body.writeUInt32BE((39.9 + radius * Math.cos(angle)) * 1e6, 8);
	const east = (radius * Math.sin(angle)) / Math.cos((39.9 * Math.PI) / 180);
	body.writeUInt32BE((116.4 + east) * 1e6, 12);
	body.writeUInt16BE(44, 16);
	body.writeUInt16BE(speed * 10, 18);
	const degrees = (angle * 180) / Math.PI + turn * 90;
	body.writeUInt16BE(((Math.round(degrees) % 360) + 360) % 360, 20);
	const china = new Date(now + 8 * 3_600_000).toISOString();
	body.write(china.replace(/\D/g, "").slice(2, 14), 22, "hex");
	return body;
}
