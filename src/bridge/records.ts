// Generated from crates/node/src/records.rs by the build (crates/node/examples/records.rs), do not edit.
//
// What both ends of the bridge have to agree on. What lies where in a loop's memory: crates/node/src/memory.rs.

/** Of the addon that knows the same. */
export const RECORDS_VERSION = "0.1.0-8dc26155";

// Records of both queues.

/** The bits of a record's first word that say of what kind it is; flags are above them. */
export const KIND_MASK = 255;
/** Kind of a record that only fills the rest of the ring. */
export const PAD = 0;

// Kinds of events.

/** A connection is ready: addresses, then subprotocol, line feed and extensions if there is any of them. */
export const EVENT_OPEN = 1;
/** A message or a part of one, with the flags for text, ASCII and more. */
export const EVENT_MESSAGE = 2;
/** The peer has said goodbye, and waits for ours. */
export const EVENT_END = 3;
/** A connection is gone: a goodbye. */
export const EVENT_CLOSE = 4;
/** Something went wrong that belongs to no connection: text. */
export const EVENT_ERROR = 5;
/** The loop has ended, by a failure if there is a text. */
export const EVENT_STOPPED = 6;
/** A client asks for a connection: addresses, then the lines of its request. */
export const EVENT_UPGRADE = 7;
/** A client asks for an ordinary response: as above. */
export const EVENT_REQUEST = 8;
/** A ping, which has been answered: its payload. */
export const EVENT_PING = 9;
/** A pong: its payload. */
export const EVENT_PONG = 10;
/** Little enough waits for the socket again. */
export const EVENT_DRAINED = 11;
/** What somebody waits for has been handed to the kernel. */
export const EVENT_SENT = 12;
/** The loop is stopping, and nothing more will come of this connection. */
export const EVENT_STOP = 13;
/** A handshake has come to nothing: addresses, then the status of the response (u16, little-endian) and why, as text. */
export const EVENT_REFUSED = 14;
/** Too much is held: how much has to be left then (KiB, u32, little-endian). */
export const EVENT_SHORT = 15;
/** A message begins that does not come in one part: how many bytes it will have (u64, little-endian). */
export const EVENT_ANNOUNCED = 16;
/** What was lent is not needed any more: the number of the loan is where a connection's slot is elsewhere. */
export const EVENT_RETURNED = 17;
/** Something is wrong with a frame: see `crates/wire/src/frame_error.rs`. */
export const EVENT_FRAME_ERROR = 18;
/** Another protocol holds from here on, and nothing is decoded before the step that answers this. */
export const EVENT_SWITCHED = 19;
/** A socket has been accepted: addresses, how many wait that were asked about before, connections of each loop (u32, little-endian). */
export const EVENT_ASSIGN = 20;

// Kinds of commands.

/** Send the payload as a message or a fragment of one, with the flags for text, more, continued, compress and plain. */
export const COMMAND_SEND = 1;
/** Send the first bytes of what is lent, flags as above: number of the loan, how many bytes (both u32, little-endian). */
export const COMMAND_SEND_LOAN = 2;
/** Close as the codec does: a goodbye. */
export const COMMAND_CLOSE = 4;
/** Flush, then close the sending side; go on reading. */
export const COMMAND_SHUTDOWN_WRITE = 5;
/** The answer to the ends and stops that events tell of: say goodbye (too), flush, then close. */
export const COMMAND_END = 6;
/** Close at once: cause (u8), whether to reset (u8). */
export const COMMAND_DESTROY = 7;
/** End the loop: how long connections may take (milliseconds, u32, little-endian), then a goodbye. */
export const COMMAND_STOP = 8;
/** Send a ping with this payload. */
export const COMMAND_PING = 9;
/** Accept an upgrade: subprotocol, line feed, lines for the head of the response. */
export const COMMAND_ACCEPT = 10;
/** The next bytes of the response to a request, with the flag for more. */
export const COMMAND_RESPOND = 11;
/** Tell, once, when no more bytes than this wait for the socket (u32, little-endian). */
export const COMMAND_TELL_DRAINED = 12;
/** Tell when everything before this has been handed to the kernel. */
export const COMMAND_TELL_SENT = 13;
/** Read no more until told to resume. */
export const COMMAND_PAUSE = 14;
/** Go on after a pause. */
export const COMMAND_RESUME = 15;
/** Close for want of memory, and keep nothing: a goodbye. */
export const COMMAND_EXPEL = 16;
/** Speak another protocol from here on: its number (u32, little-endian). */
export const COMMAND_SET_PROTOCOL = 17;
/** These bytes come before all that has not been decoded. */
export const COMMAND_UNREAD = 18;
/** What was handed over has been handled: decode on. */
export const COMMAND_STEP = 19;
/** The accepted socket that an event has told of is for the loop with this index (u32, little-endian). */
export const COMMAND_ASSIGN = 20;
/** Close when so much time has passed: milliseconds (u32, little-endian), 0 for never. */
export const COMMAND_SET_DEADLINE = 21;
/** Send one message to many, flags as above: how many, slot and generation of each (u32 as the machine has it), the message. */
export const COMMAND_SHARE = 22;
/** Share what is lent, flags as above: number of the loan and how many bytes, then connections as above. */
export const COMMAND_SHARE_LOAN = 23;

