import * as check from "../base/check.js";
import {
	boolean,
	type Checked,
	integer,
	milliseconds,
	OptionTable,
	oneOf,
	option,
} from "../base/option-table.js";
import {
	type FrameBytes,
	frameByte,
	frameBytes,
	frameMarks,
} from "./frame-bytes.js";
import {
	type Checksum,
	type FrameChecksumOptions,
	type FrameSum,
	frameChecksum,
} from "./frame-checksum.js";
import {
	type FrameLengthOptions,
	type FrameNumber,
	frameLength,
	type Length,
	MAX_HEAD,
} from "./frame-length.js";
import {
	frameSequences,
	type Sequences,
	sequencesRecord,
} from "./frame-sequences.js";

/**
 * Bytes that stand for others inside of a frame: `byte` and a code for a value, by `map` from codes to values; or `byte` and
 * the value combined with `xor`, for `byte` itself, for what starts and ends begin with, and for the bytes in `also`; or
 * `"cobs"` (consistent overhead byte stuffing), which leaves 0 free for the end; or `sequences`, pairs of some bytes that are
 * meant and of what is written for them, read from left to right and, with `behind`, as if these bytes came first. So
 * mail has a dot more where a line begins with one: `{ sequences: [["\r\n.", "\r\n.."]], behind: "\r\n" }`, with the end
 * `"\r\n.\r\n"`.
 */
export type FrameEscape =
	| "cobs"
	| {
			readonly byte: FrameBytes;
			readonly map: Readonly<Record<number, number>>;
	  }
	| {
			readonly byte: FrameBytes;
			readonly xor: number;
			readonly also?: string | Uint8Array;
	  }
	| {
			readonly sequences: readonly (readonly [
				meant: FrameBytes,
				written: FrameBytes,
			])[];
			readonly behind?: FrameBytes;
	  };

/** What of a frame is the message: see {@link FramesOptions.deliver}. */
export type FrameDelivery =
	| "body"
	| "frame"
	| { readonly strip?: number; readonly stripEnd?: number };

/** How one kind of frame is cut. A rule says all of it: nothing is taken over from another rule. */
export type FrameRule = Pick<
	FramesOptions,
	"fixed" | "length" | "end" | "escape" | "checksum" | "deliver"
>;

/** A rule for frames that have certain bytes. */
export interface FrameCase extends FrameRule {
	/** Where they have them: so many bytes behind their first one. Default 0. */
	readonly at?: number;
	/** What they are there. */
	readonly equals: FrameBytes;
	/** The bits of these that count, as many bytes. Default all. */
	readonly mask?: FrameBytes;
}

