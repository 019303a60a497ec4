/**
 * What the types of handlers allow, and what they do not: compiled with the tests, where a line that should be an error and
 * is none fails the build. Never run.
 */
import {
	type CommonHandler,
	type Connection,
	type Custom,
	type CustomProtocol,
	custom,
	type Decoder,
	type FrameError,
	fix,
	fixedLength,
	frames,
	type Handler,
	jsonStream,
	lines,
	mqtt,
	type Protocol,
	type RingBuffer,
	raw,
	respFrames,
	Server,
	type ServerOptions,
	type StreamHandler,
	type StreamProtocol,
	webSocket,
} from "gev";

/** Compiles if both types are the same. */
function same<A, B>(..._: Same<A, B> extends true ? [] : [never]): void {}
type Same<A, B> =
	(<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
		? true
		: false;

interface User {
	name: string;
}

export function literals(either: Protocol, options: ServerOptions): void {
	new Server(
		{
			onMessage(connection, message) {
				same<typeof message, string | Buffer>();
				same<typeof connection, Connection<unknown>>();
			},
			onUpgrade: ({ subprotocols }) => ({ subprotocol: subprotocols[0] ?? "" }),
			onRequest: () => ({ status: 200 }),
			onFragment: (_connection, data) => same<typeof data, Buffer>(),
			onPing: (_connection, data) => same<typeof data, Buffer>(),
			onPong: (_connection, data) => same<typeof data, Buffer>(),
		},
		{ protocol: webSocket() },
	);
	new Server<User>(
		{
			onMessage(connection, message) {
				same<typeof message, Buffer>();
				same<typeof connection, Connection<User>>();
			},
			onEnd: ({ context }) => same<typeof context, User>(),
		},
		{ protocol: raw() },
	);
	new Server(
		{
			onMessage: (_, message) => same<typeof message, string>(),
			onEnd: (connection) => connection.end(),
			onFrameError: (_connection, error) => same<typeof error, FrameError>(),
		},
		{ protocol: jsonStream() },
	);
	new Server<User>(
		{
			onMessage(connection, message) {
				same<typeof message, Buffer>();
				same<typeof connection, Connection<User>>();
			},
			onEnd: ({ context }) => same<typeof context, User>(),
			onFrameError: (_connection, error) => same<typeof error, FrameError>(),
		},
		{ protocol: frames({ length: "u16" }) },
	);
	new Server(
		{
			onMessage: (_, message) => same<typeof message, string>(),
			onFrameError: (_connection, error) => same<typeof error, FrameError>(),
		},
		{ protocol: frames({ end: "\n", text: true }) },
	);
	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: frames({ end: "\n" }) });
	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: frames({ end: "\n", text: true }) });
	same<ReturnType<typeof mqtt>, StreamProtocol<"frames">>();
	const text = { onMessage: (_: Connection, message: string) => message };
	const bytes = { onMessage: (_: Connection, message: Buffer) => message };
	new Server(text, { protocol: lines() });
	new Server(bytes, { protocol: lines({ text: false }) });
	new Server(bytes, { protocol: fix() });
	new Server(text, { protocol: fix({ text: true, onTooLong: "discard" }) });
	new Server(bytes, { protocol: fixedLength({ bytes: 4 }) });
	// @ts-expect-error
	fixedLength();
	// @ts-expect-error
	mqtt({ text: true });
	// @ts-expect-error
	new Server({ onFrameError() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onFrameError() {} }, { protocol: webSocket() });
	// Raw is what a server speaks that is not told.
	new Server({ onMessage: (_, message) => same<typeof message, Buffer>() });
	new Server({ onMessage: (_, message) => same<typeof message, Buffer>() }, {});
	new Server({ onMessage: (_, message) => message }, { protocol: either });
	new Server({ onMessage: (_, message) => message }, options);

	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onPong() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onUpgrade() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onRequest: () => ({}) }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onFragment() {} }, { protocol: raw() });
	// @ts-expect-error
	new Server({ onPing() {} });
	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: either });
	// @ts-expect-error
	new Server({ onPing() {} }, options);
	// @ts-expect-error
	new Server({ onEnd() {} }, { protocol: webSocket() });
	// @ts-expect-error
	new Server({ onMesage() {} }, { protocol: webSocket() });
}

class Chat implements Handler<User> {
	onPing(connection: Connection<User>, data: Buffer) {
		connection.context.name = `${data}`;
	}
	onMessage({ context }: Connection<User>, message: string | Buffer) {
		return `${context.name} ${message}`;
	}
}

