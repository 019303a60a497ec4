// Packets of MQTT 3.1.1 and 5: what clients send, read, and what a broker for QoS 0 sends, written.
//
//   type and flags | length of the rest (1 to 4 bytes) | what the type has

import { isTopic } from "./filters.ts";
import {
	MALFORMED,
	PROTOCOL_ERROR,
	type Properties,
	Reader,
	Refusal,
	USER_PROPERTY,
} from "./reader.ts";

/** The level of the protocol: 4 is MQTT 3.1.1. */
export type Version = 4 | 5;

/** Something that is published. */
export interface Message {
	topic: string;
	payload: Buffer;
	/** To be kept for those who subscribe later. */
	isRetained: boolean;
	/** Those of MQTT 5 that are handed on, as they were sent. */
	properties: Buffer;
	/** Nobody wants it later, in milliseconds of `Date.now()`. */
	expiresAt: number;
}

export interface Subscription {
	filter: string;
	/** Not what the subscriber has published itself. */
	noLocal: boolean;
	/** With the publisher's word whether it is retained. */
	retainAsPublished: boolean;
	/** 0: retained messages come at once; 1: if the subscription is new; 2: they do not. */
	retainHandling: number;
}

export type Packet =
	| {
			type: "connect";
			version: Version;
			id: string;
			isClean: boolean;
			keepAliveMs: number;
			will: Message | undefined;
	  }
	| { type: "publish"; message: Message }
	| { type: "subscribe"; number: number; subscriptions: Subscription[] }
	| { type: "unsubscribe"; number: number; filters: string[] }
	| { type: "ping" }
	| { type: "disconnect"; reason: number };

/** What a connection speaks, by its first packet. */
export function versionOf(frame: Buffer): Version {
	const reader = new Reader(frame);
	if (reader.byte() >> 4 !== CONNECT) return 4;
	reader.varint();
	return reader.text() === "MQTT" && reader.byte() === 5 ? 5 : 4;
}

/** Reads one. Throws a {@link Refusal}. */
export function decode(frame: Buffer, version: Version): Packet {
	const reader = new Reader(frame);
	const first = reader.byte();
	reader.varint(); // the length, by which the frame was cut
	const type = first >> 4;
	if (type === PUBLISH) return publication(reader, first & 15, version);
	const flags = type === SUBSCRIBE || type === UNSUBSCRIBE ? 2 : 0;
	if ((first & 15) !== flags) throw new Refusal(MALFORMED, "wrong flags");
	switch (type) {
		case CONNECT:
			return connection(reader);
		case SUBSCRIBE:
			return subscribing(reader, version);
		case UNSUBSCRIBE:
			return unsubscribing(reader, version);
		case PINGREQ:
			return { type: "ping" };
		case DISCONNECT:
			return { type: "disconnect", reason: reader.isAtEnd ? 0 : reader.byte() };
		default:
			throw new Refusal(
				PROTOCOL_ERROR,
				`packets of type ${type} are not served`,
			);
	}
}

/** Section 3.1. */
function connection(reader: Reader): Packet {
	const name = reader.text();
	const version = reader.byte();
	if (name !== "MQTT" || (version !== 4 && version !== 5)) {
		throw new Refusal(UNSUPPORTED_VERSION, `${name} ${version} is not served`);
	}
	const flags = reader.byte();
	const hasWill = (flags & 4) !== 0;
	const isMeaningless = (flags & 1) !== 0 || (!hasWill && (flags & 0x38) !== 0);
	if (isMeaningless) throw new Refusal(MALFORMED, "wrong flags");
	if ((flags & 0x18) !== 0) throw new Refusal(0x9b, "only QoS 0 is served");
	const keepAliveMs = reader.uint16() * 1000;
	const properties = version === 5 ? reader.properties() : NO_PROPERTIES;
	if (properties.has(AUTHENTICATION_METHOD)) {
		throw new Refusal(0x8c, "no authentication method is served");
	}
	const id = reader.text();
	const will = hasWill ? willOf(reader, flags, version) : undefined;
	// Whoever has a name and a password may come in with any.
	if ((flags & 0x80) !== 0) reader.text();
	if ((flags & 0x40) !== 0) reader.bytes();
	const isClean = (flags & 2) !== 0;
	return { type: "connect", version, id, isClean, keepAliveMs, will };
}