// Flags of records.

/** The message is text. */
export const FLAG_TEXT = 256;
/** Every byte of this part is below 0x80. */
export const FLAG_ASCII = 512;
/** More parts of this event's message, or of this command's response, or fragments of its message follow. */
export const FLAG_MORE = 1024;
/** Fragments of this command's message came before. */
export const FLAG_CONTINUED = 2048;
/** Compress the message that begins here, whatever its length. */
export const FLAG_COMPRESS = 4096;
/** Do not compress the message that begins here. */
export const FLAG_PLAIN = 8192;

// Causes of a close.

/** The peer closed, or went away. */
export const CAUSE_PEER = 0;
/** `close()` or `destroy()` was called. */
export const CAUSE_LOCAL = 1;
/** The peer broke the rules of the protocol. */
export const CAUSE_PROTOCOL = 2;
/**
 * A limit was exceeded, such as `maxMessageBytes` or `timeouts.maxLifetimeMs`, or that for all connections:
 * `limits.maxMemoryBytes`.
 */
export const CAUSE_LIMIT = 3;
/** The socket failed. */
export const CAUSE_RESET = 4;
/** The peer did not finish the handshake, the close or a frame, or did not answer a ping, in time. */
export const CAUSE_TIMEOUT = 5;
/** A handler threw. */
export const CAUSE_HANDLER = 6;
/** The server was stopped. */
export const CAUSE_STOP = 7;
/** The event loop failed: a bug in gev. */
export const CAUSE_INTERNAL = 8;
/** Nothing was received or sent for longer than `timeouts.idleMs`. */
export const CAUSE_IDLE = 9;
/** The peer has taken nothing of what was sent to it for `timeouts.writeStallMs`. */
export const CAUSE_STALLED = 10;
/** The time has passed that `connection.setDeadline()` gave it. */
export const CAUSE_DEADLINE = 11;

// What is wrong with a frame.

/** It is longer than `maxMessageBytes`, by what it announces or by what has come of it. */
export const FRAME_TOO_LONG = 0;
/** Its checksum is wrong. */
export const FRAME_CHECKSUM = 1;
/** Bytes have come that begin no frame. */
export const FRAME_NOISE = 2;
/** It has begun, and has not come to its end within `frameTimeoutMs`. */
export const FRAME_TIMEOUT = 3;
/** The connection has ended in the middle of it. */
export const FRAME_TRUNCATED = 4;
/**
 * It is not built as it should be: a length that is none, an escape that means nothing, another end, text that is
 * not UTF-8.
 */
export const FRAME_MALFORMED = 5;

// Positions of control words, in units of four bytes.

/** End of the published events. Stored by the loop. */
export const WORD_EVENT_HEAD = 0;
/** End of the events that JavaScript is done with. Stored by JavaScript. */
export const WORD_EVENT_TAIL = 16;
/** End of the published commands. Stored by JavaScript. */
export const WORD_COMMAND_HEAD = 32;
/** End of the commands that the loop is done with. Stored by the loop. */
export const WORD_COMMAND_TAIL = 48;
/** 1 while the loop sleeps or is about to: whoever exchanges it for 0 has to wake the loop. */
export const WORD_SLEEPING = 64;
/** 1 while the loop waits for room in the event queue. */
export const WORD_LOOP_WANTS_ROOM = 80;
/** 1 while JavaScript waits for room in the command queue. */
export const WORD_SCRIPT_WANTS_ROOM = 96;

// Positions of the words of a slot's gauges, in units of four bytes.

/** Bytes of the connection's messages that are dealt with, modulo 2^32. */
export const GAUGE_DONE = 0;
/** Bytes that have arrived and wait for the rest of their message. */
export const GAUGE_INPUT = 1;

// Positions of counters, in units of eight bytes from the first one.