/** How frames are cut, and what becomes of those that are wrong: settings of {@link frames}. */
export class FramesOptions {
	/**
	 * What frames begin with, or an array of what they may begin with; the first one is what is sent. Offsets count from its
	 * first byte. Where one byte both begins and ends frames, one of them between two frames is enough, and
	 * what is empty between two of them is no frame.
	 *
	 * @defaultValue none
	 */
	start?: FrameBytes | readonly FrameBytes[] | undefined = option(
		(value, name) => frameMarks(name, value),
		undefined,
	) as never;
	/**
	 * How many bytes every frame has. Each frame has this, or a `length`, or an `end`.
	 *
	 * @defaultValue none
	 */
	fixed?: number | undefined = option(
		(value, name) => check.integer(name, value, 1, Number.MAX_SAFE_INTEGER),
		undefined,
	);
	/**
	 * Where a frame says how long it is: `"u16"` for a number right behind the start, or its place and more; or an array of
	 * several, which are added up. Nothing is ever allocated for it.
	 *
	 * @defaultValue none
	 */
	length?:
		| FrameNumber
		| FrameLengthOptions
		| readonly FrameLengthOptions[]
		| undefined = option(
		(value, name) => frameLength(value, name),
		undefined,
	) as never;
	/**
	 * What frames end with, or an array of what they may end with; the first one is what is sent. Where their length is known
	 * otherwise, this is checked.
	 *
	 * @defaultValue none
	 */
	end?: FrameBytes | readonly FrameBytes[] | undefined = option(
		(value, name) => frameMarks(name, value),
		undefined,
	) as never;
	/**
	 * Bytes that stand for others between start and end.
	 *
	 * @defaultValue none
	 */
	escape?: FrameEscape | undefined = option(escaping, undefined) as never;
	/**
	 * A checksum in front of the end: how it is computed, or that and more.
	 *
	 * @defaultValue none
	 */
	checksum?: FrameSum | FrameChecksumOptions | undefined = option(
		(value, name) => frameChecksum(value, name),
		undefined,
	) as never;
	/**
	 * What of a frame is the message, and so what `send` has to be given: the body, without start, length, checksum and end,
	 * which are written around what is sent; all of the frame, which is then sent as it is; or all but so many bytes of its
	 * front and its back, of which start, length, checksum and end are written again if it is just these.
	 *
	 * @defaultValue "body"; "frame" where something else stands in front of the length
	 */
	deliver?: FrameDelivery | undefined = option(delivery, undefined) as never;
	/**
	 * The rule of a connection's first frame, if it is another one. Such a frame has no `start`.
	 *
	 * @defaultValue none
	 */
	first?: FrameRule | undefined = option<FrameRule | undefined>(
		(value, name) => ruleTable.check(value, name) as never,
		undefined,
	);
	/**
	 * Rules for frames that have certain bytes: the first one that fits counts. What is sent has the rule of all others.
	 *
	 * @defaultValue []
	 */
	cases?: readonly FrameCase[] = option(frameCases, () => []) as never;
	/**
	 * Longest message in bytes, as it is handed over. See `onTooLong`. 0 means no limit.
	 *
	 * @defaultValue 1 MiB
	 */
	maxMessageBytes?: number = integer({
		min: 0,
		max: Number.MAX_SAFE_INTEGER,
		default: 1024 * 1024,
	});
	/**
	 * What becomes of a longer one: the connection is closed as soon as that can be seen, or it is left out, and
	 * `onFrameError` is told once.
	 *
	 * @defaultValue "close"
	 */
	onTooLong?: "close" | "discard" = oneOf(["close", "discard"], {
		default: "close",
	});
	/**
	 * What becomes of bytes that begin no frame, and of frames that are not built as they should be: the connection is closed,
	 * or they are left out up to where a frame may begin again, and `onFrameError` is told once for bytes in a row. For
	 * that, frames need a start, or an end instead of a length.
	 *
	 * @defaultValue "close"
	 */
	onNoise?: "close" | "discard" = oneOf(["close", "discard"], {
		default: "close",
	});
	/**
	 * Most bytes in a row that are left out as they begin no frame; more close the connection.
	 *
	 * @defaultValue 64 KiB
	 */
	maxSkipBytes?: number = integer({
		min: 0,
		max: Number.MAX_SAFE_INTEGER,
		default: 64 * 1024,
	});
	/**
	 * How long a frame may take that has begun, in milliseconds; the connection is closed for one that takes longer. 0 means
	 * for ever.
	 *
	 * @defaultValue 0
	 */
	frameTimeoutMs?: number = milliseconds({ default: 0 });
	/**
	 * Frames whose message is empty are left out. False: they are messages.
	 *
	 * @defaultValue false
	 */
	ignoreEmpty?: boolean = boolean({ default: false });
	/**
	 * Messages are text, and handed over as strings; a frame whose message is not UTF-8 is malformed. What is sent is not
	 * looked at. Frames with a wrong checksum cannot be delivered then, as they may be no text.
	 *
	 * @defaultValue false
	 */
	text?: boolean = boolean({ default: false });
	/**
	 * Nothing behind a frame is looked at before its message has been handled, a returned promise included: what that is may
	 * depend on the message; see {@link Connection.setProtocol}. Each frame waits for the one before it, which costs a few
	 * microseconds where many come at once.
	 *
	 * @defaultValue false
	 */
	stepwise?: boolean = boolean({ default: false });
	/**
	 * What is sent is made a frame, as `deliver` says, or goes out as it is.
	 *
	 * @defaultValue "framed"
	 */
	send?: "framed" | "raw" = oneOf(["framed", "raw"], { default: "framed" });
}

/** A rule, each option of which has been checked by itself. */
export interface Rule {
	readonly fixed: number | undefined;
	readonly length: Length | undefined;
	readonly end: readonly Uint8Array[] | undefined;
	readonly escape: Escape | undefined;
	readonly checksum: Checksum | undefined;
	readonly deliver: Delivery | undefined;
}

/** A case, as above. */
export interface Case extends Rule {
	readonly at: number;
	readonly equals: Uint8Array;
	readonly mask: Uint8Array;
}

/** All of them, as above. */
export interface Frames
	extends Rule,
		Omit<Checked<FramesOptions>, keyof Rule | "start" | "first" | "cases"> {
	readonly start: readonly Uint8Array[] | undefined;
	readonly first: Rule | undefined;
	readonly cases: readonly Case[];
}

/** An escape, as it has been checked: values by their codes. */
export interface Escape {
	readonly kind: "pairs" | "xor" | "cobs" | "sequences";
	readonly byte: number;
	readonly xor: number;
	/** Codes, each with its value behind it; or values that are escaped too; or sequences. */
	readonly bytes: Uint8Array;
	readonly sequences?: Sequences;
}

