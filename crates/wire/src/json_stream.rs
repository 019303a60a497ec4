//! JSON texts one behind the other: each object or array is a message, found by its brackets.
//!
//! ```text
//!   {"a": [1, "]"]} \n [] {"b"            two messages, and the beginning of a third
//! ```
//! White space between them does not matter, nor does RS (RFC 7464 has one in front of each). Numbers, strings and
//! literals by themselves are refused: nothing says where `12` ends. Whether the brackets match is up to whoever parses
//! the text.
//!
//! Invariants: every byte is looked at once, unless the sink is full; between messages nothing is kept.

use crate::assembler::{Assembler, Step};
use crate::close::{Close, CloseCode, Fault};
use crate::codec::{Codec, Decoded, MessageKind, Opening, Outgoing, Part, Payload, Sink};
use crate::input::Input;
use crate::utf8::Utf8;

/// One connection's stream of JSON texts.
#[derive(Debug)]
pub struct JsonStream {
    max_message_bytes: u64,
    stage: Stage,
    text: Text,
    /// Of what has been taken in of the text.
    utf8: Utf8,
    parts: Assembler,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The sink has not accepted the opening.
    Opening,
    Open,
    /// The peer broke the rules, and nothing that follows is looked at.
    Failed,
}

/// How far the text at the front of the input has been taken in.
enum Taken {
    /// To its end.
    Text,
    /// As above, and nothing is to follow for now.
    LastText,
    /// To the end of the input.
    Input,
    /// As far as the sink had room.
    Blocked,
}

/// The JSON text that is coming in, up to where it has been looked at.
#[derive(Debug, Default, Clone, Copy)]
struct Text {
    /// Brackets that are open; 0 between texts.
    depth: u64,
    in_string: bool,
    /// The next character of the string has a backslash before it.
    escaped: bool,
    /// Bytes so far.
    len: u64,
}

impl JsonStream {
    /// What [`Codec::max_framing`] says: what is sent goes out as it is.
    pub const MAX_FRAMING: usize = 0;

    /// A codec that refuses texts of more bytes; 0 for no limit.
    #[must_use]
    pub fn new(max_message_bytes: u64) -> Self {
        Self {
            max_message_bytes,
            stage: Stage::Opening,
            text: Text::default(),
            utf8: Utf8::default(),
            parts: Assembler::default(),
        }
    }

    /// Decodes texts to the end of `input`, or until the sink is full.
    fn texts(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        loop {
            if self.text.len == 0 {
                match next_byte(input) {
                    None => return Ok(Decoded::NeedMore),
                    Some(b'{' | b'[') => {}
                    Some(_) => return Err(NOT_A_TEXT),
                }
            }
            match self.take_in(input, sink)? {
                Taken::Text => {}
                Taken::LastText => return Ok(Decoded::Asked),
                Taken::Blocked => return Ok(Decoded::Blocked),
                Taken::Input => return Ok(Decoded::NeedMore),
            }
        }
    }

    /// Takes in the text at the front of `input`, as far as it is there.
    fn take_in(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Taken, Fault> {
        loop {
            let mut seen = self.text;
            let run = seen.read(input.first());
            if self.max_message_bytes != 0 && seen.len > self.max_message_bytes {
                return Err(TOO_LONG);
            }
            let (len, handed_over, last) = match self.parts.step(run.len(), seen.is_complete()) {
                Step::HandOver { len, last } => {
                    (len, self.hand_over(&run[..len], last, sink)?, last)
                }
                Step::HandOverPending { last } => (0, self.hand_over_pending(last, sink), last),
                Step::Collect(len) => {
                    let append = |pending: &mut Vec<u8>| pending.extend_from_slice(&run[..len]);
                    let ((), bytes) = self.parts.collect(append);
                    self.utf8.check(bytes)?;
                    (len, Some(true), false)
                }
                Step::Wait => return Ok(Taken::Input),
            };
            let Some(goes_on) = handed_over else {
                return Ok(Taken::Blocked);
            };
            if last {
                self.text = Text::default();
            } else if len == run.len() {
                self.text = seen;
            } else {
                self.text.read(&run[..len]);
            }
            input.consume(len);
            if last {
                return Ok(if goes_on {
                    Taken::Text
                } else {
                    Taken::LastText
                });
            }
        }
    }

    /// Copies `run` straight into the sink, and returns whether to go on. `None` when there is no room.
    fn hand_over(
        &mut self,
        run: &[u8],
        last: bool,
        sink: &mut dyn Sink,
    ) -> Result<Option<bool>, Fault> {
        let Some(room) = sink.reserve(run.len()) else {
            return Ok(None);
        };
        room.copy_from_slice(run);
        let ascii = self.utf8.check(room)?;
        Ok(Some(sink.commit(part(last, ascii))))
    }

    /// As above, what is pending.
    fn hand_over_pending(&mut self, last: bool, sink: &mut dyn Sink) -> Option<bool> {
        let ascii = self.parts.give(sink)?.is_ascii();
        Some(sink.commit(part(last, ascii)))
    }
}

impl Codec for JsonStream {
    fn decode(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        if self.stage == Stage::Opening {
            if !sink.open(Opening::default()) {
                return Ok(Decoded::Blocked);
            }
            self.stage = Stage::Open;
        }
        if self.stage == Stage::Failed {
            input.consume(input.len());
            return Ok(Decoded::NeedMore);
        }
        let decoded = self.texts(input, sink);
        if decoded.is_err() {
            self.stage = Stage::Failed;
        }
        decoded
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

    fn unfinished_len(&self) -> u64 {
        self.text.len
    }

    fn is_half_way(&self) -> bool {
        self.text.len > 0
    }

    fn kept_len(&self) -> usize {
        self.parts.memory()
    }
}

impl Text {
    /// Looks at `bytes`; returns those that belong to the text.
    fn read<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.is_complete() {
            return &[];
        }
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth == 1 => {
                    self.depth = 0;
                    self.len += at as u64 + 1;
                    return &bytes[..=at];
                }
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        self.len += bytes.len() as u64;
        bytes
    }

    /// True when its last bracket is closed.
    fn is_complete(&self) -> bool {
        self.depth == 0 && self.len > 0
    }
}

/// The first byte that is not between texts, which begins one.
fn next_byte(input: &mut Input<'_>) -> Option<u8> {
    while !input.is_empty() {
        let run = input.first();
        let Some(at) = run.iter().position(|byte| !BETWEEN.contains(byte)) else {
            input.consume(run.len());
            continue;
        };
        input.consume(at);
        return Some(run[at]);
    }
    None
}

fn part(last: bool, ascii: bool) -> Part {
    Part {
        kind: MessageKind::Text,
        last,
        ascii,
    }
}

/// White space (RFC 8259 section 2) and RS (RFC 7464 section 2.2).
const BETWEEN: &[u8] = b" \t\n\r\x1E";

const TOO_LONG: Fault = Fault::limit(CloseCode::TOO_BIG, "message too big");
const NOT_A_TEXT: Fault = Fault::protocol(
    CloseCode::PROTOCOL_ERROR,
    "neither a JSON object nor an array",
);
