/** The longest time that an option takes, in milliseconds: of what is not to be ended by a clock, however slow the machine is. */
export const FOR_EVER = 2 ** 31 - 1;

/** Options of a server whose clocks are to cut nobody. */
export const patience = {
	handshakeTimeoutMs: FOR_EVER,
	closeTimeoutMs: FOR_EVER,
	writeStallTimeoutMs: 0,
} as const;
