import { setImmediate } from "node:timers/promises";
import test from "ava";
import {
	type FrameCase,
	type FrameChecksumOptions,
	type FrameLengthOptions,
	type FrameNumber,
	type FrameRule,
	type FrameSum,
	type FramesOptions,
	frames,
} from "gev";
import { Random, seed } from "../kit/random.js";
import { type Story, scene, told } from "./scene.js";
import { twin } from "./twin.js";

/** Any options: most of them can be. */
function someOptions(random: Random): FramesOptions {
	const start = random.pick([undefined, undefined, "~", "##", ["xx", "yy"]]);
	const rule = someRule(random);
	return {
		...rule,
		...(start !== undefined && { start }),
		...(random.chance(20) && { first: someRule(random) }),
		cases: random.chance(25) ? [someCase(random), someCase(random)] : [],
		maxMessageBytes: random.pick([3, 20, 100, 0]),
		onTooLong: random.pick(["close", "discard"]),
		onNoise: random.pick(["close", "discard"]),
		maxSkipBytes: random.pick([0, 4, 1000]),
		ignoreEmpty: random.chance(25),
		text: random.chance(25),
	};
}

function someCase(random: Random): FrameCase {
	const mask = random.pick([255, 0x81]);
	const equals = random.pick([0x61, 1, 0]) & mask;
	return { ...someRule(random), at: random.below(3), mask, equals };
}

function someRule(random: Random): FrameRule {
	const end = random.pick([undefined, "\r\n", ["\n", "\r\n"], "~", 0]);
	const sums = [
		"xor8",
		"sum8",
		"lrc",
		"sum16",
		"crc16-x25",
		"crc16-ccitt",
		"crc32",
	];
	const digits = random.pick(["binary", "hex", "decimal"] as const);
	const as = random.pick(sums) as FrameSum;
	const onBad = random.pick(["close", "discard", "deliver"] as const);
	const order = random.pick(["big", "little"] as const);
	const checksum = random.pick([
		{},
		{ checksum: { as, digits, onBad, order } },
		{ checksum: { as, digits, onBad, from: random.below(4), after: "*" } },
		{ checksum: { as, digits, onBad, order, ...somePlace(random) } },
	]);
	const strips = { strip: random.below(4), stripEnd: random.below(4) };
	const deliver = random.pick(["body", "frame", undefined, strips] as const);
	const rest = { ...checksum, ...(deliver !== undefined && { deliver }) };
	const known = { ...rest, ...(end !== undefined && { end }) };
	switch (random.below(6)) {
		case 0:
			return { fixed: 1 + random.below(12), ...known };
		case 1:
		case 2:
			return { length: someLength(random), ...known };
		case 3:
			return {
				...rest,
				...random.pick([
					{ end: 0, escape: "cobs" as const },
					{ end: "~", escape: { byte: "}", map: { 1: 0x7d, 2: 0x7e } } },
					{ end: "\n", escape: { byte: "}", xor: 0x20, also: "x" } },
					{
						end: Buffer.of(0x10, 3),
						escape: { byte: 0x10, map: { 16: 0x10 } },
					},
					{
						end: "\r\n.\r\n",
						escape: {
							sequences: [["\r\n.", "\r\n.."]] as const,
							...random.pick([{}, { behind: "\r\n" }]),
						},
					},
					someSequences(random),
				]),
			};
		default:
			return { end: end ?? "\n", ...rest };
	}
}

/** Any sequences, most of which cannot be. */
function someSequences(random: Random): FrameRule {
	const some = () =>
		Array.from({ length: 1 + random.below(3) }, () =>
			random.pick(["a", "b", "~", "\n"]),
		).join("");
	for (;;) {
		const list = Array.from({ length: 1 + random.below(3) }, () => {
			const meant = some();
			return [meant, random.pick([some() + meant, meant + some()])] as const;
		});
		const behind = random.pick([{}, { behind: some() }]);
		const end = random.pick<FramesOptions["end"]>([some(), [some(), some()]]);
		const rule = { end, escape: { sequences: list, ...behind } } as FrameRule;
		if (isRight(rule)) return rule;
	}
}

/** Where a checksum stands and begins, and what it makes of itself. */
function somePlace(random: Random): FrameChecksumOptions {
	return {
		at: random.below(4),
		...random.pick([{}, { from: random.below(6) }]),
		itself: random.pick(["zeros", "nothing"]),
	};
}

