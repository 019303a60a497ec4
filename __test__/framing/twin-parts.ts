import type {
	FrameBytes,
	FrameChecksumOptions,
	FrameLengthOptions,
	FrameNumber,
	FrameRule,
	FramesOptions,
} from "gev";

/** What the twin knows of ends, escapes, lengths and checksums: see `twin.ts`. */

/** Why a frame is none. */
export class Wrong extends Error {
	constructor(
		readonly reason: "tooLong" | "checksum" | "malformed" | "needMore",
		/** Bytes of the frame, where they are known. */
		readonly length?: number,
		readonly message_?: Buffer,
	) {
		super(reason);
	}
}

/** Where the first end is, and which; or up to where there is none. */
export function findEnd(
	rule: FrameRule,
	ends: Buffer[],
	bytes: Buffer,
	start: number,
): [at: number, end: Buffer | undefined] {
	const { escape: escaping } = rule;
	if (typeof escaping === "object" && "sequences" in escaping) {
		return findEndOfSequences(escaping, ends, bytes, start);
	}
	const byte =
		typeof escaping === "object" ? bytesOf(escaping.byte)[0] : undefined;
	const isStuffed = byte !== undefined && ends[0]?.[0] === byte;
	for (let at = start; at < bytes.length; at++) {
		const rest = bytes.subarray(at);
		const end = ends.find((it) => rest.subarray(0, it.length).equals(it));
		if (end !== undefined) return [at, end];
		const isPart = (it: Buffer) =>
			rest.length < it.length && it.subarray(0, rest.length).equals(rest);
		if (ends.some(isPart)) return [at, undefined];
		if (isStuffed && bytes[at] === byte) at++;
	}
	return [bytes.length, undefined];
}

type Sequences = Extract<FramesOptions["escape"], { sequences: unknown }>;

/** The sequences, with what is meant by them; at the beginning also what is left of them behind what they follow. */
function sequencesAt(
	{ sequences: list, behind }: Sequences,
	ends: Buffer[],
	isBeginning: boolean,
): { mark: Buffer; meant: Buffer | undefined }[] {
	const all = [
		...list.map(([raw, escaped]) => ({
			mark: bytesOf(escaped),
			meant: bytesOf(raw) as Buffer | undefined,
		})),
		...ends.map((mark) => ({ mark, meant: undefined })),
	];
	if (!isBeginning || behind === undefined) return all;
	const front = bytesOf(behind);
	const rests = all.filter(
		({ mark }) =>
			mark.length > front.length &&
			mark.subarray(0, front.length).equals(front),
	);
	const cut = (it: Buffer) => it.subarray(front.length);
	return [
		...all,
		...rests.map(({ mark, meant }) => ({
			mark: cut(mark),
			meant: meant && cut(meant),
		})),
	];
}

function findEndOfSequences(
	escaping: Sequences,
	ends: Buffer[],
	bytes: Buffer,
	start: number,
): [at: number, end: Buffer | undefined] {
	let at = start;
	while (at < bytes.length) {
		const rest = bytes.subarray(at);
		const known = sequencesAt(escaping, ends, at === start);
		const found = known.find(({ mark }) =>
			rest.subarray(0, mark.length).equals(mark),
		);
		if (found !== undefined && found.meant === undefined) {
			return [at, found.mark];
		}
		const isPart = (mark: Buffer) =>
			rest.length < mark.length && mark.subarray(0, rest.length).equals(rest);
		if (found === undefined && known.some(({ mark }) => isPart(mark))) {
			return [at, undefined];
		}
		at += found?.mark.length ?? 1;
	}
	return [bytes.length, undefined];
}

