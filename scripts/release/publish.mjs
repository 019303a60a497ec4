/**
 * Publishes assembled packages, that of the package itself last, so that
 * whoever gets it finds what it depends on. With --dry-run nothing leaves the
 * machine, for any of them.
 *
 *   node scripts/release/publish.mjs <folder of packages> [--dry-run] [--tag next]
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { execute } from "../npm-runtimes.mjs";
import { SetupError } from "../requirements.mjs";
import { isMain, runScript } from "../setup.mjs";
import { inspect } from "./inspect.mjs";
import { manifest, targets } from "./targets.mjs";

/** The folders of all packages below `out`, in the order in which they are published. */
export function packageFolders(out) {
	return [...targets, manifest].map(({ name }) => join(out, name));
}

/** Publishes each of the folders with these flags, and throws at the first that npm refuses. */
export function publish(folders, flags, env = {}) {
	for (const folder of folders) {
		const args = ["publish", folder, ...flags];
		const { ok, output } = execute("npm", args, 300_000, env);
		if (!ok) throw new SetupError(`${output}\nrelease: npm refused ${folder}`);
		console.log(
			`release: published ${basename(dirname(folder))}/${basename(folder)}`,
		);
	}
}

if (isMain(import.meta.url)) {
	await runScript(() => {
		const { values, positionals } = parseArgs({
			allowPositionals: true,
			options: {
				"dry-run": { type: "boolean", default: false },
				tag: { type: "string", default: "latest" },
			},
		});
		const [out = "artifacts/packages"] = positionals;
		const folders = packageFolders(out).filter(existsSync);
		const wrong = inspect(folders);
		if (wrong.length > 0) throw new SetupError(wrong.join("\n"));
		const flags = [`--tag=${values.tag}`];
		if (values["dry-run"]) flags.push("--dry-run");
		publish(folders, flags);
	});
}
