// node examples/vehicles/simulator.ts --port 8808 --vehicles 5 --every-ms 1000
//
// Vehicles for gateway.ts: each registers, authenticates and reports where it is while it goes around Beijing, twenty times as
// fast as it says, so that there is something to see. A client by hand, over node:net.

import { connect, type Socket } from "node:net";
import { example } from "../serve.ts";
import {
	AUTHENTICATE,
	decode,
	encode,
	type Message,
	POSITION,
	REGISTER,
	REGISTERED,
} from "./jt808.ts";

const HASTE = 20;
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
		socket.write(seal(encode(head, body)));
		serial = (serial + 1) & 0xffff;
	};
	let timer: NodeJS.Timeout | undefined;
	let rest = Buffer.alloc(0);
	socket.on("connect", () => send(REGISTER, registration(number)));
	socket.on("data", (chunk) => {
		const pieces = split(Buffer.concat([rest, chunk]));
		rest = pieces.rest;
		for (const { id, body } of pieces.messages) {
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

/** A frame: its check byte, escapes, and 7e around it. */
function seal(bytes: Buffer): Buffer {
	const check = bytes.reduce((sum, byte) => sum ^ byte, 0);
	const escaped = [...bytes, check].flatMap((byte) =>
		byte === 0x7d ? [0x7d, 1] : byte === 0x7e ? [0x7d, 2] : [byte],
	);
	return Buffer.from([0x7e, ...escaped, 0x7e]);
}

/** The messages of whole frames, and what is left of one that is not. */
function split(bytes: Buffer): {
	messages: Message[];
	rest: Buffer<ArrayBuffer>;
} {
	const messages: Message[] = [];
	let start = 0;
	for (let end = bytes.indexOf(0x7e); end >= 0; ) {
		if (end > start) messages.push(decode(open(bytes.subarray(start, end))));
		start = end + 1;
		end = bytes.indexOf(0x7e, start);
	}
	return { messages, rest: Buffer.from(bytes.subarray(start)) };
}

/** What was sealed, without the check byte, which a client on the same machine need not look at. */
function open(escaped: Buffer): Buffer {
	const plain: number[] = [];
	let isEscaped = false;
	for (const byte of escaped) {
		if (isEscaped) plain.push(byte === 1 ? 0x7d : 0x7e);
		else if (byte !== 0x7d) plain.push(byte);
		isEscaped = !isEscaped && byte === 0x7d;
	}
	return Buffer.from(plain.slice(0, -1));
}
