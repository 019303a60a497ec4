/** `node redis_client.mjs PEER FOLDER PORT`: the checks with a client or a decoder from npm. */
import { deepEqual, equal } from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { connect } from "node:net";
import { join } from "node:path";
import { redisChecks, redisChecksOf, report } from "./checks.mjs";

const [peer, folder, port] = process.argv.slice(2);
const require = createRequire(join(folder, "package.json"));

const peers = {
	async redis() {
		const { createClient, RESP_TYPES } = require("redis");
		const socket = { host: "127.0.0.1", port: Number(port) };
		const made = [];
		const open = async (options) => {
			const client = createClient({ socket, ...options });
			client.on("error", () => {});
			made.push(client);
			return client.connect();
		};
		const client = await open({ RESP: 2 });
		const asBytes = client.withTypeMapping({
			[RESP_TYPES.BLOB_STRING]: Buffer,
		});
		await report(redisChecks, {
			...redisChecksOf({
				send: (...words) => client.sendCommand(words),
				sendAll: (all) =>
					Promise.all(all.map((words) => client.sendCommand(words))),
				bytes: (...words) => asBytes.sendCommand(words),
			}),
			async resp3() {
				const client = await open({ RESP: 3 });
				await client.sendCommand(["HSET", "map", "k", "v"]);
				deepEqual(
					{ ...(await client.sendCommand(["HGETALL", "map"])) },
					{ k: "v" },
				);
				const kinds = await client.sendCommand(["KINDS"]);
				deepEqual(kinds.slice(0, 5), [1, "a", null, true, 1.5]);
				equal(`${kinds[5]}`, `${2n ** 70n}`);
				deepEqual([...kinds[6]], ["x"]);
				deepEqual(kinds[7], [[]]);
			},
			async push() {
				for (const RESP of [2, 3]) {
					const reader = await open({ RESP });
					const message = new Promise((resolve) => {
						void reader
							.subscribe("news", resolve)
							.then(() => client.sendCommand(["PUBLISH", "news", "hello"]));
					});
					equal(await message, "hello");
					await reader.unsubscribe("news");
				}
			},
		});
		for (const client of made) client.destroy();
	},

	async ioredis() {
		const Redis = require("ioredis");
		const client = new Redis(Number(port), "127.0.0.1");
		const reader = new Redis(Number(port), "127.0.0.1");
		await report(redisChecks, {
			...redisChecksOf({
				send: (...words) => client.call(...words),
				async sendAll(all) {
					const pipeline = client.pipeline();
					for (const words of all) pipeline.call(...words);
					return (await pipeline.exec()).map(
						([error, reply]) => error ?? reply,
					);
				},
				bytes: (...words) => client.callBuffer(...words),
			}),
			async push() {
				await reader.subscribe("news");
				const message = once(reader, "message");
				await client.publish("news", "hello");
				deepEqual(await message, ["news", "hello"]);
			},
		});
		client.disconnect();
		reader.disconnect();
	},

	/** A decoder alone, over a socket. */
	async "redis-parser"() {
		const Parser = require("redis-parser");
		const waiting = [];
		const parser = new Parser({
			returnBuffers: true,
			returnReply: (reply) => waiting.shift()?.resolve(reply),
			returnError: (error) => waiting.shift()?.reject(error),
			returnFatalError(error) {
				throw error;
			},
		});
		const socket = connect(Number(port), "127.0.0.1");
		socket.on("data", (data) => parser.execute(data));
		const send = (...words) => {
			socket.write(
				Buffer.concat([
					Buffer.from(`*${words.length}\r\n`),
					...words.flatMap((word) => [
						Buffer.from(`$${Buffer.byteLength(word)}\r\n`),
						Buffer.from(word),
						Buffer.from("\r\n"),
					]),
				]),
			);
			return new Promise((resolve, reject) =>
				waiting.push({ resolve, reject }),
			);
		};
		await report(redisChecks, {
			...redisChecksOf({
				send,
				sendAll: (all) => Promise.all(all.map((words) => send(...words))),
				bytes: send,
			}),
			async push() {
				deepEqual((await send("SUBSCRIBE", "news")).map(String), [
					...["subscribe", "news", "1"],
				]);
				const other = send("PUBLISH", "news", "hello");
				const message = await other;
				deepEqual(message.map(String), ["message", "news", "hello"]);
			},
		});
		socket.destroy();
	},
};

await peers[peer]();
