import * as check from "../base/check.js";
import {
	type Checked,
	integer,
	OptionTable,
	oneOf,
	option,
} from "../base/option-table.js";
import { type FrameBytes, frameByte, frameBytes } from "./frame-bytes.js";

/**
 * How a length is written: as so many bits in bytes; with seven bits a byte, the lowest ones first, in so many bytes at most
 * (`"varint"` is `{ varint: 5 }`); as in BER; in so many decimal or hexadecimal digits; in so many bytes of two decimal
 * digits; or in decimal digits up to a byte.
 */
export type FrameNumber =
	| "u8"
	| "u16"
	| "u24"
	| "u32"
	| "u64"
	| "varint"
	| "ber"
	| { readonly varint: number }
	| { readonly decimal: number }
	| { readonly hex: number }
	| { readonly bcd: number }
	| { readonly decimalUntil: FrameBytes };

/** Where a frame says how long it is, and what it says. */
export class FrameLengthOptions {
	/**
	 * How many bytes behind the first byte of the frame it stands, or behind which bytes, which are the first ones like that.
	 *
	 * @defaultValue right behind the start
	 */
	at?: number | { readonly after: FrameBytes } = option(
		place,
		undefined,
	) as never;
	/**
	 * How it is written.
	 *
	 * @defaultValue "u32"
	 */
	as?: FrameNumber = option<FrameNumber>(formOf as never, "u32");
	/**
	 * Which byte of `"u16"` and the like comes first: the highest one, or the lowest one.
	 *
	 * @defaultValue "big"
	 */
	order?: "big" | "little" = oneOf(["big", "little"], { default: "big" });
	/**
	 * The bits of it that count; 0 for all.
	 *
	 * @defaultValue 0
	 */
	mask?: number = integer({ min: 0, max: Number.MAX_SAFE_INTEGER, default: 0 });
	/**
	 * How far these are shifted to the right.
	 *
	 * @defaultValue 0
	 */
	shift?: number = integer({ min: 0, max: 52, default: 0 });
	/**
	 * What they are multiplied with then.
	 *
	 * @defaultValue 1
	 */
	unit?: number = integer({ min: 1, max: 2 ** 20, default: 1 });
	/**
	 * What it counts: the rest, which is everything behind it, checksum and end among it; itself and the rest; or all of the
	 * frame.
	 *
	 * @defaultValue "rest"
	 */
	counts?: "rest" | "self" | "frame" = oneOf(["rest", "self", "frame"], {
		default: "rest",
	});
	/**
	 * What is added to it then, such as 1 for a check byte that it does not count.
	 *
	 * @defaultValue 0
	 */
	add?: number = integer({ min: -(2 ** 31), max: 2 ** 31, default: 0 });
}

/** A number of a length, as it has been checked. */
export interface LengthField {
	/** Behind the frame's first byte; `undefined` where it stands behind `after`, if that is not empty, or behind the start. */
	readonly at: number | undefined;
	readonly after: Uint8Array;
	/** By its number in a record: see `crates/frames/src/record.rs`. */
	readonly form: number;
	/** Bytes, digits, or the byte that ends it. */
	readonly size: number;
	/** Most that it says. */
	readonly most: number;
	readonly mask: number;
	readonly shift: number;
	readonly unit: number;
}

/** A length, as it has been checked. */
export interface Length {
	readonly fields: readonly LengthField[];
	readonly counts: "rest" | "self" | "frame";
	readonly add: number;
}

/** A length that is given in one way or another. */
export function frameLength(value: unknown, name: string): Length {
	const given = Array.isArray(value) ? value : [value];
	if (given.length === 0 || given.length > 4) {
		throw check.wrong(name, "one to four lengths", value);
	}
	const all = given.map((one, at) => {
		const own = given.length === 1 ? name : `${name}[${at}]`;
		return lengthTable.check(isShort(one) ? { as: one } : one, own);
	});
	const first = all[0] as Checked<FrameLengthOptions>;
	if (all.some(({ counts }) => counts !== first.counts)) {
		throw check.wrong(`${name}.counts`, "the same in all of them", "others");
	}
	return {
		counts: first.counts,
		add: all.reduce((sum, { add }) => sum + add, 0),
		fields: all.map((one, at) =>
			field(one, given.length === 1 ? name : `${name}[${at}]`),
		),
	};
}

