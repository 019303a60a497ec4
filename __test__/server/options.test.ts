import test from "ava";
import {
	type Connection,
	type DeflateOptions,
	type EventLoopOptions,
	type FlowOptions,
	GevError,
	type IdleOptions,
	type LimitOptions,
	SendStatus,
	Server,
	type ServerOptions,
	type SocketOptions,
	type StopOptions,
	type StreamHandler,
	type TimeoutOptions,
	type WebSocketOptions,
	webSocket,
} from "gev";
import {
	closeFrame,
	readClose,
	readFrame,
	TEXT,
	upgraded,
} from "../kit/frames.js";
import { Queue } from "../kit/queue.js";
import { serve } from "../kit/server.js";
import { tcp } from "../kit/tcp-client.js";
import { until } from "../kit/until.js";

/** Wrong values with how a message shows them. */
type Wrong = [value: unknown, shown: string][];

const notANumber: Wrong = [
	["12", '"12"'],
	[null, "null"],
	[Number.NaN, "NaN"],
	[Number.POSITIVE_INFINITY, "Infinity"],
	[1e4 + 0.5, "10000.5"],
	[5000n, "5000n"],
	[[1, 2], "array of 2"],
	[new Date(0), "Date"],
	[() => 1, "function"],
];
const notABoolean: Wrong = [
	[0, "0"],
	["true", '"true"'],
	[null, "null"],
];
const notAText: Wrong = [
	["", '""'],
	[127, "127"],
	[null, "null"],
];
const notTexts: Wrong = [
	["a", '"a"'],
	[null, "null"],
	[["a", 1], "array of 2"],
	[[""], "array of 1"],
];
const outside = (...values: number[]): Wrong => [
	...notANumber,
	...values.map((value): Wrong[number] => [value, String(value)]),
];

const notAnObject: Wrong = [
	[12, "12"],
	["12", '"12"'],
	[null, "null"],
	[[1, 2], "array of 2"],
];

