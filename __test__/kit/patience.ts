/** Options of a server that is not to end anything by a clock, however slow the machine is. */
export const patience = {
	handshakeTimeoutMs: 120_000,
	closeTimeoutMs: 120_000,
	writeStallTimeoutMs: 0,
} as const;
