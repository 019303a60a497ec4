import { type ExecFileException, execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import { type Program, start } from "../kit/program.js";

/** An example that listens. */
export interface Example {
	program: Program;
	/** What it has printed first, such as `listening on tcp://127.0.0.1:1833 with 2 event loops`. */
	line: string;
	url: string;
	port: number;
}

/** How a foreign program, or a client of an example, ended. */
export interface Outcome {
	stdout: string;
	stderr: string;
	/** 0 for a good end; null when it was killed. */
	code: number | null;
}

/** Starts `examples/name.ts` as a user would, on a free port, and waits for its first line. Killed when the test is over. */
export async function serving(
	t: ExecutionContext,
	name: string,
	...args: string[]
): Promise<Example> {
	const all = [fileOf(name), "--port", "0", "--loops", "2", ...args];
	const program = start(t, all);
	const line = await program.line();
	const [, url = "", port] = /^listening on (\S+:(\d+)) with /.exec(line) ?? [];
	return { program, line, url, port: Number(port) };
}

/** Runs a client among the examples to its end, with these lines as its input. */
export function client(
	t: ExecutionContext,
	name: string,
	port: number,
	lines: string[],
): Promise<Outcome> {
	const args = [fileOf(name), "--port", String(port)];
	return program(t, process.execPath, args, `${lines.join("\n")}\n`);
}

/** Runs a program to its end, and kills it if it has none when the test is over. */
export function program(
	t: ExecutionContext,
	file: string,
	args: string[],
	input = "",
): Promise<Outcome> {
	return new Promise((resolve) => {
		const ended = (
			error: ExecFileException | null,
			stdout: string,
			stderr: string,
		) => {
			const code = error === null ? 0 : Number(error.code ?? Number.NaN);
			resolve({ stdout, stderr, code: Number.isNaN(code) ? null : code });
		};
		const child = execFile(file, args, { encoding: "utf8" }, ended);
		t.teardown(() => child.kill("SIGKILL"));
		// One that ends before it has read everything is no failure of the test's own.
		child.stdin?.on("error", () => {});
		child.stdin?.end(input);
	});
}

/** The next line of a program that this fits. */
export async function lineLike(program: Program, pattern: RegExp) {
	for (;;) {
		const line = await program.line();
		if (pattern.test(line)) return line;
	}
}

/** Where a foreign program is; the test says that it is skipped where it is not. */
export function foreign(t: ExecutionContext, name: string): string | undefined {
	const folders = (process.env.PATH ?? "").split(delimiter);
	const file = folders.map((folder) => join(folder, name)).find(existsSync);
	if (file === undefined) {
		t.log(`skipped, as there is no ${name}`);
		t.pass();
	}
	return file;
}

/** The source itself where Node.js runs TypeScript, and otherwise what the compiler has made of it. */
export function fileOf(name: string): string {
	const { typescript } = process.features as { typescript?: unknown };
	const file = typescript ? `examples/${name}.ts` : `build/examples/${name}.js`;
	return fileURLToPath(new URL(`../../../${file}`, import.meta.url));
}