/** What stands for something else, byte by byte. `length`: that of the frame, as far as it has come. */
export function unescaped(
	{ escape: escaping }: FrameRule,
	bytes: Buffer,
	most: number,
	length: number,
	isWhole: boolean,
): Buffer {
	const out: number[] = [];
	const cutShort = () => new Wrong(isWhole ? "malformed" : "needMore", length);
	const put = (byte: number) => {
		if (out.length >= most) throw new Wrong("tooLong", length);
		out.push(byte);
	};
	if (escaping === undefined) {
		for (const byte of bytes) put(byte);
	} else if (escaping === "cobs") {
		let at = 0;
		while (at < bytes.length) {
			const code = bytes[at++] as number;
			for (let left = code - 1; left > 0; left--) {
				if (at === bytes.length) throw cutShort();
				put(bytes[at++] as number);
			}
			if (code !== 255 && at < bytes.length) put(0);
		}
	} else if ("sequences" in escaping) {
		for (let at = 0; at < bytes.length; ) {
			const rest = bytes.subarray(at);
			const found = sequencesAt(escaping, [], at === 0).find(({ mark }) =>
				rest.subarray(0, mark.length).equals(mark),
			);
			for (const byte of found?.meant ?? rest.subarray(0, 1)) put(byte);
			at += found?.mark.length ?? 1;
		}
	} else {
		const byte = bytesOf(escaping.byte)[0];
		for (let at = 0; at < bytes.length; at++) {
			if (bytes[at] !== byte) {
				put(bytes[at] as number);
				continue;
			}
			// What there is no room for is not looked at.
			if (out.length >= most) throw new Wrong("tooLong", length);
			const code = bytes[++at];
			if (code === undefined) throw cutShort();
			const value =
				"xor" in escaping ? code ^ escaping.xor : escaping.map[code];
			if (value === undefined) throw new Wrong("malformed", length);
			put(value);
		}
	}
	return Buffer.from(out);
}

/** Where the head of a frame ends, and how long the frame is. */
export function lengthOf(
	given: FramesOptions["length"],
	bytes: Buffer,
	start: number,
	behind: number,
): [head: number, total: number] {
	const all = (Array.isArray(given) ? given : [given]).map((it) =>
		typeof it === "object" && !isNumber(it)
			? (it as FrameLengthOptions)
			: ({ as: it } as FrameLengthOptions),
	);
	let [sum, head, first] = [0, 0, Number.POSITIVE_INFINITY];
	for (const {
		at,
		as = "u32",
		order,
		mask = 0,
		shift = 0,
		unit = 1,
		add = 0,
	} of all) {
		let from = behind;
		if (typeof at === "number") from = at;
		else if (at !== undefined) {
			const mark = bytesOf(at.after);
			const found = bytes.subarray(0, 256).indexOf(mark, start);
			if (found < 0)
				throw new Wrong(bytes.length < 256 ? "needMore" : "malformed");
			from = found + mark.length;
		}
		const [value, length] = numberAt(as, order ?? "big", bytes, from);
		const bits = mask === 0 ? value : value & BigInt(mask);
		sum += Number(bits >> BigInt(shift)) * unit + add;
		first = Math.min(first, from);
		head = Math.max(head, from + length);
		behind = from + longestOf(as);
	}
	const counts = all[0]?.counts ?? "rest";
	const total = sum + { rest: head, self: first, frame: 0 }[counts];
	if (total < head) throw new Wrong("malformed");
	return [head, total];
}

/** A number that is no name. */
function isNumber(it: object): boolean {
	const names = ["varint", "decimal", "hex", "bcd", "decimalUntil"];
	return names.some((name) => name in it);
}

function longestOf(as: FrameNumber): number {
	if (typeof as === "string") {
		return { u8: 1, u16: 2, u24: 3, u32: 4, u64: 8, varint: 5, ber: 9 }[as];
	}
	return "decimalUntil" in as ? 21 : (Object.values(as)[0] as number);
}

