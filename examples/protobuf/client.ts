// node examples/protobuf/client.ts --port 1833
//
// The client of server.ts: takes every line of its input for a name, sends it in a message of the one type and of the other
// by turns, and prints the answers.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { RingBuffer } from "gev";
import { example } from "../serve.ts";
import { talk } from "../talk.ts";
import { pack, type Typed, unpack } from "./typed.ts";
import { Msg1Schema, Msg2Schema, ResponseSchema } from "./user_pb.ts";

await example({}, (settings) => {
	let id = 0;
	return talk(settings, (name) => framed(pack(messageOf(name, ++id))), answer);
});

function messageOf(name: string, id: number): Typed {
	if (id % 2 === 1) {
		const message = create(Msg1Schema, { name, id });
		return { type: "msg1", data: toBinary(Msg1Schema, message) };
	}
	const message = create(Msg2Schema, { name, alias: `big ${name}`, id });
	return { type: "msg2", data: toBinary(Msg2Schema, message) };
}

function answer(received: RingBuffer): string | undefined {
	const length = received.peekUint32();
	if (length === undefined || received.length < 4 + length) return undefined;
	received.retrieve(4);
	const { data } = unpack(received.read(length));
	return fromBinary(ResponseSchema, data).content;
}

function framed(body: Buffer): Buffer {
	const length = Buffer.alloc(4);
	length.writeUInt32BE(body.length);
	return Buffer.concat([length, body]);
}
