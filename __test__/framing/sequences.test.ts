import test from "ava";
import { type FrameEscape, type FramesOptions, frames } from "gev";
import { Random, seed } from "../kit/random.js";

const mail: FramesOptions = {
	end: "\r\n.\r\n",
	escape: { sequences: [["\r\n.", "\r\n.."]], behind: "\r\n" },
};

for (const [message, frame] of [
	["a", "a\r\n.\r\n"],
	["", "\r\n.\r\n"],
	[".", "..\r\n.\r\n"],
	[".\r\na.b\r\n.\r\n..", "..\r\na.b\r\n..\r\n...\r\n.\r\n"],
	["a\r\n", "a\r\n\r\n.\r\n"],
] as const) {
	test(`mail: ${JSON.stringify(message)} has a dot more where a line begins with one`, (t) => {
		const protocol = frames({ ...mail, text: true });
		t.is(protocol.encode(message).toString(), frame);
		t.deepEqual(protocol.decoder().push(Buffer.from(frame)), [message]);
	});
}

test("what is sent in parts is replaced where parts meet", (t) => {
	const protocol = frames(mail);
	const message = Buffer.from(`${"\r\n.".repeat(70_000)}\r\n`);
	const frame = protocol.encode(message);
	t.is(frame.length, message.length + 70_000 + 5);
	const [back] = protocol.decoder().push(frame);
	t.deepEqual(back, message);
});

for (const [why, escaping, end] of [
	[/"\.\." is shorter than that/, { sequences: [["..", "."]] }, "~"],
	[/only one goes on behind/, { sequences: [["xa", "yxa"]], behind: "x" }, "~"],
	// The end is not replaced.
	[/a message with "~" would not/, { sequences: [["a", "aa"]] }, "~"],
	// What is written for something else is not replaced itself.
	[
		/a message with "~x" would not/,
		{
			sequences: [
				["~~", "~x"],
				["|", "~p"],
			],
		},
		"|",
	],
	[/begins two of what is replaced/, { sequences: [["~", "~~"]] }, "~"],
	[
		/begins two of what is/,
		{
			sequences: [
				["~", "}x"],
				["~", "}y"],
			],
		},
		"~",
	],
] as [RegExp, FrameEscape, string][]) {
	test(`what would not come back is refused: ${why}`, (t) => {
		t.throws(() => frames({ end, escape: escaping }), { message: why });
	});
}

for (const [why, escaping] of [
	[/an array of 1 to 16 pairs/, { sequences: [] }],
	[/sequences\[0\] .*a pair/, { sequences: ["a"] }],
	[/sequences\[0\] .*1 to 8 bytes/, { sequences: [["a", ""]] }],
	[/behind .*1 to 8 bytes/, { sequences: [["a", "b"]], behind: "" }],
	[/\{ sequences \}/, { sequences: [["a", "b"]], byte: 1 }],
] as [RegExp, FrameEscape][]) {
	test(`what are no sequences is said: ${why}`, (t) => {
		t.throws(() => frames({ end: "~", escape: escaping }), { message: why });
	});
}

test(`what comes of random sequences that can be is what was sent (seed ${seed})`, (t) => {
	const random = new Random(seed);
	const some = (most: number) =>
		Array.from({ length: random.below(most + 1) }, () =>
			random.pick(["a", "b", "~"]),
		).join("");
	let made = 0;
	for (let trial = 0; trial < 20_000; trial++) {
		const sequences = Array.from({ length: 1 + random.below(3) }, () => {
			const meant = `${random.pick(["a", "~"])}${some(2)}`;
			return [meant, random.pick([some(2) + meant, meant + some(2), some(5)])];
		}) as [string, string][];
		const behind = random.pick([{}, { behind: `~${some(1)}` }]);
		const end = `${some(2)}~`;
		const escaping = { sequences, ...behind };
		let protocol: ReturnType<typeof frames>;
		try {
			protocol = frames({ end, escape: escaping });
		} catch {
			continue;
		}
		made++;
		const messages = Array.from({ length: 20 }, () => Buffer.from(some(12)));
		const bytes = Buffer.concat(messages.map((it) => protocol.encode(it)));
		const decoder = protocol.decoder();
		const how = JSON.stringify({ end, escaping });
		t.deepEqual(decoder.push(bytes), messages, how);
		decoder.end();
	}
	t.true(made > 100, `${made} configurations`);
});
