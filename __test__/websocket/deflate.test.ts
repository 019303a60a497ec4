import test from "ava";
import { type Connection, type DeflateOptions, webSocket } from "gev";
import type { PerMessageDeflateOptions } from "ws";
import {
	BINARY,
	CONTINUATION,
	frame,
	readClose,
	readFrame,
	UPGRADE,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { Recorder } from "../kit/recorder.js";
import { echo, serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

const json = JSON.stringify(
	Array.from({ length: 200 }, (_, id) => ({
		id,
		name: `user ${id}`,
		on: true,
	})),
);

const clients: Record<string, PerMessageDeflateOptions> = {
	defaults: { threshold: 0 },
	"no context": {
		threshold: 0,
		serverNoContextTakeover: true,
		clientNoContextTakeover: true,
	},
	"small windows": {
		threshold: 0,
		serverMaxWindowBits: 9,
		clientMaxWindowBits: 9,
	},
};
const servers: Record<string, DeflateOptions | true> = {
	defaults: true,
	shared: { threshold: 0, level: 9 },
	dedicated: { mode: "dedicated", threshold: 0 },
	"dedicated with small windows": {
		mode: "dedicated",
		threshold: 0,
		serverMaxWindowBits: 10,
		clientMaxWindowBits: 10,
		memLevel: 3,
	},
	"dedicated, no context": {
		mode: "dedicated",
		threshold: 0,
		serverNoContextTakeover: true,
		clientNoContextTakeover: true,
	},
	"dedicated without budget": { mode: "dedicated", memoryBudgetBytes: 0 },
};
for (const [server, perMessageDeflate] of Object.entries(servers)) {
	for (const [client, options] of Object.entries(clients)) {
		test(`compressed messages pass: server ${server}, client ${client}`, async (t) => {
			const connections = new Queue<Connection>();
			const { url } = await serve(
				t,
				{ ...echo, onConnect: (connection) => connections.push(connection) },
				{ protocol: webSocket({ perMessageDeflate }), loops: 2 },
			);
			const { socket, messages } = await connect(t, url, {
				perMessageDeflate: options,
			});
			t.is(socket.extensions, "permessage-deflate");
			const { extensions } = await connections.next();
			t.regex(extensions, /^permessage-deflate/);
			const noContext =
				client === "no context" ||
				!server.startsWith("dedicated") ||
				server.endsWith("no context") ||
				server.endsWith("without budget");
			t.is(extensions.includes("server_no_context_takeover"), noContext);
			const sent = [
				"",
				"a",
				json,
				json,
				"é".repeat(100_000),
				Buffer.alloc(0),
				Buffer.from(json),
				Buffer.alloc(3_000_000, 7),
			];
			for (const message of sent) {
				socket.send(message);
				const received = await messages.next();
				t.is(typeof received, typeof message);
				t.true(Buffer.from(received).equals(Buffer.from(message)));
			}
			for (const fin of [false, false, true]) socket.send(json, { fin });
			t.is(await messages.next(), json + json + json);
		});
	}
}

test("nothing is compressed for clients that do not offer it, or by servers that do not", async (t) => {
	const on = await serve(t, echo, {
		protocol: webSocket({ perMessageDeflate: true }),
	});
	const off = await serve(t, echo);
	for (const [url, perMessageDeflate] of [
		[on.url, false],
		[off.url, true],
	] as const) {
		const { socket, messages } = await connect(t, url, { perMessageDeflate });
		t.is(socket.extensions, "");
		socket.send(json);
		t.is(await messages.next(), json);
	}
});

test("send() decides about compression, otherwise threshold does", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: webSocket({ perMessageDeflate: { threshold: 100 } }),
	});
	const client = await tcp(t, port);
	client.write(
		UPGRADE.replace(
			"\r\n\r\n",
			"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		),
	);
	t.regex(
		await client.readHead(),
		/Sec-WebSocket-Extensions: permessage-deflate;/,
	);
	const { connection } = await recorder.next("connect");
	for (const [length, compress, expected] of [
		[99, undefined, false],
		[100, undefined, true],
		[5, true, true],
		[1000, false, false],
	] as const) {
		const options = compress === undefined ? undefined : { compress };
		connection.send("x".repeat(length), options);
		const { payload } = await readFrame(client);
		t.is(String(payload) !== "x".repeat(length), expected, `${length}`);
	}
});

test("a bomb is found before it goes off", async (t) => {
	const recorder = new Recorder();
	const { url, port } = await serve(t, recorder, {
		protocol: webSocket({
			perMessageDeflate: true,
			maxMessageBytes: 1_000_000,
		}),
	});
	const { socket, closed } = await connect(t, url, {
		perMessageDeflate: { threshold: 0 },
	});
	await recorder.next("connect");
	socket.send(Buffer.alloc(1_000_000));
	t.is(((await recorder.next("message")).message as Buffer).length, 1_000_000);
	socket.send(Buffer.alloc(200_000_000));
	t.is((await closed).code, 1009);
	const { reason } = await recorder.next("close");
	t.deepEqual([reason.code, reason.cause], [1009, "limit"]);
	// What is not compressed data at all.
	const client = await tcp(t, port);
	client.write(
		UPGRADE.replace(
			"\r\n\r\n",
			"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		),
	);
	await client.readHead();
	client.write(frame(BINARY, Buffer.alloc(9, 0xff), { rsv: 4 }));
	t.is((await readClose(client)).code, 1007);
	client.socket.end();
	await recorder.next("connect");
	t.is((await recorder.next("close")).reason.code, 1007);
});

test("the reserved bit without compression, or on a continuation, is an error", async (t) => {
	const recorder = new Recorder();
	const { port } = await serve(t, recorder, {
		protocol: webSocket({ perMessageDeflate: true }),
	});
	const plain = await tcp(t, port);
	plain.write(UPGRADE);
	await plain.readHead();
	plain.write(frame(BINARY, "x", { rsv: 4 }));
	t.is((await readClose(plain)).code, 1002);
	const compressed = await tcp(t, port);
	compressed.write(
		UPGRADE.replace(
			"\r\n\r\n",
			"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
		),
	);
	await compressed.readHead();
	compressed.write(frame(BINARY, "x", { fin: false }));
	compressed.write(frame(CONTINUATION, "x", { rsv: 4 }));
	t.is((await readClose(compressed)).code, 1002);
});
