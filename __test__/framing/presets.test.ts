import test from "ava";
import * as gev from "gev";
import { cutEverywhere, echoed } from "./everywhere.js";
import { presets } from "./presets.js";
import { scene, told } from "./scene.js";

for (const [name, preset] of Object.entries(presets)) {
	const { framing, wire, messages, isEchoed = true } = preset;

	test(`${name}: however its bytes are cut, they are the messages of its document`, async (t) => {
		await cutEverywhere(t, await scene(t, framing), preset);
	});

	test(`${name}: half a frame at the end is told`, async (t) => {
		const { join } = await scene(t, framing);
		const [client, teller] = await join();
		client.socket.end(wire.subarray(0, wire.length - 1));
		t.deepEqual(await teller.closed, [
			...messages.slice(0, -1).map(told),
			...["closed truncated", "protocol"],
		]);
	});

	if (isEchoed) {
		test(`${name}: what is sent is what would have come`, async (t) => {
			await echoed(t, await scene(t, framing, (message) => message), preset);
		});
	}
}

test("what presets get wrong options for is said by name", (t) => {
	const wrong: [() => unknown, RegExp][] = [
		[
			() => gev.mqtt({ maxMessageByte: 1 } as never),
			/^mqtt\(\)\.maxMessageByte is not an option/,
		],
		[
			() => gev.mqtt({ maxMessageBytes: 2 ** 40 }),
			/maxMessageBytes.* at most 268435455$/,
		],
		[() => gev.lines({ newline: "\r" as never }), /^newline/],
		[() => gev.lines({ onTooLong: "drop" as never }), /^onTooLong/],
		[() => gev.delimited({} as never), /end: a frame needs one/],
		[() => gev.delimited({ end: [] }), /^end/],
		[() => gev.lengthPrefixed({ as: "u17" as never }), /^length\.as/],
		[() => gev.fixedLength({ bytes: 0 }), /^fixed/],
		[() => gev.varintPrefixed({ maxBytes: 11 }), /^maxBytes/],
		[() => gev.modbus({ mode: "ascii" as never }), /^mode/],
		[() => gev.hdlc({ fcs: 8 as never }), /^fcs/],
		[() => gev.jt808({ frameTimeoutMs: -1 }), /^frameTimeoutMs/],
		[
			() => gev.gt06({ maxMessageBytes: 65_536 }),
			/maxMessageBytes.* at most 65535$/,
		],
	];
	for (const [make, message] of wrong) {
		t.throws(make, { code: "ERR_GEV_OPTION", message }, `${make}`);
	}
});

test("a limit may be as long as the longest of all rules can say", (t) => {
	t.notThrows(() => gev.gt06({ maxMessageBytes: 65_535 }));
	t.notThrows(() => gev.teltonika({ maxMessageBytes: 1 << 20 }));
	t.notThrows(() => gev.fixedLength({ bytes: 4, maxMessageBytes: 4 }));
});

test("limits of a preset are its protocol's, unless others are given", async (t) => {
	const half = Buffer.from("0001000000fe", "hex");
	const shorter = Buffer.from("0001000000f0", "hex");
	const cases: [Parameters<typeof scene>[1], Buffer, string[]][] = [
		[gev.modbus(), half, ["closed truncated", "protocol"]],
		[
			gev.modbus({ maxMessageBytes: 200 }),
			shorter,
			["closed tooLong", "limit"],
		],
		[
			gev.modbus(),
			Buffer.from("0001000000ff", "hex"),
			["closed tooLong", "limit"],
		],
		[
			gev.nmea({ maxMessageBytes: 4, onTooLong: "discard" }),
			Buffer.from("$ABCDE*41\r\n$A*41\r\n"),
			["discarded tooLong", "text $A", "end", "peer"],
		],
	];
	for (const [protocol, wire, story] of cases) {
		const { join } = await scene(t, protocol);
		const [client, teller] = await join();
		client.socket.end(wire);
		t.deepEqual(await teller.closed, story, wire.toString("latin1"));
	}
});

test("what garbles a frame costs that frame only, where a protocol can find the next one", async (t) => {
	const garbled: Record<string, number> = {
		"JT/T 808": 5,
		"GB/T 32960": 5,
		GT06: 5,
		FIX: 40,
		NMEA: 5,
		"HDLC-like framing": 5,
	};
	for (const [name, at] of Object.entries(garbled)) {
		const { framing, wire, messages } = presets[
			name
		] as (typeof presets)[string];
		const { join } = await scene(t, framing);
		const [client, teller] = await join();
		const bad = Buffer.from(wire);
		bad[at] = (bad[at] as number) ^ 1;
		client.socket.end(Buffer.concat([bad, Buffer.from("noise"), wire]));
		const story = await teller.closed;
		t.deepEqual(story.slice(-2), ["end", "peer"], name);
		t.true(story.includes("discarded checksum"), name);
		const last = messages.map(told);
		t.deepEqual(story.slice(-2 - last.length, -2), last, name);
	}
});
