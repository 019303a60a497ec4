// JT/T 808, by which vehicles in China report where they are, of 2013 and 2019: what is in a frame, read and written.
//
//   id (2)  properties (2)  [version (1)]  phone number (6, of 2019 10, two digits a byte)  serial number (2)  body

export const REGISTER = 0x0100;
export const AUTHENTICATE = 0x0102;
export const HEARTBEAT = 0x0002;
export const POSITION = 0x0200;
export const REGISTERED = 0x8100;
export const ANSWER = 0x8001;

/** What an {@link ANSWER} says. */
export const DONE = 0;
export const FAILED = 1;
export const NOT_SERVED = 3;

/** Messages have these of their header in common. */
export interface Head {
	id: number;
	/** Digits without zeros in front. */
	phone: string;
	serial: number;
	/** By the standard of 2019, not of 2013. */
	isNew: boolean;
}

export interface Message extends Head {
	body: Buffer;
	/** It is encrypted, or a part of a longer one. */
	isPartial: boolean;
}

/** Where a vehicle is, and was when. */
export interface Position {
	latitude: number;
	longitude: number;
	/** In metres. */
	altitude: number;
	/** In km/h. */
	speed: number;
	/** In degrees from the north, clockwise. */
	direction: number;
	/** In milliseconds of `Date`. */
	time: number;
}

/** Throws for a frame that is none. */
export function decode(frame: Buffer): Message {
	const properties = frame.readUInt16BE(2);
	const isNew = (properties & 0x4000) !== 0;
	const [phoneAt, phoneEnd] = isNew ? [5, 15] : [4, 10];
	const body = frame.subarray(phoneEnd + 2);
	const isPartial = (properties & 0x3c00) !== 0;
	if (!isPartial && body.length !== (properties & 0x3ff)) {
		throw new RangeError("the length of the body is another one");
	}
	return {
		id: frame.readUInt16BE(0),
		phone: digits(frame.subarray(phoneAt, phoneEnd)).replace(/^0+/, ""),
		serial: frame.readUInt16BE(phoneEnd),
		isNew,
		body,
		isPartial,
	};
}

export function encode({ id, phone, serial, isNew }: Head, body: Buffer) {
	const head = Buffer.alloc(4);
	head.writeUInt16BE(id);
	head.writeUInt16BE(body.length | (isNew ? 0x4000 : 0), 2);
	const version = Buffer.from(isNew ? [1] : []);
	const number = Buffer.from(phone.padStart(isNew ? 20 : 12, "0"), "hex");
	const count = Buffer.of(serial >> 8, serial & 0xff);
	return Buffer.concat([head, version, number, count, body]);
}

/** Table 20 of 2013, 23 of 2019. `undefined` where a vehicle does not know where it is. */
export function positionOf(body: Buffer): Position | undefined {
	const status = body.readUInt32BE(4);
	const time = timeOf(digits(body.subarray(22, 28)));
	if ((status & 2) === 0) return undefined;
	const position = {
		latitude: (body.readUInt32BE(8) / 1e6) * ((status & 4) === 0 ? 1 : -1),
		longitude: (body.readUInt32BE(12) / 1e6) * ((status & 8) === 0 ? 1 : -1),
		altitude: body.readInt16BE(16),
		speed: body.readUInt16BE(18) / 10,
		direction: body.readUInt16BE(20),
		time,
	};
	const { latitude, longitude } = position;
	if (Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) return position;
	throw new RangeError(`no place is at ${latitude}, ${longitude}`);
}

/** Of a registration: the plate is its last field. */
export function plateOf({ body, isNew }: Message): string {
	const plate = body.subarray(isNew ? 76 : 37);
	return new TextDecoder("gbk").decode(plate).replaceAll("\0", "").trim();
}

/** Of an authentication: the word that the registration was answered with. */
export function wordOf({ body, isNew }: Message): string {
	return isNew
		? body.toString("latin1", 1, 1 + body.readUInt8(0))
		: body.toString("latin1");
}

function digits(bytes: Buffer): string {
	const text = bytes.toString("hex");
	if (/^\d+$/.test(text)) return text;
	throw new RangeError(`no decimal digits: ${text}`);
}

/** From `YYMMDDhhmmss`, in China's time, which has been eight hours ahead since before there were such vehicles. */
function timeOf(text: string): number {
	const [year = 0, month = 1, ...rest] = (text.match(/../g) ?? []).map(Number);
	return Date.UTC(2000 + year, month - 1, ...rest) - 8 * 3_600_000;
}