/** Connections that this loop has accepted, whatever became of them. */
export const COUNTER_ACCEPTED = 0;
/** Of these, such as were closed at once, as there were too many of all addresses. */
export const COUNTER_REFUSED_OF_ALL = 1;
/** As above, too many of one address. */
export const COUNTER_REFUSED_OF_ADDRESS = 2;
/** As above, too many of one address in a second. */
export const COUNTER_REFUSED_BY_RATE = 3;
/** How often the system would not let the loop accept. */
export const COUNTER_ACCEPT_ERRORS = 4;
/** Bytes that sockets have given. */
export const COUNTER_RECEIVED_BYTES = 5;
/** Whole messages that were handed over. */
export const COUNTER_RECEIVED_MESSAGES = 6;
/** Bytes that sockets have taken. */
export const COUNTER_SENT_BYTES = 7;
/** Whole messages that were taken from the other end, for connections that were there. */
export const COUNTER_SENT_MESSAGES = 8;
/** Nanoseconds in which nothing could be delivered, as the event queue was full. */
export const COUNTER_BLOCKED_NANOSECONDS = 9;
/** Frames of WebSocket that continue a message. These six stand as in [`FrameCounts`](gev_wire::FrameCounts). */
export const COUNTER_FRAMES_CONTINUATION = 10;
/** Frames that begin a message of text. */
export const COUNTER_FRAMES_TEXT = 11;
/** Frames that begin a message of bytes. */
export const COUNTER_FRAMES_BINARY = 12;
/** Close frames. */
export const COUNTER_FRAMES_CLOSE = 13;
/** Pings. */
export const COUNTER_FRAMES_PING = 14;
/** Pongs. */
export const COUNTER_FRAMES_PONG = 15;
/** Nanoseconds by which the loop came too late for its timers. */
export const COUNTER_LATE_NANOSECONDS = 16;
/**
 * Times that it came to timers that were due, at most 256 microseconds late. Those of the rows that follow were at most
 * four times as late as those of the row before.
 */
export const COUNTER_LATE_TO256_US = 17;
/** At most 1,024 microseconds. */
export const COUNTER_LATE_TO1_MS = 18;
/** At most 4,096 microseconds. */
export const COUNTER_LATE_TO4_MS = 19;
/** At most 16,384 microseconds. */
export const COUNTER_LATE_TO16_MS = 20;
/** At most 65,536 microseconds. */
export const COUNTER_LATE_TO65_MS = 21;
/** At most 262,144 microseconds. */
export const COUNTER_LATE_TO262_MS = 22;
/** At most 1,048,576 microseconds. */
export const COUNTER_LATE_TO1_S = 23;
/** At most 4,194,304 microseconds. */
export const COUNTER_LATE_TO4_S = 24;
/** Later than that. */
export const COUNTER_LATE_LONGER = 25;
/** Turns that the loop has taken; the first of every eight is timed. */
export const COUNTER_TURNS = 26;
/** Nanoseconds that the timed turns took. */
export const COUNTER_TIMED_NANOSECONDS = 27;
/**
 * Timed turns that took at most 4 microseconds. Those of the rows that follow took at most four times as long as those
 * of the row before.
 */
export const COUNTER_TIMED_TO4_US = 28;
/** At most 16 microseconds. */
export const COUNTER_TIMED_TO16_US = 29;
/** At most 64 microseconds. */
export const COUNTER_TIMED_TO64_US = 30;
/** At most 256 microseconds. */
export const COUNTER_TIMED_TO256_US = 31;
/** At most 1,024 microseconds. */
export const COUNTER_TIMED_TO1_MS = 32;
/** At most 4,096 microseconds. */
export const COUNTER_TIMED_TO4_MS = 33;
/** At most 16,384 microseconds. */
export const COUNTER_TIMED_TO16_MS = 34;
/** At most 65,536 microseconds. */
export const COUNTER_TIMED_TO65_MS = 35;
/** Longer than that. */
export const COUNTER_TIMED_LONGER = 36;

// Places and sizes, in bytes.

