import test from "ava";
import { Random, seed } from "../kit/random.js";
import { modes } from "./modes.js";
import { runMode } from "./suite.js";

const plain = modes.filter(({ group }) => group === "plain");
// A part of what there is, another one each time.
const balance = modes.filter(({ group }) => group === "balance");
const drawn = new Random(seed).pick(balance);

// `npm run faults` runs the same scenarios in the other modes.
for (const mode of [...plain, drawn]) {
	test(`nothing is lost, and nothing left behind: ${mode.name}, seed ${seed}`, async (t) => {
		const { connections, letters, cut } = await runMode(mode, {
			seed,
			times: mode === drawn ? 1 : 2,
		});
		t.true(connections > 0 && letters > 0);
		t.is(cut, 0);
	});
}