class Device implements Handler<unknown, "raw"> {
	onMessage(_connection: Connection, message: Buffer) {
		return message.subarray(1);
	}
}

class Echo implements Handler<unknown, "raw" | "websocket"> {
	onMessage(_connection: Connection, message: string | Buffer) {
		return message;
	}
}

class Forwarder implements Handler<unknown, "websocketBytes"> {
	onMessage(connection: Connection, message: Buffer, isText?: boolean) {
		connection.send(message.subarray(1), { text: isText === true });
	}
}

export function textAsBytes(): void {
	const protocol = webSocket({ text: "buffer" });
	new Server(new Forwarder(), { protocol });
	new Server({ onMessage: (_, message) => message.subarray(1) }, { protocol });
	new Server(
		// @ts-expect-error
		{ onMessage: (_, message) => message.subarray(1) },
		{ protocol: webSocket({ text: "string" }) },
	);
	// @ts-expect-error
	webSocket({ text: "bytes" });
}

export class Wrong implements Handler<unknown, "raw"> {
	// @ts-expect-error
	onPing() {}
	// @ts-expect-error
	onUpgrade() {}
	// @ts-expect-error
	onRequest() {
		return {};
	}
	// @ts-expect-error
	onFragment() {}
	// @ts-expect-error
	onPong() {}
}

export function classes(
	either: Protocol,
	typed: Handler,
	common: CommonHandler,
): void {
	new Server(new Chat(), { protocol: webSocket() });
	new Server(new Device(), { protocol: raw() });
	new Server(new Device());
	for (const echo of [new Echo(), common]) {
		new Server(echo, { protocol: webSocket() });
		new Server(echo, { protocol: raw() });
		new Server(echo, { protocol: either });
		new Server(echo);
	}
	new Server(typed, { protocol: webSocket() });

	// @ts-expect-error
	new Server(new Chat(), { protocol: raw() });
	// @ts-expect-error
	new Server(new Chat());
	// @ts-expect-error
	new Server(typed, { protocol: raw() });
	// @ts-expect-error
	new Server(typed, { protocol: either });
}

interface Reading {
	sensor: number;
}

interface Order {
	turn: "on" | "off";
}

class Sensors implements CustomProtocol<Reading, Order> {
	unpack(_: Connection<unknown, Order>, buffer: RingBuffer) {
		const sensor = buffer.readByte();
		return sensor === undefined ? undefined : { sensor };
	}
	pack(_: Connection<unknown, Order>, { turn }: Order) {
		return turn;
	}
}

class Gateway implements Handler<User, Sensors> {
	onConnect(connection: Connection<User, Order>) {
		connection.send({ turn: "on" });
	}
	onMessage({ context }: Connection<User, Order>, { sensor }: Reading) {
		return sensor > context.name.length ? ({ turn: "off" } as const) : null;
	}
}

class SameGateway implements StreamHandler<User, Reading, Order> {
	async onMessage(connection: Connection<User, Order>, message: Reading) {
		connection.send(message.sensor > 1 ? { turn: "on" } : { turn: "off" });
	}
}

export class WrongGateway implements Handler<User, Sensors> {
	// @ts-expect-error
	onMessage(_connection: Connection<User, Order>, message: Buffer) {
		return message;
	}
	// @ts-expect-error
	onUpgrade() {}
}

