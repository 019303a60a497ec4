/** What peers do, each in its own words; a program of a peer runs these and prints `CHECK OUTCOME` for each. */
import { deepEqual, equal, ok } from "node:assert/strict";

export const redisChecks = {
	commands:
		"replies to SET, GET, DEL, EXISTS, INCR, HSET, of a key that is not there, and an error",
	pipeline:
		"1000 replies in their order to as many commands that are sent at once",
	binary: "a value of every byte, and an empty one",
	large: "a value of 4 MiB",
	resp3:
		"after HELLO 3 a map, null, a boolean, a double, a big number (not redis-cli, which does not know any), a set, and arrays within one another",
	push: "a message of a channel that it has subscribed to",
	"benchmark-1, benchmark-16":
		"`redis-benchmark -t set,get -n 200000 -c 50` with `-P 1` and `-P 16`, to its end without an error",
};

export const stompChecks = {
	connect: "CONNECTED, with its version",
	messages: "100 messages that it has sent itself, in their order",
	escapes:
		"the value of a header with colons, line ends, backslashes and other than ASCII",
	binary: "a body of every byte, NUL too",
	large: "a body of 1 MiB",
	receipt: "the receipt for a frame",
	heartbeat: "heart-beats of the server's",
};

export const typedChecks = {
	lengths:
		"echoes of messages of 0 to 500,000 bytes, with types of 0 to 65,535 bytes",
	pipeline:
		"1000 echoes in their order of as many messages that are sent at once",
	bytes: "echoes of messages that are sent byte by byte",
};

/** Names of checks, where several share a line of explanation. */
export const namesOf = (checks) =>
	Object.keys(checks).flatMap((name) => name.split(", "));

/**
 * Runs what a peer can check of all that there is, and says what came of it.
 *
 * @param {Record<string, string>} all
 * @param {Record<string, () => Promise<void> | void>} checks
 */
export async function report(all, checks) {
	for (const name of namesOf(all)) {
		const check = checks[name];
		if (check === undefined) {
			console.log(`${name} -`);
			continue;
		}
		try {
			await check();
			console.log(`${name} ok`);
		} catch (error) {
			const lines = `${error}`.split("\n").slice(0, 3);
			console.log(`${name} ${lines.join(" ")}`);
		}
	}
}

/** The checks of who sends a list of words and gets a value; `toText` makes text of a reply. */
export function redisChecksOf({ send, sendAll, bytes }) {
	const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
	return {
		async commands() {
			equal(`${await send("SET", "a", "1")}`, "OK");
			equal(`${await send("GET", "a")}`, "1");
			equal(await send("EXISTS", "a", "b"), 1);
			equal(await send("INCR", "a"), 2);
			equal(await send("DEL", "a"), 1);
			equal(await send("GET", "a"), null);
			equal(await send("HSET", "h", "x", "1", "y", "2"), 2);
			const error = await send("NONE").catch((error) => error);
			ok(/^ERR unknown command/.test(error.message), error.message);
		},
		async pipeline() {
			const numbers = Array.from({ length: 1000 }, (_, n) => `${n}`);
			const replies = await sendAll(numbers.map((n) => ["ECHO", n]));
			deepEqual(replies.map(String), numbers);
		},
		async binary() {
			for (const value of [every, Buffer.alloc(0)]) {
				await send("SET", "binary", value);
				deepEqual(Buffer.from(await bytes("GET", "binary")), value);
			}
		},
		async large() {
			const value = Buffer.alloc(4 * 2 ** 20, every);
			await send("SET", "large", value);
			ok(value.equals(await bytes("GET", "large")));
		},
	};
}
