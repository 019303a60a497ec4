import test, { type ExecutionContext } from "ava";
import { start } from "../kit/program.js";
import { type TcpClient, tcp } from "../kit/tcp-client.js";
import { foreign, lineLike, program, serving } from "./example.js";

const example = "mqtt-broker/server";

/** Bytes in hex, with spaces. */
function hex(text: string): Buffer {
	return Buffer.from(text.replace(/\s/g, ""), "hex");
}

function toHex(value: string): string {
	return Buffer.from(value).toString("hex");
}

/** A text as MQTT writes it, in hex. */
function text(value: string): string {
	const length = Buffer.byteLength(value).toString(16).padStart(4, "0");
	return `${length}${toHex(value)}`;
}

/** A packet whose rest is given in hex, and shorter than 128 bytes. */
function packet(first: string, rest: string): Buffer {
	const bytes = hex(rest);
	return Buffer.concat([hex(first), Buffer.of(bytes.length), bytes]);
}

/** CONNECT of MQTT 3.1.1 (04) or 5 (05), with these flags and what follows the client's name. */
function connect(version: "04" | "05", id: string, flags = "02", more = "") {
	const properties = version === "05" ? "00" : "";
	const head = `${text("MQTT")} ${version} ${flags} 003c ${properties}`;
	return packet("10", `${head} ${text(id)} ${more}`);
}

async function expects(t: ExecutionContext, client: TcpClient, bytes: Buffer) {
	t.is(
		(await client.read(bytes.length)).toString("hex"),
		bytes.toString("hex"),
	);
}

/** A client of MQTT 3.1.1 whose packets are written by hand. */
async function connected(t: ExecutionContext, port: number, id: string) {
	const client = await tcp(t, port);
	client.write(connect("04", id));
	await expects(t, client, hex("20 02 00 00"));
	return client;
}

/** One that has subscribed to `filter`. */
async function subscribed(t: ExecutionContext, port: number, filter: string) {
	const client = await connected(t, port, `for ${filter}`);
	client.write(packet("82", `0001 ${text(filter)} 00`));
	await expects(t, client, hex("90 03 0001 00"));
	return client;
}

/** What a client with this filter gets of what is published to these topics, as far as `last`. */
async function received(
	t: ExecutionContext,
	port: number,
	filter: string,
	topics: readonly string[],
) {
	const subscriber = await subscribed(t, port, filter);
	const publisher = await connected(t, port, "publisher");
	subscriber.write(packet("82", `0002 ${text("last")} 00`));
	await expects(t, subscriber, hex("90 03 0002 00"));
	for (const topic of [...topics, "last"]) {
		publisher.write(packet("30", text(topic)));
	}
	const found: string[] = [];
	for (;;) {
		const [, length = 0] = await subscriber.read(2);
		const topic = (await subscriber.read(length)).toString("utf8", 2);
		if (topic === "last") return found;
		found.push(topic);
	}
}

for (const version of ["mqttv311", "mqttv5"]) {
	test(`mosquitto_sub gets what mosquitto_pub publishes, by ${version}`, async (t) => {
		const sub = foreign(t, "mosquitto_sub");
		const pub = foreign(t, "mosquitto_pub");
		if (sub === undefined || pub === undefined) return;
		const { line, port } = await serving(t, example);
		t.regex(line, /^listening on mqtt:/);
		const place = ["-p", String(port), "-V", version];
		const publish = async (
			topic: string,
			message: string,
			...more: string[]
		) => {
			const source = message === "" ? "-n" : "-s";
			const args = [...place, "-t", topic, source, ...more];
			const { code, stderr } = await program(t, pub, args, message);
			t.is(code, 0, stderr);
		};
		await publish("home/kitchen/light", "on", "-r");
		await publish("home/kitchen/heat", "21", "-r");

		const filters = ["-t", "home/+/light", "-t", "attic/#"];
		const form = ["-F", "%t %p %r"];
		const args = [...place, ...filters, ...form];
		const subscriber = start(t, args, {}, sub);
		await lineLike(subscriber, /^home\/kitchen\/light on 1$/);
		await publish("home/hall/light", "off");
		await publish("home/hall/heat", "20");
		await publish("attic", "x".repeat(200_000));
		await publish("attic/a/b", "grüße");
		t.is(await lineLike(subscriber, /^home/), "home/hall/light off 0");
		t.is((await lineLike(subscriber, /^attic/)).length, 200_008);
		t.is(await lineLike(subscriber, /^attic/), "attic/a/b grüße 0");

		// Retained messages go when an empty one comes.
		await publish("home/kitchen/light", "", "-r");
		const once = [...place, "-t", "home/#", "-C", "1", "-F", "%t %p"];
		const { stdout } = await program(t, sub, once);
		t.is(stdout, "home/kitchen/heat 21\n");
	});
}

