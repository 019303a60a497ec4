// A process with servers for the behavioural suite: does what `HostProcess` asks for, and keeps account of everything
// that the handlers are told. Nobody but the servers has threads or descriptors here that come and go.
import { randomInt } from "node:crypto";
import { setImmediate, setTimeout } from "node:timers/promises";
import {
	type CloseReason,
	type Connection,
	type Handler,
	type Protocol,
	type Reply,
	raw,
	SendStatus,
	Server,
	type ServerOptions,
	type StopOptions,
	type StopResult,
	type WebSocketOptions,
	webSocket,
} from "gev";
import { patient } from "../kit/patience.js";
import { Random } from "../kit/random.js";
import { framed, MOST_BYTES, Pieces, read, Writer, words } from "./letters.js";

/** What the server knows of a client that has told its name. */
export interface Account {
	/** Letters that were numbered and came in order, each with its body. */
	letters: number;
	/** The same when `stop()` was called. */
	lettersAtStop: number | null;
	/** What `send()` has said to letters that the client has asked for, by the number of each status. */
	statuses: Record<SendStatus, number>;
	drains: number;
	/** Most that ever waited for it. */
	mostBuffered: number;
	close: CloseReason | null;
}

/** What the handlers of a server were told. */
export interface Report {
	connects: number;
	closes: number;
	/** What must not happen, in words: messages after `onClose`, a letter that is missing ... */
	faults: string[];
	/** The messages of `onError`. */
	errors: string[];
	accounts: Record<string, Account>;
}

/** What can be asked for. Answers come back in any order, each with the number of its question. */
export interface Calls {
	start(
		protocol: Protocol["name"],
		options: ServerOptions,
		webSocketOptions?: WebSocketOptions,
	): Promise<number>;
	stop(options: StopOptions): Promise<StopResult>;
	report(): Report;
	/** Sends so many "P number crc body" to everybody, and says how many were sent to somebody. */
	broadcast(count: number, size: number): Promise<number>;
	/** `Server.heldBytes`. */
	held(): number;
	/** Bytes of the buffers that JavaScript has. */
	buffers(): number;
	/** Fulfils the promises of letters that wait for it. */
	release(): void;
	/** Lets clients have their names again. */
	forget(): void;
	/** Keeps JavaScript busy. */
	block(ms: number): void;
	/** Gives back what nobody needs any more. */
	tidy(): Promise<void>;
}

/** What a connection carries along. */
interface Book {
	account?: Account;
	pieces: Pieces;
	next: number;
	ended: boolean;
	/** Letters that were sent whatever `send()` said. */
	flooded: number;
	/** Letters that the client has asked for and that are not sent. */
	owed: { next: number; count: number; size: number } | undefined;
}

class Clerk implements Handler<Book> {
	readonly report: Report = {
		connects: 0,
		closes: 0,
		faults: [],
		errors: [],
		accounts: {},
	};
	readonly #isRaw: boolean;
	readonly #writer = new Writer(new Random(1));

	constructor(protocol: Protocol["name"]) {
		this.#isRaw = protocol === "raw";
	}

	onConnect(connection: Connection<Book>): void {
		this.report.connects++;
		if (connection.context !== undefined) this.#fault("connected twice");
		connection.context = {
			pieces: new Pieces(),
			next: 0,
			ended: false,
			flooded: 0,
			owed: undefined,
		};
	}

	onMessage(
		connection: Connection<Book>,
		message: string | Buffer,
	): Reply | Promise<Reply> {
		const { context: book } = connection;
		if (book === undefined) this.#fault("a message before onConnect");
		else if (book.ended) this.#fault("a message after onClose");
		if (!this.#isRaw) {
			const letter =
				typeof message === "string" ? Buffer.from(message) : message;
			const reply = this.#handle(connection, letter);
			return reply === undefined ? undefined : later(reply, () => message);
		}
		book.pieces.push(message as Buffer);
		const letters: Buffer[] = [];
		let last: Promise<Later> | undefined;
		for (;;) {
			const letter = book.pieces.takeLetter();
			if (letter === undefined) break;
			const reply = this.#handle(connection, letter);
			if (reply === undefined) continue;
			letters.push(framed(letter));
			if (reply !== NOW) last = reply;
		}
		if (letters.length === 0) return undefined;
		return later(last ?? NOW, () => Buffer.concat(letters));
	}

	onDrain(connection: Connection<Book>): void {
		const { account } = connection.context;
		if (account !== undefined) account.drains++;
		this.#pay(connection);
	}

	onClose({ context: book }: Connection<Book>, reason: CloseReason): void {
		this.report.closes++;
		if (book === undefined) {
			this.#fault("onClose before onConnect");
			return;
		}
		if (book.ended) this.#fault("onClose twice");
		book.ended = true;
		if (book.account !== undefined) book.account.close = reason;
	}

	onError(error: Error): void {
		this.report.errors.push(error.message);
	}