const wrongServerOptions: Record<keyof ServerOptions, Wrong> = {
	// What resolvers cut, trim or pass over would be another host than the one that was given.
	host: [
		...notAText,
		["127.0.0.1\0", "127.0.0.1\\u0000"],
		["127.0.0.1\0.example.com", "127.0.0.1\\u0000"],
		["\0", '"\\u0000"'],
		["::1%lo\0", "::1%lo\\u0000"],
		["127.0.0.1 ", '"127.0.0.1 "'],
		[" ::1", '" ::1"'],
		["127.0.0.1 example.com", '"127.0.0.1 example.com"'],
		["localhost\n", '"localhost\\n"'],
		["local\thost", '"local\\thost"'],
		["localhost\r\n", '"localhost\\r\\n"'],
		["local\u007fhost", '"local\u007fhost"'],
		["local\u0085host", '"local\u0085host"'],
		["local\u00a0host", '"local\u00a0host"'],
		["local\u2028host", '"local\u2028host"'],
		["\ufefflocalhost", '"\ufefflocalhost"'],
	],
	port: outside(-1, 65_536),
	path: [
		...notAText,
		["x".repeat(108), '"xxxxx'],
		["é".repeat(54), '"ééééé'],
		["a\0b", '"a\\u0000b"'],
		["\0", '"\\u0000"'],
	],
	loops: outside(-1, 0, 1025),
	threads: notABoolean,
	protocol: [
		["raw", '"raw"'],
		[{ name: "raw" }, "Object"],
		[webSocket, "function"],
		[null, "null"],
	],
	borrow: notABoolean,
	serial: notABoolean,
	balance: [
		["busiest", '"busiest"'],
		["x".repeat(1000), '"xxxxx'],
		[1, "1"],
	],
	pinLoops: notABoolean,
	reusePort: notABoolean,
	proxyProtocol: [
		["v2", '"v2"'],
		[true, "true"],
		[null, "null"],
	],
	trustedProxies: [
		["10.0.0.0/8", '"10.0.0.0/8"'],
		[[1], "array of 1"],
		[[""], "array of 1"],
		...["localhost", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8"].map(
			(text): Wrong[number] => [[text], `"${text}"`],
		),
		...["::/129", "::/-1", "fe80::1%lo", "::1/1e1", "/8"].map(
			(text): Wrong[number] => [[text], `"${text}"`],
		),
	],
	logger: [
		["debug", '"debug"'],
		[true, "true"],
		[null, "null"],
		[{ error() {}, warn() {}, info() {} }, "Object"],
		[console.log, "function"],
	],
	socket: notAnObject,
	limits: notAnObject,
	flow: notAnObject,
	timeouts: notAnObject,
	eventLoop: notAnObject,
	metrics: [
		...notAnObject,
		[{ path: "metrics" }, '"metrics"'],
		[{ port: 65_536 }, "65536"],
		[{ token: "" }, '""'],
		[{ hosts: "localhost" }, '"localhost"'],
	],
};
const wrongSocketOptions: Record<keyof SocketOptions, Wrong> = {
	backlog: outside(0, 65_536),
	noDelay: notABoolean,
	keepAliveMs: outside(-1, 2 ** 31),
	sendBufferBytes: outside(-1, 2 ** 30 + 1),
	receiveBufferBytes: outside(-1, 2 ** 30 + 1),
	mode: outside(-1, 0o1000),
	allowHalfOpen: notABoolean,
};
const wrongLimitOptions: Record<keyof LimitOptions, Wrong> = {
	maxConnections: outside(0, 2 ** 24 + 1),
	maxConnectionsPerAddress: outside(-1, 2 ** 24 + 1),
	maxConnectionRatePerAddress: outside(-1, 2 ** 30 + 1),
	maxMemoryBytes: outside(-1, 1, 2 ** 20 - 1, 2 ** 50 + 1),
};
const wrongFlowOptions: Record<keyof FlowOptions, Wrong> = {
	maxBufferedBytes: outside(0, 1023, 2 ** 31),
	// At most maxBufferedBytes, which is 16 MiB by default, without WebSocket.
	highWaterMarkBytes: outside(-1, 0, 16 * 1024 * 1024 + 1),
	// At most highWaterMarkBytes, which is 1 MiB by default.
	lowWaterMarkBytes: outside(-1, 1024 * 1024 + 1),
	overflow: [
		["drop", '"drop"'],
		[1, "1"],
	],
	maxPending: outside(-1, 2 ** 30 + 1),
};
const wrongTimeoutOptions: Record<keyof TimeoutOptions, Wrong> = {
	handshakeMs: outside(0, 2 ** 31),
	closeMs: outside(0, 2 ** 31),
	idleMs: [
		["12", '"12"'],
		[null, "null"],
		[[1, 2], "array of 2"],
		[1.5, "1.5"],
		[-1, "-1"],
		[2 ** 31, "2147483648"],
		[{ read: -1 }, "-1"],
		[{ all: 2 ** 31 }, "2147483648"],
		[{ reader: 5 }, "reader"],
	],
	writeStallMs: outside(-1, 2 ** 31),
	maxLifetimeMs: outside(-1, 2 ** 31),
};
const wrongIdleOptions: Record<keyof IdleOptions, Wrong> = {
	read: outside(-1, 2 ** 31),
	write: outside(-1, 2 ** 31),
	all: outside(-1, 2 ** 31),
};
const wrongEventLoopOptions: Record<keyof EventLoopOptions, Wrong> = {
	queueBytes: outside(0, 131_072, 262_143, 262_145, 393_216, 2 ** 40),
	readBufferBytes: outside(0, 4095, 2 ** 30),
	drainBudget: outside(0, 2 ** 31),
};
const wrongWebSocketOptions: Record<keyof WebSocketOptions, Wrong> = {
	text: [
		["bytes", '"bytes"'],
		[true, "true"],
	],
	maxMessageBytes: outside(-1, 2 ** 53),
	maxFragments: outside(-1, 2 ** 31),
	maxFrameBytes: outside(-1, 2 ** 53),
	maxMessagesPerSecond: outside(-1, 2 ** 31),
	maxControlFramesPerSecond: outside(-1, 2 ** 31),
	maxHeaderBytes: outside(0, 2 ** 31),
	maxHeaders: outside(0, 2 ** 31),
	page: notAText,
	path: [
		...notAText,
		["chat", '"chat"'],
		["/a?b", '"/a?b"'],
		["/a b", '"/a b"'],
	],
	origins: notTexts,
	subprotocols: [...notTexts, [["a b"], '"a b"'], [["a,b"], '"a,b"']],
	perMessageDeflate: [
		["on", '"on"'],
		[1, "1"],
		[null, "null"],
		[[], "array of 0"],
		[{ window: 15 }, "window"],
	],
	pingIntervalMs: outside(-1, 2 ** 31),
	pongTimeoutMs: outside(-1, 2 ** 31),
};
const wrongDeflateOptions: Record<keyof DeflateOptions, Wrong> = {
	mode: [
		["own", '"own"'],
		[1, "1"],
	],
	threshold: outside(-1, 2 ** 53),
	level: outside(-1, 10),
	memLevel: outside(0, 10),
	serverNoContextTakeover: notABoolean,
	clientNoContextTakeover: notABoolean,
	serverMaxWindowBits: outside(8, 16),
	clientMaxWindowBits: outside(8, 16),
	memoryBudgetBytes: outside(-1, 2 ** 53),
};
const wrongStopOptions: Record<keyof StopOptions, Wrong> = {
	timeoutMs: outside(-1, 2 ** 31),
	code: outside(0, 999, 1004, 1005, 1006, 1015, 2999, 5000),
	reason: [
		[127, "127"],
		[null, "null"],
		["é".repeat(62), '"éé'],
	],
};

