// A server in a process of its own, whose memory, descriptors and processor time can be told from those of the clients.
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import type { Protocol, ServerOptions, WebSocketOptions } from "gev";
import type { Account } from "../behaviour/host.js";
import { HostProcess } from "../behaviour/host-process.js";
import { Writer } from "../behaviour/letters.js";
import { Peer } from "../behaviour/peer.js";
import { start } from "./program.js";
import { Random, seed } from "./random.js";

export const MIB = 1024 * 1024;

/** How much more memory than before a process has for no reason that could be named: its heap, and the allocator's. */
// AddressSanitizer keeps what was freed, 256 MiB of it.
export const TOLERANCE =
	(process.env.ASAN_OPTIONS === undefined ? 24 : 512) * MIB;

export const writer = new Writer(new Random(seed));

/** A server in a process of its own, and what there is to do with it. */
export async function scene(
	t: ExecutionContext,
	protocol: Protocol["name"],
	options: ServerOptions = {},
	wrap: string[] = [],
	webSocketOptions: WebSocketOptions = {},
) {
	const host = await HostProcess.start(wrap);
	t.teardown(() => host.kill());
	const port = await host.call(
		"start",
		protocol,
		{ loops: 1, ...options },
		webSocketOptions,
	);
	const enter = async (id: string) => {
		const peer = await Peer.connect({ port, protocol });
		t.teardown(() => peer.reset());
		peer.send(`H ${id}`);
		t.is(String(await peer.receive()), `H ${id}`);
		return peer;
	};
	const bystander = await enter("bystander");
	let questions = 0;
	/** Another client is served, as if nothing were. */
	const isUndisturbed = async (times = 10) => {
		for (let time = 0; time < times; time++) {
			const letter = writer.letterUpTo("E", questions++, 10_000);
			bystander.send(letter);
			t.true(letter.equals(await bystander.receive()));
		}
	};
	await isUndisturbed();
	const account = async (id: string): Promise<Account> => {
		const { accounts } = await host.call("report");
		return accounts[id] as Account;
	};
	/** All is as it should be in the end, and every connection has had its onClose. */
	const close = async (errors: RegExp[] = []) => {
		await isUndisturbed();
		await bystander.leave();
		await host.call("stop", { timeoutMs: 30_000 });
		const report = await host.call("report");
		t.deepEqual(report.faults, []);
		t.is(report.errors.length, errors.length, report.errors.join());
		errors.forEach((error, at) => void t.regex(`${report.errors[at]}`, error));
		t.is(report.closes, report.connects);
		await host.end();
		return report;
	};
	/** Clients in another process: see `fixtures/customer.ts`. */
	const customer = (way: string, ...numbers: number[]) => {
		const file = new URL("../fixtures/customer.js", import.meta.url);
		const args = [way, port, protocol, ...numbers].map(String);
		return start(t, [fileURLToPath(file), ...args]);
	};
	return { host, port, enter, isUndisturbed, account, close, customer };
}

/** Asks again and again, until it is so. In vain until AVA's timeout. */
export async function until(condition: () => Promise<boolean> | boolean) {
	while (!(await condition())) await setTimeout(5);
}
