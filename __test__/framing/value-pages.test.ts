import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test, { type ExecutionContext } from "ava";
import { internals } from "../kit/internals.js";
import { start } from "../kit/program.js";
import { tcp } from "../kit/tcp-client.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

/** What comes to the sample of each page, and what it answers; and the options that the page has to name, in their order. */
const samples: Record<string, [options: string, wire: string, answer: string]> =
	{
		resp: [
			"RespOptions",
			"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\nGET a\r\nGET c\r\nHELLO 3\r\nGET c\r\nX\r\n",
			"+OK\r\n$1\r\nb\r\n$-1\r\n%1\r\n$5\r\nproto\r\n:3\r\n_\r\n-ERR unknown command 'X'\r\n",
		],
		stomp: [
			"StompOptions",
			"CONNECT\nhost:a\n\n\0\nSUBSCRIBE\nid:1\ndestination:/a\n\n\0SEND\ndestination:/a\nreceipt:r\n\nhi\0",
			"CONNECTED\nversion:1.2\n\n\0MESSAGE\ndestination:/a\nsubscription:1\nmessage-id:1\ncontent-length:2\n\nhi\0RECEIPT\nreceipt-id:r\n\n\0",
		],
		"typed-protobuf": [
			"TypedProtobufOptions",
			"\0\0\0\x04\0\x01ab",
			"\0\0\0\x07\0\x04re:ab",
		],
	};

test("the pages name every option", async (t) => {
	const names = Object.values(samples).map(([options]) => options);
	const rows = internals(names) as Record<string, new () => object>;
	for (const [name, [options]] of Object.entries(samples)) {
		const [text = ""] = (await page(name)).split("\nSave this");
		const told = [...text.matchAll(/^\| `(\w+)` \| /gm)].map(([, it]) => it);
		const Rows = rows[options] as new () => object;
		t.deepEqual(told.sort(), Object.keys(new Rows()).sort());
	}
});

test("the samples of the pages are right TypeScript", async (t) => {
	const folder = await folderFor(t);
	const files = [];
	for (const name of Object.keys(samples)) {
		const file = join(folder, `${name}.mts`);
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

for (const [name, [, wire, answer]] of Object.entries(samples)) {
	test.serial(`the sample of ${name}.md serves as its page says`, async (t) => {
		const folder = await folderFor(t);
		const code = (await sampleOf(name))
			.replace(/\{ port: \d+,/, '{ host: "127.0.0.1", port: 0,')
			.replace(
				"await server.start()",
				"console.log((await server.start()).port)",
			);
		const file = join(folder, `${name}.mts`);
		await writeFile(file, code);
		const compiled = await compile(file);
		const program = start(t, [compiled]);
		const client = await tcp(t, Number(await program.line()));
		client.write(Buffer.from(wire, "latin1"));
		const bytes = await client.read(answer.length);
		t.is(bytes.toString("latin1"), answer);
		client.socket.end();
		program.signal("SIGTERM");
		t.is((await program.ended).stderr, "");
	});
}

/** As JavaScript, which every Node.js runs. */
async function compile(file: string): Promise<string> {
	const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
	const flags =
		"--ignoreConfig --module nodenext --target es2022 --types node --noCheck";
	await run(process.execPath, [compiler, ...flags.split(" "), file], {
		cwd: root,
	});
	return file.replace(/mts$/, "mjs");
}

/** A folder from which the package can be imported. */
async function folderFor(t: ExecutionContext): Promise<string> {
	const folder = await mkdtemp(
		fileURLToPath(new URL("samples-", import.meta.url)),
	);
	t.teardown(() => rm(folder, { recursive: true }));
	return folder;
}

async function page(name: string): Promise<string> {
	return readFile(join(root, "docs", "presets", `${name}.md`), "utf8");
}

async function sampleOf(name: string): Promise<string> {
	const [, code] = /^```ts\n(.*?)^```$/ms.exec(await page(name)) ?? [];
	if (code === undefined) throw new Error(`${name}.md has no sample`);
	return code;
}
