import { createHash } from "node:crypto";
import test from "ava";
import { tcp } from "../kit/tcp-client.js";
import { serving } from "./example.js";

test("each of four clients has one of two workers, which do the same", async (t) => {
	const { line, port } = await serving(t, "workers/server", "--workers=2");
	t.regex(line, /^listening on tcp:\/\/127\.0\.0\.1:\d+ with 2 workers$/);
	const digest = createHash("sha256").update("hello").digest("hex");
	const counts = [0, 0];
	for (let n = 0; n < 4; n++) {
		const client = await tcp(t, port);
		client.write("hello\n");
		const answer = (await client.read(75)).toString();
		const index = Number(/^worker ([01]): /.exec(answer)?.[1]);
		t.is(answer, `worker ${index}: ${digest}\n`);
		counts[index] = (counts[index] ?? 0) + 1;
	}
	t.deepEqual(counts, [2, 2]);
});
