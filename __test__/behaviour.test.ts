import test from "ava";
import { modes } from "./behaviour/modes.js";
import { runMode } from "./behaviour/suite.js";
import { seed } from "./kit/random.js";

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
