import { NativeByHand } from "../by-hand.js";
import { ParsedByHand } from "../custom-by-hand.js";
import type { Parsing } from "../flow/packing.js";
import {
	type Custom,
	known,
	type NativeFraming,
	StreamProtocol,
} from "../protocol.js";

/** A protocol whose messages are cut natively, each read where it is. */
export function parsed<In, Out>(
	framing: NativeFraming,
	reading: Pick<Parsing, "parse" | "pack" | "sendsNull">,
): Custom<In, Out> {
	const { maxMessageBytes } = framing;
	const custom = { ...reading, maxMessageBytes };
	return known(new StreamProtocol<"custom", In, Out>("custom"), {
		...framing,
		custom,
		byHand: new ParsedByHand(custom, new NativeByHand(framing)),
	});
}
