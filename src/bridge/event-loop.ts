import { now } from "../base/clock.js";
import { GevError } from "../base/errors.js";
import { addressesEnd, readAddresses } from "./addresses.js";
import type { Unwanted } from "./backlog.js";
import type { CloseReason } from "./close-reason.js";
import { CommandQueue, type LoopCommands } from "./command-queue.js";
import { EventQueue, type EventReader } from "./event-queue.js";
import type { Fragment } from "./fragment.js";
import { readFrameError } from "./frame-error.js";
import { type LoanRegister, Loans } from "./loans.js";
import type {
	LoopCalls,
	LoopConnection,
	LoopRequest,
	LoopServer,
	SendCounts,
} from "./loop-server.js";
import { MessagePool } from "./message-pool.js";
import {
	CLOSE_CAUSE_AT,
	CLOSE_CAUSES,
	CLOSE_CLEAN_AT,
	CLOSE_TEXT_AT,
	COMMAND_ASSIGN,
	COMMANDS_AT,
	COUNTER_BYTES,
	COUNTERS_AT,
	EVENT_ANNOUNCED,
	EVENT_ASSIGN,
	EVENT_CLOSE,
	EVENT_DRAINED,
	EVENT_END,
	EVENT_ERROR,
	EVENT_FRAME_ERROR,
	EVENT_OPEN,
	EVENT_PING,
	EVENT_PONG,
	EVENT_REFUSED,
	EVENT_REQUEST,
	EVENT_RETURNED,
	EVENT_SENT,
	EVENT_SHORT,
	EVENT_STOP,
	EVENT_STOPPED,
	EVENT_SWITCHED,
	EVENT_UPGRADE,
	FLAG_ASCII,
	FLAG_MORE,
	FLAG_TEXT,
	GAUGE_BYTES,
	KIND_MASK,
} from "./records.js";
import type { SharedBuffer } from "./shared-buffer.js";
import { utf8Text } from "./text.js";
import { Unfinished } from "./unfinished.js";

/**
 * This thread's end of one native event loop: turns the records of its event queue into calls, and owns the queue of
 * commands back.
 */
