import { setImmediate as nextTurn } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { raw, webSocket } from "gev";
import * as undici from "undici";
import WebSocket from "ws";
import { Queue } from "../kit/queue.js";
import { Random, seed } from "../kit/random.js";
import {
	echo,
	type PlainName,
	protocols,
	type Started,
	serve,
} from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

const MiB = 1024 * 1024;

/** Either side of where the length of a frame takes another form, among others. */
const sizes = [0, 1, 125, 126, 65_535, 65_536, MiB];

/** Messages of exactly `size` bytes in UTF-8, with a content that shows when a piece is lost or in another place. */
const kinds: Record<string, (size: number) => string | Buffer> = {
	"ASCII text": (size) => text(counted(" "), size),
	"multi-byte text": (size) => text(counted("é€👋"), size),
	"binary data": (size) =>
		Buffer.alloc(
			size,
			Buffer.from(Uint16Array.from({ length: 9973 }, (_, at) => at * 7).buffer),
		),
};

function counted(separator: string): string {
	return Array.from({ length: 2000 }, (_, at) => separator + at).join("");
}

/** `unit` again and again. */
function text(unit: string, size: number): string {
	const whole = Buffer.alloc(size, unit).toString();
	// The last character may have been cut.
	const valid = whole.endsWith("\ufffd") ? whole.slice(0, -1) : whole;
	return valid + "x".repeat(size - Buffer.byteLength(valid));
}

/** Whether kind and content are the same: what differs here is too long for a report. */
function isSame(sent: string | Buffer, received: string | Buffer): boolean {
	if (typeof sent === "string") return sent === received;
	return typeof received !== "string" && sent.equals(received);
}

/** Sends one message in frames that end at these places, and in one more to the end. */
function sendInFragments(
	socket: WebSocket,
	message: string | Buffer,
	cuts: number[],
): void {
	const bytes = Buffer.from(message);
	const binary = typeof message !== "string";
	let from = 0;
	for (const to of cuts) {
		socket.send(bytes.subarray(from, to), { binary, fin: false });
		from = to;
	}
	socket.send(bytes.subarray(from), { binary, fin: true });
}

/** Places that cut `length` bytes into so many pieces, the last ones of which may be empty. */
function cutsInto(pieces: number, length: number): number[] {
	const step = Math.ceil(length / pieces);
	return Array.from({ length: pieces - 1 }, (_, at) =>
		Math.min((at + 1) * step, length),
	);
}

for (const [kind, create] of Object.entries(kinds)) {
	test(`${kind} comes back as it was sent, whole or in fragments`, async (t) => {
		const { url } = await serve(t, echo);
		const { socket, messages } = await connect(t, url);
		for (const size of sizes) {
			const message = create(size);
			for (const pieces of [1, 2, 7, 100]) {
				sendInFragments(socket, message, cutsInto(pieces, size));
				const received = await messages.next();
				t.true(isSame(message, received), `${size} bytes, ${pieces} frames`);
			}
		}
		t.is(messages.size, 0);
	});

	test.serial(
		`64 MiB of ${kind} come back as they were sent, whole and in fragments`,
		async (t) => {
			const size = 64 * MiB;
			const { url } = await serve(t, echo, {
				protocol: webSocket({ maxMessageBytes: size }),
				flow: { maxBufferedBytes: 2 * size },
			});
			const { socket, messages } = await connect(t, url);
			const message = create(size);
			for (const pieces of [1, 50]) {
				sendInFragments(socket, message, cutsInto(pieces, size));
				t.true(isSame(message, await messages.next()), `${pieces} frames`);
			}
		},
	);
}

