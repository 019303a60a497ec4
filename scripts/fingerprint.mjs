/**
 * Answers "has anything changed since the last build?" from the contents of
 * files, never from their times: a checkout changes times, a revert changes
 * contents back.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The files at or below `paths` that `accepts` takes, sorted. Missing paths are left out. */
export function listFiles(paths, accepts = () => true) {
	return paths
		.filter((path) => existsSync(path))
		.flatMap((path) =>
			statSync(path).isDirectory()
				? listFiles(
						readdirSync(path).map((name) => join(path, name)),
						accepts,
					)
				: accepts(path)
					? [path]
					: [],
		)
		.sort();
}

/** One hash over the names and contents of `files` and over `extra`, a setting that also decides the outcome. */
export function fingerprint(files, extra = "") {
	const hash = createHash("sha256").update(extra);
	for (const file of files) {
		const content = readFileSync(file);
		hash.update(`\0${file}\0${content.length}\0`).update(content);
	}
	return hash.digest("hex");
}
