import {
	type Connection,
	RespError,
	RespPush,
	type RespReply,
	RespSimple,
	setRespVersion,
} from "gev";
import { Channels } from "./channels.ts";
import { matches } from "./glob.ts";
import { Store } from "./store.ts";

/** What is known of a client: the `context` of its connection. */
export class Client {
	readonly channels = new Set<string>();
	readonly id = ++clients;
	version: 2 | 3 = 2;
}

export type Peer = Connection<Client, RespReply>;

/** How many arguments it takes at least, and at most, and what it does: what it returns is the answer. */
type Command = readonly [
	min: number,
	max: number,
	run: (args: Buffer[], peer: Peer) => RespReply | undefined,
];

export const store = new Store();
const channels = new Channels();
const ok = new RespSimple("OK");
const many = Number.POSITIVE_INFINITY;
let clients = 0;

/** The answer to a command, or `undefined` if what it has to tell has been sent. */
export function answer(
	peer: Peer,
	[name, ...args]: Buffer[],
): RespReply | undefined {
	const called = String(name).toLowerCase();
	const command = commands.get(called);
	return command ? run(called, command, args, peer) : unknown(called);
}

/** Forgets a client that is gone. */
export function forget(peer: Peer): void {
	for (const channel of peer.context.channels) {
		channels.unsubscribe(peer, channel);
	}
}

function run(
	name: string,
	[min, max, does]: Command,
	args: Buffer[],
	peer: Peer,
): RespReply | undefined {
	if (args.length < min || args.length > max) {
		return new RespError(`ERR wrong number of arguments for '${name}' command`);
	}
	if (isListening(peer) && !whileListening.has(name)) {
		return new RespError(`ERR Can't execute '${name}' in this context`);
	}
	try {
		return does(args, peer);
	} catch (error) {
		if (error instanceof Wrong) return new RespError(`ERR ${error.message}`);
		throw error;
	}
}

/** In version 2 a client that has subscribed to something cannot tell answers from messages. */
function isListening({ context }: Peer): boolean {
	return context.version === 2 && context.channels.size > 0;
}

const whileListening = new Set(["ping", "quit", "subscribe", "unsubscribe"]);

function unknown(name: string): RespReply {
	// An error is one line, whatever a client has sent.
	const line = name.slice(0, 128).replace(/[\r\n]+/g, " ");
	return new RespError(`ERR unknown command '${line}'`);
}

/** What is wrong with the arguments of a command. */
class Wrong extends Error {}

const commands = new Map<string, Command>(
	Object.entries({
		set: [2, many, set],
		get: [1, 1, ([key]) => store.get(text(key))?.value ?? null],
		del: [1, many, (keys) => count(keys, (key) => store.delete(key))],
		exists: [
			1,
			many,
			(keys) => count(keys, (key) => store.get(key) !== undefined),
		],
		incr: [1, 1, ([key]) => increment(text(key), 1n)],
		incrby: [2, 2, ([key, by]) => increment(text(key), integer(by))],
		expire: [2, 2, ([key, seconds]) => expire(text(key), integer(seconds))],
		ttl: [1, 1, ([key]) => secondsLeft(text(key))],
		keys: [1, 1, ([pattern]) => keys(text(pattern))],
		dbsize: [0, 0, () => store.size],
		ping: [0, 1, ping],
		echo: [1, 1, ([message]) => message as Buffer],
		publish: [
			2,
			2,
			([channel, message]) =>
				channels.publish(text(channel), message as Buffer),
		],
		subscribe: [1, many, subscribe],
		unsubscribe: [0, many, unsubscribe],
		hello: [0, many, hello],
		command: [0, many, describe],
		quit: [0, 0, quit],
		// What clients ask for before they begin.
		select: [1, 1, ([index]) => (text(index) === "0" ? ok : noDatabase())],
		client: [
			1,
			many,
			([part], { context }) => (/^id$/i.test(text(part)) ? context.id : ok),
		],
		config: [1, many, ([, name]) => new Map([[text(name ?? Buffer.of()), ""]])],
		info: [0, many, () => "# Server\r\nredis_version:7.0.0\r\nloading:0\r\n"],
	} satisfies Record<string, Command>),
);

