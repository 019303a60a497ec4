import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import test from "ava";
import { raw, type WebSocketOptions, webSocket } from "gev";
import {
	BINARY,
	CLOSE,
	CONTINUATION,
	frame,
	PING,
	readFrame,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { Recorder } from "../kit/recorder.js";
import { echo, serve } from "../kit/server.js";
import { openSocket, tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";
import { connect } from "../kit/ws-client.js";

/** A client from one of the addresses of the loopback network; resolves to false if it is closed instead of answered. */
function comesIn(
	port: number,
	sockets: Socket[],
	localAddress = "127.0.0.1",
): Promise<boolean> {
	const socket = openSocket(port, { localAddress });
	sockets.push(socket);
	// Who is closed at once may have been reset before it knows that it was connected.
	socket.write("?");
	return new Promise((resolve) => {
		socket.on("data", () => resolve(true));
		socket.on("close", () => resolve(false));
	});
}

for (const balance of ["kernel", "round-robin"] as const) {
	test(`maxConnections counts the connections of all loops: ${balance}`, async (t) => {
		const sockets: Socket[] = [];
		t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
		const { port, server } = await serve(t, echo, {
			protocol: raw(),
			loops: 4,
			balance,
			limits: { maxConnections: 10 },
		});
		for (let n = 0; n < 10; n++) t.true(await comesIn(port, sockets));
		for (let n = 0; n < 5; n++) t.false(await comesIn(port, sockets));
		t.is(server.connectionCount, 10);
		t.is(server.refusedCount, 5);
		for (const socket of sockets.splice(0, 3)) socket.destroy();
		await until(() => server.connectionCount === 7);
		for (let n = 0; n < 3; n++) t.true(await comesIn(port, sockets));
		t.false(await comesIn(port, sockets));
		t.is(server.refusedCount, 6);
	});
}

test("maxConnectionsPerAddress leaves room for other addresses", async (t) => {
	const sockets: Socket[] = [];
	t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
	const { port, server } = await serve(t, echo, {
		protocol: raw(),
		loops: 2,
		limits: { maxConnectionsPerAddress: 3 },
	});
	for (const address of ["127.0.0.2", "127.0.0.3"]) {
		for (let n = 0; n < 3; n++) {
			t.true(await comesIn(port, sockets, address));
		}
		t.false(await comesIn(port, sockets, address));
	}
	t.is(server.refusedCount, 2);
	sockets[0]?.destroy();
	await until(() => server.connectionCount === 5);
	t.true(await comesIn(port, sockets, "127.0.0.2"));
});

test("maxConnectionRatePerAddress counts those that have left too", async (t) => {
	const sockets: Socket[] = [];
	t.teardown(() => sockets.forEach((socket) => void socket.destroy()));
	const { port } = await serve(t, echo, {
		protocol: raw(),
		loops: 2,
		limits: { maxConnectionRatePerAddress: 5 },
	});
	const begin = performance.now();
	let came = 0;
	while (await comesIn(port, sockets, "127.0.0.2")) {
		came++;
		sockets.pop()?.destroy();
	}
	const seconds = Math.floor((performance.now() - begin) / 1000) + 1;
	t.true(came >= 5 && came <= 5 * seconds, `${came} in ${seconds} s`);
	t.true(await comesIn(port, sockets, "127.0.0.3"));
	// In the next second it may come again.
	let again = false;
	while (!again) again = await comesIn(port, sockets, "127.0.0.2");
	t.true(again);
});

test("maxMessagesPerSecond closes with 1008, behind what is within it", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: webSocket({ maxMessagesPerSecond: 50 }),
	});
	const client = await upgraded(t, port);
	await recorder.next("connect");
	// Fragments and pings are not messages of their own.
	const message = Buffer.concat([
		frame(TEXT, "frag", { fin: false }),
		frame(PING),
		frame(CONTINUATION, "ment", { fin: false }),
		frame(CONTINUATION, "ed"),
	]);
	const units = Array.from({ length: 200 }, (_, n) =>
		n % 2 === 0 ? message : frame(BINARY, "whole"),
	);
	client.write(Buffer.concat(units));
	let last = await readFrame(client);
	while (last.opcode !== CLOSE) last = await readFrame(client);
	t.is(last.payload.readUInt16BE(), 1008);
	client.socket.end();
	let received = 0;
	for (let call = await recorder.calls.next(); ; ) {
		if (call.name !== "message") break;
		t.is(String(call.message), received % 2 === 0 ? "fragmented" : "whole");
		received++;
		call = await recorder.calls.next();
		if (call.name === "close") {
			t.like(call.reason, { code: 1008, cause: "limit" });
		}
	}
	// All of one read belong to one moment.
	t.is(received, 50);
});

test("maxMessagesPerSecond lets those go on who keep to it", async (t) => {
	const { port } = await serve(t, echo, {
		protocol: webSocket({ maxMessagesPerSecond: 1000 }),
	});
	const client = await upgraded(t, port);
	for (let n = 0; n < 100; n++) {
		client.write(frame(TEXT, `${n}`));
		t.is(String((await readFrame(client)).payload), `${n}`);
	}
});

const MIB = 1024 * 1024;

for (const [what, options, most] of [
	["by default", {}, 16 * MIB],
	["that is compressed", { perMessageDeflate: true }, 16 * MIB],
	["of its own limit", { maxMessageBytes: 20 * MIB }, 20 * MIB],
] as [string, WebSocketOptions, number][]) {
	test(`the largest message that may come in can be sent back, behind others too: WebSocket, ${what}`, async (t) => {
		const { url } = await serve(
			t,
			{
				onMessage(connection, message) {
					// On top of what has just been sent.
					connection.send("here it comes");
					connection.send(Buffer.alloc(MIB / 2));
					return message;
				},
			},
			{ protocol: webSocket(options) },
		);
		const { socket, messages, closed } = await connect(t, url, {
			perMessageDeflate: options.perMessageDeflate === true,
		});
		// Ten bytes are for the header of its frame.
		for (const message of [randomBytes(most - 9), "x".repeat(most)]) {
			socket.send(message);
			const received = await Promise.race([messages.take(3), closed]);
			if (!Array.isArray(received)) return t.fail(`${message.length} bytes`);
			const [text, , echoed] = received;
			t.is(text, "here it comes");
			t.is(typeof echoed, typeof message);
			t.true(Buffer.from(echoed ?? "").equals(Buffer.from(message)));
		}
	});
}

test("what comes in can be sent back, behind something else too: raw", async (t) => {
	let longest = 0;
	const { port } = await serve(
		t,
		{
			onConnect(connection) {
				connection.send(Buffer.alloc(MIB / 2));
			},
			onMessage(_, message) {
				longest = Math.max(longest, message.length);
				return message;
			},
		},
		{ protocol: raw() },
	);
	const client = await tcp(t, port);
	const bytes = randomBytes(4 * MIB);
	client.socket.end(bytes);
	const received = await client.readToEnd();
	t.true(received.subarray(MIB / 2).equals(bytes));
	t.is(longest, 64 * 1024);
});
