import { isUtf8 } from "node:buffer";
import { bytesOf, copyOf, lengthOf, viewOf } from "../base/bytes.js";
import { GevError } from "../base/errors.js";
import {
	type Data,
	type GivenSendOptions,
	type SendOptions,
	sendFlags,
	sendOptions,
} from "./send.js";

/** @internal What is in a `PreparedMessage`; nothing in other values. */
export let preparedContent: (value: unknown) => PreparedContent | undefined;

/**
 * A message that has been checked and copied once, by `Server.prepare`, and can be sent any number of times, to anybody: with
 * `Connection.send`, as what a handler returns, or with `Server.broadcast`.
 */
export class PreparedMessage {
	readonly #content: PreparedContent;

	static {
		preparedContent = (value) =>
			typeof value === "object" && value !== null && #content in value
				? value.#content
				: undefined;
	}

	/** @internal */
	constructor(message: unknown, options: SendOptions) {
		const isText = typeof message === "string";
		const given = sendOptions(options, isText);
		const bytes = isText ? Buffer.from(message) : copyOf(bytesOf(message));
		this.#content = contentOf(isText ? message : bytes, bytes, given);
	}

	/** How many bytes it has, without framing. */
	get byteLength(): number {
		return this.#content.length;
	}
}

/** What is sent of a message, whoever it is for. */
export interface PreparedContent {
	/** For who packs it, or checks text. */
	readonly data: Data;
	readonly bytes: Uint8Array;
	readonly length: number;
	/** Of its record. */
	readonly flags: number;
}

/** @internal As in a `PreparedMessage`, but for now: the bytes are who gives them's. */
export function contentForNow(
	message: unknown,
	options: SendOptions,
): PreparedContent {
	const prepared = preparedContent(message);
	if (prepared !== undefined) return prepared;
	const isText = typeof message === "string";
	const given = sendOptions(options, isText);
	const all = isText ? Buffer.from(message) : bytesOf(message);
	const bytes = viewOf(all, 0, lengthOf(all));
	return contentOf(isText ? message : bytes, bytes, given);
}

function contentOf(
	data: Data,
	bytes: Uint8Array,
	given: GivenSendOptions,
): PreparedContent {
	if (given.text && typeof data !== "string" && !isUtf8(bytes)) {
		throw new GevError("ERR_GEV_DATA", "text to send is not UTF-8");
	}
	const flags = sendFlags(given, false);
	return { data, bytes, length: bytes.length, flags };
}
