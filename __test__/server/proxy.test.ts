import { subscribe, unsubscribe } from "node:diagnostics_channel";
import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	type Diagnostics,
	type Protocol,
	raw,
	type Server,
	type ServerOptions,
	webSocket,
} from "gev";
import { readFrame, UPGRADE } from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { socketPath } from "../kit/socket-path.js";
import { tcp } from "../kit/tcp-client.js";

/** The header of version 2 (section 2.2). */
function v2(command: number, family: number, ...parts: Uint8Array[]): Buffer {
	const rest = Buffer.concat(parts);
	const head = Buffer.from("\r\n\r\n\0\r\nQUIT\n????", "latin1");
	head[12] = 0x20 | command;
	head[13] = family;
	head.writeUInt16BE(rest.length, 14);
	return Buffer.concat([head, rest]);
}

const addresses4 = Buffer.from([192, 0, 2, 1, 192, 0, 2, 9, 0xdc, 4, 1, 0xbb]);
const addresses6 = Buffer.alloc(36);
addresses6.set([0x20, 0x01, 0x0d, 0xb8], 0);
addresses6.set([1, 2, 3, 4, 5], 31);

const headers: Record<string, [bytes: Uint8Array, client: string]> = {
	"version 1": [
		Buffer.from("PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n"),
		"192.0.2.1:56324 > 192.0.2.9:443",
	],
	"version 1, IPv6": [
		Buffer.from("PROXY TCP6 2001:db8::1 ::2 1 2\r\n"),
		"2001:db8::1:1 > ::2:2",
	],
	"version 2": [v2(1, 0x11, addresses4), "192.0.2.1:56324 > 192.0.2.9:443"],
	"version 2, IPv6": [v2(1, 0x21, addresses6), "2001:db8:::515 > ::1:1029"],
};

interface Scene {
	server: Server;
	port: number;
	connections: Queue<Connection>;
	entered: { count: number };
	refusals: Queue<Diagnostics["gev:refused"]>;
}

async function scene(
	t: ExecutionContext,
	protocol: Protocol,
	options: ServerOptions,
): Promise<Scene> {
	const connections = new Queue<Connection>();
	const entered = { count: 0 };
	const refusals = new Queue<Diagnostics["gev:refused"]>();
	const { server, port } = await serve(
		t,
		{
			onConnect(connection) {
				entered.count++;
				connections.push(connection);
			},
			onMessage: (_, message) => message,
		},
		{ protocol, ...options },
	);
	const note = (message: unknown) => {
		const refused = message as Diagnostics["gev:refused"];
		if (refused.server === server) refusals.push(refused);
	};
	subscribe("gev:refused", note);
	t.teardown(() => unsubscribe("gev:refused", note));
	return { server, port, connections, entered, refusals };
}

const shown = (it: Connection) =>
	`${it.remoteAddress}:${it.remotePort} > ${it.localAddress}:${it.localPort}`;

for (const mode of ["optional", "required"] as const) {
	for (const [title, [bytes, client]] of Object.entries(headers)) {
		test(`a header of ${title} that is ${mode} says whose raw connection it is`, async (t) => {
			const options = { proxyProtocol: mode };
			const { port, connections } = await scene(t, raw(), options);
			const whole = await tcp(t, port);
			whole.write(Buffer.concat([bytes, Buffer.from("hello")]));
			t.is(`${await whole.read(5)}`, "hello");
			t.is(shown(await connections.next()), client);
			const slow = await tcp(t, port);
			await slow.trickle(bytes);
			slow.write("hello");
			t.is(`${await slow.read(5)}`, "hello");
			t.is(shown(await connections.next()), client);
		});

		test(`a header of ${title} that is ${mode} says whose WebSocket it is`, async (t) => {
			const { port, connections } = await scene(t, webSocket(), {
				proxyProtocol: mode,
			});
			const socket = await tcp(t, port);
			socket.write(Buffer.concat([bytes, Buffer.from(UPGRADE)]));
			t.regex(await socket.readHead(), /^HTTP\/1.1 101 /);
			t.is(shown(await connections.next()), client);
		});
	}
}

test("TLVs are there for the handler, also when it is asked", async (t) => {
	const alpn = Buffer.from("\x01\0\x02h2\xea\0\x03vpc\x04\0\0", "latin1");
	const tlvs = [
		{ type: 1, value: Buffer.from("h2") },
		{ type: 0xea, value: Buffer.from("vpc") },
		{ type: 4, value: Buffer.alloc(0) },
	];
	const seen = new Queue<unknown>();
	const { port } = await serve(
		t,
		{
			onUpgrade({ remoteAddress, proxyTlvs }) {
				seen.push([remoteAddress, proxyTlvs]);
				return {};
			},
			onConnect({ remoteAddress, proxyTlvs }) {
				seen.push([remoteAddress, proxyTlvs]);
			},
		},
		{ proxyProtocol: "required" },
	);
	const client = await tcp(t, port);
	const header = v2(1, 0x11, addresses4, alpn);
	client.write(Buffer.concat([header, Buffer.from(UPGRADE)]));
	t.deepEqual(await seen.next(), ["192.0.2.1", tlvs]);
	t.deepEqual(await seen.next(), ["192.0.2.1", tlvs]);
});

test("without a header that is optional, and for a proxy's own connections, addresses are the socket's", async (t) => {
	const options = { proxyProtocol: "optional" } as const;
	const { port, connections } = await scene(t, raw(), options);
	for (const bytes of [
		"PROXY UNKNOWN\r\n",
		v2(0, 0),
		v2(1, 0x12, addresses4),
		"",
	]) {
		const client = await tcp(t, port);
		client.write(Buffer.concat([Buffer.from(bytes), Buffer.from("hello")]));
		t.is(`${await client.read(5)}`, "hello");
		const connection = await connections.next();
		t.is(connection.remoteAddress, "127.0.0.1");
		t.is(connection.remotePort, client.socket.localPort as number);
		t.deepEqual(connection.proxyTlvs, []);
	}
});

