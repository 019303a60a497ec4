import { isUtf8 } from "node:buffer";
import { bytesOf, copyOf, lengthOf, takenOver } from "../base/bytes.js";
import { GevError } from "../base/errors.js";
import type { LoopOfConnection, Place } from "../bridge/loop-server.js";
import {
	COMMAND_DESTROY,
	COMMAND_EXPEL,
	COMMAND_SET_PROTOCOL,
	COMMAND_TELL_DRAINED,
	COMMAND_TELL_SENT,
	FLAG_CONTINUED,
	FLAG_MORE,
	FLAG_TEXT,
	GAUGE_DONE,
	PART_BYTES,
} from "../bridge/records.js";
import type { ConnectionSettings } from "./connection-settings.js";
import { Outbox, type Unsent } from "./outbox.js";
import { type PreparedContent, preparedContent } from "./prepared-message.js";
import { CallbackReceipt, type Receipt } from "./receipt.js";
import {
	type GivenSendOptions,
	type SendCallback,
	type SendOptions,
	SendStatus,
	sendFlags,
	sendOptions,
} from "./send.js";
import { SentCallbacks } from "./sent-callbacks.js";
import { SentMarks } from "./sent-marks.js";

/**
 * What one connection sends: how much of it waits for the peer, what happens when that is too much, and who is told when
 * it is gone. Gives the loop its commands.
 */
export class Sender {
	/** Nothing can be sent any more: the connection is gone or being closed, or its sending side is. */
	isEnded = false;
	/** Messages that were dropped because they would have exceeded `flow.maxBufferedBytes`. */
	dropped = 0;

	/** Where its connection lives. */
	readonly loop: LoopOfConnection;
	readonly slot: number;
	readonly generation: number;

	readonly #connection: SenderConnection;
	#settings: ConnectionSettings;
	/** What has been given to the command queue, with its framing, modulo 2^32. */
	#sent = 0;
	/** So many bytes may be sent before the gauges have to be looked at. */
	#credit = 0;
	/** Sent above the high-water mark; `onDrain` follows. */
	#congested = false;
	/** What has become of a message that was sent with `fin: false` and has not come to its end. */
	#fragments: "none" | "sent" | "dropped" = "none";
	/** What the loop has not been given yet, if that was ever needed. */
	#outbox: Outbox | undefined = undefined;
	#callbacks: SentCallbacks | undefined = undefined;
	#marks: SentMarks | undefined = undefined;

	constructor(
		connection: SenderConnection,
		{ loop, slot, generation }: Place,
		settings: ConnectionSettings,
	) {
		this.#connection = connection;
		this.loop = loop;
		this.slot = slot;
		this.generation = generation;
		this.#settings = settings;
	}

	/** Bytes that were sent, with their framing, and that the kernel has not taken. */
	get length(): number {
		return this.#givenLength() + (this.#outbox?.bytes ?? 0);
	}

	/** So much of what was given to the command queue has been dropped there. */
	uncount(bytes: number): void {
		this.#sent = (this.#sent - bytes) | 0;
	}

	/** Sends text or bytes, as `Connection.send` says. */
	send(data: unknown, options?: SendOptions): SendStatus {
		if (typeof data === "string") return this.sendText(data, options);
		const prepared = preparedContent(data);
		return prepared === undefined
			? this.sendBytes(data, options)
			: this.sendPrepared(prepared);
	}