/** What is cut off a frame; -1 for what framing has put there. */
export interface Delivery {
	readonly strip: number;
	readonly stripEnd: number;
}

/** Options, each of which has been checked by itself. */
export function checkFramesOptions(options: unknown): Frames {
	return framesTable.check(options) as unknown as Frames;
}

function escaping(value: unknown, name: string): Escape {
	const none = { byte: 0, xor: 0, bytes: new Uint8Array(0) };
	if (value === "cobs") return { ...none, kind: "cobs" };
	if (typeof value !== "object" || value === null) {
		throw check.wrong(name, ESCAPES, value);
	}
	if ("sequences" in value) {
		const { sequences: list, behind, ...more } = value as Given;
		if (Object.keys(more).length > 0) throw check.wrong(name, ESCAPES, value);
		const sequences = frameSequences(list, behind, name);
		const bytes = sequencesRecord(sequences);
		return { ...none, kind: "sequences", bytes, sequences };
	}
	const { byte: given, map, xor, also, ...more } = value as Given;
	const unknown = Object.keys(more)[0];
	if (unknown !== undefined || (map === undefined) === (xor === undefined)) {
		throw check.wrong(name, ESCAPES, value);
	}
	const byte = frameByte(`${name}.byte`, given);
	if (xor !== undefined) {
		const bytes =
			also === undefined ? none.bytes : frameBytes(`${name}.also`, also, 255);
		const mask = check.integer(`${name}.xor`, xor, 1, 255);
		return { kind: "xor", byte, xor: mask, bytes };
	}
	if (typeof map !== "object" || map === null) {
		throw check.wrong(`${name}.map`, "an object", map);
	}
	const pairs = Object.entries(map).map(([code, value]) => [
		check.integer(`a code in ${name}.map`, Number(code), 0, 255),
		check.integer(`${name}.map[${code}]`, value, 0, 255),
	]);
	return { kind: "pairs", byte, xor: 0, bytes: Uint8Array.from(pairs.flat()) };
}

function delivery(value: unknown, name: string): Delivery {
	if (value === "body") return { strip: -1, stripEnd: -1 };
	if (value === "frame") return { strip: 0, stripEnd: 0 };
	if (typeof value !== "object" || value === null) {
		throw check.wrong(name, '"body", "frame" or { strip, stripEnd }', value);
	}
	const { strip = 0, stripEnd = 0, ...more } = value as Given;
	if (Object.keys(more).length > 0) {
		throw check.wrong(name, '"body", "frame" or { strip, stripEnd }', value);
	}
	return {
		strip: check.integer(`${name}.strip`, strip, 0, MAX_HEAD),
		stripEnd: check.integer(`${name}.stripEnd`, stripEnd, 0, MAX_HEAD),
	};
}

function frameCases(value: unknown, name: string): readonly Case[] {
	if (!Array.isArray(value)) throw check.wrong(name, "an array", value);
	return value.map((item, number) => frameCase(item, `${name}[${number}]`));
}

function frameCase(value: unknown, name: string): Case {
	if (typeof value !== "object" || value === null) {
		throw check.wrong(name, "an object", value);
	}
	const { at: place = 0, equals: wanted, mask: bits, ...rule } = value as Given;
	const equals = frameBytes(`${name}.equals`, wanted);
	const mask =
		bits === undefined
			? new Uint8Array(equals.length).fill(255)
			: frameBytes(`${name}.mask`, bits);
	if (mask.length !== equals.length) {
		throw check.wrong(`${name}.mask`, "as long as equals", bits);
	}
	if (equals.some((byte, at) => (byte & ~(mask[at] as number)) !== 0)) {
		const expected =
			"without bits that mask leaves out, as no frame is like that";
		throw check.wrong(`${name}.equals`, expected, wanted);
	}
	const at = check.integer(`${name}.at`, place, 0, MAX_HEAD - equals.length);
	const checked = ruleTable.check(rule, name) as unknown as Rule;
	return { ...checked, at, equals, mask };
}

type Given = Record<string, unknown>;

const ESCAPES = '"cobs", { byte, map }, { byte, xor } or { sequences }';

/** The rows of a rule are those that frames have too. */
const RULE_ROWS = [
	"fixed",
	"length",
	"end",
	"escape",
	"checksum",
	"deliver",
] as const satisfies readonly (keyof FrameRule)[];

// Made here, where everything is there that rows use.
const framesTable = new OptionTable("frames()", FramesOptions);
const ruleTable = new OptionTable("a rule", rowsOfRule());

function rowsOfRule(): new () => FrameRule {
	const rows = new FramesOptions();
	return class {
		constructor() {
			for (const name of RULE_ROWS) Object.assign(this, { [name]: rows[name] });
		}
	} as new () => FrameRule;
}
