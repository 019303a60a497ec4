//! Encoding and decoding by hand: a codec without a connection.
//!
//! ```text
//!   bytes --push--> codec --> story: lengths of messages, and errors, in their order;  bytes of the messages
//!              rest <--'
//! ```

use crate::close::{CloseCause, Fault};
use crate::codec::{
    Codec, Control, FrameSink, KeepAliveSink, MessageKind, Opening, Outgoing, Part, Payload,
    Request, Sink, UpgradeSink,
};
use crate::frame_error::{Fate, FrameError, FrameFault};
use crate::input::Input;

/// A codec, and what is left of the bytes that it was given.
pub struct ByHand {
    codec: Box<dyn Codec>,
    rest: Vec<u8>,
    taken: Taken,
    /// Something was wrong for which a connection would be closed.
    failed: bool,
}

/// What has come of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// A message of so many bytes, which are behind those of the messages before.
    Message(MessageKind, usize),
    /// Something is wrong with a frame.
    Wrong(FrameError),
}

/// The sink of a codec by hand: it is never full.
#[derive(Debug, Default)]
struct Taken {
    story: Vec<Told>,
    /// Messages, and what is there of the one that is half way.
    bytes: Vec<u8>,
    /// Where that begins.
    begun: usize,
    /// Where the room begins that was reserved last.
    reserved: usize,
}

impl ByHand {
    /// For a codec that needs no handshake.
    #[must_use]
    pub fn new(codec: Box<dyn Codec>) -> Self {
        Self {
            codec,
            rest: Vec::new(),
            taken: Taken::default(),
            failed: false,
        }
    }

    /// A message as it goes on the wire.
    #[must_use]
    pub fn encode(&mut self, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(payload.len() + self.codec.max_framing());
        let outgoing = Outgoing::whole(MessageKind::Binary);
        match self.codec.begin(outgoing, payload.len() as u64, &mut out) {
            Payload::Plain => out.extend_from_slice(payload),
            Payload::Transformed => {
                let mut append = |bytes: &[u8]| out.extend_from_slice(bytes);
                self.codec.transform(payload, &mut append);
            }
        }
        out
    }

    /// Decodes what there is with these bytes behind it. Nothing comes of what follows a frame that a connection would be closed
    /// for.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed {
            return;
        }
        let mut rest = std::mem::take(&mut self.rest);
        let all = if rest.is_empty() {
            bytes
        } else {
            rest.extend_from_slice(bytes);
            &rest
        };
        let mut input = Input::from(all);
        let decoded = self.codec.decode(&mut input, &mut self.taken);
        self.judge(decoded.err(), &input);
        let used = all.len() - input.len();
        if self.failed {
            return;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&bytes[used..]);
        } else {
            rest.drain(..used);
        }
        self.rest = rest;
    }

    /// There are no more bytes: half a message is wrong.
    pub fn end(&mut self) {
        if self.failed {
            return;
        }
        let rest = std::mem::take(&mut self.rest);
        let input = Input::from(&rest[..]);
        let ended = self.codec.end_of_input(&input, &mut self.taken);
        let is_whole = ended.is_ok() && !self.codec.is_half_way();
        self.judge(ended.err(), &input);
        if !is_whole && !self.failed {
            let error = FrameError::new(FrameFault::Truncated, Fate::Closed, &input);
            self.taken.story.push(Told::Wrong(error));
        }
        self.failed = true;
    }

    /// What has come about since this was asked last, and the bytes of the messages in it.
    pub fn take(&mut self) -> (Vec<Told>, Vec<u8>) {
        let taken = &mut self.taken;
        taken.bytes.truncate(taken.reserved);
        let half = taken.bytes.split_off(taken.begun);
        (taken.begun, taken.reserved) = (0, half.len());
        let bytes = std::mem::replace(&mut taken.bytes, half);
        (std::mem::take(&mut taken.story), bytes)
    }

    /// As [`take`](Self::take), in one run of bytes: where the messages begin in it (u32), then the story, then the messages. An
    /// item of the story is the length of a message (f64), which text takes away from -2; or -1, and an error as
    /// [`FrameError::write`] has it, with its length (one byte) in front. Numbers are little-endian.
    pub fn report(&mut self) -> Vec<u8> {
        let (story, messages) = self.take();
        let mut out = Vec::with_capacity(4 + 8 * story.len() + messages.len());
        out.extend([0; 4]);
        for told in story {
            let item = match told {
                Told::Message(MessageKind::Binary, len) => len as f64,
                Told::Message(MessageKind::Text, len) => -2.0 - len as f64,
                Told::Wrong(_) => -1.0,
            };
            out.extend(item.to_le_bytes());
            if let Told::Wrong(error) = told {
                out.push(error.record_len() as u8);
                let at = out.len();
                out.resize(at + error.record_len(), 0);
                error.write(&mut out[at..]);
            }
        }
        let at = (out.len() as u32).to_le_bytes();
        out[..at.len()].copy_from_slice(&at);
        out.extend(messages);
        out
    }

    /// A connection would end by this fault, which the sink may have been told of.
    fn judge(&mut self, fault: Option<Fault>, input: &Input<'_>) {
        let Some(fault) = fault else {
            return;
        };
        self.failed = true;
        let is_told = matches!(
            self.taken.story.last(),
            Some(Told::Wrong(error)) if error.fate == Fate::Closed
        );
        if !is_told {
            let reason = match fault.cause {
                CloseCause::Limit => FrameFault::TooLong,
                _ => FrameFault::Malformed,
            };
            let error = FrameError::new(reason, Fate::Closed, input);
            self.taken.story.push(Told::Wrong(error));
        }
    }
}

impl std::fmt::Debug for ByHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

impl Sink for Taken {
    fn open(&mut self, _opening: Opening<'_>) -> bool {
        true
    }

    fn reserve(&mut self, len: usize) -> Option<&mut [u8]> {
        // Without a commit the room before this is forgotten.
        self.bytes.truncate(self.reserved);
        self.bytes.resize(self.reserved + len, 0);
        Some(&mut self.bytes[self.reserved..])
    }

    fn shorten(&mut self, len: usize) {
        self.bytes.truncate(self.reserved + len);
    }

    fn commit(&mut self, part: Part) -> bool {
        self.reserved = self.bytes.len();
        if part.last {
            let len = self.reserved - self.begun;
            self.story.push(Told::Message(part.kind, len));
            self.begun = self.reserved;
        }
        true
    }

    fn may_take_message(&self) -> bool {
        true
    }

    fn reply(&mut self, _bytes: &[u8]) {}
}

impl FrameSink for Taken {
    fn frame_failed(&mut self, error: &FrameError) -> bool {
        if error.fate != Fate::Delivered {
            self.bytes.truncate(self.begun);
            self.reserved = self.begun;
        }
        self.story.push(Told::Wrong(*error));
        true
    }
}

impl UpgradeSink for Taken {
    fn ask(&mut self, _request: Request, _lines: &[u8]) -> bool {
        true
    }

    fn refused(&mut self, _status: u16, _reason: &str) -> bool {
        true
    }

    fn date(&mut self) -> &str {
        ""
    }
}

impl KeepAliveSink for Taken {
    fn count_control(&mut self) -> bool {
        true
    }

    fn control(&mut self, _control: Control, _payload: &[u8]) -> bool {
        true
    }

    fn pong(&mut self, _frame: &[u8]) {}
}
