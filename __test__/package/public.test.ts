import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFile } from "node:fs/promises";
import test from "ava";
import * as gev from "gev";
import {
	custom,
	frames,
	type HttpRequest,
	jsonStream,
	raw,
	Server,
	webSocket,
} from "gev";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { connect } from "../kit/ws-client.js";

/** What users get of this package has the members that its types have, and no others: what is internal cannot be reached. */

const types = await readFile(
	new URL("../../../index.d.cts", import.meta.url),
	"utf8",
);

test("a server has the members that are documented", (t) => {
	t.deepEqual(membersOf(new Server({})), documented("Server"));
});

test("a server that runs has them, and so does one that stops", async (t) => {
	const { server } = await serve(t, {}, { protocol: webSocket() });
	t.deepEqual(membersOf(server), documented("Server"));
	const stopped = server.stop();
	t.deepEqual(membersOf(server), documented("Server"));
	await stopped;
	t.deepEqual(membersOf(server), documented("Server"));
});

test("a connection has the members that are documented, from its first call to its last", async (t) => {
	const seen = new Queue<string[]>();
	const note = (connection: gev.Connection) => {
		seen.push(membersOf(connection));
		seen.push(membersOf([...server.connections()][0] ?? connection));
	};
	const { server, url } = await serve(
		t,
		{
			onConnect: note,
			onMessage(connection) {
				connection.set("key", "value");
				connection.pause();
				connection.send("back", () => {});
				note(connection);
				connection.resume();
			},
			onClose: note,
		},
		{ protocol: webSocket() },
	);
	const { socket } = await connect(t, url);
	socket.send("there");
	for (let i = 0; i < 4; i++) {
		t.deepEqual(await seen.next(), documented("Connection"));
	}
	socket.close();
	for (let i = 0; i < 2; i++) {
		t.deepEqual(await seen.next(), documented("Connection"));
	}
});

test("a request and its headers have the members that are documented", async (t) => {
	const requests = new Queue<HttpRequest>();
	const { url } = await serve(
		t,
		{
			onUpgrade(request) {
				requests.push(request);
			},
		},
		{ protocol: webSocket() },
	);
	await connect(t, url);
	const request = await requests.next();
	t.deepEqual(membersOf(request), documented("HttpRequest"));
	t.deepEqual(
		membersOf(request.headers),
		[...documented("RequestHeaders"), "Symbol(Symbol.iterator)"].sort(),
	);
});

test("a timer, a protocol and an error have the members that are documented", (t) => {
	const server = new Server({});
	const timers = [
		server.runAfter(1000, () => {}),
		server.runEvery(1000, () => {}),
	];
	for (const timer of timers) {
		t.deepEqual(membersOf(timer), documented("Timer"));
		timer.stop();
	}
	const own = custom<number>({
		unpack: (_, buffer) => buffer.readByte(),
		pack: (_, data) => data,
	});
	for (const protocol of [webSocket(), webSocket({ page: "p" })]) {
		t.deepEqual(membersOf(protocol), documented("Protocol"));
	}
	for (const protocol of [raw(), jsonStream(), frames({ end: 0 }), own]) {
		const members = ["Protocol", "StreamProtocol"].flatMap(documented);
		t.deepEqual(membersOf(protocol), members.sort());
		t.deepEqual(membersOf(protocol.decoder()), documented("Decoder"));
	}
	const error = new gev.GevError("ERR_GEV_DATA", "text");
	const inherited = Object.getOwnPropertyNames(new Error("text"));
	t.deepEqual(
		membersOf(error).filter((name) => !inherited.includes(name)),
		documented("GevError"),
	);
});

test("a ring buffer has the members that are documented, also that of a connection", async (t) => {
	t.deepEqual(membersOf(new gev.RingBuffer()), documented("RingBuffer"));
	const seen = new Queue<object[]>();
	const protocol = custom<number>({
		unpack(connection, buffer) {
			seen.push([connection, buffer]);
			return buffer.readByte();
		},
		pack: (_, data) => data,
	});
	const server = new Server(
		{ onMessage: () => "." },
		{ host: "127.0.0.1", port: 0, protocol },
	);
	t.teardown(() => server.stop({ timeoutMs: 1000 }));
	const { port } = await server.start();
	(await tcp(t, port)).write("a");
	const [connection, buffer] = (await seen.next()) as [object, object];
	t.deepEqual(membersOf(connection), documented("Connection"));
	t.deepEqual(membersOf(buffer), documented("RingBuffer"));
});

test("what only has the looks of a protocol is none", (t) => {
	const made = Reflect.construct(gev.Protocol, ["raw", {}]) as gev.Protocol;
	const copied = { ...raw() } as gev.Protocol;
	for (const protocol of [made, copied, Object.create(raw())]) {
		t.throws(() => new Server({}, { protocol }), { code: "ERR_GEV_OPTION" });
	}
});

test("whether a connection is there can be read, and not be written", async (t) => {
	const connections = new Queue<gev.Connection>();
	const { url } = await serve(
		t,
		{ onConnect: (connection) => connections.push(connection) },
		{ protocol: webSocket() },
	);
	await connect(t, url);
	const connection = await connections.next();
	t.throws(() => Object.assign(connection, { connected: false }), {
		instanceOf: TypeError,
	});
	t.true(connection.connected);
});

test("who watches gets the server and the connection that users have", async (t) => {
	const opened = new Queue<gev.Diagnostics["gev:open"]>();
	const watch = (message: unknown) =>
		opened.push(message as gev.Diagnostics["gev:open"]);
	subscribe("gev:open", watch);
	t.teardown(() => unsubscribe("gev:open", watch));
	const { server, url } = await serve(t, {}, { protocol: webSocket() });
	await connect(t, url);
	for (;;) {
		const message = await opened.next();
		if (message.server !== server) continue;
		t.deepEqual(membersOf(message.connection), documented("Connection"));
		break;
	}
});

/** What is reachable by name on a value: its own properties and those of its classes, private ones aside. */
function membersOf(value: object): string[] {
	const names = new Set<PropertyKey>();
	for (
		let object: object = value;
		object !== Object.prototype && object !== Error.prototype;
		object = Object.getPrototypeOf(object)
	) {
		for (const name of Reflect.ownKeys(object)) names.add(name);
	}
	names.delete("constructor");
	return [...names].map(String).sort();
}

/** The members of a class or interface, as the types that users get declare them. */
function documented(name: string): string[] {
	const declaration = new RegExp(
		`^(?:declare )?(?:class|interface) ${name}\\b[^{]*\\{\\n(.*?)^\\}`,
		"ms",
	);
	const body = declaration.exec(types)?.[1];
	if (body === undefined) throw new Error(`there is no ${name}`);
	const member = /^\t(?:readonly |get |\*)?(?:\[Symbol\.(\w+)\]|(\w+))/gm;
	const names = [...body.matchAll(member)].map(([, symbol, plain]) =>
		String(plain ?? Reflect.get(Symbol, symbol as string)),
	);
	return [...new Set(names)].filter((one) => one !== "constructor").sort();
}
