import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { start } from "../kit/program.js";
import { tcp } from "../kit/tcp-client.js";
import { presets } from "./presets.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const pages = join(root, "docs", "presets");
const run = promisify(execFile);

/** What comes to the sample of each preset, and what it has to answer, if that is worth telling: both are frames. */
const samples: Record<string, [preset: string, answer?: string]> = {
	amqp: ["AMQP 0-9-1"],
	cobs: ["COBS", "031122023300 01010100"],
	delimited: ["GELF", ""],
	dns: [
		"DNS over TCP",
		"001daaaa8103 0001000000000000 076578616d706c6503636f6d0000010001",
	],
	fix: ["FIX", ""],
	fixedLength: ["fixed length", ""],
	gb32960: ["GB/T 32960"],
	gt06: ["GT06", "787805010001d9dc0d0a 787805010001d9dc0d0a"],
	hdlc: ["HDLC-like framing"],
	iso8583: ["ISO 8583, two bytes", "000c303831308000000000000000"],
	jt808: ["JT/T 808"],
	kafka: ["Kafka", "0000000a 00000001 0023 00000000"],
	lengthPrefixed: ["gev's protobuf plugin", "00000007 39206279746573"],
	lines: ["lines of text", "4e49434b2057495a0a"],
	minecraft: ["Minecraft"],
	mllp: ["HL7 MLLP"],
	modbus: [
		"Modbus TCP",
		"000100000009 110306006b006c006d 150100000005 ff03020004",
	],
	mqtt: ["MQTT", "20020000 d000"],
	netstring: ["netstring"],
	nmea: ["NMEA", ""],
	postgres: ["PostgreSQL", "4e 520000000800000000 5a0000000549"],
	slip: ["SLIP", "61dbdc62dbddc0"],
	smpp: ["SMPP", "00000010 80000015 00000000 00000001"],
	syslog: ["syslog over TCP", ""],
	teltonika: ["Teltonika", "01 00000001 00000001 00000001"],
	tpkt: ["TPKT", "0300000b 06d00000000000"],
	varintPrefixed: ["protobuf, delimited", "03089601"],
};

test("each preset has a page, and it says what the source does", async (t) => {
	const args = [join(root, "scripts", "preset-pages.mjs"), "--check"];
	await t.notThrowsAsync(run(process.execPath, args));
	const names = (await readdir(pages)).map((file) => file.replace(/\.md$/, ""));
	const all = [...Object.keys(samples), "README", "peers"];
	t.deepEqual(
		all.filter((name) => !names.includes(name)),
		[],
	);
});

test("the samples of the pages are right TypeScript", async (t) => {
	const folder = await folderFor(t);
	const files = [];
	for (const name of [...Object.keys(samples), "../coming-from"]) {
		const file = join(folder, `${basename(name)}.mts`);
		await writeFile(file, await sampleOf(name));
		files.push(file);
	}
	const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
	const flags =
		"--ignoreConfig --noEmit --strict --module nodenext --target es2022 --types node";
	const args = [compiler, ...flags.split(" "), ...files];
	const { stdout } = await run(process.execPath, args, { cwd: root }).catch(
		(error: { stdout: string }) => error,
	);
	t.is(stdout, "");
});

for (const [name, [preset, answer]] of Object.entries(samples)) {
	test.serial(`the sample of ${name}() serves as its page says`, async (t) => {
		const file = join(await folderFor(t), `${name}.mjs`);
		const code = (await sampleOf(name))
			.replace(/\{ port: \d+,/, '{ host: "127.0.0.1", port: 0,')
			.replace(
				"await server.start()",
				"console.log((await server.start()).port)",
			);
		await writeFile(file, code);
		const program = start(t, [file]);
		const client = await tcp(t, Number(await program.line()));
		const { wire } = presets[preset] as (typeof presets)[string];
		client.socket.end(wire);
		const answered = await client.readToEnd();
		program.signal("SIGTERM");
		t.is((await program.ended).stderr, "");
		if (answer !== undefined) {
			t.is(answered.toString("hex"), answer.replaceAll(" ", ""));
		} else t.true(answered.length > 0);
	});
}

/** A folder from which the package can be imported. */
async function folderFor(t: ExecutionContext): Promise<string> {
	const folder = await mkdtemp(
		fileURLToPath(new URL("samples-", import.meta.url)),
	);
	t.teardown(() => rm(folder, { recursive: true }));
	return folder;
}

async function sampleOf(name: string): Promise<string> {
	const text = await readFile(join(pages, `${name}.md`), "utf8");
	const [, code] = /^```ts\n(.*?)^```$/ms.exec(text) ?? [];
	if (code === undefined) throw new Error(`${name}.md has no sample`);
	return code;
}