	/** Sends text, as `Connection.send` says. */
	sendText(text: string, options: SendOptions | undefined): SendStatus {
		// Whatever options run when they are read, they run before anything else is looked at.
		const given =
			options === undefined ? undefined : sendOptions(options, true);
		const flags = this.#flags(given, FLAG_TEXT);
		const { checkSend } = this.#settings;
		if (checkSend !== undefined) checkSend(text, 0);
		if (this.isEnded) return SendStatus.Closed;
		if (this.#fragments === "dropped") return this.#drop(flags);
		const { commands } = this.loop;
		// Most characters take one byte and none takes more than three.
		const isLong = text.length > LONG_TEXT;
		const most = isLong ? Buffer.byteLength(text) : text.length * 3;
		let status = SendStatus.Queued;
		if (commands.cost(most) > this.#credit) {
			status = this.#admit(isLong ? undefined : text, most);
			if (status === SendStatus.Dropped) return this.#drop(flags);
			if (this.#keepsBack(status)) return this.#putBack(text, flags, status);
		}
		const { slot, generation } = this;
		const cost = isLong
			? commands.sendLongText(slot, generation, text, most, flags)
			: commands.sendText(slot, generation, text, flags);
		this.#given(cost, flags);
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	/** Sends bytes, as `Connection.send` says. */
	sendBytes(data: unknown, options: SendOptions | undefined): SendStatus {
		const given =
			options === undefined ? undefined : sendOptions(options, false);
		const bytes = bytesOf(data);
		const length = lengthOf(bytes);
		const flags = this.#flags(given, 0);
		if ((flags & TEXT_AND_MORE) === FLAG_TEXT && !isUtf8(bytes)) {
			throw new GevError("ERR_GEV_DATA", "text to send is not UTF-8");
		}
		return this.#sendBytes(bytes, length, flags, given?.transfer === true);
	}

	/** Sends what has been prepared. */
	sendPrepared({ bytes, length, flags }: PreparedContent): SendStatus {
		const continues = this.#fragments !== "none";
		const of = continues ? FLAG_CONTINUED : flags;
		return this.#sendBytes(bytes, length, of, false);
	}

	/** Sends genuine bytes that can be what the flags say. */
	#sendBytes(
		bytes: Uint8Array,
		length: number,
		flags: number,
		transfer: boolean,
	): SendStatus {
		const { checkSend } = this.#settings;
		if (checkSend !== undefined) checkSend(bytes, length);
		if (this.isEnded) return SendStatus.Closed;
		if (this.#fragments === "dropped") return this.#drop(flags);
		let status = SendStatus.Queued;
		if (this.loop.commands.cost(length) > this.#credit) {
			status = this.#admit(undefined, length);
			if (status === SendStatus.Dropped) return this.#drop(flags);
			if (this.#keepsBack(status)) {
				return this.#putBack(copyOf(bytes, 0, length), flags, status);
			}
		}
		const own =
			transfer && length > PART_BYTES ? takenOver(bytes, length) : undefined;
		const { commands } = this.loop;
		const cost =
			own === undefined
				? commands.sendBytes(this.slot, this.generation, bytes, length, flags)
				: commands.sendGiven(this.slot, this.generation, own, flags);
		this.#given(cost, flags);
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	/** Throws what `send` would throw for what can be no message of this protocol, if anything is such. */
	get checkSend(): ConnectionSettings["checkSend"] {
		return this.#settings.checkSend;
	}

	/**
	 * Counts a message of `length` bytes as sent, which the caller gives to the loop then. False, and nothing has happened, when
	 * it must be sent by itself, as not all is as usual here: much waits, or a message is half sent.
	 */
	joins(length: number): boolean {
		if (this.isEnded || this.#fragments !== "none") return false;
		const cost = this.loop.commands.cost(length);
		if (cost > this.#credit) {
			if (this.#outbox?.isEmpty === false) return false;
			const room = this.#settings.highWaterMarkBytes - this.length;
			this.#credit = room;
			if (cost > room) return false;
		}
		this.#credit -= cost;
		this.#sent = (this.#sent + cost) | 0;
		return true;
	}

	/** Sends a ping with a payload that must not be changed afterwards. */
	ping(payload: Uint8Array): SendStatus {
		if (this.isEnded) return SendStatus.Closed;
		const { commands } = this.loop;
		let status = SendStatus.Queued;
		if (commands.cost(payload.length) > this.#credit) {
			status = this.#admit(undefined, payload.length);
			if (status === SendStatus.Dropped) return status;
		}
		const cost = commands.ping(this.slot, this.generation, payload);
		this.#credit -= cost;
		this.#sent = (this.#sent + cost) | 0;
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	/** A command that is neither a message nor the last one. */
	command(kind: number, payload: Uint8Array = NOTHING): void {
		this.loop.commands.command(kind, this.slot, this.generation, payload);
	}

	/** True when a message was sent with `fin: false` and has not come to its end. */
	get isMidMessage(): boolean {
		return this.#fragments !== "none";
	}

	/** What is sent from now on is sent by the protocol with this number, with these settings. */
	changeTo(number: number, settings: ConnectionSettings): void {
		this.#emptyOutbox();
		const payload = Buffer.allocUnsafeSlow(4);
		payload.writeUInt32LE(number);
		this.command(COMMAND_SET_PROTOCOL, payload);
		this.#settings = settings;
	}

	/** The last command: what was sent before goes before it, unless it destroys or expels. */
	end(kind: number, payload: Uint8Array): void {
		if (kind === COMMAND_DESTROY || kind === COMMAND_EXPEL) {
			this.#dropOutbox();
		} else {
			this.#emptyOutbox();
		}
		this.command(kind, payload);
		this.isEnded = true;
	}

	/** The connection is no more. */
	gone(): void {
		this.isEnded = true;
		this.#dropOutbox();
		this.#callbacks?.end();
	}

	/** No more waits in the loop than `flow.lowWaterMarkBytes`, or did not when the loop said so. */
	drained(): void {
		if (this.isEnded) return;
		this.#emptyOutbox(this.#settings.highWaterMarkBytes);
		if (this.length > this.#settings.lowWaterMarkBytes) {
			this.#tellDrained();
		} else if (this.#congested) {
			this.#congested = false;
			this.#connection.tellDrained();
		}
	}

	/** The turn of the next one who waits for what was sent. */
	wasSent(): void {
		this.#callbacks?.next();
	}

	/** See `Connection.sent`. */
	allSent(): Promise<boolean> {
		this.#marks ??= new SentMarks((mark) => this.#mark(mark));
		return this.#outbox?.isEmpty === false
			? this.#marks.behindDroppable()
			: this.#marks.here(this.#sent);
	}

	/** Calls `callback` when what was just sent, with `status`, has been handed to the kernel. */
	callWhenSent(status: SendStatus, callback: SendCallback): void {
		const receipt = new CallbackReceipt(callback);
		if (status !== SendStatus.Queued && status !== SendStatus.Congested) {
			this.#refuse(receipt);
		} else if (this.#outbox?.isEmpty === false) {
			this.#outbox.attach(receipt);
		} else {
			this.#settleWhenSent(receipt);
		}
	}

	/** Puts a mark behind everything that has been sent so far; returns how far that is. */
	#mark(mark: Receipt): number {
		if (this.#outbox?.isEmpty === false) {
			this.#outbox.mark(mark);
		} else if (this.#connection.isThere) {
			this.#settleWhenSent(mark);
		} else {
			this.#refuse(mark);
		}
		return this.#sent;
	}

	/** Has `receipt` settled when what the loop was given has been handed to the kernel. */
	#settleWhenSent(receipt: Receipt): void {
		const callbacks = this.#needCallbacks();
		this.command(COMMAND_TELL_SENT);
		callbacks.add(receipt);
	}

	/** Flags of a message's record: `plain` ones without options and fragments. */
	#flags(given: GivenSendOptions | undefined, plain: number): number {
		const continues = this.#fragments !== "none";
		if (given === undefined) {
			return continues ? sendFlags(ORDINARY, continues) : plain;
		}
		return sendFlags(given, continues);
	}

	/** A message that counts `cost`, or a fragment of one, has been given to the command queue. */
	#given(cost: number, flags: number): void {
		this.#credit -= cost;
		this.#sent = (this.#sent + cost) | 0;
		this.#fragments = (flags & FLAG_MORE) !== 0 ? "sent" : "none";
	}

	/** What the loop was given and the kernel has not taken. */
	#givenLength(): number {
		const done = this.loop.gauge(this.slot, GAUGE_DONE);
		// Never more than `maxBufferedBytes`, and so below 2^31. Of a message that could not be written whole the loop has counted
		// what it got, and the connection is about to end.
		return Math.max(0, (this.#sent - done) | 0);
	}

	/** Looks at how much is buffered: what becomes of `most` bytes on top of it, or of `text`, which takes no more than that. */
	#admit(text: string | undefined, most: number): SendStatus {
		const { highWaterMarkBytes, maxBufferedBytes } = this.#settings;
		const { commands } = this.loop;
		const buffered = this.length;
		const room = highWaterMarkBytes - buffered;
		// What has to line up behind the outbox comes here too, of whatever length.
		this.#credit = this.#outbox?.isEmpty === false ? -1 : room;
		// The least that is certain about a string's length is enough for most.
		if (commands.cost(most) <= room) return SendStatus.Queued;
		const cost = commands.cost(
			text === undefined ? most : Buffer.byteLength(text),
		);
		if (buffered + cost > maxBufferedBytes) return this.#overflow(cost);
		return cost > room ? SendStatus.Congested : SendStatus.Queued;
	}

	/** The peer takes less than is sent: what is too much must not take the server's memory. */
	#overflow(cost: number): SendStatus {
		const { overflow, maxBufferedBytes } = this.#settings;
		if (
			overflow === "drop-oldest" &&
			this.#outbox !== undefined &&
			this.#givenLength() + cost <= maxBufferedBytes
		) {
			while (this.length + cost > maxBufferedBytes) {
				const oldest = this.#outbox.takeOldest();
				if (oldest.length === 0) break;
				this.#countDropped();
				for (const { receipt } of oldest) this.#refuse(receipt);
				this.#giveMarks();
			}
			if (this.length + cost <= maxBufferedBytes) {
				return SendStatus.Congested;
			}
		}
		this.#countDropped();
		if (overflow === "close") {
			this.#connection.exceeded();
		}
		return SendStatus.Dropped;
	}

	#countDropped(): void {
		this.dropped++;
		this.loop.sends.dropped++;
	}

	/** More is buffered than the high-water mark: `onDrain` is to follow. */
	#congest(): void {
		this.loop.sends.congested++;
		if (this.#congested || !this.#settings.tellsDrain) return;
		this.#tellDrained();
		this.#congested = true;
	}

	/** Asks to be told when little enough waits: for `onDrain`, and for the next message of the outbox. */
	#tellDrained(): void {
		const { highWaterMarkBytes, lowWaterMarkBytes } = this.#settings;
		const next = this.#outbox?.next?.cost ?? 0;
		const most = Math.min(lowWaterMarkBytes, highWaterMarkBytes - next);
		const mark = Buffer.allocUnsafeSlow(4);
		mark.writeUInt32LE(Math.max(0, most));
		this.command(COMMAND_TELL_DRAINED, mark);
	}