/** Clients by other authors, used as in a browser. */
const clients: Record<string, typeof undici.WebSocket> = {
	ws: WebSocket as unknown as typeof undici.WebSocket,
	undici: undici.WebSocket,
};
if ("WebSocket" in globalThis) {
	clients["the runtime"] = globalThis.WebSocket as typeof undici.WebSocket;
}
for (const [name, Client] of Object.entries(clients)) {
	test(`the client of ${name} gets back what it sends, and its goodbye is answered`, async (t) => {
		const { url } = await serve(t, echo);
		const socket = new Client(url);
		socket.binaryType = "arraybuffer";
		const messages = new Queue<string | Buffer>();
		socket.addEventListener("message", ({ data }) =>
			messages.push(typeof data === "string" ? data : Buffer.from(data)),
		);
		const closed = new Promise<undici.CloseEvent>((resolve) =>
			socket.addEventListener("close", resolve),
		);
		await new Promise((resolve, reject) => {
			socket.addEventListener("open", resolve);
			socket.addEventListener("error", reject);
		});
		t.is(socket.extensions, "");
		const sent = Object.values(kinds).flatMap((create) => sizes.map(create));
		for (const message of sent) socket.send(message);
		for (const [index, message] of sent.entries()) {
			t.true(isSame(message, await messages.next()), `message ${index}`);
		}
		socket.close(4000, "grün");
		t.like(await closed, { code: 4000, wasClean: true });
		t.is(messages.size, 0);
	});
}

/** Bytes and characters of which random messages are pieces. */
const random = new Random(seed);
const pool = Buffer.from(
	Uint32Array.from({ length: MiB / 2 }, () => random.below(2 ** 32)).buffer,
);
const poolText = pool.toString("latin1");

/** A random message of up to 1 MiB. */
function randomMessage(random: Random): string | Buffer {
	const isText = random.below(2) === 0;
	// Characters of the text have one or two bytes.
	const length = random.size(isText ? MiB / 2 : MiB);
	const at = random.below(pool.length - length);
	const from: string | Buffer = isText ? poolText : pool;
	return from instanceof Buffer
		? from.subarray(at, at + length)
		: from.slice(at, at + length);
}

/** What a client sends that gets random messages back over WebSocket. */
async function exchangeMessages(
	t: ExecutionContext,
	{ url }: { url: string },
	random: Random,
): Promise<boolean[]> {
	const { socket, messages, closed } = await connect(t, url);
	const sent = Array.from({ length: 10 }, () => randomMessage(random));
	for (const message of sent) {
		const { length } = Buffer.from(message);
		const cuts = Array.from({ length: random.below(4) }, () =>
			random.below(length + 1),
		);
		sendInFragments(socket, message, cuts.sort(byNumber));
	}
	const same: boolean[] = [];
	for (const message of sent) {
		same.push(isSame(message, await messages.next()));
	}
	socket.close(1000);
	same.push((await closed).code === 1000 && messages.size === 0);
	return same;
}

function byNumber(one: number, other: number): number {
	return one - other;
}

/** The same over raw TCP, where the messages become one stream. */
async function exchangeBytes(
	t: ExecutionContext,
	{ port }: { port: number },
	random: Random,
): Promise<boolean[]> {
	const client = await tcp(t, port);
	const sent = Array.from({ length: 10 }, () =>
		Buffer.from(randomMessage(random)),
	);
	for (const bytes of sent) client.write(bytes);
	client.socket.end();
	return [Buffer.concat(sent).equals(await client.readToEnd())];
}

const exchanges = { websocket: exchangeMessages, raw: exchangeBytes };
for (const [name, protocol] of Object.entries(protocols)) {
	test(`100 ${name} clients of two loops get back random messages (seed ${seed})`, async (t) => {
		const loops = new Set<number>();
		const started = await serve(
			t,
			{ ...echo, onConnect: ({ loopIndex }) => void loops.add(loopIndex) },
			{ protocol: protocol(), loops: 2, balance: "round-robin" },
		);
		const exchange = exchanges[name as keyof typeof protocols];
		await Promise.all(
			Array.from({ length: 100 }, async (_, index) => {
				const same = await exchange(t, started, new Random(seed + index));
				t.deepEqual(same, Array(same.length).fill(true), `client ${index}`);
			}),
		);
		t.is(loops.size, 2);
	});
}

/** A client of either protocol, as a function that sends a question and returns what comes back. */
async function asker(
	t: ExecutionContext,
	protocol: PlainName,
	{ port, url }: Started<unknown>,
): Promise<(question: string) => Promise<string>> {
	if (protocol === "raw") {
		const client = await tcp(t, port);
		return async (question) => {
			client.write(question);
			return String(await client.read(question.length));
		};
	}
	const { socket, messages } = await connect(t, url);
	return async (question) => {
		socket.send(question);
		return String(await messages.next());
	};
}

