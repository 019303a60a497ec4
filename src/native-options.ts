import * as binding from "#binding";
import type { LoopMemory } from "./bridge/event-loop.js";
import type { Members } from "./flow/dispatcher.js";
import type { CheckedOptions } from "./options.js";
import { framingOf } from "./protocol.js";

/** What the native side is told of a server. */
export function nativeOptions(
	options: CheckedOptions,
	address: string,
	handler: Members,
): binding.NativeOptions {
	const { webSocket } = framingOf(options.protocol);
	const { balance, host: _host, loops: _loops, ...rest } = options;
	return {
		address,
		port: rest.port,
		backlog: rest.backlog,
		reusePort: rest.reusePort,
		threads: rest.threads,
		roundRobin: balance === "round-robin",
		handshakeTimeoutMs: rest.handshakeTimeoutMs,
		closeTimeoutMs: rest.closeTimeoutMs,
		idleReadMs: rest.idleTimeoutMs.read,
		idleWriteMs: rest.idleTimeoutMs.write,
		idleAllMs: rest.idleTimeoutMs.all,
		writeStallMs: rest.writeStallTimeoutMs,
		maxLifetimeMs: rest.maxLifetimeMs,
		maxConnections: rest.maxConnections,
		maxConnectionsPerAddress: rest.maxConnectionsPerAddress,
		maxConnectionRatePerAddress: rest.maxConnectionRatePerAddress,
		maxBufferedBytes: rest.maxBufferedBytes,
		maxMemoryBytes: rest.maxMemoryBytes,
		sendBufferBytes: rest.sendBufferBytes,
		receiveBufferBytes: rest.receiveBufferBytes,
		queueBytes: rest.queueBytes,
		readBufferBytes: rest.readBufferBytes,
		noDelay: rest.noDelay,
		keepAliveMs: rest.keepAliveMs,
		...(webSocket !== undefined && {
			webSocket: {
				...webSocket,
				askUpgrades: handler.onUpgrade !== undefined,
				askRequests: handler.onRequest !== undefined,
				eagerParts: handler.onFragment !== undefined,
				tellPings: handler.onPing !== undefined,
				tellPongs: handler.onPong !== undefined,
			},
		}),
	};
}

/**
 * Memory for a loop, which gets its address. An ArrayBuffer has the faster copies, yet could be detached from its
 * memory by whoever gets hold of it (`structuredClone` with a transfer list, for example); so where borrowed messages
 * show that of events to handlers, it is a SharedArrayBuffer, which cannot.
 */
export function loopMemory(options: CheckedOptions): LoopMemory {
	const { queueBytes, maxConnections, borrow } = options;
	const control = binding.controlBytes(queueBytes, maxConnections);
	return {
		control: new Uint8Array(control),
		events: new Uint8Array(
			borrow ? new SharedArrayBuffer(queueBytes) : new ArrayBuffer(queueBytes),
		),
	};
}
