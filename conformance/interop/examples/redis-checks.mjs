/**
 * What is found out about examples/key-value by a client of Redis, by the names of the report's columns.
 *
 * @typedef {object} RedisClient
 * @property {(...args: string[]) => Promise<unknown>} call A command, and its reply.
 * @property {(commands: string[][]) => Promise<unknown[]>} together Several at once.
 * @property {(channel: string) => Promise<{ next(): Promise<string>, end(): Promise<void> }>} subscribe
 * @property {() => Promise<unknown>} hello The version of the protocol that it has agreed on by HELLO 3.
 */
import { same } from "./checking.mjs";

/** @type {Record<string, (client: RedisClient) => Promise<"-" | undefined>>} */
export const redisChecks = {
	async strings({ call }) {
		const text = 'grüße "👋" and more';
		same(await call("SET", "text", text), "OK");
		same(await call("GET", "text"), text);
		same(await call("ECHO", text), text);
		same(await call("GET", "nothing"), null);
		same(await call("SET", "text", "", "NX"), null);
		same(await call("EXISTS", "text", "nothing"), 1);
		same(await call("DEL", "text", "nothing"), 1);
		same(await call("GET", "text"), null);
	},

	async numbers({ call }) {
		same(await call("INCR", "n"), 1);
		same(await call("INCRBY", "n", "-3"), -2);
		same(await call("GET", "n"), "-2");
		await call("DEL", "n");
	},

	async expiry({ call }) {
		same(await call("SET", "long", "1", "EX", "100"), "OK");
		same(await call("TTL", "long"), 100);
		same(await call("EXPIRE", "long", "-1"), 1);
		same(await call("TTL", "long"), -2);
		same(await call("SET", "brief", "1", "PX", "1"), "OK");
		while ((await call("GET", "brief")) !== null);
	},

	async keys({ call }) {
		for (const key of ["key:1", "key:2", "other"]) await call("SET", key, key);
		same((await call("KEYS", "key:?")).sort(), ["key:1", "key:2"]);
		same(await call("DEL", "key:1", "key:2", "other"), 3);
	},

	async errors({ call }) {
		await call("SET", "text", "text");
		for (const args of [["INCR", "text"], ["GET"], ["NOTHING"]]) {
			const outcome = await call(...args).catch(({ message }) => message);
			if (!/^(?:ReplyError: )?ERR /.test(outcome)) throw new Error(outcome);
		}
		await call("DEL", "text");
	},

	async pipeline({ together }) {
		const commands = Array.from({ length: 1000 }, () => ["INCR", "count"]);
		const replies = await together([...commands, ["DEL", "count"]]);
		same(replies, [...commands.map((_, index) => index + 1), 1]);
	},

	async channels({ call, subscribe }) {
		const subscriber = await subscribe("news");
		same(await call("PUBLISH", "news", "hello"), 1);
		same(await subscriber.next(), "hello");
		await subscriber.end();
		while ((await call("PUBLISH", "news", "anybody?")) !== 0);
	},

	async resp3({ hello }) {
		if (hello === undefined) return "-";
		same(await hello(), 3);
	},
};
