import test from "ava";
import { seed } from "../kit/random.js";
import { modes } from "./modes.js";
import { runMode } from "./suite.js";

// `npm run faults` runs the same scenarios in the other modes.
for (const mode of modes.filter(({ group }) => group === "plain")) {
	test(`nothing is lost, and nothing left behind: ${mode.name}, seed ${seed}`, async (t) => {
		const { connections, letters, cut } = await runMode(mode, {
			seed,
			times: 2,
		});
		t.true(connections > 0 && letters > 0);
		t.is(cut, 0);
	});
}
