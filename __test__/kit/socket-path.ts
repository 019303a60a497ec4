import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A path for a unix socket that nobody else has, nor had. Short, as those have to be. */
export function socketPath(): string {
	return join(tmpdir(), `gev-${randomBytes(6).toString("hex")}.sock`);
}