const wrong: Record<string, [bytes: Uint8Array | string, reason: RegExp]> = {
	"no header": ["GET / HTTP/1.1\r\n\r\n", /required, and there is none/],
	"a malformed line": ["PROXY TCP4 1.2.3.4\r\n", /malformed/],
	"a line without end": [`PROXY ${"x".repeat(200)}`, /longer than 107/],
	"another version": [v2(0x31, 0x11, addresses4).fill(0x31, 12, 13), /version/],
	"an unknown family": [v2(1, 0x41), /family/],
	"too short a header": [v2(1, 0x11, addresses4.subarray(1)), /shorter/],
	"a TLV that lies": [
		v2(1, 0x11, addresses4, Buffer.from([1, 0, 9])),
		/shorter/,
	],
	"too long a header": [v2(1, 0x11, Buffer.alloc(20_000)), /16 KiB/],
	"a wrong checksum": [
		v2(1, 0x11, addresses4, Buffer.from([3, 0, 4, 1, 2, 3, 4])),
		/checksum/,
	],
};

for (const [title, [bytes, reason]] of Object.entries(wrong)) {
	for (const protocol of [raw(), webSocket()]) {
		test(`${title} closes a connection of ${protocol.name} that needs one`, async (t) => {
			const options = { proxyProtocol: "required" } as const;
			const { port, entered, refusals } = await scene(t, protocol, options);
			const client = await tcp(t, port);
			client.write(bytes);
			t.is(`${await client.readToEnd()}`, "");
			client.socket.destroy();
			const refused = await refusals.next();
			t.regex(refused.reason, reason);
			t.is(refused.remoteAddress, "127.0.0.1");
			t.is(entered.count, 0);
		});
	}
}

test("a header has to come in time", async (t) => {
	const { port, refusals } = await scene(t, raw(), {
		proxyProtocol: "required",
		timeouts: { handshakeMs: 100 },
	});
	const client = await tcp(t, port);
	client.write("PROXY TCP4");
	t.is(`${await client.readToEnd()}`, "");
	t.is((await refusals.next()).reason, "no handshake in time");
});

test("who is not trusted is not heard, or comes in as it is", async (t) => {
	const trustedProxies = ["192.0.2.0/24"];
	const [header] = headers["version 1"] as [Buffer, string];
	const required = await scene(t, raw(), {
		proxyProtocol: "required",
		trustedProxies,
	});
	const refused = await tcp(t, required.port);
	refused.write(header);
	t.is(`${await refused.readToEnd()}`, "");
	refused.socket.destroy();
	t.regex((await required.refusals.next()).reason, /not trusted/);
	const optional = await scene(t, raw(), {
		proxyProtocol: "optional",
		trustedProxies,
	});
	const client = await tcp(t, optional.port);
	client.write(header);
	t.deepEqual(await client.read(header.length), header, "is a message");
	t.is((await optional.connections.next()).remoteAddress, "127.0.0.1");
});

test("the limits of connections count what the header says", async (t) => {
	const { server, port, connections, refusals } = await scene(t, raw(), {
		proxyProtocol: "required",
		limits: { maxConnectionsPerAddress: 1 },
	});
	const enter = async (ip: string) => {
		const client = await tcp(t, port);
		client.write(`PROXY TCP4 ${ip} 192.0.2.9 1 2\r\nhello`);
		return client;
	};
	const first = await enter("192.0.2.1");
	t.is(`${await first.read(5)}`, "hello");
	t.is(`${await (await enter("192.0.2.2")).read(5)}`, "hello");
	const refused = await enter("192.0.2.1");
	t.is(`${await refused.readToEnd()}`, "");
	refused.socket.destroy();
	const { reason, remoteAddress } = await refusals.next();
	t.regex(reason, /too many connections/);
	t.is(remoteAddress, "192.0.2.1");
	t.is(server.refusedCount, 1);
	first.socket.destroy();
	await connections.next();
	// The server has to see first that it is gone.
	for (let reply = ""; reply !== "hello"; ) {
		const again = await enter("192.0.2.1");
		reply = `${await again.read(5).catch(() => "")}`;
		again.socket.destroy();
	}
});

(process.platform === "win32" ? test.skip : test)(
	"who connects to a unix socket is trusted",
	async (t) => {
		const path = socketPath();
		const seen = new Queue<string>();
		await serve(
			t,
			{ onConnect: (connection) => void seen.push(shown(connection)) },
			{
				host: undefined,
				path,
				protocol: raw(),
				proxyProtocol: "required",
				trustedProxies: [],
			},
		);
		const { connect } = await import("node:net");
		const socket = connect({ path });
		t.teardown(() => socket.destroy());
		socket.write("PROXY TCP4 192.0.2.1 192.0.2.9 1 2\r\n");
		t.is(await seen.next(), "192.0.2.1:1 > 192.0.2.9:2");
	},
);

test("a peer's pings and messages behind a header are as ever", async (t) => {
	const { port } = await scene(t, webSocket(), { proxyProtocol: "optional" });
	const client = await tcp(t, port);
	const [header] = headers["version 2"] as [Buffer, string];
	const masked = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]);
	client.write(Buffer.concat([header, Buffer.from(UPGRADE), masked]));
	await client.readHead();
	t.is(`${(await readFrame(client)).payload}`, "hi");
});
