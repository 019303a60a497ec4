import test, { type ExecutionContext } from "ava";
import { type TcpClient, tcp } from "../kit/tcp-client.js";
import { foreign, lineLike, program, serving } from "./example.js";

const example = "key-value/server";

/** A command as clients send it. */
function command(...args: (string | Buffer)[]): Buffer {
	const parts = args.flatMap((arg) => {
		const bytes = Buffer.from(arg as Buffer);
		return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
	});
	return Buffer.concat([Buffer.from(`*${args.length}\r\n`), ...parts]);
}

/** A connection to the example, and what it answers to commands. */
async function connected(t: ExecutionContext, port: number) {
	const client = await tcp(t, port);
	const answers = async (expected: string, ...args: (string | Buffer)[]) => {
		client.write(command(...args));
		await expects(t, client, expected);
	};
	return { client, answers };
}

async function expects(t: ExecutionContext, client: TcpClient, bytes: string) {
	const answer = await client.read(Buffer.byteLength(bytes, "latin1"));
	t.is(answer.toString("latin1"), bytes);
}

test("redis-cli sets, gets, counts and forgets", async (t) => {
	const cli = foreign(t, "redis-cli");
	if (cli === undefined) return;
	const { line, port } = await serving(t, example);
	t.regex(line, /^listening on redis:/);
	const script = [
		["PING", "PONG"],
		["ECHO hello", "hello"],
		['SET greeting "good day"', "OK"],
		["GET greeting", "good day"],
		["SET greeting no NX", ""],
		["SET greeting yes XX GET", "good day"],
		["INCR count", "1"],
		["INCR count", "2"],
		["INCR greeting", "ERR value is not an integer or out of range\n"],
		["TTL count", "-1"],
		["EXPIRE count 100", "1"],
		["TTL count", "100"],
		["TTL nothing", "-2"],
		["EXISTS count greeting nothing count", "3"],
		["KEYS c*t", "count"],
		["DEL count nothing", "1"],
		["KEYS *", "greeting"],
		["GET", "ERR wrong number of arguments for 'get' command\n"],
		["FLY", "ERR unknown command 'fly'\n"],
		["PUBLISH nobody hears", "0"],
	] as const;
	const args = ["-h", "127.0.0.1", "-p", String(port)];
	const lines = script.map(([line]) => `${line}\n`).join("");
	const { stdout, code } = await program(t, cli, args, lines);
	t.is(stdout, script.map(([, answer]) => `${answer}\n`).join(""));
	t.is(code, 0);
});

test("redis-cli speaks version 3, and asks for all commands", async (t) => {
	const cli = foreign(t, "redis-cli");
	if (cli === undefined) return;
	const { port } = await serving(t, example);
	const ask = async (...args: string[]) => {
		const all = ["-3", "-p", String(port), "--json", ...args];
		return JSON.parse((await program(t, cli, all)).stdout);
	};
	const { server, proto } = await ask("HELLO");
	t.deepEqual({ server, proto }, { server: "redis", proto: 3 });
	t.is(await ask("GET", "nothing"), null);
	const names = (await ask("COMMAND")).map(([name]: [string]) => name);
	t.true(names.includes("subscribe"));
	t.is(await ask("COMMAND", "COUNT"), names.length);
});

for (const depth of [1, 16]) {
	test(`redis-benchmark ends without an error, ${depth} commands at a time`, async (t) => {
		const benchmark = foreign(t, "redis-benchmark");
		if (benchmark === undefined) return;
		const { port } = await serving(t, example);
		const load = ["-t", "set,get", "-n", "5000", "-c", "20", "-P", `${depth}`];
		const args = ["-p", String(port), "--csv", ...load];
		const { stdout, stderr, code } = await program(t, benchmark, args);
		t.regex(stdout, /^"SET",.*\n"GET",/m);
		t.notRegex(stdout + stderr, /err/i);
		t.is(code, 0);
	});
}

test("commands are answered however they are cut, by hand or not", async (t) => {
	const { client } = await connected(t, (await serving(t, example)).port);
	const key = Buffer.from([0, 0x0d, 0x0a, 0xff]);
	const commands = Buffer.concat([
		command("SET", key, Buffer.alloc(0)),
		command("GET", key),
		Buffer.from("*0\r\n\r\nexists  a  b \r\nPING\n"),
		command("SET", "a", "x".repeat(300)),
	]);
	const answers = "+OK\r\n$0\r\n\r\n:0\r\n+PONG\r\n+OK\r\n";
	client.write(commands);
	await expects(t, client, answers);
	await client.trickle(commands);
	await expects(t, client, answers.replace(":0", ":1"));
});

test("keys and their patterns are bytes", async (t) => {
	const { client, answers } = await connected(
		t,
		(await serving(t, example)).port,
	);
	const names = ["hello", "hallo", "hxllo", "h*llo", "hllo", "h-llo", "Ä"];
	for (const name of names) await answers("+OK\r\n", "SET", name, "1");
	for (const [pattern, found] of [
		["h?llo", ["hello", "hallo", "hxllo", "h*llo", "h-llo"]],
		["h*o", ["hello", "hallo", "hxllo", "h*llo", "hllo", "h-llo"]],
		["h[ae]llo", ["hello", "hallo"]],
		["h[^e]llo", ["hallo", "hxllo", "h*llo", "h-llo"]],
		["h[e-a]llo", ["hello", "hallo"]],
		["h[a\\-]llo", ["hallo", "h-llo"]],
		["h\\*llo", ["h*llo"]],
		["**l*l**", ["hello", "hallo", "hxllo", "h*llo", "hllo", "h-llo"]],
		["Ä", ["Ä"]],
		["", []],
	] as const) {
		client.write(command("KEYS", pattern));
		const answer = command(...found).toString("latin1");
		await expects(t, client, answer);
	}
	// One that would go back for ever, if it went back to every star.
	await answers("+OK\r\n", "SET", "a".repeat(2000), "1");
	await answers("*0\r\n", "KEYS", `${"a*".repeat(1000)}b`);
});

