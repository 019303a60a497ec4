import { Session, type Socket } from "./session.js";

/**
 * What is checked with every client that has, more or less, the browsers' WebSocket. Clients in other languages have
 * the same checks under the same names (`conformance/interop/`). This file runs in browsers, too.
 */

/** A client library: what makes its sockets, and what it can do beyond the browsers' interface. */
export interface Client<Some extends Socket = Socket> {
	/** Begins to connect. */
	connect(url: string, options: ConnectOptions): Some;
	/** Begins to connect to a unix socket. */
	connectToPath?(path: string): Some;
	/** Sends one text message in several frames. */
	sendFragments?(socket: Some, pieces: readonly string[]): void;
	/** Sends a ping and is fulfilled with the data of the pong. */
	ping?(socket: Some, data: string): Promise<string>;
}

/** How to connect. */
export interface ConnectOptions {
	/** Subprotocols to offer. Default none. */
	protocols?: string[];
	/** Whether to offer compression, where the client leaves the choice. Default false. */
	compress?: boolean;
}

/** "-" means that the client's interface cannot express the check. */
export type Outcome = "ok" | "-";

/** Rejects when the client finds something else than it should. */
export type Check = (client: Client, url: string) => Promise<Outcome>;

/** The checks by their names, in the order of reports. */
export const checks: Record<string, Check> = {
	text: inSession({}, async (session) => {
		for (const text of ["hello", "grüße, 世界 👋", ""]) {
			same(await session.ask(text), text);
		}
		return "ok";
	}),

	binary: inSession({}, async (session) => {
		await echoBytes(session, pattern(256));
		await echoBytes(session, pattern(0));
		return "ok";
	}),

	large: inSession({}, async (session) => {
		await echoBytes(session, pattern(MIB));
		const text = records(MIB);
		same(await session.ask(text), text);
		return "ok";
	}),

	"fragments-sent": inSession({}, async (session, client) => {
		if (client.sendFragments === undefined) return "-";
		client.sendFragments(session.socket, ["frag", "", "mented ", "👋"]);
		same(await session.message(), "fragmented 👋");
		return "ok";
	}),

	"fragments-received": inSession({}, async (session) => {
		same(await session.ask("!fragments frag mented 👋"), "fragmented👋");
		return "ok";
	}),

	deflate: compresses,

	"deflate-dedicated": (client, url) =>
		withSession(client, url, {}, async (session) => {
			const dedicatedUrl = await session.ask("!dedicated");
			return compresses(client, String(dedicatedUrl));
		}),

	ping: inSession({}, async (session, client) => {
		if (client.ping === undefined) return "-";
		same(await client.ping(session.socket, "are you there"), "are you there");
		return "ok";
	}),

	pong: inSession({}, async (session) => {
		same(await session.ask("!ping you"), "pong you");
		return "ok";
	}),

	subprotocol: inSession(
		{ protocols: ["unknown", "echo.v1", "echo.v2"] },
		async (session) => {
			same(session.socket.protocol, "echo.v1");
			same(await session.ask("!protocol"), "echo.v1");
			return "ok";
		},
	),

	"close-1000": (client, url) => clientCloses(client, url, 1000, ""),
	"close-4001": (client, url) => clientCloses(client, url, 4001, "so long"),
	"closed-1001": (client, url) => serverCloses(client, url, 1001, ""),
	"closed-4002": (client, url) => serverCloses(client, url, 4002, "bye now"),

	unix: inSession({}, async (session, client) => {
		const path = String(await session.ask("!path"));
		if (client.connectToPath === undefined || path === "") return "-";
		return talk(client.connectToPath(path), async (session) => {
			same(await session.ask("hello"), "hello");
			await echoBytes(session, pattern(MIB));
			return "ok";
		});
	}),
};

/** Runs all checks, one after the other, and reports a word or the first error of each. */
export async function runChecks(
	client: Client,
	url: string,
	report: (check: string, outcome: string) => void,
): Promise<void> {
	for (const [name, check] of Object.entries(checks)) {
		try {
			report(name, await check(client, url));
		} catch (error) {
			report(name, error instanceof Error ? error.message : String(error));
		}
	}
}