function willOf(reader: Reader, flags: number, version: Version): Message {
	const properties = version === 5 ? reader.properties() : NO_PROPERTIES;
	const topic = reader.text();
	const payload = reader.bytes();
	return messageOf(topic, payload, (flags & 0x20) !== 0, properties);
}

/** Section 3.3. */
function publication(reader: Reader, flags: number, version: Version): Packet {
	if ((flags & 6) !== 0) throw new Refusal(0x9b, "only QoS 0 is served");
	const topic = reader.text();
	const properties = version === 5 ? reader.properties() : NO_PROPERTIES;
	if (properties.has(TOPIC_ALIAS)) {
		throw new Refusal(0x94, "no topic aliases are served");
	}
	const payload = reader.rest();
	const message = messageOf(topic, payload, (flags & 1) !== 0, properties);
	return { type: "publish", message };
}

function messageOf(
	topic: string,
	payload: Buffer,
	isRetained: boolean,
	properties: Properties,
): Message {
	if (!isTopic(topic)) throw new Refusal(0x90, `no topic: ${topic}`);
	const handedOn = HANDED_ON.flatMap((number) => properties.get(number) ?? []);
	const seconds = properties.get(MESSAGE_EXPIRY)?.[0]?.readUInt32BE(1);
	return {
		topic,
		payload,
		isRetained,
		properties: Buffer.concat(handedOn),
		expiresAt: Date.now() + (seconds ?? Number.POSITIVE_INFINITY) * 1000,
	};
}

/** Section 3.8. */
function subscribing(reader: Reader, version: Version): Packet {
	const number = packetNumber(reader);
	if (version === 5 && reader.properties().has(SUBSCRIPTION_IDENTIFIER)) {
		throw new Refusal(0xa1, "no subscription identifiers are served");
	}
	const subscriptions: Subscription[] = [];
	do {
		const filter = reader.text();
		const options = reader.byte();
		subscriptions.push({
			filter,
			noLocal: (options & 4) !== 0,
			retainAsPublished: (options & 8) !== 0,
			retainHandling: (options >> 4) & 3,
		});
		if ((options & (version === 5 ? 0xc0 : 0xfc)) !== 0 || (options & 3) > 2) {
			throw new Refusal(MALFORMED, "wrong options of a subscription");
		}
	} while (!reader.isAtEnd);
	return { type: "subscribe", number, subscriptions };
}

/** Section 3.10. */
function unsubscribing(reader: Reader, version: Version): Packet {
	const number = packetNumber(reader);
	if (version === 5) reader.properties();
	const filters: string[] = [];
	do filters.push(reader.text());
	while (!reader.isAtEnd);
	return { type: "unsubscribe", number, filters };
}

function packetNumber(reader: Reader): number {
	const number = reader.uint16();
	if (number === 0) throw new Refusal(MALFORMED, "a packet has the number 0");
	return number;
}

/** Section 3.2: what became of a CONNECT, and what this broker does not have. `id` is what it calls a client without a name. */
export function connack(
	version: Version,
	reason: number,
	id: string | undefined,
	maxBytes: number,
): Buffer {
	if (version === 4) return packet(CONNACK, Buffer.of(0, oldReason(reason)));
	const size = Buffer.alloc(5);
	size[0] = MAXIMUM_PACKET_SIZE;
	size.writeUInt32BE(maxBytes, 1);
	const properties: Buffer[] = [NOT_SERVED, size];
	if (id !== undefined) properties.push(Buffer.of(ASSIGNED_ID), textOf(id));
	return packet(CONNACK, Buffer.of(0, reason), withLength(...properties));
}