	/** When the letter comes back; `undefined` if it does not. */
	#handle(
		connection: Connection<Book>,
		letter: Buffer,
	): typeof NOW | Promise<Later> | undefined {
		const { context: book } = connection;
		switch (String.fromCharCode(letter[0] as number)) {
			case "H":
				this.#welcome(book, words(letter)[1] as string);
				return NOW;
			case "E":
				this.#file(book, letter);
				return NOW;
			case "A":
				this.#file(book, letter);
				return pause();
			case "Q":
				this.#file(book, letter);
				return undefined;
			case "S":
				this.#file(book, letter);
				return released.then(() => SILENTLY);
			case "P": {
				const [, count, size] = words(letter).map(Number);
				book.owed = { next: 0, count: count ?? 0, size: size ?? 0 };
				this.#pay(connection);
				return undefined;
			}
			case "F": {
				const [, count, size] = words(letter).map(Number);
				this.#flood(connection, count ?? 0, size ?? 0);
				return undefined;
			}
			case "C": {
				const [, code, ...reason] = words(letter);
				connection.close(Number(code), reason.join(" "));
				return undefined;
			}
			case "N":
				return undefined;
			default:
				this.#fault(`a letter that nobody has written: ${letter.length} bytes`);
				return undefined;
		}
	}

	#welcome(book: Book, id: string): void {
		if (this.report.accounts[id] !== undefined) this.#fault(`${id} twice`);
		book.account = {
			letters: 0,
			lettersAtStop: null,
			statuses: { 0: 0, 1: 0, 2: 0, 3: 0 },
			drains: 0,
			mostBuffered: 0,
			close: null,
		};
		this.report.accounts[id] = book.account;
	}

	#file(book: Book, letter: Buffer): void {
		const { number, intact } = read(letter);
		if (number !== book.next || !intact || book.account === undefined) {
			this.#fault(`letter ${number}, not ${book.next}; intact: ${intact}`);
		}
		book.next = number + 1;
		if (book.account !== undefined) book.account.letters++;
	}

	#send(connection: Connection<Book>, number: number, size: number) {
		// What is sent is copied, so that the next one may be written over it.
		const status = connection.send(this.circular(number, size));
		const { account } = connection.context;
		if (account !== undefined) {
			account.statuses[status]++;
			const { writeBufferLength } = connection;
			account.mostBuffered = Math.max(account.mostBuffered, writeBufferLength);
		}
		return status;
	}

	/** Sends what is owed, as far as the peer takes it. */
	#pay(connection: Connection<Book>): void {
		const { owed } = connection.context;
		while (owed !== undefined && owed.next < owed.count) {
			const status = this.#send(connection, owed.next++, owed.size);
			if (status === SendStatus.Congested) return;
			if (status === SendStatus.Closed) {
				connection.context.owed = undefined;
				return;
			}
		}
		if (owed === undefined) return;
		connection.context.owed = undefined;
		const end = Buffer.from(`D ${owed.count}`);
		connection.send(this.#isRaw ? framed(end) : end);
	}

	#flood(connection: Connection<Book>, count: number, size: number): void {
		const { context: book } = connection;
		for (let sent = 0; sent < count; sent++) {
			this.#send(connection, book.flooded++, size);
		}
	}

	/** A letter that everybody is to get. */
	circular(number: number, size: number): Buffer {
		const sheet = this.#writer.onSheet("P", number, Math.min(size, MOST_BYTES));
		return this.#isRaw ? sheet : sheet.subarray(4);
	}

	#fault(fault: string): void {
		if (this.report.faults.length < 20) this.report.faults.push(fault);
	}
}

const NOW = "now";
const SILENTLY = "silently";

/** What a promise has come to: a reply, or none. */
// biome-ignore lint/suspicious/noConfusingVoidType: of promises that say nothing.
type Later = void | typeof SILENTLY;

function later(when: typeof NOW | Promise<Later>, reply: () => Reply) {
	if (when === NOW) return reply();
	return when.then((how) => (how === SILENTLY ? undefined : reply()));
}

let release = () => {};
const released = new Promise<void>((resolve) => {
	release = resolve;
});

/** As handlers wait for something: for a turn, or some milliseconds. */
async function pause(): Promise<void> {
	if (randomInt(2) === 0) await setImmediate();
	else await setTimeout(randomInt(5));
}

let server: Server<Book> | undefined;
let clerk = new Clerk("raw");

const calls: Calls = {
	async start(protocol, options, webSocketOptions = {}) {
		clerk = new Clerk(protocol);
		server = new Server(clerk, {
			host: "127.0.0.1",
			port: 0,
			protocol:
				protocol === "raw"
					? raw()
					: webSocket({ maxFragments: 0, ...webSocketOptions }),
			...patient(options),
		});
		return (await server.start()).port;
	},
	async stop(options) {
		for (const account of Object.values(clerk.report.accounts)) {
			account.lettersAtStop = account.letters;
		}
		const result = await server?.stop(options);
		server = undefined;
		if (result === undefined) throw new Error("there is no server");
		return result;
	},
	report: () => clerk.report,
	async broadcast(count, size) {
		const results = [];
		for (let number = 0; number < count; number++) {
			const letter = clerk.circular(number, size);
			results.push(server?.broadcast(letter as never));
			// Some come in one turn of the loops, some by themselves.
			if (number % 3 === 0) await pause();
		}
		let sent = 0;
		for (const result of await Promise.all(results)) {
			sent += (result?.queued ?? 0) + (result?.congested ?? 0);
		}
		return sent;
	},
	held: () => server?.heldBytes ?? 0,
	buffers: () => process.memoryUsage().arrayBuffers,
	release: () => release(),
	forget() {
		clerk.report.accounts = {};
	},
	block(ms) {
		const end = performance.now() + ms;
		while (performance.now() < end);
	},
	async tidy() {
		// A descriptor for each loop's wake-ups is given back together with the object that wakes it.
		for (let round = 0; round < 3; round++) {
			globalThis.gc?.();
			await setImmediate();
		}
	},
};

process.on(
	"message",
	async (question: { id: number; name: keyof Calls; args: unknown[] }) => {
		const { id, name, args } = question;
		try {
			const call = calls[name] as (...args: unknown[]) => unknown;
			process.send?.({ id, answer: await call(...args) });
		} catch (error) {
			process.send?.({ id, error: String(error) });
		}
	},
);
process.on("disconnect", () => process.exit());
process.send?.({ pid: process.pid });
