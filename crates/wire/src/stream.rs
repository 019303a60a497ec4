//! Messages that end where a look at each of their bytes finds the end: JSON texts, values of RESP, frames of STOMP.
//!
//! ```text
//!   between | message | between | message | mess         what the scan finds
//!                                |<------->|             one copy to the sink
//!                                          |<-->|        stays in the input, and is not looked at again
//! ```
//! A message that is too long for one part is taken in as it comes, once there is that much of it.
//!
//! A [`Scan`] knows the bytes, a [`Stream`] everything else: parts, limits, what is told of errors.
//!
//! Invariants: every byte is looked at once, also when the sink is full; what is announced is never allocated; between
//! messages nothing is kept.

use crate::assembler::{Assembler, Step};
use crate::close::{Close, Fault};
use crate::codec::{
    Codec, Decoded, MessageKind, Opening, Outgoing, PART_BYTES, Part, Payload, Sink,
};
use crate::frame_error::{Fate, FrameError, FrameFault};
use crate::input::Input;
use crate::utf8::{INVALID_TEXT, Utf8};

/// Finds the ends of messages.
pub(crate) trait Scan: std::fmt::Debug + Send {
    /// How many bytes at the front of `run` belong to no message, as they come between two.
    fn between(&self, run: &[u8]) -> usize;

    /// Looks at the bytes that follow those of the last call, or at the first ones of a message. No more than `room` can
    /// be allowed for all that belongs to it.
    fn read(&mut self, run: &[u8], room: u64) -> Result<Seen, Wrong>;
}

/// What a scan has seen in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All of it belongs to the message, which goes on.
    All,
    /// The message ends behind so many bytes; the next call begins another one.
    End(usize),
}

/// Why it is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is not built as it should be.
    Malformed,
    /// It is longer than there is room for: so much, as far as that is known, from the first byte of the run on.
    TooLong(Option<u64>),
}

/// What the bytes of messages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Text, which has to be UTF-8.
    Text,
    /// Bytes, which have to be UTF-8.
    TextAsBytes,
    /// Any bytes.
    Bytes,
    /// Any bytes, which go as text where they are few, come in one part and are ASCII: who keeps a piece of a text may keep all
    /// of it.
    BytesOrAscii,
}

/// One connection's codec of such messages.
#[derive(Debug)]
pub struct Stream {
    scan: Box<dyn Scan>,
    max_message_bytes: u64,
    content: Content,
    stage: Stage,
    message: Message,
    /// What has been taken in of the message.
    parts: Assembler,
    utf8: Utf8,
    /// What the application has to be told before anything else, and how the connection ends for it.
    failure: Option<(FrameError, Fault)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The sink has not accepted the opening.
    Opening,
    Open,
    /// The peer broke the rules, and nothing that follows is looked at.
    Failed,
}

/// The message that is coming in.
#[derive(Debug, Default)]
struct Message {
    /// Bytes at the front of the input that have been looked at.
    seen: usize,
    /// It ends with them.
    is_complete: bool,
    /// Bytes that have left the input.
    taken: u64,
    /// The first ones of those, for who is told of an error.
    head: [u8; FrameError::HEAD_BYTES],
}

impl Stream {
    /// What [`Codec::max_framing`] says: what is sent goes out as it is.
    pub const MAX_FRAMING: usize = 0;

    pub(crate) fn new(scan: Box<dyn Scan>, max_message_bytes: u64, content: Content) -> Self {
        Self {
            scan,
            max_message_bytes,
            content,
            stage: Stage::Opening,
            message: Message::default(),
            parts: Assembler::default(),
            utf8: Utf8::default(),
            failure: None,
        }
    }

    /// Takes in messages to the end of `input`, until the sink is full, or to one behind which nothing is to follow for now.
    fn messages(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        loop {
            if !self.tell(sink)? {
                return Ok(Decoded::Blocked);
            }
            if self.stage == Stage::Failed {
                input.consume(input.len());
            }
            while self.message.is_new() && !input.is_empty() {
                let run = input.first();
                let between = self.scan.between(run);
                input.consume(between);
                if between < run.len() {
                    break;
                }
            }
            if !self.look(input) {
                continue;
            }
            match self.hand_over(input, sink) {
                Taken::Some => {}
                Taken::Last => return Ok(Decoded::Asked),
                Taken::All => return Ok(Decoded::NeedMore),
                Taken::Blocked => return Ok(Decoded::Blocked),
            }
        }
    }