const calls: [string, (options: object) => unknown, Record<string, Wrong>][] = [
	["new Server()", (options) => new Server({}, options), wrongServerOptions],
	["socket", (socket) => new Server({}, { socket }), wrongSocketOptions],
	["limits", (limits) => new Server({}, { limits }), wrongLimitOptions],
	["flow", (flow) => new Server({}, { flow }), wrongFlowOptions],
	["timeouts", (timeouts) => new Server({}, { timeouts }), wrongTimeoutOptions],
	[
		"timeouts.idleMs",
		(idleMs) => new Server({}, { timeouts: { idleMs } }),
		wrongIdleOptions,
	],
	[
		"eventLoop",
		(eventLoop) => new Server({}, { eventLoop }),
		wrongEventLoopOptions,
	],
	["webSocket()", webSocket, wrongWebSocketOptions],
	[
		"perMessageDeflate",
		(perMessageDeflate) => webSocket({ perMessageDeflate }),
		wrongDeflateOptions,
	],
	["stop()", (options) => new Server({}).stop(options), wrongStopOptions],
];
for (const [name, call, table] of calls) {
	/** What the call throws or rejects with. */
	const failure = async (options: unknown): Promise<GevError> => {
		try {
			await call(options as object);
		} catch (error) {
			if (error instanceof GevError) return error;
			throw error;
		}
		throw new Error(`${name} takes it`);
	};

	for (const [option, wrong] of Object.entries(table)) {
		test(`${name} names ${option} and the value when it is wrong`, async (t) => {
			const fullName = name.endsWith(")") ? option : `${name}.${option}`;
			for (const [value, shown] of wrong) {
				const error = await failure({ [option]: value });
				t.is(error.code, "ERR_GEV_OPTION", shown);
				t.is(error.name, "GevError");
				t.true(error.message.includes(fullName), error.message);
				t.true(error.message.includes(shown), error.message);
				t.true(error.message.length < 200, error.message);
			}
		});
	}

	test(`${name} takes undefined for every option`, async (t) => {
		const options = Object.keys(table).map((key) => [key, undefined]);
		await t.notThrowsAsync(async () => call(Object.fromEntries(options)));
	});

	test(`${name} does not know misspelt options and takes objects only`, async (t) => {
		const misspelt = await failure({ timeOutMs: 1 });
		t.is(misspelt.code, "ERR_GEV_OPTION");
		t.regex(misspelt.message, /timeOutMs/);
		for (const option of Object.keys(table)) {
			t.true(misspelt.message.includes(option), option);
		}
		for (const [value, shown] of [
			[null, "null"],
			["port", '"port"'],
			[-8080, "-8080"],
		] as const) {
			const error = await failure(value);
			t.is(error.code, "ERR_GEV_OPTION");
			t.true(error.message.includes(shown), error.message);
		}
	});
}

