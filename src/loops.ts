import type * as binding from "#binding";
import { EventLoop, type LoopMemory } from "./bridge/event-loop.js";
import type { LoopServer } from "./bridge/loop-server.js";
import type { ConnectionCore } from "./flow/connection-core.js";
import type { CheckedOptions } from "./options.js";
import { framingOf } from "./protocol.js";

/** JavaScript's side of a server's loops, each with its memory. `native` has what runs them, while they run. */
export function makeLoops(
	server: LoopServer<ConnectionCore>,
	options: CheckedOptions,
	memory: readonly LoopMemory[],
	native: () => binding.NativeServer | undefined,
): EventLoop<ConnectionCore>[] {
	const { maxFraming, textAsBytes } = framingOf(options.protocol);
	const loopOptions = {
		queueBytes: options.eventLoop.queueBytes,
		borrow: options.borrow,
		textAsBytes: textAsBytes === true,
		framing: maxFraming,
	};
	return memory.map(
		(bytes, index) =>
			new EventLoop(server, index, bytes, loopOptions, {
				wake: () => native()?.wake(index),
				sendNow: options.threads
					? undefined
					: (...command) => native()?.sendNow(...command) ?? false,
				abort: () => native()?.abort(index),
				register: (memory) =>
					(native() as binding.NativeServer).register(index, memory),
				forget: (number, memory) => native()?.forget(index, number, memory),
			}),
	);
}
