/** `node redis_tools.mjs PEER PROGRAM PORT`: the checks with programs of Redis itself. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { redisChecks, report } from "./checks.mjs";

const [peer, program, port] = process.argv.slice(2);
const address = ["-h", "127.0.0.1", "-p", port];

/** Runs the program with words, or with lines for its standard input; gives what it prints. */
function run(words, input) {
	const result = spawnSync(program, [...address, ...words], {
		input,
		timeout: 60_000,
		maxBuffer: 2 ** 26,
	});
	if (result.error) throw result.error;
	return result.stdout;
}

const text = (...words) => run(words).toString().trimEnd();

const peers = {
	"redis-cli": {
		commands() {
			equal(text("SET", "a", "1"), "OK");
			equal(text("GET", "a"), "1");
			equal(text("INCR", "a"), "2");
			equal(text("EXISTS", "a", "b"), "1");
			equal(text("DEL", "a"), "1");
			equal(text("--no-raw", "GET", "a"), "(nil)");
			equal(text("--no-raw", "HSET", "h", "x", "1"), "(integer) 1");
			ok(text("NONE").startsWith("ERR unknown command"));
		},
		pipeline() {
			const commands = Array.from(
				{ length: 1000 },
				(_, n) => `*2\r\n$4\r\nECHO\r\n$4\r\n${1000 + n}\r\n`,
			);
			const output = run(["--pipe"], commands.join("")).toString();
			ok(/errors: 0, replies: 1000/.test(output), output);
		},
		binary() {
			const value = Buffer.from(
				Array.from({ length: 255 }, (_, byte) => byte + 1),
			);
			run(["-x", "SET", "binary"], value);
			deepEqual(run(["GET", "binary"]).subarray(0, -1), value);
		},
		large() {
			const value = Buffer.alloc(4 * 2 ** 20, "x");
			run(["-x", "SET", "large"], value);
			ok(run(["GET", "large"]).subarray(0, -1).equals(value));
		},
		resp3() {
			text("HSET", "map", "k", "v");
			equal(text("--no-raw", "-3", "HGETALL", "map"), '1# "k" => "v"');
			const kinds = text("--no-raw", "-3", "KINDS", "6");
			for (const line of [
				"(integer) 1",
				'"a"',
				"(nil)",
				"(true)",
				"(double) 1.5",
				'1~ "x"',
			]) {
				ok(kinds.includes(line), kinds);
			}
		},
		async push() {
			const reader = spawn(program, [...address, "SUBSCRIBE", "news"]);
			let output = "";
			await new Promise((resolve) => {
				reader.stdout.on("data", (data) => {
					const before = output;
					output += data;
					if (before === "") text("PUBLISH", "news", "hello");
					if (output.includes("hello")) resolve();
				});
			});
			reader.kill();
			equal(output, "subscribe\nnews\n1\nmessage\nnews\nhello\n");
		},
	},
	"redis-benchmark": Object.fromEntries(
		[1, 16].map((depth) => [`benchmark-${depth}`, () => benchmark(depth)]),
	),
};

function benchmark(depth) {
	const flags = ["-t", "set,get", "-n", "200000", "-c", "50", "-P", `${depth}`];
	const output = run([...flags, "--csv"]).toString();
	const rates = [...output.matchAll(/^"(SET|GET)","([\d.]+)"/gm)];
	equal(rates.length, 2, output);
	const errors = /error/i.exec(output);
	equal(errors, null, output);
	for (const [, name, rate] of rates) {
		process.stderr.write(`redis-benchmark -P ${depth}: ${name} ${rate}/s\n`);
	}
}

await report(redisChecks, peers[peer]);
