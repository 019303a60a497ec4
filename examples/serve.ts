// What every example does beside what it shows: options of the command line, the line that says where it listens, and an
// orderly end. This is no example itself.

import { parseArgs } from "node:util";
import type { ListenAddress } from "gev";

/** What every example takes: `--host`, `--port` and, if it is given, `--loops`. */
export interface Settings {
	host: string;
	port: number;
	loops?: number;
}

/** A server, whatever it speaks. */
interface Startable {
	readonly loopCount: number;
	start(): Promise<ListenAddress>;
	stop(): Promise<unknown>;
}

/**
 * Runs `main` with what the command line says. What a person at the terminal can do about an error is in its message, not
 * in the stack.
 *
 * @param more - further options, such as `every` for `--every`, each with its default.
 */
export async function example<Name extends string = never>(
	more: Record<Name, string>,
	main: (settings: Settings, more: Record<Name, string>) => Promise<void>,
): Promise<void> {
	try {
		const { host, port, loops, ...rest } = commandLine(more);
		const settings = { host, port: Number(port) };
		await main(
			loops === undefined ? settings : { ...settings, loops: Number(loops) },
			rest as Record<Name, string>,
		);
	} catch (error) {
		console.error((error as Error).message);
		process.exitCode = 1;
	}
}

/** Starts `server`, says where it listens, and stops it on Ctrl-C or SIGTERM. */
export async function listen(scheme: string, server: Startable) {
	const { address, port } = await server.start();
	const stop = () => server.stop().then(() => console.log("stopped"));
	process.once("SIGINT", stop);
	process.once("SIGTERM", stop);

	const host = address.includes(":") ? `[${address}]` : address;
	const loops = `${server.loopCount} event loop${server.loopCount === 1 ? "" : "s"}`;
	console.log(`listening on ${scheme}://${host}:${port} with ${loops}`);
}

interface Given extends Record<string, string | undefined> {
	host: string;
	port: string;
}

function commandLine(more: Record<string, string>): Given {
	const defaults = { host: "127.0.0.1", port: "1833", ...more };
	const options = Object.entries(defaults).map(([name, value]) => [
		name,
		{ type: "string", default: value },
	]);
	const { values } = parseArgs({
		options: { ...Object.fromEntries(options), loops: { type: "string" } },
	});
	return values as Given;
}
