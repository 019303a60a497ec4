import { connect as dial } from "node:net";
import { gzipSync } from "node:zlib";
import test, { type ExecutionContext } from "ava";
import {
	type Connection,
	raw,
	type Server,
	type ServerOptions,
	webSocket,
} from "gev";
import { internals } from "../kit/internals.js";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

/** What the live page is told: it shows no more than that. */
interface Report {
	connections: { open: number };
	live: {
		closes: { peer: string; cause: string; code: number; text: string }[];
		causes: Record<string, number[]>;
		failures: [string, number][];
		top: Record<"buffered" | "rate" | "age", Row[]> & { looked: number };
		tap: boolean;
		options: [string, string, string?][];
	};
}

interface Row {
	id: string;
	peer: string;
	buffered: number;
	rate: number;
	ageMs: number;
}

interface Heard {
	id: string;
	leftMs: number;
	count: number;
	messages: { number: number; way: string; kind: string; text: string }[];
}

function addressOf(server: Server): string {
	const { address, port } = server.metricsAddress as {
		address: string;
		port: number;
	};
	return `http://${address}:${port}`;
}

async function ask<Answer>(server: Server, path: string): Promise<Answer> {
	const response = await fetch(addressOf(server) + path);
	if (!response.ok) throw new Error(`status ${response.status}`);
	return (await response.json()) as Answer;
}

const look = (server: Server) => ask<Report>(server, "/live");

/** An echo with the live page, and its connections as they come and go. */
async function watched(t: ExecutionContext, options: ServerOptions = {}) {
	const opened = new Queue<Connection>();
	const closed = new Queue<Connection>();
	const { server, port, url } = await serve(
		t,
		{
			onConnect: (connection) => opened.push(connection),
			onMessage: (_connection, message) => message,
			onClose: (connection) => closed.push(connection),
		},
		{ metrics: {}, ...options },
	);
	return { server, port, url, opened, closed };
}

test("the page is whole by itself, small, and may run nothing but its own script", async (t) => {
	const { server } = await watched(t);
	const response = await fetch(`${addressOf(server)}/`);
	t.is(response.status, 200);
	t.is(response.headers.get("content-type"), "text/html; charset=utf-8");
	const policy = response.headers.get("content-security-policy") ?? "";
	t.regex(policy, /^default-src 'none'; script-src 'sha256-\S+'; style-src /);
	t.notRegex(policy, /unsafe/);
	const page = await response.text();
	t.notRegex(page, /\b(?:src|href)="(?!data:)|https?:\/\/(?!www\.w3\.org)/);
	t.true(gzipSync(page, { level: 9 }).length < 6000);
});

test("the page comes without a token, and what it shows does not", async (t) => {
	const { server } = await watched(t, { metrics: { token: "secret" } });
	t.is((await fetch(`${addressOf(server)}/`)).status, 200);
	t.is((await fetch(`${addressOf(server)}/live`)).status, 401);
	const headers = { authorization: "Bearer secret" };
	const response = await fetch(`${addressOf(server)}/live`, { headers });
	const text = await response.text();
	t.notRegex(text, /secret/);
	t.regex(text, /\["metrics\.token","set","none"\]/);
});

test("a page of a stranger is told nothing", async (t) => {
	const { server } = await watched(t);
	const headers = { origin: "http://example.com" };
	for (const path of ["/", "/live"]) {
		const response = await fetch(addressOf(server) + path, { headers });
		t.is(response.status, 403);
	}
});

test("it is told of closes by cause, and of the last ones", async (t) => {
	const { server, url, closed } = await watched(t);
	for (let count = 0; count < 3; count++) {
		const { socket } = await connect(t, url);
		socket.close(4000, `enough ${count}`);
		await closed.next();
	}
	const { live } = await look(server);
	t.deepEqual(
		live.closes.map(({ cause, code, text }) => [cause, code, text]),
		[2, 1, 0].map((count) => ["peer", 4000, `enough ${count}`]),
	);
	const sum = live.causes.peer?.reduce((all, count) => all + count, 0);
	t.is(sum, 3);
	t.deepEqual(Object.keys(live.causes), ["peer"]);
});

test("no more than the last hundred closes are kept", async (t) => {
	const { server, port, closed } = await watched(t, { protocol: raw() });
	for (let count = 0; count < 120; count++) {
		dial(port, "127.0.0.1")
			.on("error", () => {})
			.resume()
			.end();
		await closed.next();
	}
	t.is((await look(server)).live.closes.length, 100);
});

test("it is told of failed handshakes by reason", async (t) => {
	const { server, port } = await watched(t, { protocol: webSocket() });
	for (const text of ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "\x16\x03\x01"]) {
		for (let count = 0; count < 2; count++) {
			const client = await tcp(t, port);
			client.write(text);
			await client.readToEnd();
			client.socket.destroy();
		}
	}
	const { failures } = (await look(server)).live;
	t.deepEqual(
		failures.map(([key, count]) => [key.slice(0, 3), count]),
		[
			["426", 2],
			["400", 2],
		],
	);
});

