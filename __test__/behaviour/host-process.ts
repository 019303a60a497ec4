import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { until } from "../kit/until.js";
import type { Calls } from "./host.js";

/** What a process holds of the system. */
export interface Usage {
	descriptors: number;
	threads: number;
}

/** What runs the host: this Node.js, or another runtime that `GEV_HOST_RUNTIME` has as a command. */
const otherRuntime = process.env.GEV_HOST_RUNTIME?.split(" ");

type Answer<Name extends keyof Calls> = Awaited<ReturnType<Calls[Name]>>;

/** The process that runs `host.ts`, from the outside. */
export class HostProcess {
	readonly #child: ChildProcess;
	readonly #waiting = new Map<
		number,
		{ resolve: (answer: never) => void; reject: (error: Error) => void }
	>();
	#questions = 0;
	#ended: Error | undefined;
	#stderr = "";
	/** Of the process itself, also when another one has started it. */
	pid = 0;

	private constructor(child: ChildProcess) {
		this.#child = child;
		child.stderr?.setEncoding("utf8").on("data", (text: string) => {
			this.#stderr = (this.#stderr + text).slice(-4000);
		});
		child.on("error", (error) => this.#end(error));
		// Not "close", which does not come when this side has ended the channel.
		child.on("exit", (code, signal) =>
			this.#end(
				new Error(`the host has ended: ${code ?? signal} ${this.#stderr}`),
			),
		);
	}

	/** @param wrap - a command that starts the one that is appended to it, such as `strace`. */
	static async start(wrap: readonly string[] = []): Promise<HostProcess> {
		const host = fileURLToPath(new URL("./host.js", import.meta.url));
		const [command = "", ...args] = [
			...wrap,
			...(otherRuntime ?? [process.execPath, "--expose-gc"]),
			host,
		];
		const child = spawn(command, args, {
			stdio: ["ignore", "inherit", "pipe", "ipc"],
		});
		const started = new HostProcess(child);
		started.pid = await new Promise<number>((resolve, reject) => {
			started.#waiting.set(-1, { resolve, reject });
			child.on("message", (message) => started.#answered(message, resolve));
		});
		started.#waiting.delete(-1);
		return started;
	}

	/** Asks the host to do something. Rejects with what that threw, and when the host has ended. */
	call<Name extends keyof Calls>(
		name: Name,
		...args: Parameters<Calls[Name]>
	): Promise<Answer<Name>> {
		if (this.#ended !== undefined) return Promise.reject(this.#ended);
		const id = this.#questions++;
		const answer = new Promise<Answer<Name>>((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#child.send({ id, name, args });
		});
		// Of an answer that nobody waits for any more.
		answer.catch(() => {});
		return answer;
	}

	/** `undefined` on systems that do not tell, and for runtimes with threads of their own that come and go. */
	usage(): Usage | undefined {
		if (process.platform !== "linux" || otherRuntime) return undefined;
		const count = (kind: string) => readdirSync(`/proc/${this.pid}/${kind}`);
		return { descriptors: count("fd").length, threads: count("task").length };
	}

	/** Memory of the process in bytes, `now` or at its `peak`; 0 on systems that do not tell. */
	memory(which: "now" | "peak"): number {
		if (process.platform !== "linux") return 0;
		const status = readFileSync(`/proc/${this.pid}/status`, "latin1");
		const name = which === "now" ? "VmRSS" : "VmHWM";
		const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
		return Number(kib) * 1024;
	}

	/** Processor time that the process has used, in milliseconds. Linux only. */
	cpuMs(): number {
		const stat = readFileSync(`/proc/${this.pid}/stat`, "latin1");
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		// Of utime and stime, in ticks of 10 ms.
		return (Number(fields[11]) + Number(fields[12])) * 10;
	}

	/** Waits until the process holds no more than `line`. */
	async backAt(line: Usage | undefined): Promise<void> {
		await this.call("tidy");
		if (line === undefined) return;
		await until(() => {
			const { descriptors, threads } = this.usage() as Usage;
			return descriptors <= line.descriptors && threads <= line.threads;
		});
	}

	/** Ends it; fulfilled when it has. */
	async end(): Promise<void> {
		if (this.#ended !== undefined) return;
		const ended = new Promise((resolve) => this.#child.once("exit", resolve));
		this.#child.disconnect();
		await ended;
	}

	/** For teardowns: ends it whatever it does. */
	kill(): void {
		if (this.#ended === undefined && this.pid > 0) {
			process.kill(this.pid, "SIGKILL");
		}
	}

	#answered(message: unknown, started: (pid: number) => void): void {
		const { pid, id, answer, error } = message as {
			pid?: number;
			id: number;
			answer?: unknown;
			error?: string;
		};
		if (pid !== undefined) {
			started(pid);
			return;
		}
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (error !== undefined) waiting?.reject(new Error(error));
		else waiting?.resolve(answer as never);
	}

	#end(error: Error): void {
		this.#ended = error;
		for (const { reject } of this.#waiting.values()) reject(error);
		this.#waiting.clear();
	}
}
