// Preloaded into every process of a run: notes at its end which addons and which sanitizer were in it, as one line of JSON.
import { appendFileSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const file = process.env.GEV_WITNESS;
const isOfInterest = /\/[^/]*\.node$|\/lib(?:clang_rt\.)?[at]san[^/]*$/;

if (file && isMainThread) {
	process.on("exit", () => {
		const mapped = new Set(
			readFileSync("/proc/self/maps", "utf8")
				.split("\n")
				.map((line) => line.replace(/^(?:\S+\s+){5}/, ""))
				.filter((path) => isOfInterest.test(path)),
		);
		if (mapped.size > 0)
			appendFileSync(file, `${JSON.stringify([...mapped])}\n`);
	});
}
