// What each worker of server.ts serves: it says which worker it is, and the digest of every line that it gets.
import { createHash } from "node:crypto";
import { lines, type PoolWorkerInfo, Server } from "gev";

export default ({ index }: PoolWorkerInfo) =>
	new Server(
		{
			onMessage: (_connection, line) =>
				`worker ${index}: ${createHash("sha256").update(line).digest("hex")}`,
		},
		{ protocol: lines() },
	);