test("mosquitto_sub says by its will that it is gone, unless it takes its leave", async (t) => {
	const sub = foreign(t, "mosquitto_sub");
	if (sub === undefined) return;
	const { port } = await serving(t, example);
	const watcher = await subscribed(t, port, "gone/+");
	watcher.write(packet("31", `${text("ready")} ${toHex("yes")}`));
	const argsOf = (name: string, ...more: string[]) => {
		const will = ["--will-topic", `gone/${name}`, "--will-payload", "!"];
		const place = ["-p", String(port), "-V", "mqttv5", "-t", "ready"];
		return [...place, ...will, ...more];
	};
	// With `-C 1` it leaves behind the first message, without its will; interrupted, it leaves with it.
	t.is((await program(t, sub, argsOf("polite", "-C", "1"))).stdout, "yes\n");
	for (const [name, signal] of [
		["asked", "SIGINT"],
		["cut", "SIGKILL"],
	] as const) {
		const client = start(t, argsOf(name), {}, sub);
		t.is(await client.line(), "yes");
		client.signal(signal);
		const told = packet("30", `${text(`gone/${name}`)} ${toHex("!")}`);
		await expects(t, watcher, told);
	}
});

test("filters fit topics as the specification says", async (t) => {
	const { port } = await serving(t, example);
	for (const [filter, fitting, others] of [
		// Section 4.7.1 of both versions.
		[
			"sport/tennis/player1/#",
			[
				"sport/tennis/player1",
				"sport/tennis/player1/ranking",
				"sport/tennis/player1/score/wimbledon",
			],
			["sport/tennis/player10", "sport/tennis"],
		],
		["sport/#", ["sport", "sport/"], ["sports"]],
		["#", ["a", "/", "a/b/c"], ["$SYS/uptime"]],
		[
			"sport/tennis/+",
			["sport/tennis/player1", "sport/tennis/"],
			["sport/tennis/player1/ranking", "sport/tennis"],
		],
		["sport/+", ["sport/"], ["sport"]],
		["+/+", ["/finance"], ["finance", "$SYS/monitor"]],
		["/+", ["/finance"], ["finance"]],
		["+", ["finance"], ["/finance", "$SYS"]],
		["$SYS/#", ["$SYS/uptime", "$SYS"], ["SYS/uptime"]],
		["+/monitor/Clients", ["a/monitor/Clients"], ["$SYS/monitor/Clients"]],
		["Accounts payable", ["Accounts payable"], ["ACCOUNTS PAYABLE"]],
	] as const) {
		const topics = [...others, ...fitting, ...others];
		t.deepEqual(await received(t, port, filter, topics), [...fitting], filter);
	}
});

test("filters that are none are refused one by one", async (t) => {
	const { port } = await serving(t, example);
	const client = await connected(t, port, "a");
	const filters = ["sport/tennis#", "#/a", "sport+", "", "/".repeat(128), "ok"];
	const rest = filters.map((filter) => `${text(filter)} 00`).join("");
	const bytes = hex(`0001 ${rest}`);
	client.write(
		Buffer.concat([
			hex("82"),
			Buffer.of(0x80 | (bytes.length & 127), bytes.length >> 7),
			bytes,
		]),
	);
	await expects(t, client, hex("90 08 0001 80 80 80 80 80 00"));
	client.write(hex("c0 00"));
	await expects(t, client, hex("d0 00"));
});

test("packets come however they are cut", async (t) => {
	const { port } = await serving(t, example);
	const client = await tcp(t, port);
	await client.trickle(
		Buffer.concat([
			connect("05", "", "02"),
			packet("82", `0001 00 ${text("a/b")} 08`),
			packet("31", `${text("a/b")} 00 6869`),
			packet("a2", `0002 00 ${text("a/b")} ${text("c")}`),
			packet("30", `${text("a/b")} 00 6869`),
			hex("c0 00"),
		]),
	);
	// No session, QoS 0, packets of 256 KiB, a name; no identifiers of subscriptions, no shared ones.
	const none = "11 00000000 24 00 29 00 2a 00 27 00040000";
	const name = `12 ${text("anonymous-1")}`;
	const properties = hex(`${none} ${name}`);
	await expects(
		t,
		client,
		packet(
			"20",
			`0000 ${properties.length.toString(16)} ${properties.toString("hex")}`,
		),
	);
	await expects(t, client, hex("90 04 0001 00 00"));
	await expects(t, client, packet("31", `${text("a/b")} 00 6869`));
	await expects(t, client, hex("b0 05 0002 00 00 11"));
	await expects(t, client, hex("d0 00"));
});