test("it is told which connections are on top", async (t) => {
	const { server, url, port, opened } = await watched(t);
	const { socket, messages } = await connect(t, url);
	const first = await opened.next();
	for (let count = 0; count < 24; count++) await connect(t, url);
	await look(server);
	for (let count = 0; count < 10; count++) {
		socket.send("x".repeat(1000));
		await messages.next();
	}
	const { live, connections } = await look(server);
	t.is(connections.open, 25);
	const { looked, buffered, rate, age } = live.top;
	t.is(looked, 25);
	t.deepEqual([buffered.length, rate.length, age.length], [20, 20, 20]);
	const peer = `127.0.0.1 ${first.remotePort}`;
	t.is(rate[0]?.peer, peer);
	t.true((rate[0]?.rate ?? 0) > 0);
	t.is(rate[1]?.rate, 0);
	t.is(age[0]?.peer, peer);
	t.true((age[0]?.ageMs ?? 0) >= (age[19]?.ageMs ?? 0));

	// Half a message is held for one that has not sent the rest.
	const half = await tcp(t, port);
	half.write("POST / HTTP/1.1\r\n");
	first.send(Buffer.alloc(3_000_000));
	t.is((await look(server)).live.top.buffered[0]?.peer, peer);
});

test("it is told which options are not the defaults", async (t) => {
	const { server } = await watched(t, {
		limits: { maxConnections: 2000 },
		timeouts: { idleMs: 5000 },
	});
	const { options } = (await look(server)).live;
	const changed = options.filter(([, , fallback]) => fallback !== undefined);
	const names = changed.map(([name]) => name);
	t.true(names.includes("limits.maxConnections"));
	t.deepEqual(
		changed.find(([name]) => name === "limits.maxConnections"),
		["limits.maxConnections", "2,000", "65,536"],
	);
	t.true(names.includes("timeouts.idleMs.all"));
	t.false(names.includes("limits.maxConnectionsPerAddress"));
});

test("a tap listens to one connection, both ways, and shows beginnings", async (t) => {
	const { server, url, opened } = await watched(t, { metrics: { tap: true } });
	const one = await connect(t, url);
	const other = await connect(t, url);
	const { remotePort } = await opened.next();
	const { live } = await look(server);
	t.true(live.tap);
	const row = live.top.age.find(({ peer }) => peer.endsWith(` ${remotePort}`));
	const id = row?.id;
	const hear = (after: number) =>
		ask<Heard>(server, `/live?tap=${id}&after=${after}`);
	t.like(await hear(0), { id, count: 0, messages: [] });
	for (const message of ["hello", Buffer.from([0, 255]), "x".repeat(1000)]) {
		one.socket.send(message);
		t.deepEqual(await one.messages.next(), message);
		other.socket.send("not heard");
		await other.messages.next();
	}
	const heard = await hear(0);
	t.true(heard.leftMs > 0 && heard.leftMs <= 30_000);
	t.is(heard.count, 6);
	t.deepEqual(
		heard.messages.map(({ way, kind, text }) => [way, kind, text]),
		[
			["in", "text", "hello"],
			["out", "text", "hello"],
			["in", "bytes", "00ff"],
			["out", "bytes", "00ff"],
			["in", "text", "x".repeat(256)],
			["out", "text", "x".repeat(256)],
		],
	);
	t.is((await hear(4)).messages.length, 2);

	for (let count = 0; count < 200; count++) {
		one.socket.send(String(count));
		await one.messages.next();
	}
	const many = await hear(6);
	t.is(many.count, 406);
	t.true(many.messages.length <= 200);
	one.socket.close();
	await one.closed;
	other.socket.send("still there");
	t.is(await other.messages.next(), "still there");
});

test("there is no tap unless it is asked for", async (t) => {
	const { server, url } = await watched(t);
	await connect(t, url);
	const { live } = await look(server);
	t.false(live.tap);
	const id = live.top.age[0]?.id;
	const response = await fetch(`${addressOf(server)}/live?tap=${id}&after=0`);
	t.is(response.status, 404);
});

test("a look costs the same however many connections there are", (t) => {
	const { Top } = internals(["Top"]) as {
		Top: new (loops: () => object[], journal: object) => { look(): Looked };
	};
	interface Looked {
		looked: number;
		age: { peer: string }[];
	}
	let reads = 0;
	const loops = [0, 1].map((index) => ({
		index,
		gauge: () => 0,
		connections: Array.from({ length: 50_000 }, (_, slot) => ({
			slot,
			generation: 1,
			held: slot,
			face: { remoteAddress: "10.0.0.1", remotePort: slot },
			loop: { index, gauge: () => 0 },
			get isThere() {
				reads++;
				return true;
			},
		})),
	}));
	const top = new Top(() => loops, { ageOf: () => 0 });
	for (let looks = 0; looks < 100; looks++) {
		reads = 0;
		const { looked } = top.look();
		t.true(looked <= 2060);
		t.true(reads <= 2060);
	}
	// After so many it has seen all of them, and has kept the largest.
	const { buffered } = top.look() as unknown as { buffered: Row[] };
	t.is(buffered[0]?.buffered, 49_999);
	t.is(buffered[1]?.buffered, 49_999);
});