function set([key, value, ...options]: Buffer[]): RespReply {
	const name = text(key);
	const before = store.get(name);
	let expiresAt = many;
	let isWanted = true;
	let isAsked = false;
	for (let at = 0; at < options.length; at++) {
		const option = text(options[at]).toLowerCase();
		const unit = units.get(option);
		if (unit !== undefined) expiresAt = unit(integer(options[++at]));
		else if (option === "nx") isWanted &&= before === undefined;
		else if (option === "xx") isWanted &&= before !== undefined;
		else if (option === "keepttl") expiresAt = before?.expiresAt ?? many;
		else if (option === "get") isAsked = true;
		else throw new Wrong("syntax error");
	}
	// What is kept must not keep the memory that it has come in.
	const kept = Buffer.from(value as Buffer);
	if (isWanted) store.set(name, { value: kept, expiresAt });
	if (isAsked) return before?.value ?? null;
	return isWanted ? ok : null;
}

/** When something ends, by the options of SET. */
const units = new Map<string, (value: bigint) => number>([
	["ex", (value) => Date.now() + positive(value) * 1000],
	["px", (value) => Date.now() + positive(value)],
	["exat", (value) => positive(value) * 1000],
	["pxat", (value) => positive(value)],
]);

function positive(value: bigint): number {
	if (value > 0n) return Number(value);
	throw new Wrong("invalid expire time in 'set' command");
}

function increment(key: string, by: bigint): RespReply {
	const before = store.get(key);
	const sum = integer(before?.value ?? Buffer.from("0")) + by;
	if (BigInt.asIntN(64, sum) !== sum) {
		throw new Wrong("increment or decrement would overflow");
	}
	const expiresAt = before?.expiresAt ?? many;
	store.set(key, { value: Buffer.from(String(sum)), expiresAt });
	return sum;
}

function expire(key: string, seconds: bigint): RespReply {
	const entry = store.get(key);
	if (entry === undefined) return 0;
	entry.expiresAt = Date.now() + Number(seconds) * 1000;
	return 1;
}

function secondsLeft(key: string): RespReply {
	const entry = store.get(key);
	if (entry === undefined) return -2;
	if (entry.expiresAt === many) return -1;
	return Math.round((entry.expiresAt - Date.now()) / 1000);
}

function keys(pattern: string): RespReply {
	const found = [...store.keys()].filter((key) => matches(pattern, key));
	return found.map((key) => Buffer.from(key, "latin1"));
}

function ping([message]: Buffer[], peer: Peer): RespReply {
	if (isListening(peer)) return ["pong", message ?? ""];
	return message ?? new RespSimple("PONG");
}

function subscribe(names: Buffer[], peer: Peer): undefined {
	for (const name of names) {
		channels.subscribe(peer, text(name));
		peer.send(new RespPush(["subscribe", name, peer.context.channels.size]));
	}
}

function unsubscribe(names: Buffer[], peer: Peer): undefined {
	const { channels: own } = peer.context;
	const all = names.length > 0 ? names.map(text) : [...own];
	for (const channel of all) {
		channels.unsubscribe(peer, channel);
		const name = Buffer.from(channel, "latin1");
		peer.send(new RespPush(["unsubscribe", name, own.size]));
	}
	if (all.length === 0) peer.send(new RespPush(["unsubscribe", null, 0]));
}

function hello([version]: Buffer[], peer: Peer): RespReply {
	const { context } = peer;
	const wanted = version === undefined ? context.version : Number(version);
	if (wanted !== 2 && wanted !== 3) {
		return new RespError("NOPROTO unsupported protocol version");
	}
	context.version = wanted;
	setRespVersion(peer, wanted);
	return new Map<string, RespReply>([
		["server", "redis"],
		["version", "7.0.0"],
		["proto", wanted],
		["id", context.id],
		["mode", "standalone"],
		["role", "master"],
		["modules", []],
	]);
}

function describe([part]: Buffer[]): RespReply {
	if (part === undefined) {
		return [...commands].map(([name, [min, max]]) => [
			name,
			min === max ? min + 1 : -(min + 1),
			[],
			0,
			0,
			0,
		]);
	}
	return text(part).toLowerCase() === "count" ? commands.size : new Map();
}

function quit(_args: Buffer[], peer: Peer): undefined {
	peer.send(ok);
	peer.end();
}

function noDatabase(): RespReply {
	return new RespError("ERR DB index is out of range");
}

function count(keys: Buffer[], isOne: (key: string) => boolean): number {
	return keys.filter((key) => isOne(text(key))).length;
}

/** A character for each byte, so that keys of any bytes are kept apart. */
function text(bytes: Buffer | undefined): string {
	return (bytes as Buffer).toString("latin1");
}

function integer(bytes: Buffer | undefined): bigint {
	const digits = bytes?.toString("latin1", 0, 21) ?? "";
	const value = /^-?\d{1,19}$/.test(digits) ? BigInt(digits) : 1n << 64n;
	if (BigInt.asIntN(64, value) === value) return value;
	throw new Wrong("value is not an integer or out of range");
}
