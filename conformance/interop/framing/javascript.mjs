/**
 * Peers from npm: `javascript.mjs FOLDER PORTS`, where FOLDER has the packages, and PORTS is JSON with the port of the server
 * for each peer, by `row/peer`. Prints a line for each: `row/peer`, version and outcome, with tabs between them.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { argv } from "node:process";

const [folder, ports] = argv.slice(2);
const require = createRequire(join(folder, "package.json"));

/** Texts of lengths at which numbers grow by a byte. */
const texts = [0, 1, 2, 127, 128, 300, 16_383, 16_384, 70_000].map((length) =>
	"abcdefghij".repeat(length / 10 + 1).slice(0, length),
);

/** Each gets the port of its server, and does what it can with it. */
const peers = {
	async "lines/ndjson"(port) {
		const { parse, stringify } = require("ndjson");
		const values = texts.map((text, n) => ({ n, text, more: [null, "ö\n\r"] }));
		const encoder = stringify();
		for (const value of values) encoder.write(value);
		encoder.end();
		const encoded = (await all(encoder)).join("");
		const decoder = parse();
		const decoded = all(decoder);
		decoder.end(await exchange(port, encoded));
		assert.deepEqual(await decoded, values);
	},
	async "IRC/irc-framework"(port) {
		const { Client } = require("irc-framework");
		const client = new Client();
		client.connect({ host: "127.0.0.1", port, nick: "wiz", ping_interval: 0 });
		await once(client, "registered");
		for (const text of texts.slice(1, 6)) {
			client.say("#gev", text.slice(0, 300));
			const [{ message, target }] = await once(client, "privmsg");
			assert.deepEqual([message, target], [text.slice(0, 300), "#gev"]);
		}
		client.connection.end();
	},
	async "protobuf, delimited/protobufjs"(port) {
		const { Reader, Root, Type, Field } = require("protobufjs");
		const type = new Type("Text")
			.add(new Field("n", 1, "uint32"))
			.add(new Field("text", 2, "string"));
		new Root().define("gev").add(type);
		const values = texts.map((text, n) => ({ n, text }));
		const encoded = values.map((it) => type.encodeDelimited(it).finish());
		const reader = Reader.create(await exchange(port, Buffer.concat(encoded)));
		const decoded = values.map(() =>
			type.toObject(type.decodeDelimited(reader)),
		);
		assert.deepEqual(
			decoded,
			values.map(({ n, text }) => ({ n, text })),
		);
		assert.equal(reader.pos, reader.len);
	},
	async "MQTT/mqtt-packet"(port) {
		const { generate, parser } = require("mqtt-packet");
		const packets = texts.map((payload) => ({
			...{ cmd: "publish", topic: "a/b", payload: Buffer.from(payload) },
			...{ qos: 0, dup: false, retain: false },
		}));
		const found = [];
		const decoder = parser({ protocolVersion: 4 });
		decoder.on("packet", (packet) => found.push(packet));
		decoder.parse(
			await exchange(port, Buffer.concat(packets.map((it) => generate(it)))),
		);
		assert.deepEqual(
			found.map(({ cmd, topic, payload }) => [cmd, topic, `${payload}`]),
			packets.map(({ cmd, topic, payload }) => [cmd, topic, `${payload}`]),
		);
	},
	async "MQTT/mqtt"(port) {
		const { connectAsync } = require("mqtt");
		for (const protocolVersion of [4, 5]) {
			const url = `mqtt://127.0.0.1:${port}`;
			const client = await connectAsync(url, {
				protocolVersion,
				reconnectPeriod: 0,
			});
			await client.subscribeAsync("a/b");
			for (const text of texts) {
				const message = once(client, "message");
				await client.publishAsync("a/b", text);
				assert.equal(`${(await message)[1]}`, text);
			}
			await client.endAsync();
		}
	},
	"Modbus TCP/modbus-serial": (port) => registers("connectTCP", port),
	"Modbus RTU over TCP/modbus-serial": (port) =>
		registers("connectTelnet", port),
	async "SMPP/smpp"(port) {
		const smpp = require("smpp");
		const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` });
		await once(session, "connect");
		const say = (method, pdu) =>
			new Promise((resolve) => session[method](pdu, resolve));
		const bound = await say("bind_transceiver", {
			system_id: "a",
			password: "b",
		});
		assert.deepEqual(
			[bound.command, bound.command_status],
			["bind_transceiver_resp", 0],
		);
		for (const text of texts.slice(0, 6)) {
			const { message_id: id } = await say("submit_sm", {
				...{ destination_addr: "1", source_addr: "2" },
				short_message: text.slice(0, 200),
			});
			assert.equal(id, "id");
			const { command } = await say("enquire_link", {});
			assert.equal(command, "enquire_link_resp");
		}
		await say("unbind", {});
		session.destroy();
	},
	async "AMQP 0-9-1/amqplib"(port) {
		const { connect } = require("amqplib");
		const connection = await connect(`amqp://a:b@127.0.0.1:${port}`);
		const channel = await connection.createChannel();
		assert.equal((await channel.assertQueue("q")).queue, "q");
		for (const text of texts) channel.sendToQueue("q", Buffer.from(text));
		await channel.close();
		await connection.close();
	},
	async "PostgreSQL/pg"(port) {
		const { Client } = require("pg");
		const client = new Client({
			...{ host: "127.0.0.1", port, user: "a", database: "a" },
			...{ ssl: false },
		});
		await client.connect();
		for (const text of texts.slice(1)) {
			const { rows } = await client.query(text);
			assert.deepEqual(rows, [{ text }]);
		}
		await client.end();
		const ssl = { rejectUnauthorized: false };
		const secure = new Client({ host: "127.0.0.1", port, user: "a", ssl });
		await assert.rejects(secure.connect(), /does not support SSL/);
	},
	async "Kafka/kafkajs"(port) {
		const { Kafka, logLevel } = require("kafkajs");
		const kafka = new Kafka({
			...{ brokers: [`127.0.0.1:${port}`], clientId: "a" },
			...{ logLevel: logLevel.NOTHING, retry: { retries: 0 } },
		});
		const admin = kafka.admin();
		await admin.connect();
		for (const _ of texts) assert.deepEqual(await admin.listTopics(), []);
		await admin.disconnect();
	},
	async "syslog over TCP, lines/syslog-client"(port) {
		const { createClient, Transport } = require("syslog-client");
		const client = createClient("127.0.0.1", {
			port,
			transport: Transport.Tcp,
		});
		for (const text of texts.slice(0, 7)) {
			await new Promise((resolve, reject) => {
				client.log(text, {}, (error) => (error ? reject(error) : resolve()));
			});
		}
		client.close();
	},
	async "SLIP/slip"(port) {
		const { Decoder, encode } = require("slip");
		const packets = binaries.map((it) => encode(it));
		const found = [];
		const decoder = new Decoder({
			onMessage: (message) => found.push(Buffer.from(message)),
		});
		decoder.decode(await exchange(port, Buffer.concat(packets)));
		assert.deepEqual(found, binaries);
	},
	async "COBS/cobs"(port) {
		const { decode, encode } = require("cobs");
		const packets = binaries.map((it) => encode(it, true));
		const ended = packets.flatMap((it) => [it.subarray(1), Buffer.of(0)]);
		const answer = await exchange(port, Buffer.concat(ended));
		const found = [];
		for (let rest = answer; rest.length > 0; ) {
			const end = rest.indexOf(0);
			found.push(decode(rest.subarray(0, end)));
			rest = rest.subarray(end + 1);
		}
		assert.deepEqual(found, binaries);
	},
	async "TPKT/nodes7"(port) {
		const S7 = require("nodes7");
		const connection = new S7({ silent: true });
		await new Promise((resolve, reject) => {
			const options = {
				port,
				host: "127.0.0.1",
				rack: 0,
				slot: 1,
				timeout: 5000,
			};
			connection.initiateConnection(options, (error) =>
				error ? reject(error) : resolve(),
			);
		});
		await new Promise((resolve) => connection.dropConnection(resolve));
	},
	async "DNS over TCP/dns-packet"(port) {
		const { streamDecode, streamEncode } = require("dns-packet");
		const queries = texts.slice(1, 6).map((text, id) => ({
			...{ type: "query", id, flags: 256 },
			questions: [{ type: "TXT", name: `${text.slice(0, 60)}.example` }],
		}));
		const answer = await exchange(
			port,
			Buffer.concat(queries.map((it) => streamEncode(it))),
		);
		let at = 0;
		for (const { id, questions } of queries) {
			const packet = streamDecode(answer.subarray(at));
			at += 2 + streamDecode.bytes;
			assert.deepEqual(
				[packet.id, packet.type, packet.questions[0].name],
				[id, "response", questions[0].name],
			);
		}
		assert.equal(at, answer.length);
	},
	async "FastCGI/fastcgi-stream"(port) {
		const { FastCGIStream, records } = require("fastcgi-stream");
		const socket = connect(port, "127.0.0.1");
		const stream = new FastCGIStream(socket);
		const found = [];
		stream.on("record", (id, { TYPE, data }) => found.push([id, TYPE, data]));
		const { RESPONDER } = records.BeginRequest.roles;
		const sent = [
			new records.BeginRequest(RESPONDER, 0),
			...texts.slice(1, 8).map((text) => new records.StdIn(text)),
		];
		for (const [id, record] of sent.entries()) stream.writeRecord(id, record);
		socket.end();
		await once(socket, "close");
		assert.deepEqual(
			found.map(([id, type, data]) => [id, type, data?.toString()]),
			sent.map(({ TYPE, data }, id) => [id, TYPE, data]),
		);
	},
	async "LDAP/ldapts"(port) {
		const { Client } = require("ldapts");
		const client = new Client({
			url: `ldap://127.0.0.1:${port}`,
			timeout: 5000,
		});
		for (const text of texts.slice(0, 7)) await client.bind(`cn=${text}`, "a");
		await client.unbind();
	},
};