test("only one loop goes without a thread", (t) => {
	t.throws(() => new Server({}, { loops: 2, threads: false }), {
		instanceOf: GevError,
		code: "ERR_GEV_OPTION",
		message: /threads.*false/,
	});
	t.notThrows(() => new Server({}, { loops: 1, threads: false }));
	t.notThrows(() => new Server({}, { loops: 1, threads: true }));
});

test("a handler has to be an object with functions", (t) => {
	const wrong: [unknown, RegExp][] = [
		[undefined, /undefined/],
		[null, /null/],
		["echo", /"echo"/],
		[() => {}, /function/],
		[{ onConnect: true }, /onConnect.*true/],
		[{ onMessage: "echo" }, /onMessage.*"echo"/],
		[{ onClose: {} }, /onClose.*Object/],
		[{ onError: null }, /onError.*null/],
	];
	for (const [handler, message] of wrong) {
		t.throws(() => new Server(handler as StreamHandler), {
			instanceOf: GevError,
			code: "ERR_GEV_HANDLER",
			message,
		});
	}
	t.notThrows(
		() => new Server({ onClose: undefined } as unknown as StreamHandler),
	);
});

test("send() and close() refuse what cannot be sent, and the connection lives on", async (t) => {
	const connections = new Queue<Connection>();
	const { port } = await serve(t, {
		onConnect: (connection) => connections.push(connection),
	});
	const client = await upgraded(t, port);
	const connection = await connections.next();
	const wrongData: Wrong = [
		[undefined, "undefined"],
		[null, "null"],
		[42, "42"],
		[true, "true"],
		[1n, "1n"],
		[Symbol("text"), "Symbol(text)"],
		[{}, "Object"],
		[["a"], "array of 1"],
		[new String("text"), "String"],
		[Object.create(null), "object"],
		[Promise.resolve("text"), "Promise"],
	];
	for (const [data, shown] of wrongData) {
		const error = t.throws(() => connection.send(data as string), {
			instanceOf: GevError,
			code: "ERR_GEV_DATA",
		});
		t.true(error.message.includes(shown), error.message);
	}
	const wrongCloses: [unknown, unknown][] = [
		...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_536].map(
			(code): [unknown, unknown] => [code, ""],
		),
		...[null, "1000", 1000.5, Number.NaN, 1000n].map(
			(code): [unknown, unknown] => [code, ""],
		),
		[1000, "x".repeat(124)],
		[1000, "é".repeat(62)],
		[1000, null],
		[1000, Buffer.from("bytes")],
	];
	for (const [code, reason] of wrongCloses) {
		t.throws(() => connection.close(code as number, reason as string), {
			instanceOf: GevError,
			code: "ERR_GEV_CLOSE",
		});
	}
	t.true(connection.connected);
	t.is(connection.send("the first"), SendStatus.Queued);
	t.deepEqual(await readFrame(client), {
		fin: true,
		opcode: TEXT,
		payload: Buffer.from("the first"),
	});
	connection.close(4999, "é".repeat(61));
	t.deepEqual(await readClose(client), { code: 4999, reason: "é".repeat(61) });
	t.throws(() => connection.send(1 as unknown as string), {
		code: "ERR_GEV_DATA",
	});
	t.throws(() => connection.close(1), { code: "ERR_GEV_CLOSE" });
});

