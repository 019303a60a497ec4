/**
 * Whether a release may begin, and what its version is, for the workflow:
 *
 *   node scripts/release/version.mjs <owner/name of the repository> [<tag>]
 *
 * A tag has to be that of the version, the changelog has to tell of it, and
 * package.json has to name the repository, as provenance is refused otherwise.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "../requirements.mjs";
import { isMain, root, runScript } from "../setup.mjs";
import { manifest } from "./targets.mjs";

/** What is wrong, in sentences. Without a tag nothing is published, and the changelog may lag behind. */
export function inspectVersion({ version, repository }, changelog, name, tag) {
	const wrong = [];
	if (repository.url !== `git+https://github.com/${name}.git`) {
		wrong.push(
			`package.json has the repository ${repository.url}, not ${name}`,
		);
	}
	if (tag && tag !== `v${version}`) {
		wrong.push(`the tag is ${tag}, and the version ${version}`);
	}
	if (tag && !changelog.includes(`\n## ${version} `)) {
		wrong.push(`CHANGELOG.md has no part about ${version}`);
	}
	return wrong;
}

if (isMain(import.meta.url)) {
	await runScript(() => {
		const [name = "", tag = ""] = process.argv.slice(2);
		const changelog = readFileSync(join(root, "CHANGELOG.md"), "utf8");
		const wrong = inspectVersion(manifest, changelog, name, tag);
		if (wrong.length > 0) throw new SetupError(wrong.join("\n"));
		console.log(`version=${manifest.version}`);
	});
}
