/** A small key-value server over `resp()`, as far as the peers here want one. */
import {
	RespError,
	RespPush,
	RespSimple,
	resp,
	Server,
	setRespVersion,
} from "gev";

const ok = new RespSimple("OK");
const pong = new RespSimple("PONG");

/** @returns {Promise<{ port: number, stop(): Promise<void>, errors: string[] }>} */
export async function startStore() {
	const values = new Map();
	const hashes = new Map();
	const channels = new Map();
	const errors = [];
	const numberOf = (key) => Number(values.get(key) ?? 0);
	const set = (key, value) => {
		values.set(key, value);
		return ok;
	};
	const commands = {
		PING: (_, word) => word ?? pong,
		ECHO: (_, word) => word,
		SET: (_, key, value) => set(`${key}`, value),
		GET: (_, key) => values.get(`${key}`) ?? null,
		DEL: (_, ...keys) => keys.filter((key) => values.delete(`${key}`)).length,
		EXISTS: (_, ...keys) => keys.filter((key) => values.has(`${key}`)).length,
		INCR(_, key) {
			const next = numberOf(`${key}`) + 1;
			values.set(`${key}`, `${next}`);
			return next;
		},
		HSET(_, key, ...fields) {
			const hash = hashes.get(`${key}`) ?? new Map();
			hashes.set(`${key}`, hash);
			for (let at = 0; at < fields.length; at += 2) {
				hash.set(`${fields[at]}`, fields[at + 1]);
			}
			return fields.length / 2;
		},
		HGETALL: (_, key) => hashes.get(`${key}`) ?? new Map(),
		/** A value of each kind; redis-cli 7 does not know big numbers. */
		KINDS: (_, big = 2n ** 70n) => [
			1,
			"a",
			null,
			true,
			1.5,
			big,
			new Set(["x"]),
			[[]],
		],
		HELLO(connection, version) {
			if (version !== undefined) setRespVersion(connection, Number(version));
			return new Map([
				["server", "gev"],
				["version", "7.0.0"],
				["proto", Number(version ?? 2)],
				["id", 1],
				["mode", "standalone"],
				["role", "master"],
				["modules", []],
			]);
		},
		SUBSCRIBE(connection, channel) {
			channels.set(`${channel}`, connection);
			return new RespPush(["subscribe", channel, 1]);
		},
		PUBLISH(_, channel, message) {
			const reader = channels.get(`${channel}`);
			reader?.send(new RespPush(["message", channel, message]));
			return reader === undefined ? 0 : 1;
		},
		UNSUBSCRIBE(_, channel) {
			channels.delete(`${channel}`);
			return new RespPush(["unsubscribe", channel ?? null, 0]);
		},
		CLIENT: () => ok,
		SELECT: () => ok,
		CONFIG: (_, _get, name) => [name, ""],
		COMMAND: () => [],
		INFO: () => "redis_version:7.0.0\r\nloading:0\r\n",
	};
	const server = new Server(
		{
			onMessage(connection, [command, ...args]) {
				const name = `${command}`.toUpperCase();
				if (name === "QUIT") {
					connection.send(ok);
					connection.end();
					return undefined;
				}
				if (!Object.hasOwn(commands, name)) {
					return new RespError(`ERR unknown command '${name}'`);
				}
				return commands[name](connection, ...args);
			},
			onFrameError: (_, error) => void errors.push(error.message),
			onError: (error) => void errors.push(error.message),
		},
		{
			host: "127.0.0.1",
			port: 0,
			protocol: resp({ maxMessageBytes: 8 * 2 ** 20 }),
		},
	);
	const { port } = await server.start();
	const stop = async () => void (await server.stop({ timeoutMs: 100 }));
	return { port, stop, errors };
}