for (const [name, protocol] of Object.entries(protocols)) {
	test(`1,000 ${name} connections are open at once and all of them echo`, async (t) => {
		let closes = 0;
		const started = await serve(
			t,
			{ ...echo, onClose: () => void closes++ },
			{ protocol: protocol(), loops: 2 },
		);
		const { server } = started;
		const clients = await Promise.all(
			Array.from({ length: 1000 }, () => asker(t, protocol().name, started)),
		);
		await until(() => server.connectionCount === clients.length);
		for (const round of ["first", "second", "third"]) {
			const questions = clients.map((_, index) => `${round} of ${index}`);
			const answers = await Promise.all(
				clients.map((ask, index) => ask(questions[index] as string)),
			);
			t.deepEqual(answers, questions);
		}
		t.is(server.connectionCount, clients.length);
		t.is(closes, 0);
	});

	test(`borrow: true echoes over ${name}, out of memory that is not the handler's`, async (t) => {
		const borrowed: boolean[] = [];
		const { port, url } = await serve(
			t,
			{
				onMessage(_, message) {
					if (message instanceof Buffer && message.length < 1000) {
						borrowed.push(message.buffer instanceof SharedArrayBuffer);
					}
					return message;
				},
			},
			{
				protocol: protocol(),
				borrow: true,
				eventLoop: { queueBytes: 256 * 1024 },
				flow: { maxBufferedBytes: 2 ** 30 },
			},
		);
		const count = 2000;
		const sent = Array.from({ length: count }, (_, index) =>
			Buffer.alloc(
				index % 100 === 99 ? 3000 * (index % 300) : 1 + (index % 600),
				`${index} `,
			),
		);
		if (protocol().name === "raw") {
			const client = await tcp(t, port);
			// One by one, as a handler would get messages that come close together in one piece.
			for (const bytes of sent.slice(0, 200)) {
				client.write(bytes);
				t.true(bytes.equals(await client.read(bytes.length)));
			}
			for (const bytes of sent) client.write(bytes);
			client.socket.end();
			t.true(Buffer.concat(sent).equals(await client.readToEnd()));
		} else {
			const { socket, messages } = await connect(t, url);
			for (const bytes of sent) socket.send(bytes);
			for (const [index, bytes] of sent.entries()) {
				t.true(isSame(bytes, await messages.next()), `message ${index}`);
			}
		}
		t.true(borrowed.length > 0);
		t.true(borrowed.every(Boolean));
	});
}

test(`messages that a handler keeps stay what they were, whatever comes after them (seed ${seed})`, async (t) => {
	const kept: (string | Buffer)[] = [];
	const { url } = await serve(
		t,
		{
			async onMessage(_, message) {
				kept.push(message);
				await nextTurn();
				return message;
			},
		},
		{
			eventLoop: { queueBytes: 256 * 1024 },
			flow: { maxBufferedBytes: 2 ** 30 },
		},
	);
	const { socket, messages } = await connect(t, url);
	const random = new Random(seed);
	const sent = Array.from({ length: 200 }, () => randomMessage(random));
	for (const message of sent) socket.send(message);
	for (const [index, message] of sent.entries()) {
		t.true(isSame(message, await messages.next()), `message ${index}`);
	}
	t.true(
		sent.every((message, index) => isSame(message, kept[index] as Buffer)),
	);
});

test("messages that are sent in ticks of their own arrive without a gap", async (t) => {
	const count = 500_000;
	const batch = 100;
	const bytes = Buffer.alloc(4);
	const { port } = await serve(
		t,
		{
			onConnect(connection) {
				let next = 0;
				const send = () => {
					bytes.writeUInt32LE(next++);
					connection.send(bytes);
					if (next === count) connection.close();
					else if (next % batch === 0) setImmediate(send);
					else process.nextTick(send);
				};
				send();
			},
		},
		{ protocol: raw(), flow: { maxBufferedBytes: 2 ** 30 } },
	);
	const client = await tcp(t, port);
	for (let first = 0; first < count; first += batch) {
		const numbers = Uint32Array.from({ length: batch }, (_, at) => first + at);
		const received = await client.read(batch * bytes.length);
		if (!received.equals(Buffer.from(numbers.buffer))) {
			return t.fail(`not all from ${first} on`);
		}
	}
	t.is((await client.readToEnd()).length, 0);
});