/** What a protocol in TypeScript takes and makes is what its handler gets and sends. */
export function ownProtocols(sensors: Custom<Reading, Order>): void {
	same<typeof sensors, ReturnType<typeof custom<Reading, Order>>>();
	const server = new Server(
		{
			onMessage(connection, message) {
				same<typeof message, Reading>();
				same<typeof connection, Connection<unknown, Order>>();
				connection.send({ turn: "on" }, () => {});
				// @ts-expect-error
				connection.send("on");
				// @ts-expect-error
				connection.send({ turn: "about" });
				return { turn: "off" };
			},
			onEnd: (connection) =>
				same<typeof connection, Connection<unknown, Order>>(),
		},
		{ protocol: custom(new Sensors()), port: 0 },
	);
	for (const connection of server.connections()) {
		connection.send({ turn: "on" });
		// @ts-expect-error
		connection.send(Buffer.of(1));
	}
	new Server<User, Reading, Order>(
		{ onMessage: ({ context }, { sensor }) => void context.name.at(sensor) },
		{ protocol: custom(new Sensors(), { maxMessageBytes: 0, over: raw() }) },
	);
	new Server(new Gateway(), { protocol: custom(new Sensors()) });
	new Server(new SameGateway(), { protocol: sensors });
	new Server(
		{
			onMessage: (connection, message) => {
				same<typeof message, number | null>();
				same<typeof connection, Connection>();
			},
		},
		{
			protocol: custom<number | null>({
				unpack(connection, buffer) {
					same<typeof connection, Connection>();
					same<typeof buffer, RingBuffer>();
					return buffer.readByte() ?? null;
				},
				pack: (_, message) => message,
			}),
		},
	);

	// @ts-expect-error
	new Server(new Gateway(), { protocol: raw() });
	// @ts-expect-error
	new Server(new Gateway());
	// @ts-expect-error
	new Server(new Device(), { protocol: sensors });
	// @ts-expect-error
	new Server({ onMessage: () => "text" }, { protocol: sensors });
	// @ts-expect-error
	new Server({ onPing() {} }, { protocol: sensors });
	// @ts-expect-error
	custom({ unpack: (): number | undefined => undefined });
	// @ts-expect-error
	custom(new Sensors(), { over: webSocket() });
	for (const over of [jsonStream(), frames({ end: "\n" }), respFrames()]) {
		same<ReturnType<typeof custom<Reading, Order>>, typeof sensors>();
		new Server(
			{ onFrameError: (_, error) => same<typeof error, FrameError>() },
			{ protocol: custom(new Sensors(), { over }) },
		);
	}
}

/** A protocol that a connection changes to says what the handler gets that comes with it. */
export function changes(connection: Connection<User>, either: Protocol): void {
	const lines = frames({ end: "\n" });
	const isChanged = connection.setProtocol(lines, {
		onMessage(other, message) {
			same<typeof message, Buffer>();
			same<typeof other, Connection<User>>();
			return message;
		},
		onFrameError: (_, error) => same<typeof error, FrameError>(),
	});
	same<typeof isChanged, boolean>();
	connection.setProtocol(jsonStream(), {
		onMessage: (_, message) => same<typeof message, string>(),
	});
	connection.setProtocol(custom(new Sensors()), {
		onMessage(other, { sensor }) {
			same<typeof other, Connection<User, Order>>();
			other.send({ turn: sensor > 1 ? "on" : "off" });
		},
	});
	connection.setProtocol(raw());
	connection.setProtocol(custom(new Sensors()), new SameGateway());
	// @ts-expect-error
	connection.setProtocol(webSocket());
	// @ts-expect-error
	connection.setProtocol(either);
	// @ts-expect-error
	connection.setProtocol(raw(), { onMessage: (_, text: string) => text });
	// @ts-expect-error
	connection.setProtocol(custom(new Sensors()), { onMessage: () => "on" });
	// @ts-expect-error
	connection.setProtocol(raw(), new SameGateway());
}

/** What is encoded and decoded by hand is what a server sends and hands over. */
export function byHand(sensors: Custom<Reading, Order>): void {
	const lines = frames({ end: "\n" });
	same<typeof lines, StreamProtocol<"frames">>();
	same<ReturnType<typeof lines.encode>, Buffer>();
	same<ReturnType<Decoder<Buffer>["push"]>, Buffer[]>();
	const decoder: Decoder<Buffer> = lines.decoder({
		onFrameError: ({ reason }) => void reason,
	});
	const texts: Decoder<string> = jsonStream().decoder();
	const readings: Decoder<Reading> = sensors.decoder();
	sensors.encode({ turn: "on" });
	for (const { sensor } of readings.push("x"))
		sensors.encode({ turn: `${!sensor}` === "true" ? "on" : "off" });
	texts.end();
	decoder.end();
	// @ts-expect-error
	sensors.encode("on");
	// @ts-expect-error
	lines.encode({ turn: "on" });
	// @ts-expect-error
	webSocket().encode("text");
	// @ts-expect-error
	webSocket().decoder();
}

export async function members(
	server: Server,
	connection: Connection,
): Promise<void> {
	same<typeof server.loopCount, number>();
	same<typeof connection.loopIndex, number>();
	same<typeof connection.subprotocol, string>();
	// @ts-expect-error
	connection.connected = false;
	// @ts-expect-error
	connection.fail();
	// @ts-expect-error
	server.dispatcher.call();
}
