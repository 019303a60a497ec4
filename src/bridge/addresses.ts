import { zoneName } from "#binding";
import type { EventQueue } from "./event-queue.js";
import { ADDRESS_BYTES, ADDRESSES_BYTES } from "./records.js";

/** The addresses of a connection: the peer's, and the one that the peer has connected to. */
export interface Addresses {
	readonly remoteAddress: string;
	readonly remotePort: number;
	readonly localAddress: string;
	readonly localPort: number;
	readonly proxyTlvs: readonly ProxyTlv[];
}

/** What a proxy says of a connection besides its addresses: a TLV of the PROXY protocol, version 2. */
export interface ProxyTlv {
	/** What it is: 0x01 for ALPN, 0x02 for the host name, 0xE0 to 0xEF for what applications have agreed on ... */
	readonly type: number;
	readonly value: Buffer;
}

/** The addresses that a payload begins with: see `crates/reactor/src/addresses.rs`. */
export function readAddresses(events: EventQueue, at: number): Addresses {
	lastRemote = readAddress(events, at, lastRemote);
	lastLocal = readAddress(events, at + ADDRESS_BYTES, lastLocal);
	return {
		remoteAddress: lastRemote,
		remotePort: events.uint16(at + 2),
		localAddress: lastLocal,
		localPort: events.uint16(at + ADDRESS_BYTES + 2),
		proxyTlvs: readTlvs(events, at + ADDRESSES_BYTES, addressesEnd(events, at)),
	};
}

/** Where they end, and what follows them begins. */
export function addressesEnd(events: EventQueue, at: number): number {
	return at + ADDRESSES_BYTES + events.uint16(at + TLVS_LENGTH_AT);
}

/** Each has a type of one byte and a length of two, big-endian; they are whole. */
function readTlvs(
	{ bytes }: EventQueue,
	begin: number,
	end: number,
): readonly ProxyTlv[] {
	if (begin === end) return NO_TLVS;
	const tlvs: ProxyTlv[] = [];
	for (let at = begin; at < end; ) {
		const value = at + 3;
		const next = value + bytes.readUInt16BE(at + 1);
		const type = bytes[at] as number;
		tlvs.push({ type, value: Buffer.from(bytes.subarray(value, next)) });
		at = next;
	}
	return tlvs;
}

/** The text of the address there: the same string as the last time at the same end, if it is the same address. */
function readAddress(events: EventQueue, at: number, last: string): string {
	const address = formatAddress(events, at);
	return address === last ? last : address;
}

function formatAddress(events: EventQueue, at: number): string {
	const { bytes } = events;
	const family = events.uint16(at);
	// A unix socket's.
	if (family === 0) return "";
	if (family === 4) {
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

/** Connections to one address, or from one proxy, share its text. */
let lastRemote = "";
let lastLocal = "";

const NO_TLVS: readonly ProxyTlv[] = Object.freeze([]);

/** Behind both of them, how many bytes of TLVs follow. */
const TLVS_LENGTH_AT = 2 * ADDRESS_BYTES;