/** The reasons that MQTT 3.1.1 has for a CONNECT. */
function oldReason(reason: number): number {
	if (reason === 0) return 0;
	if (reason === UNSUPPORTED_VERSION) return 1;
	return reason === BAD_ID ? 2 : 3;
}

/** Section 3.3, for QoS 0. */
export function publish(
	message: Message,
	version: Version,
	isRetained: boolean,
): Buffer {
	const parts: Buffer[] = [textOf(message.topic)];
	if (version === 5) {
		parts.push(withLength(message.properties, expiryOf(message)));
	}
	const first = (PUBLISH << 4) | (isRetained ? 1 : 0);
	return packetOf(first, [...parts, message.payload]);
}

/** How many seconds a message has left. */
function expiryOf({ expiresAt }: Message): Buffer {
	if (expiresAt === Number.POSITIVE_INFINITY) return Buffer.alloc(0);
	const property = Buffer.of(MESSAGE_EXPIRY, 0, 0, 0, 0);
	const seconds = Math.ceil((expiresAt - Date.now()) / 1000);
	property.writeUInt32BE(Math.max(0, seconds), 1);
	return property;
}

/** Section 3.9: for each filter 0, or why it cannot be subscribed to. */
export function suback(version: Version, number: number, reasons: number[]) {
	const codes = version === 5 ? reasons : reasons.map((code) => code && 0x80);
	return acknowledgement(SUBACK, version, number, codes);
}

/** Section 3.11: for each filter 0, or 17 if there was no such subscription. */
export function unsuback(version: Version, number: number, reasons: number[]) {
	const codes = version === 5 ? reasons : [];
	return acknowledgement(UNSUBACK, version, number, codes);
}

function acknowledgement(
	type: number,
	version: Version,
	number: number,
	codes: number[],
): Buffer {
	const properties = version === 5 ? [0] : [];
	const head = [number >> 8, number & 0xff, ...properties];
	return packet(type, Buffer.from([...head, ...codes]));
}

export const pingresp = packet(13);

/** Section 3.14, of MQTT 5 alone: why the broker closes. */
export function disconnect(reason: number): Buffer {
	return packet(DISCONNECT, Buffer.of(reason, 0));
}

function packet(type: number, ...parts: Buffer[]): Buffer {
	return packetOf(type << 4, parts);
}

function packetOf(first: number, parts: Buffer[]): Buffer {
	return Buffer.concat([Buffer.of(first), withLength(...parts)]);
}

function withLength(...parts: Buffer[]): Buffer {
	let rest = parts.reduce((sum, part) => sum + part.length, 0);
	const length: number[] = [];
	do {
		length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
		rest >>= 7;
	} while (rest > 0);
	return Buffer.concat([Buffer.from(length), ...parts]);
}

function textOf(text: string): Buffer {
	const bytes = Buffer.from(text);
	return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length), bytes]);
}

export const UNSUPPORTED_VERSION = 0x84;
export const BAD_ID = 0x85;

const CONNECT = 1;
const CONNACK = 2;
const PUBLISH = 3;
const SUBSCRIBE = 8;
const SUBACK = 9;
const UNSUBSCRIBE = 10;
const UNSUBACK = 11;
const PINGREQ = 12;
const DISCONNECT = 14;

const NO_PROPERTIES: Properties = new Map();
const MESSAGE_EXPIRY = 2;
const SUBSCRIPTION_IDENTIFIER = 11;
const ASSIGNED_ID = 18;
const AUTHENTICATION_METHOD = 21;
const TOPIC_ALIAS = 35;
const MAXIMUM_PACKET_SIZE = 39;

/** Payload format, content type, response topic, correlation data, and what users like. */
const HANDED_ON = [1, 3, 8, 9, USER_PROPERTY];

/** Sessions end with their connection; QoS 1 and 2, subscription identifiers and shared subscriptions are not there. */
const NOT_SERVED = Buffer.of(17, 0, 0, 0, 0, 36, 0, 41, 0, 42, 0);
