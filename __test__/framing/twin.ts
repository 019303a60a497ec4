import { isUtf8 } from "node:buffer";
import type {
	FrameCase,
	FrameChecksumOptions,
	FrameLengthOptions,
	FrameRule,
	FramesOptions,
} from "gev";
import type { Story } from "./scene.js";
import {
	bytesOf,
	checksumOf,
	deliveryOf,
	findEnd,
	isRight,
	lengthOf,
	marks,
	unescaped,
	Wrong,
} from "./twin-parts.js";

/**
 * The same as the native engine once more: slow and obvious. It has all bytes of a connection at once, looks at them one by
 * one, keeps nothing, and knows nothing of parts, runs and searches that go on. Up to the end of input it tells a
 * {@link Story}.
 */
export function twin(options: FramesOptions, bytes: Buffer): Story {
	const story: Story = [];
	const cause = new Twin(options, bytes, story).run();
	story.push(cause);
	return story;
}

class Twin {
	readonly #starts: Buffer[];
	readonly #flag: number | undefined;
	#at = 0;
	#isFirst: boolean;
	#isBehindFlag = false;
	/** Noise that has been passed over, and whether it follows what has been told. */
	#skipped = 0;
	#isQuiet = false;

	constructor(
		readonly options: FramesOptions,
		readonly bytes: Buffer,
		readonly story: Story,
	) {
		this.#starts = marks(options.start);
		this.#isFirst = options.first !== undefined;
		const [start, end] = [this.#starts[0], marks(options.end)[0]];
		const isDelimited = !options.fixed && !options.length;
		const isFlag = isDelimited && start?.length === 1 && end?.equals(start);
		this.#flag = isFlag ? start?.[0] : undefined;
	}

	/** Returns the cause of the close. */
	run(): string {
		for (;;) {
			const starts = this.#isFirst ? [] : this.#starts;
			const start = this.#findStart(starts);
			if (typeof start === "string") return this.#closing(start);
			if (start === undefined) {
				this.story.push("end");
				return "peer";
			}
			const done = this.#frame(start, starts);
			if (done !== undefined) return this.#closing(done);
		}
	}

	#closing(reason: string): string {
		this.story.push(`closed ${reason.replace("!", "")}`);
		return reason === "tooLong" || reason === "noise!" ? "limit" : "protocol";
	}

