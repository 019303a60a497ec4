/** loom: models of the protocols between a loop and JavaScript, run with every order that their threads can take. */
import { join } from "node:path";
import { root } from "../../scripts/setup.mjs";
import { countCargo } from "../../scripts/test.mjs";
import { hasTool, run } from "./instrumented.mjs";

export function missing() {
	return hasTool("cargo") ? undefined : "Rust: https://rustup.rs";
}

export async function check() {
	const folder = join(root, "target", "sanitize", "loom");
	const args = ["test", "--package=gev-node", "--lib"];
	const { output, code } = await run(
		"cargo",
		[...args, `--target-dir=${folder}`, "models"],
		{
			env: { RUSTFLAGS: "--cfg loom", CARGO_PROFILE_DEV_OPT_LEVEL: "2" },
			shown: true,
		},
	);
	const { passed, failed } = countCargo({ text: output, ok: code === 0 });
	// The models run in no process but their own.
	return { findings: [], failed, processes: 1, summary: `${passed} models` };
}