/** `"u16"` and `{ varint: 4 }` are in short what `as` can be. */
function isShort(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return true;
	return Object.keys(value).some(
		(key) => key in SIZED || key === "decimalUntil",
	);
}

function field(length: Checked<FrameLengthOptions>, name: string): LengthField {
	const { at, after } = (length.at ?? NOWHERE) as unknown as typeof NOWHERE;
	const as = length.as as FrameNumber | Form;
	const { form, size, most } =
		typeof as === "string" ? formOf(as, name) : (as as Form);
	const { mask, shift, unit } = length;
	const isLittle = form === 0 && length.order === "little";
	const bits = mask === 0 ? most : Math.min(mask, most);
	const said = Math.floor(bits / 2 ** shift) * unit;
	if (said === 0) {
		throw check.wrong(`${name}.shift`, "less: nothing is left of it", shift);
	}
	const ends = (at ?? 0) + longest(form, size);
	if (ends > MAX_HEAD) {
		throw check.wrong(`${name}.at`, "within the first 256 bytes", at);
	}
	return {
		...{ at, after, size, mask, shift, unit },
		form: isLittle ? 1 : form,
		most: said,
	};
}

/** Most bytes of a number. */
export function longest(form: number, size: number): number {
	if (form === BER) return 9;
	return form === DECIMAL_UNTIL ? 21 : size;
}

/** Fewest bytes of it. */
export function shortest(form: number, size: number): number {
	if (form === VARINT || form === BER) return 1;
	return form === DECIMAL_UNTIL ? 2 : size;
}

interface Form {
	form: number;
	size: number;
	/** Largest number. */
	most: number;
}

function formOf(value: unknown, name: string): Form {
	const bytes = ["u8", "u16", "u24", "u32", "u64"].indexOf(value as string);
	if (bytes >= 0) {
		const size = bytes === 4 ? 8 : bytes + 1;
		return { form: 0, size, most: 256 ** size - 1 };
	}
	if (value === "varint") return formOf({ varint: 5 }, name);
	if (value === "ber") {
		return { form: BER, size: 0, most: Number.MAX_SAFE_INTEGER };
	}
	const [[kind, size] = ["", undefined], ...more] =
		typeof value === "object" && value !== null ? Object.entries(value) : [];
	if (kind === "decimalUntil" && more.length === 0) {
		const end = frameByte(`${name}.decimalUntil`, size);
		if (end >= 0x30 && end <= 0x39) {
			throw check.wrong(`${name}.decimalUntil`, "no digit", size);
		}
		const most = Number.MAX_SAFE_INTEGER;
		return { form: DECIMAL_UNTIL, size: end, most };
	}
	const sized = more.length === 0 ? SIZED[kind] : undefined;
	if (sized === undefined) {
		throw check.wrong(name, KNOWN_FORMS, value);
	}
	const digits = check.integer(`${name}.${kind}`, size, 1, sized.max);
	return { form: sized.form, size: digits, most: sized.base ** digits - 1 };
}

const NOWHERE: { at: number | undefined; after: Uint8Array } = {
	at: undefined,
	after: new Uint8Array(0),
};

function place(value: unknown, name: string): typeof NOWHERE {
	if (typeof value !== "object" || value === null) {
		return { ...NOWHERE, at: check.integer(name, value, 0, MAX_HEAD) };
	}
	const { after } = value as { after?: unknown };
	return { ...NOWHERE, after: frameBytes(`${name}.after`, after) };
}

/** The head of a frame, up to the end of its lengths, is not longer than this. */
export const MAX_HEAD = 256;

const VARINT = 2;
const BER = 3;
const DECIMAL_UNTIL = 7;

/** Forms that are told with a number of bytes or digits. */
const SIZED: Record<string, { form: number; max: number; base: number }> = {
	varint: { form: VARINT, max: 10, base: 128 },
	decimal: { form: 4, max: 20, base: 10 },
	hex: { form: 5, max: 16, base: 16 },
	bcd: { form: 6, max: 10, base: 100 },
};

const KNOWN_FORMS =
	'"u8", "u16", "u24", "u32", "u64", "varint", "ber", { varint }, { decimal }, { hex }, { bcd } or { decimalUntil }';

const lengthTable = new OptionTable("length", FrameLengthOptions);