test("what has expired is gone", async (t) => {
	const { answers, client } = await connected(
		t,
		(await serving(t, example)).port,
	);
	await answers("+OK\r\n", "SET", "brief", "1", "PX", "1");
	await answers("+OK\r\n", "SET", "long", "1", "EX", "1000");
	await answers(":1000\r\n", "TTL", "long");
	await answers("+OK\r\n", "SET", "long", "2", "KEEPTTL");
	await answers(":1000\r\n", "TTL", "long");
	for (let there = true; there; ) {
		client.write(command("EXISTS", "brief"));
		there = String(await client.read(4)) === ":1\r\n";
	}
	await answers("$-1\r\n", "GET", "brief");
	await answers(":1\r\n", "EXPIRE", "long", "-1");
	await answers(":-2\r\n", "TTL", "long");
	await answers(":0\r\n", "DBSIZE");
	for (const seconds of ["0", "-1", "soon", "99999999999999999999"]) {
		client.write(command("SET", "a", "b", "EX", seconds));
		t.regex(String(await client.read(5)), /^-ERR $/);
		await client.read(
			seconds.length < 3
				? "invalid expire time in 'set' command\r\n".length
				: "value is not an integer or out of range\r\n".length,
		);
	}
});

test("numbers have 64 bits", async (t) => {
	const { answers } = await connected(t, (await serving(t, example)).port);
	await answers(":-5\r\n", "INCRBY", "n", "-5");
	await answers("+OK\r\n", "SET", "n", "9223372036854775806");
	await answers(":9223372036854775807\r\n", "INCR", "n");
	await answers("-ERR increment or decrement would overflow\r\n", "INCR", "n");
	await answers("$19\r\n9223372036854775807\r\n", "GET", "n");
});

test("what is published comes to those who have subscribed, in both versions", async (t) => {
	const { port } = await serving(t, example);
	const two = await connected(t, port);
	const three = await connected(t, port);
	const publisher = await connected(t, port);
	three.client.write(command("HELLO", "3"));
	t.regex(String(await three.client.read(20)), /^%7\r\n\$6\r\nserver\r\n/);
	three.client.write(command("ECHO", "!"));
	let rest = "";
	while (!rest.endsWith("$1\r\n!\r\n")) rest += await three.client.read(1);

	await two.answers(
		"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
		"SUBSCRIBE",
		"a",
	);
	await three.answers(
		">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n",
		...["SUBSCRIBE", "a", "b"],
	);
	await publisher.answers(":2\r\n", "PUBLISH", "a", "news");
	await publisher.answers(":1\r\n", "PUBLISH", "b", "more");
	const news = "3\r\n$7\r\nmessage\r\n$1\r\na\r\n$4\r\nnews\r\n";
	await expects(t, two.client, `*${news}`);
	await expects(t, three.client, `>${news}`);
	await expects(
		t,
		three.client,
		">3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$4\r\nmore\r\n",
	);

	await two.answers("-ERR Can't execute 'get' in this context\r\n", "GET", "x");
	await two.answers("*2\r\n$4\r\npong\r\n$0\r\n\r\n", "PING");
	await two.answers(
		"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n",
		"UNSUBSCRIBE",
	);
	await two.answers("$-1\r\n", "GET", "x");
	three.client.socket.destroy();
	for (let reached = 1; reached > 0; ) {
		publisher.client.write(command("PUBLISH", "a", "anybody?"));
		reached = Number(String(await publisher.client.read(4)).slice(1));
	}
	t.pass();
});

for (const [what, bytes, error] of [
	["an argument that is no string", "*1\r\n:1\r\n", "malformed"],
	["a length that is none", "*x\r\n", "malformed"],
	["a string of minus one", "*1\r\n$-1\r\n", "malformed"],
	["more arguments than there may be", "*1048577\r\n", "tooLong"],
	["a string that does not end", "*1\r\n$1\r\nabc", "malformed"],
	["a string that is too long", "*1\r\n$8388609\r\n", "tooLong"],
	[
		"strings that are too long together",
		`*3\r\n$1\r\na\r\n$8388000\r\n${"a".repeat(8_388_000)}\r\n$1000\r\n`,
		"tooLong",
	],
	["a line without an end", "a".repeat(8 * 1024 * 1024 + 1), "tooLong"],
	["a quote without an end", 'ECHO "a\r\n', "malformed"],
] as const) {
	test(`${what} is answered and closes the connection, not the server`, async (t) => {
		const { program, port } = await serving(t, example);
		const { client } = await connected(t, port);
		client.write(`PING\r\n${bytes}`);
		await expects(t, client, `+PONG\r\n-ERR Protocol error: ${error}\r\n`);
		t.is((await client.readToEnd()).length, 0);
		await lineLike(program, /^127\.0\.0\.1: .*frame/);
		await (await connected(t, port)).answers("+PONG\r\n", "PING");
	});
}

test("what a client sends ends no line of an answer", async (t) => {
	const { answers } = await connected(t, (await serving(t, example)).port);
	await answers("-ERR unknown command 'x +ok'\r\n", "x\r\n+OK");
	await answers("$5\r\n\r\n+OK\r\n", "ECHO", "\r\n+OK");
});
