import { constants } from "node:os";
import { asError, GevError } from "../base/errors.js";

/**
 * The error that a start rejects with, whatever native code, or the allocation of a loop's memory, has thrown: with the
 * system's name for what it is (`EADDRINUSE`), or else `ERR_GEV_START`.
 *
 * @param where - what was to be listened on.
 */
export function startError(thrown: unknown, where: string): GevError {
	const error = asError(thrown);
	const code = codeOf(error) ?? "ERR_GEV_START";
	return new GevError(
		code,
		`${code}: cannot listen on ${where}: ${error.message}`,
	);
}

function codeOf(error: NodeJS.ErrnoException): string | undefined {
	// What `new ArrayBuffer` throws when there is not as much memory.
	if (error instanceof RangeError) return "ENOMEM";
	const { code = "" } = error;
	return /^\d+$/.test(code)
		? nameOf(Number(code))
		: SYSTEM_NAME.exec(code)?.[1];
}

/** The system's name for the number of an error. */
function nameOf(number: number): string | undefined {
	const names = Object.entries(constants.errno)
		.filter(([, value]) => value === number)
		.map(([name]) => PLATFORM_NAME.exec(name)?.[1]);
	return names.find((name) => name !== undefined);
}

const SYSTEM_NAME = /^(E[A-Z\d]+)$/;

/** Windows counts the errors of sockets, which are the ones that are called WSA there, apart from those of C. */
const PLATFORM_NAME =
	process.platform === "win32" ? /^WSA(E[A-Z\d]+)$/ : SYSTEM_NAME;