	/** The length of the start; `undefined` at the end; or why that is it. */
	#findStart(starts: Buffer[]): number | string | undefined {
		const { bytes } = this;
		if (this.#flag !== undefined && this.#isBehindFlag) {
			while (bytes[this.#at] === this.#flag) this.#at++;
			return this.#at === bytes.length ? undefined : 0;
		}
		if (this.#at === bytes.length) return this.#endOfNoise();
		if (starts.length === 0) return 0;
		const start = starts.find((it) => this.#has(this.#at, it));
		if (start === undefined) {
			if (this.#isPartial(this.#at)) return "truncated";
			if (this.options.onNoise !== "discard") return "noise";
			let next = this.#at + 1;
			const begins = (at: number) =>
				this.#starts.some((it) => this.#has(at, it)) || this.#isPartial(at);
			while (next < bytes.length && !begins(next)) next++;
			this.#skipped += next - this.#at;
			this.#at = next;
			if (this.#skipped > (this.options.maxSkipBytes ?? 65_536))
				return "noise!";
			return this.#findStart(starts);
		}
		this.#tellNoise();
		if (this.#flag === undefined) return start.length;
		this.#at++;
		this.#isBehindFlag = true;
		return this.#findStart(starts);
	}

	#tellNoise(): void {
		if (this.#skipped > 0 && !this.#isQuiet) this.story.push("discarded noise");
		this.#skipped = 0;
		this.#isQuiet = false;
	}

	#endOfNoise(): undefined {
		this.#tellNoise();
		return undefined;
	}

	#has(at: number, mark: Buffer): boolean {
		return this.bytes.subarray(at, at + mark.length).equals(mark);
	}

	/** The bytes from here on are the beginning of a start, and no more. */
	#isPartial(at: number): boolean {
		const rest = this.bytes.subarray(at);
		const begins = (mark: Buffer) =>
			rest.length < mark.length && mark.subarray(0, rest.length).equals(rest);
		return this.#starts.some(begins);
	}

	/** One frame. Returns why the connection is closed for it. */
	#frame(start: number, starts: Buffer[]): string | undefined {
		const isFlag = this.#flag !== undefined && !this.#isFirst;
		const rest = this.bytes.subarray(this.#at);
		// What was between two frames belongs to both.
		const frame = isFlag
			? Buffer.concat([Buffer.of(this.#flag as number), rest])
			: rest;
		const shared = isFlag ? 1 : 0;
		const { options } = this;
		try {
			const rule = this.#ruleOf(rest);
			const [message, length] = cut(
				rule,
				frame,
				start + shared,
				starts,
				options,
			);
			if (message.length > 0 || options.ignoreEmpty !== true) {
				this.story.push(this.options.text ? `text ${message}` : message);
			}
			this.#pass(length - shared);
		} catch (error) {
			if (!(error instanceof Wrong)) throw error;
			return this.#wrong(error, shared, starts);
		}
		return undefined;
	}

	#wrong(
		{ reason, length, message_ }: Wrong,
		shared: number,
		starts: Buffer[],
	): string | undefined {
		const { onTooLong, onNoise } = this.options;
		if (reason === "needMore") return "truncated";
		if (reason === "checksum") {
			const { onBad = "close" } = this.#checksum;
			if (onBad === "close") return reason;
			this.story.push(
				`${onBad === "discard" ? "discarded" : "delivered"} ${reason}`,
			);
			if (onBad === "deliver" && message_ !== undefined) {
				if (message_.length > 0 || this.options.ignoreEmpty !== true) {
					this.story.push(message_);
				}
			}
			this.#pass((length as number) - shared);
			return undefined;
		}
		if (reason === "tooLong") {
			if (onTooLong !== "discard") return reason;
			this.story.push("discarded tooLong");
			this.#pass((length as number) - shared);
			return undefined;
		}
		const canFind =
			length !== undefined || (starts.length > 0 && !this.#isFirst);
		if (onNoise !== "discard" || !canFind) return reason;
		this.story.push("discarded malformed");
		if (length !== undefined) {
			this.#pass(length - shared);
			return undefined;
		}
		this.#at++;
		this.#skipped = 1;
		this.#isQuiet = true;
		return undefined;
	}

	#pass(length: number): void {
		this.#at = Math.min(this.bytes.length, this.#at + length);
		this.#isFirst = false;
	}

	/** Of the rule that was chosen last. */
	#checksum: FrameChecksumOptions = {};

	#ruleOf(rest: Buffer): FrameRule {
		let rule: FrameRule = this.options;
		if (this.#isFirst) rule = this.options.first as FrameRule;
		else {
			const fitting = this.options.cases?.find((it) => fits(it, rest));
			rule = fitting ?? rule;
		}
		const { checksum } = rule;
		this.#checksum =
			typeof checksum === "string" ? { as: checksum } : (checksum ?? {});
		return rule;
	}
}

function fits({ at = 0, equals, mask }: FrameCase, frame: Buffer): boolean {
	const wanted = bytesOf(equals);
	const bits =
		mask === undefined ? Buffer.alloc(wanted.length, 255) : bytesOf(mask);
	let isShort = false;
	for (let i = 0; i < wanted.length; i++) {
		const byte = frame[at + i];
		if (byte === undefined) isShort = true;
		else if ((byte & (bits[i] as number)) !== wanted[i]) return false;
	}
	if (isShort) throw new Wrong("needMore");
	return true;
}

/** The message of the frame that `bytes` begin with, and how many bytes that has. */
function cut(
	rule: FrameRule,
	bytes: Buffer,
	start: number,
	starts: Buffer[],
	options: FramesOptions,
): [message: Buffer, length: number] {
	const limit = options.maxMessageBytes ?? 1024 * 1024;
	const max = limit === 0 ? Number.POSITIVE_INFINITY : limit;
	const isDelimited = rule.fixed === undefined && rule.length === undefined;
	const longest = Math.max(0, ...starts.map(({ length }) => length));
	if (isDelimited) {
		const cut = cutDelimited(rule, bytes, start, longest, max);
		if (options.text && !isUtf8(cut[0])) throw new Wrong("malformed", cut[1]);
		return cut;
	}
	const ends = marks(rule.end);
	const [head, total] =
		rule.fixed === undefined
			? lengthOf(rule.length as FrameLengthOptions, bytes, start, longest)
			: [start, rule.fixed];
	const sum = checksumOf(rule);
	const { tail, inside, inner } = sum ?? { tail: 0, inside: 0, inner: 0 };
	const shortestEnd =
		ends.length === 0 ? 0 : Math.min(...ends.map((it) => it.length));
	const { strip, stripEnd } = deliveryOf(rule, longest);
	const front = strip < 0 ? head + inside : strip;
	const back = stripEnd < 0 ? tail + shortestEnd : stripEnd;
	const least = Math.max(head, inner) + tail + shortestEnd;
	if (total < Math.max(front + back, least)) {
		throw new Wrong("malformed");
	}
	if (total - front - back > max) throw new Wrong("tooLong", total);
	if (bytes.length < total) throw new Wrong("needMore");
	const frame = bytes.subarray(0, total);
	const end = ends.find((it) => frame.subarray(total - it.length).equals(it));
	if (ends.length > 0 && end === undefined) throw new Wrong("malformed");
	const endLength = end?.length ?? 0;
	const cutBack = stripEnd < 0 ? tail + endLength : stripEnd;
	if (front + cutBack > total) throw new Wrong("malformed");
	const message = frame.subarray(front, total - cutBack);
	if (sum !== undefined) {
		const seam = total - endLength - tail;
		if (!isRight(sum, frame.subarray(0, seam), frame.subarray(seam), longest)) {
			throw new Wrong("checksum", total, message);
		}
	}
	if (options.text && !isUtf8(message)) throw new Wrong("malformed", total);
	return [message, total];
}

function cutDelimited(
	rule: FrameRule,
	bytes: Buffer,
	start: number,
	longest: number,
	max: number,
): [message: Buffer, length: number] {
	const ends = marks(rule.end);
	const endMost = Math.max(...ends.map(({ length }) => length));
	const { strip, stripEnd } = deliveryOf(rule, longest);
	const sum = checksumOf(rule);
	const { tail, inside, inner } = sum ?? { tail: 0, inside: 0, inner: 0 };
	const cutFront = strip > 0 ? strip - longest : strip < 0 ? inside : 0;
	const cutBack = stripEnd < 0 ? tail : Math.max(0, stripEnd - endMost);
	const kept = (strip === 0 ? longest : 0) + (stripEnd === 0 ? endMost : 0);
	const most = max - kept + cutFront + cutBack;
	const [at, end] = findEnd(rule, ends, bytes, start);
	// As long as it has not come to its end, nothing is looked at that cannot be too long.
	if (end === undefined && at - start <= most) throw new Wrong("needMore");
	const length = at + (end?.length ?? 0);
	const content = unescaped(
		rule,
		bytes.subarray(start, at),
		most,
		end ? length : bytes.length,
		end !== undefined,
	);
	if (end === undefined) throw new Wrong("needMore");
	const least = Math.max(cutFront + cutBack, tail, inner - longest);
	if (content.length < least) throw new Wrong("malformed", length);
	const message = Buffer.concat([
		...(strip === 0 ? [bytes.subarray(0, start)] : []),
		content.subarray(cutFront, content.length - cutBack),
		...(stripEnd === 0 ? [end as Buffer] : []),
	]);
	if (sum !== undefined) {
		const seam = content.length - tail;
		const covered = Buffer.concat([
			bytes.subarray(0, start),
			content.subarray(0, seam),
		]);
		if (!isRight(sum, covered, content.subarray(seam), longest)) {
			throw new Wrong("checksum", length, message);
		}
	}
	return [message, length];
}
