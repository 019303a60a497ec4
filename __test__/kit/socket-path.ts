import { tmpdir } from "node:os";
import { join } from "node:path";

let count = 0;

/** A path for a unix socket that nobody else has. Short, as those have to be. */
export function socketPath(): string {
	return join(tmpdir(), `gev-${process.pid}-${count++}.sock`);
}
