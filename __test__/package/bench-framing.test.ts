import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import test from "ava";

const benchmark = fileURLToPath(new URL("../../../benchmark", import.meta.url));
const { framingOf } = await import(
	pathToFileURL(join(benchmark, "servers/framing.mjs")).href
);

/** Frames, and the messages in them. */
const framed: Record<string, [Buffer, (string | Buffer)[]]> = {
	"length-prefixed": [
		Buffer.from("\0\0\0\x02hi\0\0\0\0\0\0\0\x05hello"),
		["hi", "", "hello"].map((text) => Buffer.from(text)),
	],
	lines: [Buffer.from("one\n\ntwo ä\n"), ["one", "", "two ä"]],
	// The check bytes are 00, and 7e, which is escaped; between the frames there are two flags.
	jt808: [
		Buffer.from("7e010203007e7e307d02087d01457d027e", "hex"),
		[Buffer.of(1, 2, 3), Buffer.of(0x30, 0x7e, 8, 0x7d, 0x45)],
	],
};

for (const [name, [bytes, messages]] of Object.entries(framed)) {
	test(`the framing by hand of ${name} is right wherever bytes are cut`, async (t) => {
		const start = await framingOf(name);
		const cuts = [...bytes.keys()].map((at) => [
			bytes.subarray(0, at),
			bytes.subarray(at),
		]);
		const single = [...bytes.keys()].map((at) => bytes.subarray(at, at + 1));
		for (const chunks of [...cuts, single]) {
			const framing = start();
			const got = chunks.flatMap((chunk) => framing.push(chunk));
			t.deepEqual(got, messages);
		}
		const again = start().push(Buffer.from(start().frames(messages)));
		t.deepEqual(again, messages);
	});
}
