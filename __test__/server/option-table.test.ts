import { readFileSync } from "node:fs";
import os from "node:os";
import test from "ava";
import type { ServerOptions, WebSocketOptions } from "gev";
import { addon, watched } from "../kit/addon.js";
import { internals } from "../kit/internals.js";
import { socketPath } from "../kit/socket-path.js";

/** Options are told once, as rows of tables: see `src/base/option-table.ts`. */
type Options = Record<string, unknown>;
type Table = new (
	name: string,
	rows: unknown,
) => { check(given: unknown): Options };

const { OptionTable, checkOptions, ...inside } = internals([
	...["OptionTable", "checkOptions", "Server", "raw", "webSocket", "frames"],
	...["WebSocketOptions", "DeflateOptions", "JsonStreamOptions"],
	...["RawOptions", "DecoderOptions", "CustomOptions", "FramesOptions"],
	...["RespOptions", "StompOptions", "TypedProtobufOptions"],
	...["PresetOptions", "TextPresetOptions"],
	...["DelimitedOptions", "FixedLengthOptions", "HdlcOptions"],
	...["Iso8583Options", "LengthPrefixedOptions", "LinesOptions"],
	...["ModbusOptions", "NmeaOptions", "VarintPrefixedOptions"],
	...["FrameLengthOptions", "FrameChecksumOptions"],
	...["StopOptions", "DestroyOptions", "SendOptions", "WorkerPoolOptions"],
	...["MetricsOptions", "BroadcastOptions"],
]) as typeof import("gev") & {
	OptionTable: Table;
	checkOptions(given: unknown): Record<string, Options>;
	[rows: `${string}Options`]: unknown;
};
const { Server, raw, webSocket, frames } = inside;
const defaultsOf = (type: `${string}Options`) =>
	new OptionTable(type, inside[type]).check(undefined);

/** What options are when nothing is given, by the type that they are declared as. */
const server = checkOptions(undefined);
const defaults: Record<string, Options> = {
	ServerOptions: server,
	SocketOptions: server.socket as Options,
	LimitOptions: server.limits as Options,
	FlowOptions: server.flow as Options,
	TimeoutOptions: server.timeouts as Options,
	IdleOptions: server.timeouts?.idleMs as Options,
	EventLoopOptions: server.eventLoop as Options,
	MetricsOptions: defaultsOf("MetricsOptions"),
	WebSocketOptions: defaultsOf("WebSocketOptions"),
	DeflateOptions: defaultsOf("DeflateOptions"),
	JsonStreamOptions: defaultsOf("JsonStreamOptions"),
	RawOptions: defaultsOf("RawOptions"),
	DecoderOptions: defaultsOf("DecoderOptions"),
	CustomOptions: defaultsOf("CustomOptions"),
	FramesOptions: defaultsOf("FramesOptions"),
	RespOptions: defaultsOf("RespOptions"),
	StompOptions: defaultsOf("StompOptions"),
	TypedProtobufOptions: defaultsOf("TypedProtobufOptions"),
	PresetOptions: defaultsOf("PresetOptions"),
	TextPresetOptions: defaultsOf("TextPresetOptions"),
	DelimitedOptions: defaultsOf("DelimitedOptions"),
	FixedLengthOptions: defaultsOf("FixedLengthOptions"),
	HdlcOptions: defaultsOf("HdlcOptions"),
	Iso8583Options: defaultsOf("Iso8583Options"),
	LengthPrefixedOptions: defaultsOf("LengthPrefixedOptions"),
	LinesOptions: defaultsOf("LinesOptions"),
	ModbusOptions: defaultsOf("ModbusOptions"),
	NmeaOptions: defaultsOf("NmeaOptions"),
	VarintPrefixedOptions: defaultsOf("VarintPrefixedOptions"),
	FrameLengthOptions: defaultsOf("FrameLengthOptions"),
	FrameChecksumOptions: defaultsOf("FrameChecksumOptions"),
	StopOptions: defaultsOf("StopOptions"),
	DestroyOptions: defaultsOf("DestroyOptions"),
	SendOptions: defaultsOf("SendOptions"),
	BroadcastOptions: defaultsOf("BroadcastOptions"),
	WorkerPoolOptions: defaultsOf("WorkerPoolOptions"),
};