	/** A message, or a fragment of one, is not sent: neither are the fragments that follow. */
	#drop(flags: number): SendStatus {
		const isLast = (flags & FLAG_MORE) === 0;
		if (this.#fragments === "sent") {
			// The peer has the beginning of it and would take what comes next for the rest.
			if (!this.isEnded) this.#connection.exceeded();
		} else {
			this.#fragments = isLast ? "none" : "dropped";
		}
		return SendStatus.Dropped;
	}

	/** True for a message that must not go to the loop yet, so that it can still be dropped, or as others wait. */
	#keepsBack(status: SendStatus): boolean {
		if (this.#settings.overflow !== "drop-oldest") return false;
		if (this.#outbox?.isEmpty === false) return true;
		return status === SendStatus.Congested && this.#givenLength() > 0;
	}

	/** Puts a message, whose bytes nobody will change, into the outbox. */
	#putBack(
		data: string | Uint8Array,
		flags: number,
		status: SendStatus,
	): SendStatus {
		this.#outbox ??= new Outbox(this.#settings.memory);
		const isFirst = this.#outbox.isEmpty;
		const length =
			typeof data === "string" ? Buffer.byteLength(data) : data.length;
		const cost = this.loop.commands.cost(length);
		this.#outbox.push({ data, flags, cost, receipt: undefined });
		if (isFirst) this.#tellDrained();
		this.#fragments = (flags & FLAG_MORE) !== 0 ? "sent" : "none";
		this.#credit = -1;
		if (status === SendStatus.Congested) this.#congest();
		return status;
	}

	/** Gives the loop what is in the outbox, until it has `most` bytes, and in any case something. */
	#emptyOutbox(most = Number.POSITIVE_INFINITY): void {
		const outbox = this.#outbox;
		if (outbox === undefined) return;
		for (let { next } = outbox; next !== undefined; next = outbox.next) {
			const given = this.#givenLength();
			if (given > 0 && given + next.cost > most) return;
			outbox.shift();
			this.#give(next);
		}
		this.#credit = 0;
		this.#marks?.placeNext();
	}

	/** What was before these marks has been dropped: they wait for what the loop has. */
	#giveMarks(): void {
		const outbox = this.#outbox;
		if (outbox === undefined) return;
		for (let { next } = outbox; next?.data === undefined; next = outbox.next) {
			if (next === undefined) return;
			outbox.shift();
			this.#give(next);
		}
	}

	#give({ data, flags, receipt }: Unsent): void {
		const { commands } = this.loop;
		if (data !== undefined) {
			const cost =
				typeof data === "string"
					? commands.sendText(this.slot, this.generation, data, flags)
					: commands.sendBytes(
							this.slot,
							this.generation,
							data,
							data.length,
							flags,
						);
			this.#sent = (this.#sent + cost) | 0;
		}
		if (receipt !== undefined) this.#settleWhenSent(receipt);
	}

	/** What is in the outbox will not be sent. */
	#dropOutbox(): void {
		const outbox = this.#outbox;
		this.#outbox = undefined;
		while (outbox?.isEmpty === false) this.#refuse(outbox.shift()?.receipt);
	}

	#refuse(receipt: Receipt | undefined): void {
		if (receipt !== undefined) this.#needCallbacks().refuse(receipt);
	}

	#needCallbacks(): SentCallbacks {
		this.#callbacks ??= new SentCallbacks((thrown) =>
			this.#connection.handlerFailed(thrown),
		);
		return this.#callbacks;
	}
}

/** What a sender needs of its connection. */
export interface SenderConnection {
	/** The loop still knows it. */
	readonly isThere: boolean;
	/** Closes, as the peer takes less than is sent to it. */
	exceeded(): void;
	/** Tells the handler that little enough waits again. */
	tellDrained(): void;
	/** A callback of the application's has thrown. */
	handlerFailed(error: unknown): void;
}

const NOTHING = new Uint8Array(0);

/** Characters of the longest text that fits into one part whatever they are. */
const LONG_TEXT = Math.floor(PART_BYTES / 3);

/** What is sent without options. Of what a fragment continues neither kind nor compression can be chosen. */
const ORDINARY: GivenSendOptions = {
	text: false,
	more: false,
	compress: undefined,
	transfer: false,
};

const TEXT_AND_MORE = FLAG_TEXT | FLAG_MORE;
