/**
 * What servers say to clients that want more than their own messages back: each takes a message, what is counted of the
 * server, and an object of the connection's own, and returns what is sent. It is as little as these clients need.
 */

const hex = (text) => Buffer.from(text.replaceAll(" ", ""), "hex");

export const answers = {
	echo: (message) => message,
	nothing: () => undefined,
	irc(line) {
		const [command, name] = line.split(" ");
		if (command === "NICK") return `:gev 001 ${name} :Welcome`;
		if (command === "PING") return `:gev PONG gev ${name}`;
		return command === "PRIVMSG" ? `:other!a@b ${line}` : undefined;
	},
	mqtt(packet, _, state) {
		const kind = packet[0] >> 4;
		const id = packet.subarray(2, 4);
		if (kind === 1) {
			state.isFive = packet[packet.indexOf("MQTT") + 4] === 5;
			return hex(state.isFive ? "20 03 00 00 00" : "20 02 00 00");
		}
		if (kind === 8) {
			const [head, tail] = state.isFive ? ["90 04", "00 00"] : ["90 03", "00"];
			return Buffer.concat([hex(head), id, hex(tail)]);
		}
		return kind === 12 ? hex("d0 00") : kind === 3 ? packet : undefined;
	},
	/** Registers have the numbers of their places, and what is written is repeated. */
	modbusRtu(request) {
		if (request[1] === 3) {
			const [from, count] = [request.readUInt16BE(2), request.readUInt16BE(4)];
			const data = Buffer.alloc(2 * count);
			for (let n = 0; n < count; n++) data.writeUInt16BE(from + n, 2 * n);
			return Buffer.concat([
				request.subarray(0, 2),
				Buffer.of(data.length),
				data,
			]);
		}
		return request.subarray(0, 6);
	},
	modbus(request) {
		const rest = answers.modbusRtu(request.subarray(6));
		const head = Buffer.from(request.subarray(0, 6));
		head.writeUInt16BE(rest.length, 4);
		return Buffer.concat([head, rest]);
	},
	mllp(message) {
		const header = message.toString("latin1").split("\r")[0].split("|");
		return `MSH|^~\\&|gev|gev|||20260101||ACK|1|P|2.5\rMSA|AA|${header[9]}\r`;
	},
	smpp(pdu) {
		const command = pdu.readUInt32BE(4);
		const hasId = command === 4 || command === 9;
		const answer = Buffer.alloc(hasId ? 19 : 16);
		answer.writeUInt32BE(answer.length, 0);
		answer.writeUInt32BE((command | 0x80000000) >>> 0, 4);
		pdu.copy(answer, 12, 12, 16);
		if (hasId) answer.write("id", 16);
		return answer;
	},
	/** A row with one column, whatever is asked for. */
	postgres(message) {
		const body = (type, ...parts) => {
			const content = Buffer.concat(parts);
			const head = Buffer.alloc(5);
			head.write(type);
			head.writeUInt32BE(content.length + 4, 1);
			return Buffer.concat([head, content]);
		};
		const ready = body("Z", Buffer.from("I"));
		if (message[0] === 0) {
			const isSsl = message.readUInt32BE(4) === 80877103;
			return isSsl ? "N" : Buffer.concat([body("R", hex("00000000")), ready]);
		}
		if (message[0] !== 0x51) return undefined;
		const text = message.subarray(5, -1);
		const length = Buffer.alloc(4);
		length.writeUInt32BE(text.length);
		return Buffer.concat([
			body(
				"T",
				hex("0001"),
				Buffer.from("text\0"),
				hex("00000000 0000 00000019 ffff ffffffff 0000"),
			),
			body("D", hex("0001"), length, text),
			body("C", Buffer.from("SELECT 1\0")),
			ready,
		]);
	},
	amqp(frame) {
		const method = (channel, id, ...args) => {
			const payload = Buffer.concat([hex(id), ...args]);
			const head = Buffer.alloc(7, 0);
			head[0] = 1;
			head.writeUInt16BE(channel, 1);
			head.writeUInt32BE(payload.length, 3);
			return Buffer.concat([head, payload, hex("ce")]);
		};
		if (frame[0] === 0x41) {
			const text = (it) =>
				Buffer.concat([hex("000000"), Buffer.of(it.length), Buffer.from(it)]);
			return method(0, "000a 000a 0009 00000000", text("PLAIN"), text("en_US"));
		}
		if (frame[0] !== 1) return undefined;
		const channel = frame.readUInt16BE(1);
		switch (frame.readUInt32BE(7)) {
			case 0x000a000b:
				return method(0, "000a 001e 0000 00020000 0000");
			case 0x000a0028:
				return method(0, "000a 0029 00");
			case 0x000a0032:
				return method(0, "000a 0033");
			case 0x0014000a:
				return method(channel, "0014 000b 00000000");
			case 0x00140028:
				return method(channel, "0014 0029");
			case 0x0032000a:
				return method(channel, "0032 000b 0171 00000000 00000000");
			default:
				return undefined;
		}
	},
	kafka(request, context) {
		const key = request.readInt16BE(0);
		const correlation = request.subarray(4, 8);
		if (key === 18) {
			// Just these two, in their oldest version: ApiVersions, Metadata.
			return Buffer.concat([
				correlation,
				hex("0000 00000002 0012 0000 0000 0003 0000 0000"),
			]);
		}
		const host = Buffer.from("127.0.0.1");
		const port = Buffer.alloc(4);
		port.writeUInt32BE(context.port);
		return Buffer.concat([
			...[
				correlation,
				hex("00000001 00000001"),
				Buffer.of(0, host.length),
				host,
				port,
			],
			hex("00000000"),
		]);
	},
	minecraft(packet) {
		if (packet[0] === 1) return packet;
		if (packet.length > 1) return undefined;
		const status = JSON.stringify({
			version: { name: "gev", protocol: 767 },
			players: { max: 20, online: 3, sample: [] },
			description: { text: "cut by gev ".repeat(30) },
		});
		const varint = (n) =>
			n < 128 ? Buffer.of(n) : Buffer.of((n & 127) | 128, n >> 7);
		return Buffer.concat([
			hex("00"),
			varint(Buffer.byteLength(status)),
			Buffer.from(status),
		]);
	},
	tpkt(tpdu) {
		if (tpdu[1] === 0xe0) {
			const confirm = Buffer.from(tpdu);
			confirm[1] = 0xd0;
			tpdu.copy(confirm, 2, 4, 6);
			return confirm;
		}
		// The answer to "setup communication": the same, with a result.
		const answer = Buffer.concat([
			tpdu.subarray(0, 13),
			hex("0000"),
			tpdu.subarray(13),
		]);
		answer[4] = 3;
		return answer;
	},
	/** The question, marked as an answer that has none. */
	dns(query) {
		const answer = Buffer.from(query);
		answer[2] |= 0x80;
		return answer;
	},
	ldap(message) {
		const behindId = 2 + message[1];
		if (message[behindId] !== 0x60) return undefined;
		return Buffer.concat([
			message.subarray(0, behindId),
			hex("61 07 0a 01 00 04 00 04 00"),
		]);
	},
	thrift(call) {
		const reply = Buffer.from(call.subarray(0, 8 + call.readUInt32BE(4) + 4));
		reply[3] = 2;
		// A result without a field: ping returns nothing.
		return Buffer.concat([reply, hex("00")]);
	},
};