export class EventLoop<Connection extends LoopConnection = LoopConnection>
	implements EventReader
{
	/** Position in the server's list of loops. */
	readonly index: number;
	readonly commands: CommandQueue;
	/** Connections by slot. */
	readonly connections: (Connection | undefined)[] = [];
	connectionCount = 0;
	/** What its connections were told of what they sent. */
	readonly sends: SendCounts = { congested: 0, dropped: 0 };
	/** Requests that the handler answers, by slot. */
	private readonly requests = new Map<number, LoopRequest>();
	private readonly server: LoopServer<Connection>;
	private readonly calls: LoopCalls<Connection>;
	/** Handlers may see events where they are. */
	private readonly borrow: boolean;
	private readonly textAsBytes: boolean;
	/** The memory of commands, gauges, counters and control words. */
	private readonly control: Int32Array;
	private readonly events: EventQueue;
	/** The memory of events. */
	private readonly bytes: SharedBuffer;
	private readonly messages: MessagePool;
	private readonly loans: Loans;
	private readonly counters: BigUint64Array;
	private readonly gaugesAt: number;
	private readonly native: LoopControls;

	constructor(
		server: LoopServer<Connection>,
		index: number,
		memory: LoopMemory,
		options: LoopOptions,
		native: LoopControls,
	) {
		const { queueBytes } = options;
		this.server = server;
		this.calls = server.dispatcher;
		this.borrow = options.borrow;
		this.textAsBytes = options.textAsBytes;
		this.index = index;
		this.native = native;
		this.control = new Int32Array(memory.control.buffer);
		this.counters = new BigUint64Array(
			memory.control.buffer,
			COUNTERS_AT,
			(COMMANDS_AT - COUNTERS_AT) / COUNTER_BYTES,
		);
		this.gaugesAt = (COMMANDS_AT + queueBytes) >> 2;
		this.loans = new Loans(native, server.memory);
		this.commands = new CommandQueue(
			this.control,
			queueBytes,
			options.framing,
			server.memory,
			this.loans,
			native,
		);
		this.events = new EventQueue(this.control, memory.events.buffer, this, () =>
			this.commands.wakeLoop(),
		);
		this.bytes = this.events.bytes;
		this.messages = new MessagePool(this.events.words, this.bytes);
	}

	/** The native loop has ended, and nothing follows. */
	get stopped(): boolean {
		return this.events.ended;
	}

	/** A new turn of JavaScript's event loop: `budget` more events may be handled. */
	grant(budget: number): void {
		this.events.grant(budget);
	}

	/** Handles events within the budget; true when there may be more. */
	drain(): boolean {
		if (this.stopped) return false;
		if (!this.events.look()) {
			this.commands.publish();
			return false;
		}
		this.commands.holdPublish();
		try {
			return this.events.read();
		} finally {
			this.commands.publish();
		}
	}

	/** As {@link drain}; adds how long the first event took, in seconds. */
	drainTimed(times: Times): boolean {
		if (this.stopped || !this.events.look()) return this.drain();
		this.commands.holdPublish();
		try {
			const begin = now();
			this.events.readOne();
			times.add((now() - begin) / 1000);
			return this.events.read();
		} finally {
			this.commands.publish();
		}
	}

	/** Bytes of events that wait for this thread. */
	get eventQueueBytes(): number {
		return this.stopped ? 0 : this.events.length;
	}

	/** How much there was each time that there was something: see {@link EventQueue.depths}. */
	get eventQueueDepths(): Float64Array {
		return this.events.depths;
	}

	/** The event queue makes no sense: the loop ends, and nothing that follows is believed. */
	onNonsense(what: string): void {
		this.native.abort();
		this.ended(`the event queue has ${what}`);
	}

	/** True when there is something to {@link drain} for: events, or room for commands that wait for it. */
	hasNews(): boolean {
		return (
			!this.stopped && (this.events.hasRecords() || this.commands.hasNewRoom())
		);
	}

	/**
	 * What the native loop has counted since its start, by the counter's position in `records.ts`. The loop adds without
	 * looking who reads: the number is never torn, and may be a moment old.
	 */
	counter(position: number): number {
		return Number(Atomics.load(this.counters, position));
	}

	/** One of a connection's gauges. */
	gauge(slot: number, gauge: number): number {
		const word = this.gaugesAt + slot * (GAUGE_BYTES >> 2) + gauge;
		return Atomics.load(this.control, word);
	}

	/** Drops what connections that have been expelled were to be sent. */
	forget(expelled: ReadonlySet<Connection>): void {
		const unwanted = new Map<number, Unwanted & { connection: Connection }>();
		for (const connection of expelled) {
			const { slot, generation } = connection;
			if (this.connections[slot] === connection) {
				unwanted.set(slot, { connection, generation, bytes: 0 });
			}
		}
		this.commands.forget(unwanted);
		for (const { connection, bytes } of unwanted.values()) {
			connection.uncount(bytes);
		}
	}

	onMessage(slot: number, kind: number, at: number, length: number): void {
		const connection = this.connections[slot];
		if (connection === undefined) {
			this.onNonsense(`a message for ${slot}`);
			return;
		}
		if (!connection.connected) return;
		const calls: LoopCalls<Connection> = connection.calls;
		const isPart =
			(kind & FLAG_MORE) !== 0 || connection.unfinished !== undefined;
		if (isPart && calls.takesFragments) {
			this.onFragment(connection, kind, at, length);
			return;
		}
		if (!calls.takesMessages) return;
		try {
			if (this.textAsBytes && (kind & FLAG_TEXT) !== 0) {
				const text = isPart
					? this.messages.assemble(connection, kind & ~FLAG_TEXT, at, length)
					: this.data(connection, at, length);
				if (text !== undefined) calls.textBytes(connection, text as Buffer);
				return;
			}
			let message: string | Buffer | undefined;
			if (isPart) {
				message = this.messages.assemble(connection, kind, at, length);
				if (message === undefined) return;
			} else if ((kind & FLAG_TEXT) !== 0) {
				message =
					(kind & FLAG_ASCII) !== 0
						? this.bytes.latin1Slice(at, at + length)
						: utf8Text(this.bytes, at, at + length);
			} else {
				message = this.data(connection, at, length);
			}
			calls.message(connection, message);
		} catch (error) {
			calls.handlerFailed(error, connection);
		}
	}

	private onFragment(
		connection: Connection,
		kind: number,
		at: number,
		length: number,
	): void {
		const fragment: Fragment = {
			text: (kind & FLAG_TEXT) !== 0,
			first: connection.unfinished === undefined,
			last: (kind & FLAG_MORE) === 0,
		};
		// Nothing is kept: that there is one says that a message is half way.
		connection.unfinished = fragment.last ? undefined : NOTHING_KEPT;
		connection.calls.fragment(
			connection,
			this.data(connection, at, length),
			fragment,
		);
	}

	/** The bytes of a payload as the handler gets them: its own, unless it borrows and gets them at once. */
	private data(connection: Connection, at: number, length: number): Buffer {
		return this.borrow && connection.calls.borrows && !connection.holds
			? this.bytes.subarray(at, at + length)
			: this.messages.copy(at, length);
	}

	onEvent(
		kind: number,
		slot: number,
		generation: number,
		at: number,
		length: number,
	): void {
		switch (kind & KIND_MASK) {
			case EVENT_OPEN:
				this.opened(slot, generation, at, length);
				break;
			case EVENT_UPGRADE:
			case EVENT_REQUEST: {
				const isUpgrade = (kind & KIND_MASK) === EVENT_UPGRADE;
				this.asked(isUpgrade, slot, generation, at, length);
				break;
			}
			case EVENT_REFUSED:
				this.refused(at, length);
				break;
			case EVENT_DRAINED:
				this.connections[slot]?.drained();
				break;
			case EVENT_SENT:
				this.connections[slot]?.wasSent();
				break;
			case EVENT_SWITCHED:
				this.connections[slot]?.switched();
				break;
			case EVENT_PING:
			case EVENT_PONG: {
				const connection = this.connections[slot];
				if (connection?.connected !== true) break;
				const data = this.messages.copy(at, length);
				const isPing = (kind & KIND_MASK) === EVENT_PING;
				if (isPing) connection.calls.ping(connection, data);
				else connection.calls.pong(connection, data);
				break;
			}
			case EVENT_FRAME_ERROR:
				this.frameFailed(slot, at, length);
				break;
			case EVENT_END:
			case EVENT_STOP: {
				const connection = this.connections[slot];
				if (connection?.connected !== true) break;
				const isStop = (kind & KIND_MASK) === EVENT_STOP;
				if (isStop) connection.calls.mustEnd(connection);
				else connection.calls.peerEnded(connection);
				break;
			}
			case EVENT_CLOSE: {
				this.closed(slot, {
					code: this.events.uint16(at),
					reason: this.bytes.utf8Slice(at + CLOSE_TEXT_AT, at + length),
					cause:
						CLOSE_CAUSES[this.bytes[at + CLOSE_CAUSE_AT] as number] ??
						"internal",
					wasClean: this.bytes[at + CLOSE_CLEAN_AT] === 1,
				});
				break;
			}
			case EVENT_ANNOUNCED: {
				const connection = this.connections[slot];
				if (connection?.connected !== true) break;
				if (!connection.calls.takesMessages) break;
				const announced = this.bytes.readBigUInt64LE(at);
				connection.unfinished = new Unfinished(Number(announced));
				break;
			}
			case EVENT_ASSIGN:
				this.assign(at, length);
				break;
			case EVENT_RETURNED:
				this.loans.returned(slot);
				break;
			case EVENT_SHORT:
				this.server.memory.relieve(this.bytes.readUInt32LE(at) * 1024);
				break;
			case EVENT_ERROR:
				this.calls.failed(
					new GevError("ERR_GEV_LOOP", this.bytes.utf8Slice(at, at + length)),
				);
				break;
			case EVENT_STOPPED:
				this.ended(this.bytes.utf8Slice(at, at + length));
				break;
			default:
				this.onNonsense(`a record of kind ${kind}`);
		}
	}

	private frameFailed(slot: number, at: number, length: number): void {
		const connection = this.connections[slot];
		if (connection === undefined) return;
		const { frameTimeoutMs } = connection.calls;
		const error = readFrameError(this.bytes, at, length, frameTimeoutMs);
		this.server.frameFailed(error.reason);
		// What has come of the frame is void.
		if (error.fate !== "delivered") connection.forgetUnfinished();
		if (connection.connected) connection.calls.frameFailed(connection, error);
	}

	private asked(
		isUpgrade: boolean,
		slot: number,
		generation: number,
		at: number,
		length: number,
	): void {
		const lines = this.bytes.latin1Slice(
			addressesEnd(this.events, at),
			at + length,
		);
		const addresses = readAddresses(this.events, at);
		const { commands } = this;
		const place = { commands, slot, generation };
		const request = this.server.request(place, isUpgrade, lines, addresses);
		this.requests.set(slot, request);
		this.server.asked(request);
	}

	/** A handshake has failed that the handler was not asked about. */
	private refused(at: number, length: number): void {
		const statusAt = addressesEnd(this.events, at);
		const reason = this.bytes.utf8Slice(statusAt + 2, at + length);
		const status = this.events.uint16(statusAt) || undefined;
		this.server.handshakeRefused(
			readAddresses(this.events, at),
			status,
			reason,
		);
	}

	/** A socket has been accepted, and it is to be said which loop it is for: in the order in which that is asked. */
	private assign(at: number, length: number): void {
		const [waiting = 0, ...connections] = this.uint32s(
			addressesEnd(this.events, at),
			at + length,
		);
		const addresses = readAddresses(this.events, at);
		const index = this.server.loopFor(addresses, waiting, connections);
		const payload = Buffer.alloc(4);
		payload.writeUInt32LE(index ?? NO_LOOP);
		this.commands.command(COMMAND_ASSIGN, 0, 0, payload);
	}

	private uint32s(begin: number, end: number): number[] {
		const numbers: number[] = [];
		for (let at = begin; at < end; at += 4) {
			numbers.push(this.bytes.readUInt32LE(at));
		}
		return numbers;
	}

	private opened(
		slot: number,
		generation: number,
		at: number,
		length: number,
	): void {
		const agreedAt = addressesEnd(this.events, at);
		const agreed = this.bytes.latin1Slice(agreedAt, at + length);
		const [subprotocol = "", extensions = ""] = agreed.split("\n");
		const connection = this.server.connection(
			{ loop: this, slot, generation },
			{
				addresses: readAddresses(this.events, at),
				subprotocol,
				extensions,
				context: this.requests.get(slot)?.context,
			},
		);
		this.requests.delete(slot);
		this.connections[slot] = connection;
		this.connectionCount++;
		this.server.connectionOpened(connection);
	}

	private closed(slot: number, reason: CloseReason): void {
		const connection = this.connections[slot];
		if (connection === undefined) {
			this.requests.get(slot)?.ended(reason);
			this.requests.delete(slot);
			return;
		}
		this.connections[slot] = undefined;
		connection.gone();
		let isTold = false;
		const tell = () => {
			isTold = true;
			this.connectionCount--;
			this.server.connectionEnded(connection, reason);
		};
		connection.whenDelivered(tell);
		// What the handler is doing about its end keeps nobody waiting.
		if (!isTold) this.server.connectionLingers(connection);
	}

	/** The loop is no more. With a message it has failed, and its connections are gone without further notice. */
	private ended(message: string): void {
		if (this.stopped) return;
		this.events.ended = true;
		this.commands.abandon();
		this.loans.abandon();
		if (message !== "") {
			this.calls.failed(new GevError("ERR_GEV_LOOP", message));
			const reason: CloseReason = {
				code: 1006,
				reason: message,
				cause: "internal",
				wasClean: false,
			};
			for (const slot of this.connections.keys()) this.closed(slot, reason);
			for (const slot of this.requests.keys()) this.closed(slot, reason);
		}
		this.server.loopEnded(message);
	}
}

/** Who keeps how long something took. */
export interface Times {
	add(seconds: number): void;
}

/** The memory that a native loop and this thread share: see `crates/node/src/memory.rs`. */
export interface LoopMemory {
	control: Uint8Array;
	events: Uint8Array;
}

/** What a server's options say about its loops. */
export interface LoopOptions {
	/** Of each of the two queues. */
	queueBytes: number;
	borrow: boolean;
	/** Messages of text are handed over as bytes. */
	textAsBytes: boolean;
	/** What framing adds to a message at most. */
	framing: number;
}

/** What can be done to a native loop besides giving it commands. */
export interface LoopControls extends LoanRegister, LoopCommands {
	/** Ends it at once; it says nothing more. */
	abort(): void;
}

/** What is there of a message whose parts are handed over one by one. */
const NOTHING_KEPT = new Unfinished();

/** An index that no loop has. */
const NO_LOOP = 0xffffffff;
