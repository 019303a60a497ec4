import type { Loan } from "./loans.js";
import { LOAN_BYTES } from "./records.js";

/** Payloads of commands that are more than bytes: see `crates/node/src/records.rs`. */

/** Number and length, little-endian on every machine, and whom it is for if it is for many. */
export function loanPayload(
	{ number, lent }: Loan,
	ids: readonly number[] | undefined,
): Uint8Array {
	const payload =
		ids === undefined
			? Buffer.allocUnsafe(LOAN_BYTES)
			: namesOf(ids, LOAN_BYTES, 0);
	const view = new DataView(payload.buffer, payload.byteOffset);
	view.setUint32(0, number, true);
	view.setUint32(4, lent, true);
	return payload;
}

/** How many connections, and which, as the machine has numbers; with so many bytes of room before and behind. */
export function namesOf(
	ids: readonly number[],
	before: number,
	behind: number,
): Uint8Array {
	const words = ids.length + 1;
	const payload = new Uint8Array(before + words * 4 + behind);
	const names = new Uint32Array(payload.buffer, before, words);
	names[0] = ids.length >> 1;
	for (let i = 1; i < words; i++) names[i] = ids[i - 1] as number;
	return payload;
}
