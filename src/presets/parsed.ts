import type { Custom } from "../custom-protocol.js";
import type { Parsing } from "../flow/packing.js";
import { type Framing, protocolOf } from "../protocol.js";

/** A protocol whose messages are cut natively, each read where it is. */
export function parsed<In, Out>(
	framing: Framing,
	reading: Pick<Parsing, "parse" | "pack" | "sendsNull">,
): Custom<In, Out> {
	const { maxMessageBytes } = framing;
	const custom = { ...reading, maxMessageBytes };
	return protocolOf("custom", { ...framing, custom });
}