test("messages of version 5 keep what they have, and version 3.1.1 gets them too", async (t) => {
	const { port } = await serving(t, example);
	const old = await subscribed(t, port, "t");
	const client = await tcp(t, port);
	client.write(connect("05", "a"));
	await client.read(2 + 3 + 16);
	// No local: what it publishes itself does not come back to the second filter.
	client.write(packet("82", `0001 00 ${text("t")} 00 ${text("+")} 04`));
	await expects(t, client, hex("90 05 0001 00 00 00"));
	const properties = `01 01 03 ${text("text/plain")} 08 ${text("re")} 09 ${text("id")} 26 ${text("k")}${text("v")} 26 ${text("k")}${text("w")}`;
	const length = hex(properties).length.toString(16);
	const message = packet("30", `${text("t")} ${length} ${properties} 6869`);
	client.write(message);
	await expects(t, client, message);
	await expects(t, old, packet("30", `${text("t")} 6869`));
});

test("a retained message of version 5 ends when it has said so", async (t) => {
	const { port } = await serving(t, example);
	const client = await tcp(t, port);
	client.write(connect("05", "a"));
	await client.read(2 + 3 + 16);
	client.write(packet("31", `${text("over")} 05 02 00000000 6869`));
	client.write(packet("31", `${text("still")} 05 02 00002710 6869`));
	client.write(packet("82", `0001 00 ${text("#")} 00`));
	await expects(t, client, hex("90 04 0001 00 00"));
	const head = await client.read(2 + 7 + 2);
	t.is(head.toString("latin1", 4, 9), "still");
	const seconds = (await client.read(4)).readUInt32BE();
	t.true(seconds <= 10_000 && seconds > 9_000);
	t.is(String(await client.read(2)), "hi");
	client.write(hex("c0 00"));
	await expects(t, client, hex("d0 00"));
});

test("a name belongs to who comes last, and the will of the other one is published", async (t) => {
	const { port } = await serving(t, example);
	const watcher = await subscribed(t, port, "will");
	const first = await tcp(t, port);
	first.write(connect("05", "me", "06", `00 ${text("will")} ${text("gone")}`));
	await first.read(2 + 3 + 16);
	await connected(t, port, "me");
	await expects(t, first, hex("e0 02 8e 00"));
	t.is((await first.readToEnd()).length, 0);
	first.socket.end();
	await expects(t, watcher, packet("30", `${text("will")} ${toHex("gone")}`));
});

test("who is silent for longer than they have said is cut, and their will is published", async (t) => {
	const { program, port } = await serving(t, example);
	const watcher = await subscribed(t, port, "will");
	const silent = await tcp(t, port);
	const will = `${text("will")} ${text("gone")}`;
	silent.write(
		packet("10", `${text("MQTT")} 04 06 0001 ${text("me")} ${will}`),
	);
	await expects(t, silent, hex("20 02 00 00"));
	t.is((await silent.readToEnd()).length, 0);
	silent.socket.end();
	t.is(await lineLike(program, /silent/), "me: silent for too long");
	await expects(t, watcher, packet("30", `${text("will")} ${toHex("gone")}`));
});

for (const [what, bytes, answer] of [
	[
		"another version",
		packet("10", `${text("MQIsdp")} 03 02 003c ${text("a")}`),
		"20 02 00 01",
	],
	[
		"no name for a session that is to stay",
		connect("04", "", "00"),
		"20 02 00 02",
	],
	[
		"a will of QoS 1",
		connect("04", "a", "0e", `${text("w")} ${text("")}`),
		"20 02 00 03",
	],
	["something else first", hex("c0 00"), "20 02 00 03"],
] as const) {
	test(`${what} is no way to begin`, async (t) => {
		const { port } = await serving(t, example);
		const client = await tcp(t, port);
		client.write(bytes);
		await expects(t, client, hex(answer));
		t.is((await client.readToEnd()).length, 0);
	});
}

for (const [what, bytes, reason] of [
	["a second CONNECT", connect("05", "a"), "82"],
	["a message of QoS 1", packet("32", `${text("t")} 0001 00`), "9b"],
	["a topic with a wildcard", packet("30", `${text("a/#")} 00`), "90"],
	["a topic alias", packet("30", `${text("t")} 03 23 0001`), "94"],
	["a packet that is shorter than it says", packet("30", "0005 61"), "81"],
	["a text that is no UTF-8", packet("30", "0001 ff 00"), "81"],
	["a property twice", packet("30", `${text("t")} 04 01 00 01 00`), "82"],
	["a property that is none", packet("30", `${text("t")} 02 7f 00`), "81"],
	["wrong flags", hex("c1 00"), "81"],
	["a SUBSCRIBE of nothing", packet("82", "0001 00"), "81"],
	[
		"a subscription with an identifier",
		packet("82", `0001 02 0b 01 ${text("t")} 00`),
		"a1",
	],
] as const) {
	test(`${what} closes the connection with a reason, and no other`, async (t) => {
		const { port } = await serving(t, example);
		const other = await connected(t, port, "other");
		const client = await tcp(t, port);
		client.write(connect("05", "a"));
		await client.read(2 + 3 + 16);
		client.write(bytes);
		await expects(t, client, hex(`e0 02 ${reason} 00`));
		t.is((await client.readToEnd()).length, 0);
		other.write(hex("c0 00"));
		await expects(t, other, hex("d0 00"));
	});
}
