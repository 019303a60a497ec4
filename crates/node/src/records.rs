//! Everything that both ends of the bridge have to agree on, once: kinds and flags of records, where things are in the
//! shared memory, and sizes. Where another crate has the number, the row here refers to it.
//!
//! The build writes it down for JavaScript as `src/bridge/records.ts` (`examples/records.rs`), from [`GROUPS`]. So a new row
//! is all that a number needs; one for an event or a command says too what it is in the reactor.

use gev_reactor::{Addresses, CommandKind, Counter};
use gev_session::Event;
use gev_wire::websocket::WebSocket;
use gev_wire::{
    CloseCause, Control, FrameError, FrameFault, MessageKind, Outgoing, Part, Raw, Request, Row,
};

/// Rows that belong together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    /// What they are, for readers.
    pub(crate) title: &'static str,
    /// What their names begin with in JavaScript.
    pub(crate) prefix: &'static str,
    /// What JavaScript multiplies their numbers with.
    pub(crate) unit: u32,
    pub(crate) rows: &'static [Row],
}

/// All that JavaScript is told.
pub(crate) const GROUPS: &[Group] = &[
    group("Records of both queues", "", RECORDS),
    group("Kinds of events", "", EVENTS),
    group("Kinds of commands", "", COMMANDS),
    group("Flags of records", "", FLAGS),
    group("Causes of a close", "CAUSE_", CloseCause::ROWS),
    group("What is wrong with a frame", "FRAME_", FrameFault::ROWS),
    Group {
        title: "Positions of control words, in units of four bytes",
        prefix: "WORD_",
        unit: (WORD_SPACING / size_of::<u32>()) as u32,
        rows: Word::ROWS,
    },
    group(
        "Positions of the words of a slot's gauges, in units of four bytes",
        "GAUGE_",
        Gauge::ROWS,
    ),
    group(
        "Positions of counters, in units of eight bytes from the first one",
        "COUNTER_",
        Counter::ROWS,
    ),
    group("Places and sizes, in bytes", "", SIZES),
    group("Limits", "", LIMITS),
];

/// Tells builds apart whose tables differ: FNV-1a of all that [`GROUPS`] says.
pub(crate) const FINGERPRINT: u32 = fingerprint();

/// What an addon and the JavaScript around it have to have in common.
pub(crate) fn version() -> String {
    format!("{}-{FINGERPRINT:08x}", env!("CARGO_PKG_VERSION"))
}