test("send() takes strings and every kind of bytes", async (t) => {
	const bytes = Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]);
	const shared = new Uint8Array(new SharedArrayBuffer(8));
	shared.set(bytes);
	const { port } = await serve(t, {
		onConnect(connection) {
			connection.send(bytes);
			connection.send(Buffer.from(bytes));
			connection.send(bytes.buffer);
			connection.send(shared);
			connection.send(new DataView(bytes.buffer));
			connection.send(new Float64Array(bytes.buffer));
			connection.send(new Uint16Array(bytes.buffer, 2, 2));
			connection.send(new Uint8Array(0));
			connection.send("");
			// What was sent before is a copy.
			bytes.fill(9);
			connection.send(bytes.subarray(6));
		},
	});
	const client = await upgraded(t, port);
	const payloads: number[][] = [];
	for (let count = 0; count < 10; count++) {
		payloads.push([...(await readFrame(client)).payload]);
	}
	const whole = [0, 1, 2, 3, 4, 5, 6, 7];
	t.deepEqual(payloads, [
		...Array<number[]>(6).fill(whole),
		[2, 3, 4, 5],
		[],
		[],
		[9, 9],
	]);
});

test("without options a server takes raw connections on every address", async (t) => {
	const server = new Server({}, { port: 0 });
	t.is(server.loopCount, 0);
	t.is(server.connectionCount, 0);
	t.teardown(() => server.stop());
	const { address, port } = await server.start();
	const second = new Server({ onMessage: () => undefined }, { port });
	t.regex(address, /^(::|0\.0\.0\.0)$/);
	t.true(server.loopCount >= 1);
	const client = await tcp(t, port);
	client.write("nobody listens");
	await until(() => server.connectionCount === 1);
	await t.throwsAsync(second.start(), { code: "EADDRINUSE" });
	client.socket.end();
	t.is((await client.readToEnd()).length, 0);
});

test("options are read once, and what they inherit is none", (t) => {
	const reads: string[] = [];
	const watched = (values: object) =>
		new Proxy(values, {
			get(target, name) {
				reads.push(String(name));
				return Reflect.get(target, name);
			},
		});
	new Server(
		{},
		watched({
			loops: 1,
			flow: watched({ maxPending: 5 }),
			timeouts: watched({ idleMs: watched({ all: 5 }) }),
		}),
	);
	webSocket(
		watched({ maxHeaders: 5, perMessageDeflate: watched({ level: 5 }) }),
	);
	t.deepEqual(reads, [
		...["loops", "flow", "timeouts", "maxPending", "idleMs", "all"],
		...["maxHeaders", "perMessageDeflate", "level"],
	]);
	const inherited = Object.create({ loops: "many", port: -1 });
	t.notThrows(() => new Server({}, inherited));
	const flow = Object.create({ maxPending: "many", overflow: -1 });
	t.notThrows(() => new Server({}, { flow }));
});

test("what other libraries add to every object is no option", async (t) => {
	const added = {
		text: "yes",
		fin: 3,
		code: -1,
		port: -1,
		status: "no",
		reset: 7,
	};
	for (const [name, value] of Object.entries(added)) {
		Object.defineProperty(Object.prototype, name, {
			value,
			configurable: true,
			writable: true,
		});
	}
	try {
		const { server, port } = await serve(t, {
			onConnect(connection) {
				connection.send("whole", {});
				connection.send("another", { compress: false });
				connection.end();
			},
		});
		const client = await upgraded(t, port);
		t.like(await readFrame(client), { fin: true, opcode: TEXT });
		t.is(String((await readFrame(client)).payload), "another");
		t.is((await readClose(client)).code, 1000);
		client.socket.end(closeFrame(1000));
		await server.stop({});
	} finally {
		for (const name of Object.keys(added)) {
			Reflect.deleteProperty(Object.prototype, name);
		}
	}
});
