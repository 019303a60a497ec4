// node examples/protobuf/client.ts --port 1833
//
// The client of server.ts: takes every line of its input for a name, sends it in a message of the one type and of the other
// by turns, and prints the answers.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type TypedMessage, type TypedReply, typedProtobuf } from "gev";
import { example } from "../serve.ts";
import { talk } from "../talk.ts";
import { Msg1Schema, Msg2Schema, ResponseSchema } from "./user_pb.ts";

await example({}, (settings) => {
	let id = 0;
	const message = (name: string) => messageOf(name, ++id);
	return talk(settings, typedProtobuf(), message, contentOf);
});

function messageOf(name: string, id: number): TypedReply {
	if (id % 2 === 1) {
		const message = create(Msg1Schema, { name, id });
		return { type: "msg1", data: toBinary(Msg1Schema, message) };
	}
	const message = create(Msg2Schema, { name, alias: `big ${name}`, id });
	return { type: "msg2", data: toBinary(Msg2Schema, message) };
}

function contentOf({ data }: TypedMessage): string {
	return fromBinary(ResponseSchema, data).content;
}