/** A number, and how many bytes it takes. */
function numberAt(
	as: FrameNumber,
	order: "big" | "little",
	bytes: Buffer,
	from: number,
): [value: bigint, length: number] {
	const byteAt = (at: number) => {
		const byte = bytes[at];
		if (byte === undefined) throw new Wrong("needMore");
		return byte;
	};
	const digitAt = (at: number, base: number) => {
		const digit = Number.parseInt(String.fromCharCode(byteAt(at)), base);
		if (Number.isNaN(digit)) throw new Wrong("malformed");
		return BigInt(digit);
	};
	if (as === "varint" || (typeof as === "object" && "varint" in as)) {
		const most = as === "varint" ? 5 : as.varint;
		let value = 0n;
		for (let at = 0; at < most; at++) {
			const byte = byteAt(from + at);
			value |= BigInt(byte & 127) << BigInt(7 * at);
			if (byte < 128) return [value, at + 1];
		}
		throw new Wrong("malformed");
	}
	if (as === "ber") {
		const first = byteAt(from);
		if (first < 128) return [BigInt(first), 1];
		if (first === 128 || first > 0x88) throw new Wrong("malformed");
		let value = 0n;
		for (let at = 1; at <= first - 128; at++) {
			value = value * 256n + BigInt(byteAt(from + at));
		}
		return [value, first - 127];
	}
	if (typeof as === "object" && "decimalUntil" in as) {
		const end = bytesOf(as.decimalUntil)[0];
		let value = 0n;
		for (let at = 0; at < 21; at++) {
			if (byteAt(from + at) === end && at > 0) return [value, at + 1];
			value = value * 10n + digitAt(from + at, 10);
		}
		throw new Wrong("malformed");
	}
	const length = longestOf(as);
	let value = 0n;
	for (let at = 0; at < length; at++) {
		const place = from + (order === "little" ? length - 1 - at : at);
		if (typeof as === "string") value = value * 256n + BigInt(byteAt(place));
		else if ("decimal" in as) value = value * 10n + digitAt(from + at, 10);
		else if ("hex" in as) value = value * 16n + digitAt(from + at, 16);
		else {
			const byte = byteAt(from + at);
			if (byte >> 4 > 9 || (byte & 15) > 9) throw new Wrong("malformed");
			value = value * 100n + BigInt((byte >> 4) * 10 + (byte & 15));
		}
	}
	if (typeof as === "string" && order === "little") {
		// All of it has to be there before any of it says something.
		byteAt(from + length - 1);
	}
	return [value, length];
}

export function deliveryOf(
	{ deliver, length, checksum }: FrameRule,
	behind: number,
): { strip: number; stripEnd: number } {
	const body = { strip: -1, stripEnd: -1 };
	const frame = { strip: 0, stripEnd: 0 };
	if (deliver === "body") return body;
	if (deliver === "frame") return frame;
	if (deliver !== undefined) return { ...frame, ...deliver };
	const place = typeof checksum === "object" ? checksum.at : undefined;
	if (length === undefined) {
		return place === undefined || place === behind ? body : frame;
	}
	if (Array.isArray(length)) return frame;
	const whole = (
		typeof length === "object" && !isNumber(length) ? length : { as: length }
	) as FrameLengthOptions;
	const { at = behind, as = "u32" } = whole;
	const isVariable =
		["varint", "ber"].includes(as as string) ||
		(typeof as === "object" && ("varint" in as || "decimalUntil" in as));
	const isBehind = place === behind + longestOf(as) && !isVariable;
	return at === behind && (place === undefined || isBehind) ? body : frame;
}

export type Sum = ReturnType<typeof checksumOf>;

export function checksumOf({ checksum }: FrameRule) {
	if (checksum === undefined) return undefined;
	const {
		as = "xor8",
		digits = "binary",
		...more
	}: FrameChecksumOptions = typeof checksum === "string"
		? { as: checksum }
		: checksum;
	const bits = as.includes("32") ? 32 : as.includes("16") ? 16 : 8;
	const natural = {
		binary: bits / 8,
		hex: bits / 4,
		decimal: bits === 8 ? 3 : bits === 16 ? 5 : 10,
	}[digits];
	const { from, after = "", order = "big", width = natural } = more;
	const mark = after === "" ? Buffer.alloc(0) : bytesOf(after);
	const { at, itself = "zeros" } = more;
	const places = {
		at,
		itself,
		tail: at === undefined ? mark.length + width : 0,
		inside: at === undefined ? 0 : width,
		inner: at === undefined ? 0 : at + width,
	};
	return { as, digits, from, order, width, after: mark, ...places };
}

