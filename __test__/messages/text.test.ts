import { setImmediate } from "node:timers/promises";
import test from "ava";
import { type Connection, webSocket } from "gev";
import type WebSocket from "ws";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { connect } from "../kit/ws-client.js";

/** Characters of every length in UTF-8, in strings of both kinds that engines have, and what is no character. */
const characters: Record<string, string> = {
	ASCII: "a",
	"Latin letters": "é",
	"Chinese characters": "漢",
	"pairs of surrogates": "👋",
	"lone surrogates": "\ud800",
	"ASCII in a string of two bytes a character": "漢 is not in here".slice(1),
};

/** Either side of what fits into a part whatever it is, into a part, and into any number of them. */
const lengths = [0, 1, 31, 33, 21_845, 21_846, 65_535, 65_536, 65_537, 200_000];

for (const [what, character] of Object.entries(characters)) {
	test(`${what} are sent as UTF-8, whatever their number`, async (t) => {
		const connections = new Queue<Connection>();
		const { url } = await serve(t, {
			onConnect: (connection) => connections.push(connection),
		});
		const { socket } = await connect(t, url);
		const received = bytesOf(socket);
		const connection = await connections.next();
		const texts = lengths.map((length) =>
			character.repeat(Math.ceil(length / character.length)).slice(0, length),
		);
		for (const text of texts) connection.send(text);
		for (const text of texts) {
			t.true(Buffer.from(text).equals(await received.next()), `${text.length}`);
		}
		connection.send("");
		await received.next();
		t.is(connection.writeBufferLength, 0);
	});
}

for (const borrow of [false, true]) {
	test(`text arrives as it was sent, whatever its length, with borrow ${borrow}`, async (t) => {
		const got = new Queue<string | Buffer>();
		const { url } = await serve(
			t,
			{ onMessage: (_, message) => void got.push(message) },
			{ borrow },
		);
		const { socket } = await connect(t, url);
		const sent = Object.values(characters)
			.filter((character) => character !== "\ud800")
			.flatMap((character) =>
				[...lengths, 340, 341, 511, 512, 1023, 1024].map(
					(length) => `a${character.repeat(length)}b`,
				),
			);
		for (const text of sent) socket.send(text);
		for (const text of sent) t.true((await got.next()) === text);
	});
}

/** What arrives, text or not, as bytes. */
function bytesOf(socket: WebSocket): Queue<Buffer> {
	const received = new Queue<Buffer>();
	socket.on("message", (data: Buffer) => received.push(data));
	return received;
}

/** What a handler has got. */
type Got = [message: Buffer, isText: boolean | undefined];

for (const borrow of [false, true]) {
	for (const serial of [false, true]) {
		test(`text can be had as bytes, with borrow ${borrow}, serial ${serial}`, async (t) => {
			const got = new Queue<Got>();
			const { url } = await serve(
				t,
				{
					onMessage(connection, message, isText) {
						if (typeof message === "string") throw new Error("no bytes");
						got.push([Buffer.from(message), isText]);
						const text = isText === true;
						connection.send(message, { text });
						return serial ? Promise.resolve() : undefined;
					},
				},
				{ protocol: webSocket({ text: "buffer" }), borrow, serial },
			);
			const { socket, messages } = await connect(t, url);
			const sent = Object.values(characters)
				.filter((character) => character !== "\ud800")
				.flatMap((character) => lengths.map((n) => character.repeat(n)))
				.flatMap((text) => [text, Buffer.from(text)]);
			for (const message of sent) socket.send(message);
			// Two fragments, cut inside of a character.
			socket.send(Buffer.of(0xe6, 0xbc), { binary: false, fin: false });
			socket.send(Buffer.of(0xa2), { binary: false, fin: true });
			for (const message of [...sent, "漢"]) {
				const isText = typeof message === "string";
				const [bytes, wasText] = await got.next();
				t.true(bytes.equals(Buffer.from(message)));
				t.is(wasText, isText ? true : undefined);
				const back = await messages.next();
				t.is(typeof back, isText ? "string" : "object");
				t.true(isText ? back === message : message.equals(back as Buffer));
			}
		});
	}
}

test("text as bytes waits its turn while the connection is paused", async (t) => {
	const got = new Queue<Got>();
	const { server, url } = await serve(
		t,
		{
			onMessage(connection, message, isText) {
				got.push([message as Buffer, isText]);
				connection.pause();
			},
		},
		{ protocol: webSocket({ text: "buffer" }) },
	);
	const resume = () => {
		for (const connection of server.connections()) connection.resume();
	};
	const { socket } = await connect(t, url);
	socket.send("one");
	socket.send("two");
	socket.send(Buffer.from("three"));
	t.deepEqual(await got.next(), [Buffer.from("one"), true]);
	await setImmediate();
	t.is(got.size, 0);
	resume();
	t.deepEqual(await got.next(), [Buffer.from("two"), true]);
	resume();
	t.deepEqual(await got.next(), [Buffer.from("three"), undefined]);
});

test("text as bytes that is no UTF-8 closes with 1007, before it is handed over", async (t) => {
	const got: Buffer[] = [];
	const { url } = await serve(
		t,
		{
			onMessage(_, message) {
				got.push(message as Buffer);
			},
		},
		{ protocol: webSocket({ text: "buffer" }) },
	);
	const { socket, closed } = await connect(t, url);
	socket.send(Buffer.of(0xc0, 0x80), { binary: false });
	t.is((await closed).code, 1007);
	t.deepEqual(got, []);
});

test("what a handler throws at text as bytes costs its connection only", async (t) => {
	const errors: Error[] = [];
	const { url } = await serve(
		t,
		{
			onMessage(_, message, isText) {
				if (isText) throw new Error(`no ${message}`);
				return message;
			},
			onError(error) {
				errors.push(error);
			},
		},
		{ protocol: webSocket({ text: "buffer" }) },
	);
	const other = await connect(t, url);
	const { socket, closed } = await connect(t, url);
	socket.send("this");
	t.is((await closed).code, 1011);
	t.is(errors[0]?.message, "no this");
	other.socket.send(Buffer.from("that"));
	t.deepEqual(await other.messages.next(), Buffer.from("that"));
});
