import { CLOSE_CAUSE_AT, CLOSE_TEXT_AT } from "./records.js";

/** How a goodbye travels to an event loop: see `crates/reactor/src/close_payload.rs`. */

/** The payload of a command, with the number of its cause. */
export function closePayload(
	code: number,
	reason: string,
	cause: number,
): Uint8Array {
	const payload = Buffer.alloc(CLOSE_TEXT_AT + Buffer.byteLength(reason));
	payload.writeUInt16LE(code);
	payload[CLOSE_CAUSE_AT] = cause;
	payload.write(reason, CLOSE_TEXT_AT);
	return payload;
}

/** RFC 6455 section 7.4, and the registry of close codes up to 1014. */
export function mayBeSent(code: unknown): code is number {
	return (
		typeof code === "number" &&
		Number.isInteger(code) &&
		((code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
			(code >= 3000 && code <= 4999))
	);
}

/** A text of at most 123 bytes in UTF-8: what a close frame has room for behind the code (RFC 6455 section 5.5). */
export function isCloseText(reason: unknown): reason is string {
	return typeof reason === "string" && Buffer.byteLength(reason) <= 123;
}