function someLength(
	random: Random,
): FrameNumber | FrameLengthOptions | FrameLengthOptions[] {
	const one = (): FrameLengthOptions => ({
		as: random.pick<FrameNumber>([
			...(["u8", "u16", "u24", "varint", "ber"] as const),
			...[{ varint: 2 }, { decimal: 2 }, { hex: 2 }, { bcd: 1 }],
			{ decimalUntil: ":" },
		]),
		order: random.pick(["big", "little"]),
		...random.pick([{}, {}, { at: random.below(4) }, { at: { after: "=" } }]),
		...random.pick([{}, {}, { mask: 0x7e, shift: 1, unit: 2 }]),
		add: random.pick([0, 0, 1, -1, 4]),
	});
	if (random.chance(15)) return [one(), { as: "u8" }];
	if (random.chance(15)) return random.pick<FrameNumber>(["u8", "u16"]);
	return { ...one(), counts: random.pick(["rest", "self", "frame"]) };
}

/** Bytes that are likely to mean something. */
function someBytes(random: Random, length: number): Buffer {
	const alphabet = Buffer.from(
		"ab~#xy=:}.\r\n\x10\x01\x02\x03\x00 05*\xc3\xa9",
		"latin1",
	);
	return Buffer.from(
		Array.from(
			{ length },
			() => alphabet[random.below(alphabet.length)] as number,
		),
	);
}

function isMessage(told: Buffer | string): boolean {
	return typeof told !== "string" || told.startsWith("text ");
}

function isRight(options: FramesOptions): boolean {
	try {
		frames(options);
		return true;
	} catch {
		return false;
	}
}

const TRIALS = 120;
const STREAMS = 6;

test(`random frames of random configurations are what the twin makes of them (seed ${seed})`, async (t) => {
	const random = new Random(seed);
	let messages = 0;
	for (let trial = 0; trial < TRIALS; trial++) {
		let options = someOptions(random);
		while (!isRight(options)) options = someOptions(random);
		const { server, join } = await scene(t, options);
		// What goes out with these options may come in again, but for what cannot be sent.
		const sent = await sendable(t, options, random);
		for (let stream = 0; stream < STREAMS; stream++) {
			const bytes = Buffer.concat([
				...sent.filter(() => random.chance(60)),
				someBytes(random, random.below(40)),
				...sent.filter(() => random.chance(60)),
				someBytes(random, random.below(5)),
			]);
			const [client, teller] = await join();
			for (let at = 0; at < bytes.length; ) {
				const next = at + 1 + random.below(20);
				client.write(bytes.subarray(at, next));
				at = next;
				await setImmediate();
			}
			client.socket.end();
			const expected = twin(options, bytes);
			const how = `${JSON.stringify(options)}: ${bytes.toString("hex")}`;
			const story = await teller.closed;
			t.deepEqual(story, expected, how);
			messages += story.filter(isMessage).length;
			for (const most of [20, 1000]) {
				const decoded = decodedStory(options, bytes, random, most);
				t.deepEqual(decoded, sorted(expected), `by hand, ${how}`);
			}
		}
		await server.stop();
	}
	t.true(messages > TRIALS, `${messages} messages in all`);
});

/** Messages, and then what was wrong. */
function sorted(story: Story): Story {
	const others = story.filter((it) => !isMessage(it));
	const errors = others.filter((it) => `${it}`.includes(" "));
	return [...story.filter(isMessage), ...errors];
}

/** What a decoder makes of bytes that come in pieces. */
function decodedStory(
	options: FramesOptions,
	bytes: Buffer,
	random: Random,
	most: number,
): Story {
	const errors: Story = [];
	const decoder = frames(options).decoder({
		onFrameError: ({ fate, reason }) => void errors.push(`${fate} ${reason}`),
	});
	const messages: Story = [];
	for (let at = 0; at < bytes.length; ) {
		const next = at + 1 + random.below(most);
		messages.push(...decoder.push(bytes.subarray(at, next)).map(told));
		at = next;
	}
	decoder.end();
	return [...messages, ...errors];
}

/** Frames of some messages, as a server with these options sends them. */
async function sendable(
	t: Parameters<typeof scene>[0],
	options: FramesOptions,
	random: Random,
): Promise<Buffer[]> {
	const { server, join } = await scene(t, { ...options, onNoise: "close" });
	const made: Buffer[] = [];
	for (let count = 0; count < 3; count++) {
		const [client, { connection }] = await join();
		const body = someBytes(random, random.below(12));
		let encoded: unknown = Buffer.alloc(0);
		try {
			connection.send(body);
			encoded = frames(options).encode(body);
		} catch (error) {
			// It cannot be sent.
			t.throws(() => frames(options).encode(body), {
				message: (error as Error).message,
			});
		}
		connection.end();
		const sent = await client.readToEnd();
		t.deepEqual(encoded, sent, "by hand");
		made.push(sent);
		client.socket.end();
	}
	await server.stop();
	return made;
}
