import type { BalanceMode, ServerOptions } from "gev";
import type { PeerOptions } from "./peer.js";

/** Circumstances in which all scenarios have to come to the same. */
export interface Mode {
	name: string;
	/** Several modes that are asked for together. */
	group?: string;
	server: ServerOptions;
	peer: Omit<PeerOptions, "port" | "protocol">;
	/** Clients at once. */
	peers: number;
	/** Letters of each client. */
	letters: number;
	/** Bytes of the largest letter. */
	mostBytes: number;
	/** Clients come through a proxy that resets so many of a hundred connections. */
	chaos?: { resetPercent: number };
	/** What strace puts between the host and the kernel. */
	faults?: SystemCallFaults;
}

/** Results of system calls that the kernel has not given. */
export interface SystemCallFaults {
	/** Values of strace's option `--inject`; `when` counts the calls of each thread. */
	inject: string[];
	/** A call that says "not now" although it could: what is there is not announced again before something else is. */
	needsNudges?: boolean;
	/** Calls that fail for good end their connection. */
	losesConnections?: boolean;
	/** What `onError` may be told. */
	errors?: RegExp;
	/** Names of the scenarios that can be played; all if this is left out. */
	only?: string[];
}

const ordinary = {
	server: {},
	peer: {},
	peers: 8,
	letters: 60,
	mostBytes: 200_000,
};

/** Enough to see that connections are whole wherever they are. */
const few = { ...ordinary, group: "balance", letters: 15, mostBytes: 20_000 };

const dealt = (balance: BalanceMode) => ({ loops: 3, balance });

/** Few loops and little in a piece, so that every thread makes many calls. */
const manyCalls = {
	server: { loops: 1, eventLoop: { readBufferBytes: 4096 } },
	peer: {},
	peers: 8,
	letters: 40,
	mostBytes: 60_000,
};

const interruptions: SystemCallFaults = {
	inject: [
		"accept4:error=EINTR:when=1+3",
		"recvfrom:error=EINTR:when=1+2",
		"sendto:error=EINTR:when=1+2",
		"writev:error=EINTR:when=1+2",
		"epoll_wait:error=EINTR:when=1+4",
	],
};

export const modes: readonly Mode[] = [
	{ ...ordinary, name: "plain-1", group: "plain", server: { loops: 1 } },
	{ ...ordinary, name: "plain-4", group: "plain", server: { loops: 4 } },
	{
		...ordinary,
		name: "dealt-out",
		group: "plain",
		server: { loops: 3, balance: "round-robin" },
	},
	{ ...few, name: "least-connections", server: dealt("least-connections") },
	{ ...few, name: "source-hash", server: dealt("source-hash") },
	{ ...few, name: "random", server: dealt("random") },
	{
		...ordinary,
		name: "no-thread",
		group: "plain",
		server: { loops: 1, threads: false },
	},
	{
		...ordinary,
		name: "one-byte",
		server: { loops: 2 },
		peer: { byteByByte: true },
		letters: 20,
		mostBytes: 2000,
	},
	{
		...ordinary,
		name: "tiny-buffers",
		server: {
			loops: 2,
			socket: { sendBufferBytes: 4096, receiveBufferBytes: 4096 },
			eventLoop: { readBufferBytes: 4096 },
		},
		peer: { readBytes: 1000 },
		letters: 40,
		mostBytes: 50_000,
	},
	{
		...ordinary,
		name: "chaos",
		server: { loops: 2 },
		letters: 30,
		mostBytes: 30_000,
		chaos: { resetPercent: 0 },
	},
	{
		...ordinary,
		name: "chaos-resets",
		group: "chaos",
		server: { loops: 2 },
		letters: 30,
		mostBytes: 30_000,
		chaos: { resetPercent: 30 },
	},
	{
		...manyCalls,
		name: "interrupted",
		group: "syscalls",
		faults: interruptions,
	},
	{
		...manyCalls,
		name: "interrupted-no-thread",
		group: "syscalls",
		server: { ...manyCalls.server, threads: false },
		faults: interruptions,
	},
	{
		...manyCalls,
		name: "nothing-to-read",
		group: "syscalls",
		// Fits what the kernel keeps for a server that does not read: behind that no nudge would arrive.
		mostBytes: 6000,
		faults: {
			// Not for ever: the last thing that a peer says, its end, cannot be followed by another.
			inject: ["recvfrom:error=EAGAIN:when=10..40+3"],
			needsNudges: true,
			only: ["echo", "promises"],
		},
	},
	{
		...manyCalls,
		name: "no-room-to-write",
		group: "syscalls",
		faults: {
			inject: ["sendto:error=EAGAIN:when=2+3", "writev:error=EAGAIN:when=1+2"],
			needsNudges: true,
			// Where nobody ends its side before it has everything.
			only: ["echo", "push", "promises", "stop"],
		},
	},
	{
		...manyCalls,
		name: "failing-sockets",
		group: "syscalls",
		faults: {
			inject: [
				"recvfrom:error=ECONNRESET:when=40+60",
				"sendto:error=ECONNRESET:when=60+90",
				"writev:error=EPIPE:when=20+50",
			],
			losesConnections: true,
		},
	},
	{
		...manyCalls,
		name: "no-descriptors",
		group: "syscalls",
		faults: {
			inject: [
				"accept4:error=EMFILE:when=1+3",
				"recvfrom:error=EINTR:when=5+5",
			],
			errors: /^accept: .*\(os error 24\)$/,
		},
	},
	{
		...manyCalls,
		name: "gone-before-accept",
		group: "syscalls",
		faults: { inject: ["accept4:error=ECONNABORTED:when=1+2"] },
	},
	{
		...manyCalls,
		name: "slow-kernel",
		group: "syscalls",
		server: { loops: 2, eventLoop: { readBufferBytes: 4096 } },
		faults: {
			inject: [
				"recvfrom:delay_exit=2000:when=1+7",
				"sendto:delay_enter=2000:when=1+5",
				"writev:delay_exit=2000:when=1+5",
				"epoll_wait:delay_exit=1000:when=1+9",
			],
		},
	},
];
