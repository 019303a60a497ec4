import { zoneName } from "#binding";
import type { EventQueue } from "./event-queue.js";
import { ADDRESS_BYTES } from "./records.js";

/** The addresses of a connection: the peer's, and the one that the peer has connected to. */
export interface Addresses {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
}

/** The addresses that a payload begins with: see `crates/reactor/src/addresses.rs`. */
export function readAddresses(events: EventQueue, at: number): Addresses {
	return {
		remoteAddress: readAddress(events, at),
		remotePort: events.uint16(at + 2),
		localAddress: readAddress(events, at + ADDRESS_BYTES),
		localPort: events.uint16(at + ADDRESS_BYTES + 2),
	};
}

function readAddress(events: EventQueue, at: number): string {
	const { bytes } = events;
	if (events.uint16(at) === 4) {
		return `${bytes[at + 4]}.${bytes[at + 5]}.${bytes[at + 6]}.${bytes[at + 7]}`;
	}
	const address = formatIPv6(bytes.subarray(at + 4, at + 20));
	const zone = bytes.readUInt32LE(at + 20);
	return zone === 0 ? address : `${address}%${zoneName(zone)}`;
}

/** RFC 5952: lower case, the longest run of two or more zero groups as `::`. */
function formatIPv6(bytes: Buffer): string {
	const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i));
	let best = { at: 0, length: 1 };
	for (let at = 0; at < 8; at++) {
		let length = 0;
		while (groups[at + length] === 0) length++;
		if (length > best.length) best = { at, length };
	}
	const hex = (from: number, to: number) =>
		groups
			.slice(from, to)
			.map((group) => group.toString(16))
			.join(":");
	return best.length === 1
		? hex(0, 8)
		: `${hex(0, best.at)}::${hex(best.at + best.length, 8)}`;
}
