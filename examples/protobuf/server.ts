// node examples/protobuf/server.ts --port 1833
//
// Messages of protobuf, each with the name of its type in front, so that several types share a connection. Code for them is
// generated from user.proto (user_pb.ts); `npm install @bufbuild/protobuf` brings what it needs. Its client is client.ts.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Connection, type Handler, Server } from "gev";
import { example, listen } from "../serve.ts";
import { pack, typedFrames, unpack } from "./typed.ts";
import { Msg1Schema, Msg2Schema, ResponseSchema } from "./user_pb.ts";

class Users implements Handler<unknown, "frames"> {
	onMessage(_connection: Connection, frame: Buffer) {
		const { type, data } = unpack(frame);
		const content = answer(type, data);
		console.log(`${type}: ${content}`);
		const response = create(ResponseSchema, { content });
		return pack({ type: "response", data: toBinary(ResponseSchema, response) });
	}
	/** What a message that is none has thrown; its connection is closed. */
	onError({ message }: Error) {
		console.log(`error: ${message}`);
	}
}

function answer(type: string, data: Uint8Array): string {
	switch (type) {
		case "msg1": {
			const { name, id } = fromBinary(Msg1Schema, data);
			return `${name} has the id ${id}`;
		}
		case "msg2": {
			const { name, alias, id } = fromBinary(Msg2Schema, data);
			return `${name}, called ${alias}, has the id ${id}`;
		}
		default:
			return "unknown type";
	}
}

await example({}, async (settings) => {
	const protocol = typedFrames;
	await listen("tcp", new Server(new Users(), { ...settings, protocol }));
});
