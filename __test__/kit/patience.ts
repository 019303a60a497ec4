import type { ServerOptions } from "gev";

/** The longest time that an option takes, in milliseconds: of what is not to be ended by a clock, however slow the machine is. */
export const FOR_EVER = 2 ** 31 - 1;

/** Options of a server whose clocks are to cut nobody, but those that `options` speak of. */
export function patient(options: ServerOptions): ServerOptions {
	const patience = {
		handshakeMs: FOR_EVER,
		closeMs: FOR_EVER,
		writeStallMs: 0,
	};
	return { ...options, timeouts: { ...patience, ...options.timeouts } };
}