/** Of a record's header, in front of its payload. */
export const HEADER_BYTES = 16;
/** Records begin at multiples of this. */
export const RECORD_ALIGN = 16;
/** Where the counters begin, behind the control words. */
export const COUNTERS_AT = 448;
/** Of one counter. */
export const COUNTER_BYTES = 8;
/** Where the command queue begins, behind the counters; the gauges follow it. Events have memory of their own. */
export const COMMANDS_AT = 768;
/** Of one slot's gauges. */
export const GAUGE_BYTES = 8;
/** One of the two addresses that some events begin with: see `crates/reactor/src/addresses.rs`. */
export const ADDRESS_BYTES = 24;
/** Both of them, and how many bytes of TLVs follow (u16, little-endian). */
export const ADDRESSES_BYTES = 50;
/** Where the number of its cause is in a goodbye, behind the code (u16, little-endian). */
export const CLOSE_CAUSE_AT = 2;
/** Where a goodbye of an event says with 1 that it was clean. */
export const CLOSE_CLEAN_AT = 3;
/** Where the text of a goodbye begins. */
export const CLOSE_TEXT_AT = 4;
/**
 * Where an event that tells of a frame says what becomes of that, behind the number of what is wrong: 0 for one that is
 * closed for, 1 for one that is left out, 2 for one that is delivered all the same.
 */
export const FRAME_FATE_AT = 1;
/** Where it says which limit was exceeded (u64, little-endian; all bits set for none). */
export const FRAME_LIMIT_AT = 8;
/** Where it says, in the same way, how long the message would be, or how many bytes begin no frame. */
export const FRAME_LEN_AT = 16;
/** Where the first bytes of the frame are. */
export const FRAME_HEAD_AT = 24;

// Limits.

/** Largest payload of an event, and what JavaScript keeps to for commands. */
export const PART_BYTES = 65536;
/** Smallest queue: an empty one must take the largest part twice over, once as a record and once as what a pad may waste. */
export const MIN_QUEUE_BYTES = 262144;
/** Largest queue: positions are u32, and their differences must tell full from empty. */
export const MAX_QUEUE_BYTES = 1073741824;
/** JavaScript hands events back at least this often, so that the loop can go on while a long drain runs. */
export const RELEASE_BYTES = 32768;
/** What a command says of what it lends: number and length (u32 each). */
export const LOAN_BYTES = 8;
/** One turn of a loop in so many is timed. */
export const TURNS_PER_TIMED = 8;
/** How often a drain of JavaScript's looks for what has come while it was at work. */
export const DRAIN_PASSES = 4;
/** Output that waits in a loop takes memory in pieces of this size. */
export const CHUNK_BYTES = 16384;
/** What a message of raw TCP counts besides its payload until the loop has taken it. */
export const RAW_FRAMING = 0;
/** As above, of WebSocket. */
export const WEB_SOCKET_FRAMING = 10;

/** What started the end of a connection. */
export type CloseCause =
	/** The peer closed, or went away. */
	| "peer"
	/** `close()` or `destroy()` was called. */
	| "local"
	/** The peer broke the rules of the protocol. */
	| "protocol"
	/**
	 * A limit was exceeded, such as `maxMessageBytes` or `timeouts.maxLifetimeMs`, or that for all connections:
	 * `limits.maxMemoryBytes`.
	 */
	| "limit"
	/** The socket failed. */
	| "reset"
	/** The peer did not finish the handshake, the close or a frame, or did not answer a ping, in time. */
	| "timeout"
	/** A handler threw. */
	| "handler"
	/** The server was stopped. */
	| "stop"
	/** The event loop failed: a bug in gev. */
	| "internal"
	/** Nothing was received or sent for longer than `timeouts.idleMs`. */
	| "idle"
	/** The peer has taken nothing of what was sent to it for `timeouts.writeStallMs`. */
	| "stalled"
	/** The time has passed that `connection.setDeadline()` gave it. */
	| "deadline";

/** Causes by their numbers. */
export const CLOSE_CAUSES = [
	"peer",
	"local",
	"protocol",
	"limit",
	"reset",
	"timeout",
	"handler",
	"stop",
	"internal",
	"idle",
	"stalled",
	"deadline",
] as const satisfies readonly CloseCause[];

/** What is wrong with a frame. */
export type FrameFault =
	/** It is longer than `maxMessageBytes`, by what it announces or by what has come of it. */
	| "tooLong"
	/** Its checksum is wrong. */
	| "checksum"
	/** Bytes have come that begin no frame. */
	| "noise"
	/** It has begun, and has not come to its end within `frameTimeoutMs`. */
	| "timeout"
	/** The connection has ended in the middle of it. */
	| "truncated"
	/**
	 * It is not built as it should be: a length that is none, an escape that means nothing, another end, text that is
	 * not UTF-8.
	 */
	| "malformed";

/** The same by their numbers. */
export const FRAME_FAULTS = [
	"tooLong",
	"checksum",
	"noise",
	"timeout",
	"truncated",
	"malformed",
] as const satisfies readonly FrameFault[];