    /// Looks at what is new in the input. False when it is wrong.
    fn look(&mut self, input: &Input<'_>) -> bool {
        let first = input.first();
        let runs = [(first, 0), (input.second(), first.len())];
        runs.iter().all(|&(run, at)| self.look_at(run, at, input))
    }

    /// Looks at what is new in a run of the input, in front of which so many bytes are.
    fn look_at(&mut self, run: &[u8], at: usize, input: &Input<'_>) -> bool {
        let Message {
            is_complete, taken, ..
        } = self.message;
        let seen = self.message.seen.saturating_sub(at);
        if is_complete || seen >= run.len() {
            return true;
        }
        let before = taken + (at + seen) as u64;
        let most = match self.max_message_bytes {
            0 => u64::MAX,
            most => most,
        };
        let read = self.scan.read(&run[seen..], most - before);
        let (len, is_complete) = match read {
            Ok(Seen::All) => (run.len() - seen, false),
            Ok(Seen::End(len)) => (len, true),
            Err(Wrong::Malformed) => {
                self.fail(FrameFault::Malformed, input);
                return false;
            }
            Err(Wrong::TooLong(len)) => {
                self.too_long(len.map(|len| before.saturating_add(len)), input);
                return false;
            }
        };
        if before + len as u64 > most {
            self.too_long(None, input);
            return false;
        }
        self.message.seen += len;
        self.message.is_complete = is_complete;
        true
    }