/** A check that needs one connection. */
function inSession(
	options: ConnectOptions,
	use: (session: Session, client: Client) => Promise<Outcome>,
): Check {
	return (client, url) =>
		withSession(client, url, options, (session) => use(session, client));
}

/** Connects, and closes afterwards. */
function withSession(
	client: Client,
	url: string,
	options: ConnectOptions,
	use: (session: Session) => Promise<Outcome>,
): Promise<Outcome> {
	return talk(client.connect(url, options), use);
}

/** Uses a socket that has just begun to connect, and closes it. */
async function talk(
	socket: Socket,
	use: (session: Session) => Promise<Outcome>,
): Promise<Outcome> {
	const session = new Session(socket);
	try {
		await session.opened();
		return await use(session);
	} finally {
		session.socket.close();
	}
}

/** The first message of a kind has no history to refer to, the second has. */
function compresses(client: Client, url: string): Promise<Outcome> {
	return withSession(client, url, { compress: true }, async (session) => {
		const agreed = await session.ask("!extensions");
		if (!session.socket.extensions.startsWith("permessage-deflate")) {
			same(agreed, "");
			if ((await session.ask("!offered")) === "") return "-";
			throw new Error("not negotiated");
		}
		same(String(agreed).split(";")[0], "permessage-deflate");
		for (const length of [1024, 1024, MIB, MIB]) {
			const text = records(length);
			same(await session.ask(text), text);
			await echoBytes(session, pattern(length));
		}
		same(await session.ask("short"), "short");
		return "ok";
	});
}

async function clientCloses(
	client: Client,
	url: string,
	code: number,
	reason: string,
): Promise<Outcome> {
	const session = new Session(client.connect(url, {}));
	await session.opened();
	session.socket.send(`!tag ${code}`);
	session.socket.close(code, reason);
	const closed = await session.closed();
	same(`${closed.code} ${closed.wasClean}`, `${code} true`);
	return serverHasSeen(client, url, code, reason);
}

async function serverCloses(
	client: Client,
	url: string,
	code: number,
	reason: string,
): Promise<Outcome> {
	const session = new Session(client.connect(url, {}));
	await session.opened();
	session.socket.send(`!tag ${code}`);
	session.socket.send(`!close ${code} ${reason}`);
	const closed = await session.closed();
	same(
		`${closed.code} ${closed.wasClean} ${closed.reason}`,
		`${code} true ${reason}`,
	);
	return serverHasSeen(client, url, code, reason);
}

/** Asks over another connection what the server's `onClose` was told. */
function serverHasSeen(
	client: Client,
	url: string,
	code: number,
	reason: string,
): Promise<Outcome> {
	return withSession(client, url, {}, async (session) => {
		same(await session.ask(`!closed ${code}`), `${code} clean ${reason}`);
		return "ok";
	});
}

async function echoBytes(
	session: Session,
	bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
	session.socket.send(bytes);
	const answer = await session.message();
	if (typeof answer === "string") throw new Error("text instead of binary");
	const echoed = new Uint8Array(answer);
	if (
		echoed.length !== bytes.length ||
		echoed.some((byte, at) => byte !== bytes[at])
	) {
		throw new Error(`other ${echoed.length} bytes instead of ${bytes.length}`);
	}
}

function same(actual: unknown, expected: string): void {
	if (actual !== expected) {
		throw new Error(`${shown(actual)} instead of ${shown(expected)}`);
	}
}

function shown(value: unknown): string {
	if (typeof value !== "string") return Object.prototype.toString.call(value);
	return value.length > 60
		? `${JSON.stringify(value.slice(0, 60))}... (${value.length})`
		: JSON.stringify(value);
}

function pattern(length: number): Uint8Array<ArrayBuffer> {
	return Uint8Array.from({ length }, (_, at) => at * 31);
}

/** JSON of at least so many characters. */
function records(length: number): string {
	let text = "[";
	for (let id = 0; text.length < length; id++) {
		text += `{"id":${id},"name":"größe ${id}"},`;
	}
	return `${text}{}]`;
}

const MIB = 1024 * 1024;