export function isRight(
	sum: Exclude<Sum, undefined>,
	covered: Buffer,
	tail: Buffer,
	behind: number,
): boolean {
	const { as, digits, after, order, width, at, inner } = sum;
	const value = sumOf(as, counted(sum, covered, behind));
	if (!tail.subarray(0, after.length).equals(after)) return false;
	const written =
		at === undefined
			? tail.subarray(after.length, after.length + width)
			: covered.subarray(at, inner);
	if (digits === "binary") {
		const wide = Buffer.alloc(16);
		wide.writeBigUInt64BE(value, 8);
		const right = wide.subarray(16 - width);
		return written.equals(
			order === "little" ? Buffer.from(right).reverse() : right,
		);
	}
	const text = value.toString(digits === "hex" ? 16 : 10).padStart(width, "0");
	return written.toString("latin1").toLowerCase() === text.slice(-width);
}

/** What a checksum is computed from, byte by byte. */
function counted(
	{ at, from, inner, itself }: Exclude<Sum, undefined>,
	frame: Buffer,
	behind: number,
): Buffer {
	const first = from ?? (at === undefined ? behind : inner);
	const counts: number[] = [];
	for (const [place, byte] of frame.entries()) {
		if (place < first) continue;
		const isOwn = at !== undefined && place >= at && place < inner;
		if (!isOwn) counts.push(byte);
		else if (itself === "zeros") counts.push(0);
	}
	return Buffer.from(counts);
}

/** Bit by bit, as the definitions of these have it. */
function sumOf(as: string, bytes: Buffer): bigint {
	const add = bytes.reduce((sum, byte) => sum + byte, 0);
	switch (as) {
		case "xor8":
			return BigInt(bytes.reduce((sum, byte) => sum ^ byte, 0));
		case "sum8":
			return BigInt(add & 255);
		case "lrc":
			return BigInt(-add & 255);
		case "sum16":
			return BigInt(add & 65_535);
	}
	const [bits, poly, init, isReflected, xorOut] = {
		"crc16-modbus": [16, 0x8005n, 0xffffn, true, 0n],
		"crc16-arc": [16, 0x8005n, 0n, true, 0n],
		"crc16-x25": [16, 0x1021n, 0xffffn, true, 0xffffn],
		"crc16-ccitt": [16, 0x1021n, 0xffffn, false, 0n],
		"crc16-xmodem": [16, 0x1021n, 0n, false, 0n],
		crc32: [32, 0x04c11db7n, 0xffffffffn, true, 0xffffffffn],
		crc32c: [32, 0x1edc6f41n, 0xffffffffn, true, 0xffffffffn],
	}[as] as [number, bigint, bigint, boolean, bigint];
	const top = 1n << BigInt(bits - 1);
	const all = (top << 1n) - 1n;
	let register = init;
	for (const byte of bytes) {
		for (let bit = 0; bit < 8; bit++) {
			const place = isReflected ? bit : 7 - bit;
			const next = ((byte >> place) & 1) === 1;
			const isOut = ((register & top) !== 0n) !== next;
			register = (register << 1n) & all;
			if (isOut) register ^= poly;
		}
	}
	const bitsOf = register.toString(2).padStart(bits, "0");
	const result = isReflected
		? BigInt(`0b${[...bitsOf].reverse().join("")}`)
		: register;
	return result ^ xorOut;
}

export function bytesOf(given: FrameBytes): Buffer {
	return typeof given === "number"
		? Buffer.of(given)
		: Buffer.from(given as string);
}

export function marks(given: FramesOptions["start"]): Buffer[] {
	if (given === undefined) return [];
	const list = Array.isArray(given) ? given : [given as FrameBytes];
	return list.map((it) => bytesOf(it));
}