/** Bytes of every value, in runs of lengths at which COBS has another form. */
const binaries = [1, 2, 253, 254, 255, 256, 510, 1000]
	.flatMap((length) => [
		Buffer.alloc(length, 0),
		Buffer.from(Array.from({ length }, (_, n) => (n % 255) + 1)),
		Buffer.from(Array.from({ length }, (_, n) => n % 256)),
	])
	.filter(({ length }) => length > 0);

async function registers(method, port) {
	const Modbus = require("modbus-serial");
	const client = new Modbus();
	client.setTimeout(5000);
	await client[method]("127.0.0.1", { port });
	client.setID(17);
	for (const count of [1, 2, 60, 120]) {
		const { data } = await client.readHoldingRegisters(107, count);
		assert.deepEqual(
			data,
			Array.from({ length: count }, (_, n) => 107 + n),
		);
		const values = Array.from({ length: count }, (_, n) => n * 500);
		const written = await client.writeRegisters(1, values);
		assert.deepEqual(written, { address: 1, length: count });
		await client.writeRegister(3, 77);
		await client.writeCoils(
			19,
			values.map((n) => n % 3 === 0),
		);
	}
	await new Promise((resolve) => client.close(resolve));
}

/** What a stream of any age gives. */
async function all(stream) {
	const items = [];
	stream.on("data", (item) => items.push(item));
	await once(stream, "end");
	return items;
}

/** Sends bytes, and gives what comes back up to the end. */
async function exchange(port, bytes) {
	const socket = connect(port, "127.0.0.1");
	socket.end(bytes);
	const parts = await socket.toArray();
	return Buffer.concat(parts);
}

function versionOf(name) {
	const manifest = join(folder, "node_modules", name, "package.json");
	return JSON.parse(readFileSync(manifest, "utf8")).version;
}

for (const [key, port] of Object.entries(JSON.parse(ports))) {
	const name = key.split("/").at(-1);
	const patience = AbortSignal.timeout(20_000);
	const outcome = await Promise.race([
		peers[key](port).then(
			() => "ok",
			({ message }) => message,
		),
		once(patience, "abort").then(() => "nothing came of it for 20 s"),
	]);
	console.log([key, versionOf(name), outcome.split("\n")[0]].join("\t"));
}
process.exit();