    /// Hands over what has been looked at, if it is a whole message, or enough of one.
    fn hand_over(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Taken {
        let Message {
            seen,
            is_complete,
            taken,
            ..
        } = self.message;
        if taken > 0 || seen > PART_BYTES {
            return self.take_in(input, sink);
        }
        if !is_complete {
            return Taken::All;
        }
        let Some(room) = sink.reserve(seen) else {
            return Taken::Blocked;
        };
        input.peek_into(room);
        let Ok(part) = self.content.part(room, true, true, &mut self.utf8) else {
            return self.not_text(input);
        };
        let goes_on = sink.commit(part);
        input.consume(seen);
        self.message = Message::default();
        if goes_on { Taken::Some } else { Taken::Last }
    }

    /// Takes in what has been looked at of a message that is long, or some of it.
    fn take_in(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Taken {
        let run = input.first();
        let message = &self.message;
        let run = &run[..message.seen.min(run.len())];
        let completes = message.is_complete && run.len() == message.seen;
        let (len, last, goes_on) = match self.parts.step(run.len(), completes) {
            Step::HandOver { len, last } => {
                let Some(room) = sink.reserve(len) else {
                    return Taken::Blocked;
                };
                room.copy_from_slice(&run[..len]);
                let Ok(part) = self.content.part(room, false, last, &mut self.utf8) else {
                    return self.not_text(input);
                };
                (len, last, sink.commit(part))
            }
            Step::HandOverPending { last } => {
                let Some(bytes) = self.parts.give(sink) else {
                    return Taken::Blocked;
                };
                // It has been checked when it was taken in.
                let is_text = self.content == Content::Text;
                let kind = if is_text {
                    MessageKind::Text
                } else {
                    MessageKind::Binary
                };
                let ascii = is_text && bytes.is_ascii();
                (0, last, sink.commit(Part { kind, last, ascii }))
            }
            Step::Collect(len) => {
                let append = |pending: &mut Vec<u8>| pending.extend_from_slice(&run[..len]);
                let ((), bytes) = self.parts.collect(append);
                if self.content.is_text() && self.utf8.check(bytes).is_err() {
                    return self.not_text(input);
                }
                (len, false, true)
            }
            Step::Wait => return Taken::All,
        };
        if last {
            self.message = Message::default();
            self.parts = Assembler::default();
        } else {
            self.message.take(&run[..len]);
        }
        input.consume(len);
        if last && !goes_on {
            return Taken::Last;
        }
        Taken::Some
    }

    /// Tells of a failure, if there is one. False when there is no room for that.
    fn tell(&mut self, sink: &mut dyn Sink) -> Result<bool, Fault> {
        let Some((error, fault)) = self.failure else {
            return Ok(true);
        };
        if !sink.frame_failed(&error) {
            return Ok(false);
        }
        self.failure = None;
        self.stage = Stage::Failed;
        self.message = Message::default();
        self.parts = Assembler::default();
        Err(fault)
    }

    /// The message, of which `input` is what has not been taken in, is wrong.
    fn fail(&mut self, reason: FrameFault, input: &Input<'_>) {
        let error = self.message.error(reason, input);
        self.failure.get_or_insert((error, error.fault()));
    }

    fn too_long(&mut self, announced: Option<u64>, input: &Input<'_>) {
        let error = self.message.error(FrameFault::TooLong, input);
        let error = match announced {
            Some(_) => error.beyond(self.max_message_bytes, announced),
            None => error,
        };
        self.failure = Some((error, error.fault()));
    }

    fn not_text(&mut self, input: &Input<'_>) -> Taken {
        let error = self.message.error(FrameFault::Malformed, input);
        self.failure = Some((error, INVALID_TEXT));
        Taken::Some
    }
}

/// How far input has been taken in.
enum Taken {
    /// There may be more.
    Some,
    /// To the end of a message, and nothing is to follow for now.
    Last,
    All,
    /// The sink is full.
    Blocked,
}

impl Codec for Stream {
    fn decode(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        if self.stage == Stage::Opening {
            if !sink.open(Opening::default()) {
                return Ok(Decoded::Blocked);
            }
            self.stage = Stage::Open;
        }
        self.messages(input, sink)
    }

    fn begin(&mut self, _outgoing: Outgoing, _len: u64, _out: &mut Vec<u8>) -> Payload {
        Payload::Plain
    }

    fn max_framing(&self) -> usize {
        Self::MAX_FRAMING
    }

    fn close(&mut self, _close: &Close, _out: &mut Vec<u8>) -> bool {
        false
    }

    fn ends_by_fin(&self) -> bool {
        true
    }

    fn end_of_input(&mut self, rest: &Input<'_>, sink: &mut dyn Sink) -> Result<bool, Fault> {
        if self.is_mid_frame(rest.len()) {
            self.fail(FrameFault::Truncated, rest);
        }
        self.tell(sink)
    }

    fn is_mid_frame(&self, rest_len: usize) -> bool {
        self.stage != Stage::Failed && (rest_len > 0 || self.message.taken > 0)
    }

    fn frame_is_late(&mut self, rest: &Input<'_>) {
        self.fail(FrameFault::Timeout, rest);
    }

    fn unfinished_len(&self) -> u64 {
        self.message.taken
    }

    fn is_half_way(&self) -> bool {
        self.message.taken > 0
    }

    fn kept_len(&self) -> usize {
        self.parts.memory()
    }
}

impl Message {
    /// True when none of its bytes is known.
    fn is_new(&self) -> bool {
        self.taken == 0 && self.seen == 0
    }

    /// These bytes of it, from the front of the input, have been taken in.
    fn take(&mut self, bytes: &[u8]) {
        self.seen -= bytes.len();
        if let Ok(at) = usize::try_from(self.taken)
            && at < self.head.len()
        {
            let len = bytes.len().min(self.head.len() - at);
            self.head[at..at + len].copy_from_slice(&bytes[..len]);
        }
        self.taken += bytes.len() as u64;
    }

    /// What is wrong with it; `input` is the rest of it.
    fn error(&self, reason: FrameFault, input: &Input<'_>) -> FrameError {
        if self.taken == 0 {
            return FrameError::new(reason, Fate::Closed, input);
        }
        let known = self.taken.min(self.head.len() as u64) as usize;
        let head = Input::new(&self.head[..known], input.first());
        FrameError::new(reason, Fate::Closed, &head)
    }
}

impl Content {
    /// What bytes are handed over as, a whole message or the part of one.
    fn part(
        self,
        bytes: &[u8],
        is_whole: bool,
        last: bool,
        utf8: &mut Utf8,
    ) -> Result<Part, crate::utf8::InvalidUtf8> {
        let ascii = match self {
            Self::Text | Self::TextAsBytes => utf8.check(bytes)?,
            Self::Bytes => false,
            Self::BytesOrAscii => is_whole && bytes.len() <= FEW_BYTES && bytes.is_ascii(),
        };
        let kind = match self {
            Self::Text => MessageKind::Text,
            Self::BytesOrAscii if ascii => MessageKind::Text,
            _ => MessageKind::Binary,
        };
        let ascii = ascii && kind == MessageKind::Text;
        Ok(Part { kind, last, ascii })
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::TextAsBytes)
    }
}

/// Most bytes of a text that pieces of it may keep in memory.
const FEW_BYTES: usize = 512;

impl Wrong {
    /// An error for more bytes than there is room for.
    pub(crate) fn check(len: u64, room: u64) -> Result<(), Self> {
        if len > room {
            Err(Self::TooLong(Some(len)))
        } else {
            Ok(())
        }
    }
}
