import { writeSync } from "node:fs";
import { inspect } from "node:util";
import { setTimeout } from "./base/clock.js";
import { isThenable } from "./base/thenable.js";
import type { Published, Watcher } from "./flow/channels.js";

/** How bad it is, or how much of it there is. */
export type LogLevel = "error" | "warn" | "info" | "debug";

/** What a line tells besides its message: `remoteAddress`, `cause` and the like; `err` is an error. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A logger as `console` is one, and winston, and any object of your own with these four methods. */
export type ConsoleLogger = {
	readonly [Level in LogLevel]: (message: string, fields: LogFields) => unknown;
};

/** A logger as pino's are: it has `bindings`, and gets `(fields, message)`. */
export type PinoLogger = {
	readonly [Level in LogLevel]: (...line: never[]) => unknown;
} & { bindings(): object };

/**
 * Who gets a line for each event of a server, never for a message: `info` when it listens, stops, has stopped, and when a handshake
 * has failed; `warn`, at most once a second, with how many connections were refused; `error` for what `onError` is told;
 * `debug` when a connection opens, and closes with its cause.
 *
 * Methods are called as `(message, fields)`; those of an object with a method `bindings`, which tells pino's, as
 * `(fields, message)`. What a method throws, or its promise is rejected with, is of no consequence.
 */
export type Logger = ConsoleLogger | PinoLogger;

/** @internal What a server tells its logger. */
export class Log implements Watcher {
	readonly #logger: Logger;
	readonly #isPino: boolean;
	#refused = 0;

	/** Of the option, or else of the environment's `GEV_LOG`. */
	static of(logger: Logger | undefined): Log | undefined {
		const used = logger ?? loggerOfEnvironment();
		return used === undefined ? undefined : new Log(used);
	}

	private constructor(logger: Logger) {
		this.#logger = logger;
		this.#isPino = isPino(logger);
	}

	/** Never throws. */
	line(level: LogLevel, message: string, fields: LogFields): void {
		try {
			const logger = this.#logger as Record<LogLevel, LooseMethod>;
			const result = this.#isPino
				? logger[level](fields, message)
				: logger[level](message, onOneLine(fields));
			if (isThenable(result)) void forget(result);
		} catch {
			// A logger that fails has nobody to be told of it.
		}
	}

	/** Looks once a second how many connections have been refused, until `count` says undefined. */
	followRefused(count: () => number | undefined): void {
		this.#refused = 0;
		const look = () => {
			const refused = count();
			if (refused === undefined) return;
			this.tellRefused(refused);
			setTimeout(look, 1000).unref();
		};
		look();
	}

	/** Says how many more connections have been refused, if any. */
	tellRefused(refused: number): void {
		const count = refused - this.#refused;
		this.#refused = refused;
		if (count > 0) this.line("warn", "connections refused", { count });
	}

	"gev:open"({ connection }: Published["gev:open"]): void {
		this.line("debug", "connection opened", peerOf(connection));
	}

	"gev:close"({ connection, reason }: Published["gev:close"]): void {
		const { cause, code, wasClean } = reason;
		const fields = { ...peerOf(connection), cause, code, wasClean };
		const text = reason.reason === "" ? {} : { reason: reason.reason };
		this.line("debug", "connection closed", { ...fields, ...text });
	}

	"gev:refused"(message: Published["gev:refused"]): void {
		const { remoteAddress, remotePort, status, reason } = message;
		const fields = { remoteAddress, remotePort, status, reason };
		this.line("info", "handshake failed", fields);
	}

	"gev:error"({ error, connection }: Published["gev:error"]): void {
		const peer = connection === undefined ? {} : peerOf(connection);
		this.line("error", "error", { err: error, ...peer });
	}

	"gev:stop"({ result }: Published["gev:stop"]): void {
		this.line("info", "stopped", { ...result });
	}
}

type LooseMethod = (first: unknown, second: unknown) => unknown;

/** @internal True for what can be a logger. */
export function isLogger(value: unknown): value is Logger {
	if (typeof value !== "object" || value === null) return false;
	const methods = value as Record<string, unknown>;
	try {
		return LEVELS.every((level) => typeof methods[level] === "function");
	} catch {
		return false;
	}
}

function isPino(logger: Logger): boolean {
	try {
		return typeof (logger as Partial<PinoLogger>).bindings === "function";
	} catch {
		return false;
	}
}

async function forget(promise: PromiseLike<unknown>): Promise<void> {
	try {
		await promise;
	} catch {
		// As what is thrown.
	}
}

function peerOf(connection: object): LogFields {
	const { remoteAddress, remotePort, loopIndex } = connection as {
		remoteAddress: string;
		remotePort: number;
		loopIndex: number;
	};
	return { remoteAddress, remotePort, loopIndex };
}

/** Fields that `console` shows on the message's own line: `remotePort=4711 cause=idle`. */
function onOneLine(fields: LogFields): LogFields {
	const value = () => shownFields(fields);
	return Object.defineProperty({ ...fields }, inspect.custom, { value });
}

function shownFields(fields: LogFields): string {
	return Object.entries(fields)
		.filter(([, value]) => value !== undefined)
		.map(([name, value]) => `${name}=${shownValue(value)}`)
		.join(" ");
}

/** What a peer has chosen begins no line of its own, and hides nothing. */
function shownValue(value: unknown): string {
	const text = value instanceof Error ? String(value) : `${value}`;
	return /^[\w.:/%-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Lines on standard error, from the level that `GEV_LOG` names on; anything that is no level means `info`. */
function loggerOfEnvironment(): Logger | undefined {
	const wanted = process.env.GEV_LOG ?? "";
	if (wanted === "" || wanted === "off") return undefined;
	const last = LEVELS.indexOf(wanted as LogLevel);
	const levels = LEVELS.slice(0, last < 0 ? INFO + 1 : last + 1);
	const methods = LEVELS.map((level) => [
		level,
		levels.includes(level)
			? (message: string, fields: LogFields) =>
					writeLine(`${level} ${message} ${shownFields(fields)}`)
			: () => {},
	]);
	return Object.fromEntries(methods) as ConsoleLogger;
}

/** At once and whole, also when the process is about to end. */
function writeLine(text: string): void {
	writeSync(2, `${new Date().toISOString()} gev ${text.trimEnd()}\n`);
}

/** From the worst on. */
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];
const INFO = LEVELS.indexOf("info");
