import { GevError } from "../base/errors.js";
import {
	FRAME_FATE_AT,
	FRAME_FAULTS,
	FRAME_HEAD_AT,
	FRAME_LEN_AT,
	FRAME_LIMIT_AT,
	type FrameFault,
} from "./records.js";

/** What becomes of a frame that something is wrong with. */
export type FrameFate = "closed" | "discarded" | "delivered";

/** Something is wrong with a frame, or with what comes between frames: `ERR_GEV_FRAME`. */
export class FrameError extends GevError {
	/** What is wrong. */
	readonly reason: FrameFault;
	/**
	 * What becomes of it: the connection is closed for it, with the cause `"protocol"`, `"limit"` or `"timeout"`; it is left out;
	 * or it is a message all the same.
	 */
	readonly fate: FrameFate;
	/** The limit that was exceeded, in bytes or (for `"timeout"`) milliseconds; `undefined` where none was. */
	readonly limit: number | undefined;
	/** How long the message would be, as the frame says; `undefined` where it does not, or something else is wrong. */
	readonly announced: number | undefined;
	/** How many bytes in a row begin no frame, of `"noise"` that is left out; `undefined` otherwise. */
	readonly skipped: number | undefined;
	/** The first bytes of the frame: up to 16 of them, as many as are known. */
	readonly head: Buffer;
	/** What it may be that the peer sends, where that can be guessed: "looks like HTTP". Empty where not. */
	readonly hint: string;

	/** @internal */
	constructor(fault: FrameFault, fate: FrameFate, details: FrameDetails) {
		const { limit, length, head } = details;
		const isNoise = fault === "noise";
		const announced = isNoise ? undefined : length;
		const skipped = isNoise ? length : undefined;
		const hint = hintOf(head, announced, limit);
		super(
			"ERR_GEV_FRAME",
			[
				TEXTS[fault],
				announced === undefined ? "" : `: ${announced} bytes announced`,
				skipped === undefined ? "" : `: ${skipped} bytes`,
				limit === undefined ? "" : `, at most ${limit}${UNITS[fault] ?? ""}`,
				head.length === 0 ? "" : `; it begins with ${shownBytes(head)}`,
				hint === "" ? "" : `; ${hint}`,
			].join(""),
		);
		this.reason = fault;
		this.fate = fate;
		this.limit = limit;
		this.announced = announced;
		this.skipped = skipped;
		this.head = head;
		this.hint = hint;
	}
}

/** @internal What is known of a frame. */
export interface FrameDetails {
	limit: number | undefined;
	/** Of the message that is announced, or of noise. */
	length: number | undefined;
	head: Buffer;
}

/** @internal Reads an event. `timeoutMs`: the limit for frames that take too long. */
export function readFrameError(
	bytes: Buffer,
	at: number,
	length: number,
	timeoutMs: number,
): FrameError {
	const fault = FRAME_FAULTS[bytes[at] as number] ?? "malformed";
	const fate = FATES[bytes[at + FRAME_FATE_AT] as number] ?? "closed";
	const limit = numberAt(bytes, at + FRAME_LIMIT_AT);
	const head = bytes.subarray(at + FRAME_HEAD_AT, at + length);
	return new FrameError(fault, fate, {
		limit: fault === "timeout" ? timeoutMs : limit,
		length: numberAt(bytes, at + FRAME_LEN_AT),
		head: Buffer.from(head),
	});
}

/** A number that may be missing. */
function numberAt(bytes: Buffer, at: number): number | undefined {
	const number = bytes.readBigUInt64LE(at);
	return number === 0xffff_ffff_ffff_ffffn ? undefined : Number(number);
}

/** In hexadecimal digits, and as text, with a dot for what is none. */
function shownBytes(bytes: Buffer): string {
	const hex = bytes.toString("hex").replace(/..(?=.)/g, "$& ");
	const text = bytes.toString("latin1").replace(/[^\x20-\x7e]/g, ".");
	return `${hex} ${JSON.stringify(text)}`;
}

function hintOf(
	head: Buffer,
	announced: number | undefined,
	limit: number | undefined,
): string {
	const text = head.toString("latin1");
	const known = LOOKS.find(([pattern]) => pattern.test(text));
	if (known !== undefined) return `looks like ${known[1]}`;
	if (announced === undefined || limit === undefined || head.length < 4) {
		return "";
	}
	const [big, little] = [head.readUInt32BE(), head.readUInt32LE()];
	if (Math.max(big, little) <= limit || Math.min(big, little) > limit)
		return "";
	return `in the other byte order its first four bytes are ${Math.min(big, little)}`;
}

const LOOKS: readonly [RegExp, string][] = [
	[/^PRI \* HTTP\/2/, "HTTP/2"],
	[
		/^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE) |^HTTP\//,
		"HTTP",
	],
	// biome-ignore lint/suspicious/noControlCharactersInRegex: what comes is bytes
	[/^\x16\x03[\x00-\x04]/, "a TLS ClientHello"],
	[/^SSH-/, "SSH"],
	[/^PROXY |^\r\n\r\n\0\r\nQUIT\n/, "a header of the PROXY protocol"],
	[/^\*\d+\r\n\$/, "Redis"],
	[/^(?:EHLO|HELO) /i, "SMTP"],
	[/^\s*[{[]\s*["{[]/, "JSON"],
];

const TEXTS: Record<FrameFault, string> = {
	tooLong: "frame too long",
	checksum: "frame with a wrong checksum",
	noise: "bytes that begin no frame",
	timeout: "frame not complete in time",
	truncated: "connection ended in the middle of a frame",
	malformed: "malformed frame",
};

const UNITS: Partial<Record<FrameFault, string>> = { timeout: " ms" };

/** By their numbers: see `crates/wire/src/frame_error.rs`. */
const FATES: readonly FrameFate[] = ["closed", "discarded", "delivered"];
