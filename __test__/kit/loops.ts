import type { ServerOptions } from "gev";

/** Set to "0" for servers whose loop has no thread: every test has to hold for those too. */
export const THREADS = "GEV_TEST_THREADS";

/** Options for so many loops, or for one without a thread where the environment wants it. */
export function loops(count: number): Pick<ServerOptions, "loops" | "threads"> {
	return process.env[THREADS] === "0"
		? { loops: 1, threads: false }
		: { loops: count, threads: true };
}
