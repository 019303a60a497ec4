// node examples/protobuf/server.ts --port 1833
//
// Messages of protobuf, each with the name of its type in front, so that several types share a connection, as the plugin of the
// Go library gev has them. Code for them is
// generated from user.proto (user_pb.ts); `npm install @bufbuild/protobuf` brings what it needs. Its client is client.ts.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
	type Connection,
	type FrameError,
	type FramesHandler,
	Server,
	type TypedMessage,
	type TypedReply,
	typedProtobuf,
} from "gev";
import { example, listen } from "../serve.ts";
import { Msg1Schema, Msg2Schema, ResponseSchema } from "./user_pb.ts";

type Peer = Connection<unknown, TypedReply>;

class Users implements FramesHandler<unknown, TypedMessage, TypedReply> {
	onMessage(_peer: Peer, { type, data }: TypedMessage) {
		const content = answer(type, data);
		console.log(`${type}: ${content}`);
		const response = create(ResponseSchema, { content });
		return { type: "response", data: toBinary(ResponseSchema, response) };
	}
	/** The connection is closed. */
	onFrameError(_peer: Peer, { message }: FrameError) {
		console.log(`error: ${message}`);
	}
	/** What a message that is none of its type has thrown; its connection is closed too. */
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
	const protocol = typedProtobuf({ maxMessageBytes: 64 * 1024 });
	await listen("tcp", new Server(new Users(), { ...settings, protocol }));
});