/// One constant a row, and the rows.
macro_rules! numbers {
    ($list:ident: $type:ty { $($(#[doc = $doc:literal])+ $name:ident = $number:expr;)+ }) => {
        $($(#[doc = $doc])+ pub(crate) const $name: $type = $number;)+
        const $list: &[Row] = &[$(row!($name, $($doc),+)),+];
    };
}

/// One kind a row: what event it stands for, its name and number, and flags.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $event:pat => $name:ident = $kind:literal $(| $flags:expr)?;)+) => {
        $($(#[doc = $doc])+ pub(crate) const $name: u32 = $kind;)+
        const EVENTS: &[Row] = &[$(row!($name, $($doc),+)),+];

        /// First word of an event's record.
        #[inline]
        pub(crate) fn kind_and_flags(event: Event) -> u32 {
            match event {
                $($event => $name $(| $flags)?,)+
            }
        }
    };
}

/// One kind a row: its name and number, and what it asks for, with the record's flags if need be.
macro_rules! commands {
    (|$flags:ident| $($(#[doc = $doc:literal])+ $name:ident = $kind:literal => $command:expr;)+) => {
        $($(#[doc = $doc])+ pub(crate) const $name: u32 = $kind;)+
        const COMMANDS: &[Row] = &[$(row!($name, $($doc),+)),+];

        /// What a command's record asks for, by its first word.
        #[inline]
        pub(crate) fn command_kind($flags: u32) -> CommandKind {
            match $flags & KIND_MASK {
                $($name => $command,)+
                _ => CommandKind::Impossible,
            }
        }
    };
}

macro_rules! row {
    ($name:ident, $($doc:literal),+) => {
        Row { name: stringify!($name), number: $name as u32, doc: &[$($doc),+] }
    };
}

numbers! { RECORDS: u32 {
    /// The bits of a record's first word that say of what kind it is; flags are above them.
    KIND_MASK = 0xFF;
    /// Kind of a record that only fills the rest of the ring.
    PAD = 0;
}}

events! {
    /// A connection is ready: addresses, then subprotocol, line feed and extensions if there is any of them.
    Event::Open => EVENT_OPEN = 1;
    /// A message or a part of one, with the flags for text, ASCII and more.
    Event::Message(part) => EVENT_MESSAGE = 2 | part_flags(part);
    /// The peer has said goodbye, and waits for ours.
    Event::End => EVENT_END = 3;
    /// A connection is gone: a goodbye.
    Event::Close => EVENT_CLOSE = 4;
    /// Something went wrong that belongs to no connection: text.
    Event::Error => EVENT_ERROR = 5;
    /// The loop has ended, by a failure if there is a text.
    Event::Stopped => EVENT_STOPPED = 6;
    /// A client asks for a connection: addresses, then the lines of its request.
    Event::Ask(Request::Upgrade) => EVENT_UPGRADE = 7;
    /// A client asks for an ordinary response: as above.
    Event::Ask(Request::Plain) => EVENT_REQUEST = 8;
    /// A ping, which has been answered: its payload.
    Event::Control(Control::Ping) => EVENT_PING = 9;
    /// A pong: its payload.
    Event::Control(Control::Pong) => EVENT_PONG = 10;
    /// Little enough waits for the socket again.
    Event::Drained => EVENT_DRAINED = 11;
    /// What somebody waits for has been handed to the kernel.
    Event::Sent => EVENT_SENT = 12;
    /// The loop is stopping, and nothing more will come of this connection.
    Event::Stop => EVENT_STOP = 13;
    /// A handshake has come to nothing: addresses, then the status of the response (u16, little-endian) and why, as text.
    Event::Refused => EVENT_REFUSED = 14;
    /// Too much is held: how much has to be left then (KiB, u32, little-endian).
    Event::Short => EVENT_SHORT = 15;
    /// A message begins that does not come in one part: how many bytes it will have (u64, little-endian).
    Event::Announced => EVENT_ANNOUNCED = 16;
    /// What was lent is not needed any more: the number of the loan is where a connection's slot is elsewhere.
    Event::Returned => EVENT_RETURNED = 17;
    /// Something is wrong with a frame: see `crates/wire/src/frame_error.rs`.
    Event::FrameError => EVENT_FRAME_ERROR = 18;
    /// Another protocol holds from here on, and nothing is decoded before the step that answers this.
    Event::Switched => EVENT_SWITCHED = 19;
    /// A socket has been accepted: addresses, how many wait that were asked about before, connections of each loop (u32, little-endian).
    Event::Assign => EVENT_ASSIGN = 20;
}

commands! { |flags|
    /// Send the payload as a message or a fragment of one, with the flags for text, more, continued, compress and plain.
    COMMAND_SEND = 1 => CommandKind::Send(outgoing(flags));
    /// Send the first bytes of what is lent, flags as above: number of the loan, how many bytes (both u32, little-endian).
    COMMAND_SEND_LOAN = 2 => CommandKind::SendLoan(outgoing(flags));
    /// Close as the codec does: a goodbye.
    COMMAND_CLOSE = 4 => CommandKind::Close;
    /// Flush, then close the sending side; go on reading.
    COMMAND_SHUTDOWN_WRITE = 5 => CommandKind::ShutdownWrite;
    /// The answer to the ends and stops that events tell of: say goodbye (too), flush, then close.
    COMMAND_END = 6 => CommandKind::End;
    /// Close at once: cause (u8), whether to reset (u8).
    COMMAND_DESTROY = 7 => CommandKind::Destroy;
    /// End the loop: how long connections may take (milliseconds, u32, little-endian), then a goodbye.
    COMMAND_STOP = 8 => CommandKind::Stop;
    /// Send a ping with this payload.
    COMMAND_PING = 9 => CommandKind::Ping;
    /// Accept an upgrade: subprotocol, line feed, lines for the head of the response.
    COMMAND_ACCEPT = 10 => CommandKind::Accept;
    /// The next bytes of the response to a request, with the flag for more.
    COMMAND_RESPOND = 11 => CommandKind::Respond { more: flags & FLAG_MORE != 0 };
    /// Tell, once, when no more bytes than this wait for the socket (u32, little-endian).
    COMMAND_TELL_DRAINED = 12 => CommandKind::TellDrained;
    /// Tell when everything before this has been handed to the kernel.
    COMMAND_TELL_SENT = 13 => CommandKind::TellSent;
    /// Read no more until told to resume.
    COMMAND_PAUSE = 14 => CommandKind::Pause;
    /// Go on after a pause.
    COMMAND_RESUME = 15 => CommandKind::Resume;
    /// Close for want of memory, and keep nothing: a goodbye.
    COMMAND_EXPEL = 16 => CommandKind::Expel;
    /// Speak another protocol from here on: its number (u32, little-endian).
    COMMAND_SET_PROTOCOL = 17 => CommandKind::SetProtocol;
    /// These bytes come before all that has not been decoded.
    COMMAND_UNREAD = 18 => CommandKind::Unread;
    /// What was handed over has been handled: decode on.
    COMMAND_STEP = 19 => CommandKind::Step;
    /// The accepted socket that an event has told of is for the loop with this index (u32, little-endian).
    COMMAND_ASSIGN = 20 => CommandKind::Assign;
    /// Close when so much time has passed: milliseconds (u32, little-endian), 0 for never.
    COMMAND_SET_DEADLINE = 21 => CommandKind::SetDeadline;
    /// Send one message to many, flags as above: how many, slot and generation of each (u32 as the machine has it), the message.
    COMMAND_SHARE = 22 => CommandKind::Share(outgoing(flags));
    /// Share what is lent, flags as above: number of the loan and how many bytes, then connections as above.
    COMMAND_SHARE_LOAN = 23 => CommandKind::ShareLoan(outgoing(flags));
}

numbers! { FLAGS: u32 {
    /// The message is text.
    FLAG_TEXT = 1 << 8;
    /// Every byte of this part is below 0x80.
    FLAG_ASCII = 1 << 9;
    /// More parts of this event's message, or of this command's response, or fragments of its message follow.
    FLAG_MORE = 1 << 10;
    /// Fragments of this command's message came before.
    FLAG_CONTINUED = 1 << 11;
    /// Compress the message that begins here, whatever its length.
    FLAG_COMPRESS = 1 << 12;
    /// Do not compress the message that begins here.
    FLAG_PLAIN = 1 << 13;
}}

#[inline]
fn part_flags(part: Part) -> u32 {
    let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
    flag(part.kind == MessageKind::Text, FLAG_TEXT)
        | flag(part.ascii, FLAG_ASCII)
        | flag(!part.last, FLAG_MORE)
}

#[inline]
fn outgoing(flags: u32) -> Outgoing {
    let has = |flag: u32| flags & flag != 0;
    Outgoing {
        kind: if has(FLAG_TEXT) {
            MessageKind::Text
        } else {
            MessageKind::Binary
        },
        first: !has(FLAG_CONTINUED),
        last: !has(FLAG_MORE),
        compress: (has(FLAG_COMPRESS) || has(FLAG_PLAIN)).then(|| has(FLAG_COMPRESS)),
    }
}

gev_wire::listed! {
    /// The control words, by their position in cache lines.
    pub(crate) enum Word {
        /// End of the published events. Stored by the loop.
        EventHead,
        /// End of the events that JavaScript is done with. Stored by JavaScript.
        EventTail,
        /// End of the published commands. Stored by JavaScript.
        CommandHead,
        /// End of the commands that the loop is done with. Stored by the loop.
        CommandTail,
        /// 1 while the loop sleeps or is about to: whoever exchanges it for 0 has to wake the loop.
        Sleeping,
        /// 1 while the loop waits for room in the event queue.
        LoopWantsRoom,
        /// 1 while JavaScript waits for room in the command queue.
        ScriptWantsRoom,
    }
}

gev_wire::listed! {
    /// The words of a slot's gauges.
    pub(crate) enum Gauge {
        /// Bytes of the connection's messages that are dealt with, modulo 2^32.
        Done,
        /// Bytes that have arrived and wait for the rest of their message.
        Input,
    }
}

/// Control words are so many bytes apart, so that each is on a cache line of its own, and counters share theirs with nothing
/// else.
pub(crate) const WORD_SPACING: usize = 64;

numbers! { SIZES: usize {
    /// Of a record's header, in front of its payload.
    HEADER_BYTES = 16;
    /// Records begin at multiples of this.
    RECORD_ALIGN = 16;
    /// Where the counters begin, behind the control words.
    COUNTERS_AT = Word::ALL.len() * WORD_SPACING;
    /// Of one counter.
    COUNTER_BYTES = size_of::<u64>();
    /// Where the command queue begins, behind the counters; the gauges follow it. Events have memory of their own.
    COMMANDS_AT = (COUNTERS_AT + Counter::ALL.len() * COUNTER_BYTES).next_multiple_of(WORD_SPACING);
    /// Of one slot's gauges.
    GAUGE_BYTES = Gauge::ALL.len() * size_of::<u32>();
    /// One of the two addresses that some events begin with: see `crates/reactor/src/addresses.rs`.
    ADDRESS_BYTES = Addresses::END_BYTES;
    /// Both of them, and how many bytes of TLVs follow (u16, little-endian).
    ADDRESSES_BYTES = Addresses::RECORD_BYTES;
    /// Where the number of its cause is in a goodbye, behind the code (u16, little-endian).
    CLOSE_CAUSE_AT = gev_reactor::CLOSE_CAUSE_AT;
    /// Where a goodbye of an event says with 1 that it was clean.
    CLOSE_CLEAN_AT = gev_reactor::CLOSE_CLEAN_AT;
    /// Where the text of a goodbye begins.
    CLOSE_TEXT_AT = gev_reactor::CLOSE_TEXT_AT;
    /// Where an event that tells of a frame says what becomes of that, behind the number of what is wrong: 0 for one that is
    /// closed for, 1 for one that is left out, 2 for one that is delivered all the same.
    FRAME_FATE_AT = FrameError::FATE_AT;
    /// Where it says which limit was exceeded (u64, little-endian; all bits set for none).
    FRAME_LIMIT_AT = FrameError::LIMIT_AT;
    /// Where it says, in the same way, how long the message would be, or how many bytes begin no frame.
    FRAME_LEN_AT = FrameError::LEN_AT;
    /// Where the first bytes of the frame are.
    FRAME_HEAD_AT = FrameError::HEAD_AT;
}}

numbers! { LIMITS: usize {
    /// Largest payload of an event, and what JavaScript keeps to for commands.
    PART_BYTES = gev_wire::PART_BYTES;
    /// Smallest queue: an empty one must take the largest part twice over, once as a record and once as what a pad may waste.
    MIN_QUEUE_BYTES = 256 * 1024;
    /// Largest queue: positions are u32, and their differences must tell full from empty.
    MAX_QUEUE_BYTES = 1 << 30;
    /// JavaScript hands events back at least this often, so that the loop can go on while a long drain runs.
    RELEASE_BYTES = 32 * 1024;
    /// What a command says of what it lends: number and length (u32 each).
    LOAN_BYTES = 2 * size_of::<u32>();
    /// One turn of a loop in so many is timed.
    TURNS_PER_TIMED = gev_reactor::TURNS_PER_TIMED as usize;
    /// How often a drain of JavaScript's looks for what has come while it was at work.
    DRAIN_PASSES = 4;
    /// Output that waits in a loop takes memory in pieces of this size.
    CHUNK_BYTES = gev_session::CHUNK_BYTES;
    /// What a message of raw TCP counts besides its payload until the loop has taken it.
    RAW_FRAMING = Raw::MAX_FRAMING;
    /// As above, of WebSocket.
    WEB_SOCKET_FRAMING = WebSocket::MAX_FRAMING;
}}

const fn group(title: &'static str, prefix: &'static str, rows: &'static [Row]) -> Group {
    Group {
        title,
        prefix,
        unit: 1,
        rows,
    }
}

const fn fingerprint() -> u32 {
    let mut hash = 0x811C_9DC5;
    let mut at = 0;
    while at < GROUPS.len() {
        let Group {
            title,
            prefix,
            unit,
            rows,
        } = GROUPS[at];
        hash = hash_of(hash_of(hash, title.as_bytes()), prefix.as_bytes());
        let mut row = 0;
        while row < rows.len() {
            hash = hash_of(hash, rows[row].name.as_bytes());
            hash = hash_of(hash, &(rows[row].number * unit).to_le_bytes());
            let mut line = 0;
            while line < rows[row].doc.len() {
                hash = hash_of(hash, rows[row].doc[line].as_bytes());
                line += 1;
            }
            row += 1;
        }
        at += 1;
    }
    hash
}

const fn hash_of(mut hash: u32, bytes: &[u8]) -> u32 {
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// Two kinds of one number would be one kind; for commands the compiler sees that in the `match`.
const _: () = {
    let mut one = 0;
    while one < EVENTS.len() {
        let mut other = 0;
        while other < one {
            assert!(EVENTS[one].number != EVENTS[other].number);
            other += 1;
        }
        assert!(EVENTS[one].number != PAD && EVENTS[one].number <= KIND_MASK);
        one += 1;
    }
};