const constrained = process.constrainedMemory?.() ?? 0;
const memory =
	constrained > 0 ? Math.min(os.totalmem(), constrained) : os.totalmem();
const cpus = os.availableParallelism();

/** Defaults that are told in words: how they begin, and what that comes to here. */
const inWords: [words: string, value: unknown][] = [
	["none", undefined],
	["every ", undefined],
	['"body"; "frame" where', undefined],
	["right behind", undefined],
	["the one of the preset", undefined],
	["as many as it needs", 1],
	["a string as text, bytes as binary", undefined],
	["true, if it has at least `threshold` bytes", undefined],
	["the number of CPUs", cpus],
	["true, unless there is one loop and one CPU", cpus > 1],
	["a quarter of the machine's memory", Math.floor(memory / 4)],
	["16 MiB, or what the largest message takes", 16 * 1024 * 1024],
	["1 MiB, or `maxBufferedBytes`", 1024 * 1024],
	["1 MiB; none where a protocol below", 1024 * 1024],
	["a quarter of `highWaterMarkBytes`", 256 * 1024],
	["{@link raw}", raw()],
	["that of `over`", false],
	["that of a server", undefined],
	["a copy of this thread's", undefined],
	["a warning of the process", undefined],
];

/** The value of a default as it is documented. */
function documented(text: string): unknown {
	const number = /^([\d,]+)( KiB| MiB)?$/.exec(text);
	if (number !== null) {
		const units: Record<string, number> = { " KiB": 2 ** 10, " MiB": 2 ** 20 };
		const digits = (number[1] as string).replaceAll(",", "");
		return Number(digits) * (units[number[2] ?? ""] ?? 1);
	}
	if (/^undefined\b/.test(text)) return undefined;
	if (/^(true|false|\[.*\]|"[^"]*")$/.test(text)) return JSON.parse(text);
	const known = inWords.find(([words]) => text.startsWith(words));
	if (known === undefined) throw new Error(`What is "${text}"?`);
	return known[1];
}

/** An option that has to be given has no default. */
type Member = [name: string, doc: string, hasToBeGiven: boolean];

/** The types of options that users see, each with its members and their documentation. */
function* declared(): Generator<[type: string, Member[]]> {
	const file = new URL("../../../index.d.cts", import.meta.url);
	const types = readFileSync(file, "utf8").matchAll(
		/^interface (\w+Options)(?: extends (\w+Options))? \{\n(.*?)^\}/gms,
	);
	const known = new Map<string | undefined, Member[]>();
	for (const [, type, base, body] of types) {
		const members = (body as string).matchAll(
			/^\t\/\*\*(.*?)\*\/\n\t(\w+)(\??): /gms,
		);
		const own = [...members].map(
			([, doc, name, optional]): Member => [
				name as string,
				(doc as string).replace(/\s*\n\s+\* ?/g, " ").trim(),
				optional === "",
			],
		);
		const told = [...(known.get(base) ?? []), ...own];
		known.set(type, told);
		yield [type as string, told];
	}
}

test("every row is a member of a type that users see, with its documentation", (t) => {
	const types = Object.fromEntries(declared());
	t.deepEqual(Object.keys(types).sort(), Object.keys(defaults).sort());
	for (const [type, members] of Object.entries(types)) {
		const names = members.map(([name]) => name);
		t.deepEqual(names, Object.keys(defaults[type] as Options), type);
	}
});

for (const [type, members] of declared()) {
	test(`the documented defaults of ${type} are the real ones`, (t) => {
		for (const [name, doc, hasToBeGiven] of members) {
			if (hasToBeGiven) continue;
			const real = defaults[type]?.[name];
			const [, text] = /@defaultValue (.+)$/.exec(doc) ?? [];
			const isGroup = Object.values(defaults).includes(real as Options);
			if (text === undefined) t.true(isGroup, `${type}.${name}`);
			else if (name === "idleMs") t.is((real as Options).all, documented(text));
			else t.deepEqual(real, documented(text), `${type}.${name}`);
		}
	});
}

test("the default of maxBufferedBytes has room for what the protocol lets in", (t) => {
	const most = (protocol: unknown) =>
		(checkOptions({ protocol }).flow as Options).maxBufferedBytes;
	const mib = 1024 * 1024;
	t.is(most(webSocket()), 17 * mib + 10);
	t.is(most(webSocket({ maxMessageBytes: 1000 })), 16 * mib);
	t.is(most(webSocket({ maxMessageBytes: 0 })), 16 * mib);
	t.is(most(webSocket({ maxMessageBytes: 2 ** 40 })), 2 ** 31 - 1);
	t.is(
		most(frames({ length: "u32", maxMessageBytes: 16 * mib })),
		17 * mib + 4,
	);
});

test("marks follow what they must not exceed", (t) => {
	const { flow } = checkOptions({ flow: { maxBufferedBytes: 4000 } });
	t.is((flow as Options).highWaterMarkBytes, 4000);
	t.is((flow as Options).lowWaterMarkBytes, 1000);
	const message = /^flow\.lowWaterMarkBytes .* to 5, not 6$/;
	const tooMuch = { highWaterMarkBytes: 5, lowWaterMarkBytes: 6 };
	t.throws(() => checkOptions({ flow: tooMuch }), { message });
});

/** Every option, none as it is by default. */
type Whole<Options> = Required<{
	[Name in keyof Options]: Exclude<Options[Name], undefined>;
}>;
const webSocketOptions: Whole<WebSocketOptions> = {
	text: "buffer",
	maxMessageBytes: 1_000_000,
	maxFragments: 1001,
	maxFrameBytes: 1_000_002,
	maxMessagesPerSecond: 1003,
	maxControlFramesPerSecond: 1004,
	maxHeaderBytes: 1005,
	maxHeaders: 106,
	page: "page",
	path: "/path",
	origins: ["https://example.com"],
	subprotocols: ["letters"],
	perMessageDeflate: {
		mode: "dedicated",
		threshold: 1007,
		level: 2,
		memLevel: 3,
		serverNoContextTakeover: true,
		clientNoContextTakeover: true,
		serverMaxWindowBits: 11,
		clientMaxWindowBits: 12,
		memoryBudgetBytes: 1008,
	},
	pingIntervalMs: 1009,
	pongTimeoutMs: 1010,
};
const serverOptions: Omit<Whole<ServerOptions>, "path" | "logger"> = {
	host: "127.0.0.1",
	port: 0,
	loops: 2,
	threads: true,
	protocol: webSocket(webSocketOptions),
	borrow: true,
	serial: true,
	balance: "round-robin",
	pinLoops: true,
	reusePort: process.platform !== "win32",
	proxyProtocol: "required",
	trustedProxies: ["10.0.0.0/8"],
	socket: {
		backlog: 1011,
		noDelay: false,
		keepAliveMs: 1012,
		sendBufferBytes: 10_013,
		receiveBufferBytes: 10_014,
		mode: 0o600,
		allowHalfOpen: true,
	},
	limits: {
		maxConnections: 1015,
		maxConnectionsPerAddress: 1016,
		maxConnectionRatePerAddress: 1017,
		maxMemoryBytes: 10_000_018,
	},
	flow: {
		maxBufferedBytes: 1_000_019,
		highWaterMarkBytes: 100_020,
		lowWaterMarkBytes: 10_021,
		overflow: "drop-oldest",
		maxPending: 1022,
	},
	timeouts: {
		handshakeMs: 1023,
		closeMs: 1024,
		idleMs: { read: 1025, write: 1026, all: 1027 },
		writeStallMs: 1028,
		maxLifetimeMs: 1029,
	},
	eventLoop: {
		queueBytes: 512 * 1024,
		readBufferBytes: 10_030,
		drainBudget: 1031,
	},
	metrics: { ...defaultsOf("MetricsOptions"), token: "token" } as never,
};

/** What JavaScript sees to alone. */
const unknownToLoops = [
	...["borrow", "serial", "loops", "socket.allowHalfOpen"],
	...["flow.highWaterMarkBytes", "flow.lowWaterMarkBytes", "flow.overflow"],
	...["flow.maxPending", "eventLoop.drainBudget", "protocol.options.text"],
	...["host", "port", "path", "token"].map((name) => `metrics.${name}`),
	...["metrics.hosts", "metrics.tap"],
];

test.serial("the native side reads every option by its own name", async (t) => {
	const given = {
		...serverOptions,
		protocol: {
			name: "websocket",
			stepwise: false,
			options: webSocketOptions,
		},
	};
	const expected = Object.fromEntries(leaves(given));
	for (const name of unknownToLoops) delete expected[name];
	t.deepEqual(await readNatively(serverOptions), {
		...expected,
		path: undefined,
		// Of a pool of workers.
		accepts: undefined,
		joins: undefined,
		member: undefined,
	});
	const stepwise = true;
	const framed = frames({ length: "u16", frameTimeoutMs: 1032, stepwise });
	const read = await readNatively({ ...serverOptions, protocol: framed });
	t.is(read["protocol.options.frameTimeoutMs"], 1032);
	t.true(read["protocol.stepwise"]);
	t.is(typeof read["protocol.options.record"], "string");
	if (process.platform === "win32") return;
	const path = socketPath();
	t.is((await readNatively({ path })).path, path);
});

/** The values within groups, with their full names. */
function* leaves(group: object, prefix = ""): Generator<[string, unknown]> {
	for (const [name, value] of Object.entries(group)) {
		const isGroup = typeof value === "object" && !Array.isArray(value);
		if (isGroup) yield* leaves(value, `${prefix}${name}.`);
		else yield [`${prefix}${name}`, value];
	}
}

/** What the native side reads to start a server, by its full name, but for what it is told of the handler. */
async function readNatively(options: ServerOptions): Promise<Options> {
	const reads: Options = {};
	const read = (path: readonly string[], value: unknown) => {
		if (path[0] !== "handler") reads[path.join(".")] = value;
	};
	const { Environment } = addon() as {
		Environment: { prototype: { start(...args: unknown[]): unknown } };
	};
	const { start } = Environment.prototype;
	Environment.prototype.start = function (options, ...rest) {
		return start.call(this, watched(options as object, read), ...rest);
	};
	const server = new Server({}, options);
	try {
		await server.start();
	} finally {
		Environment.prototype.start = start;
		await server.stop();
	}
	return reads;
}

/** A library may give all objects a property; nobody has asked for that as an option. */
test.serial(
	"what all objects have is no option of the native side",
	async (t) => {
		const names = ["webSocket", "perMessageDeflate", "deflate", "page", "path"];
		const others = ["host", "mode", "origins", "subprotocols", "threads"];
		for (const name of [...names, ...others]) {
			Object.defineProperty(Object.prototype, name, {
				value: {},
				configurable: true,
			});
		}
		try {
			for (const protocol of [raw(), webSocket()]) {
				const server = new Server({}, { host: "127.0.0.1", port: 0, protocol });
				const { address, port } = await server.start();
				t.is(address, "127.0.0.1");
				t.true(port > 0);
				await server.stop();
			}
		} finally {
			for (const name of [...names, ...others]) {
				Reflect.deleteProperty(Object.prototype, name);
			}
		}
	},
);
