//! The message that is coming in: which frames may belong to it, and its way to the sink in parts.
//!
//! Parts are put together by the [`Assembler`]. A compressed message takes the same way, through an inflater between the
//! input and the rest; its end goes straight to the sink if nothing is pending.
//!
//! Invariants: payload bytes are unmasked and validated when they leave the input, exactly once; nothing is
//! held between messages.

use crate::assembler::{Assembler, Step};
use crate::close::{CloseCode, Fault};
use crate::codec::{MessageKind, PART_BYTES, Part, Sink};
use crate::input::Input;
use crate::utf8::{INVALID_TEXT, Utf8};
use crate::websocket::Config;
use crate::websocket::deflate::{Compression, Piece};
use crate::websocket::header::{FrameHeader, OpCode};
use crate::websocket::mask::{append_unmasked, copy_unmasked};

/// The message whose frames are coming in, if any, and the place in its current frame.
#[derive(Debug, Default)]
pub(crate) struct Message {
    /// Kind given by the first frame; `None` between messages.
    kind: Option<MessageKind>,
    /// The current frame is the last one.
    fin: bool,
    /// The payload is compressed.
    compressed: bool,
    /// All of a compressed message has been inflated.
    inflated_all: bool,
    /// Place in the key for the next payload byte: 0 to 3.
    phase: u8,
    /// Check of a text message, with the unfinished character at the end of what has been taken in.
    utf8: Utf8,
    /// Masking key of the current frame.
    key: [u8; 4],
    /// Frames begun, the current one included.
    fragments: u32,
    /// Payload bytes of the current frame that are still to be taken in.
    left: u64,
    /// Payload bytes of all frames begun, the current one included.
    announced: u64,
    /// Bytes that a compressed message has been inflated to so far.
    inflated: u64,
    parts: Assembler,
}

/// Where taking in the payload of a frame has come to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The frame is complete; so is the message if it was its last frame.
    FrameDone,
    /// The input is used up.
    NeedMore,
    /// The sink is full.
    Blocked,
}

impl Message {
    /// Checks whether a data frame may follow, without looking at its payload.
    #[inline]
    pub(crate) fn admit(&self, header: &FrameHeader, config: &Config) -> Result<(), Fault> {
        // RFC 6455 section 5.4: the fragments of one message are not mixed with those of another.
        match (header.opcode, self.kind) {
            (OpCode::Continuation, None) => return Err(NOTHING_TO_CONTINUE),
            (OpCode::Text | OpCode::Binary, Some(_)) => return Err(MESSAGE_UNFINISHED),
            _ => {}
        }
        if config.max_frame_bytes != 0 && header.len > config.max_frame_bytes {
            return Err(FRAME_TOO_BIG);
        }
        // What is compressed counts when it has been inflated.
        let announced = self.announced.saturating_add(header.len);
        let compressed = self.compressed || header.compressed;
        if config.max_message_bytes != 0 && announced > config.max_message_bytes && !compressed {
            return Err(MESSAGE_TOO_BIG);
        }
        if config.max_fragments != 0 && self.fragments >= config.max_fragments {
            return Err(TOO_MANY_FRAGMENTS);
        }
        Ok(())
    }

    /// Begins an admitted frame.
    pub(crate) fn begin_frame(&mut self, header: &FrameHeader) {
        match header.opcode {
            OpCode::Text => self.kind = Some(MessageKind::Text),
            OpCode::Binary => self.kind = Some(MessageKind::Binary),
            _ => {}
        }
        self.fin = header.fin;
        self.compressed |= header.compressed;
        self.phase = 0;
        self.key = header.key;
        self.fragments = self.fragments.saturating_add(1);
        self.left = header.len;
        self.announced = self.announced.saturating_add(header.len);
    }

    /// Moves payload of the current frame from `input` towards `sink`. `eager`: nothing stays behind where that ends.
    pub(crate) fn take_in(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
        eager: bool,
    ) -> Result<Progress, Fault> {
        loop {
            let run = self.next_run(input);
            let completes = self.fin && run.len() as u64 == self.left;
            let (handed_over, last) = match self.parts.step(run.len(), completes) {
                Step::HandOver { len, last } => {
                    let handed_over = self.hand_over_run(&run[..len], last, sink)?;
                    if handed_over {
                        input.consume(len);
                    }
                    (handed_over, last)
                }
                Step::HandOverPending { last } => (self.hand_over_pending(last, sink)?, last),
                Step::Collect(len) => {
                    self.collect(&run[..len])?;
                    input.consume(len);
                    continue;
                }
                Step::Wait => {
                    if eager && !self.hand_over_early(sink)? {
                        return Ok(Progress::Blocked);
                    }
                    return Ok(if self.left == 0 {
                        Progress::FrameDone
                    } else {
                        Progress::NeedMore
                    });
                }
            };
            if !handed_over {
                return Ok(Progress::Blocked);
            }
            if last {
                return Ok(Progress::FrameDone);
            }
        }
    }

    /// The message is compressed: its way is [`inflate_in`](Self::inflate_in).
    pub(crate) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// As [`take_in`](Self::take_in), for a compressed message.
    pub(crate) fn inflate_in(
        &mut self,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
        compression: &mut Compression,
        config: &Config,
    ) -> Result<Progress, Fault> {
        loop {
            let run_len = self.next_run(input).len();
            let completes = self.fin && run_len as u64 == self.left;
            if self.parts.is_full() || self.inflated_all {
                let last = self.inflated_all;
                if !self.hand_over_pending(last, sink)? {
                    return Ok(Progress::Blocked);
                }
                if last {
                    return Ok(Progress::FrameDone);
                }
                continue;
            }
            // Few bytes may become a thousand times as many.
            let is_bounded = !config.eager_parts && self.has_more(input, compression);
            let most = if is_bounded {
                sink.room_for_more()
            } else {
                PART_BYTES
            };
            if most == 0 {
                return Ok(Progress::Blocked);
            }
            let likely = run_len.saturating_mul(LIKELY_RATIO);
            let len = likely.clamp(MIN_INFLATED, PART_BYTES).min(most);
            if self.parts.is_empty() && completes {
                let Some(room) = sink.reserve(len) else {
                    return Ok(Progress::Blocked);
                };
                let (written, done) = self.inflate(input, room, compression, config)?;
                let ascii =
                    self.kind == Some(MessageKind::Text) && self.utf8.check(&room[..written])?;
                sink.shorten(written);
                if written > 0 || done {
                    self.commit(done, ascii, sink)?;
                }
                if done {
                    return Ok(Progress::FrameDone);
                }
            } else {
                let done = self.inflate_to_pending(input, len, compression, config)?;
                if done && completes {
                    self.inflated_all = true;
                } else if done {
                    if config.eager_parts && !self.hand_over_early(sink)? {
                        return Ok(Progress::Blocked);
                    }
                    return Ok(if self.left == 0 {
                        Progress::FrameDone
                    } else {
                        Progress::NeedMore
                    });
                }
            }
        }
    }

    /// Drops payload of the current frame from `input`.
    pub(crate) fn skip(&mut self, input: &mut Input<'_>) -> Progress {
        while self.left != 0 {
            let n = self.next_run(input).len();
            if n == 0 {
                return Progress::NeedMore;
            }
            input.consume(n);
            self.left -= n as u64;
        }
        if self.fin {
            *self = Self::default();
        }
        Progress::FrameDone
    }

    /// Payload bytes of the unfinished message that have left the input: as they are, or as they have been inflated.
    pub(crate) fn taken_in(&self) -> u64 {
        if self.compressed {
            self.inflated
        } else {
            self.announced - self.left
        }
    }

    /// Bytes of memory that it has.
    pub(crate) fn kept_len(&self) -> usize {
        self.parts.memory()
    }

    /// Forgets what was to be handed over, because the rest of the message will be [`skip`](Self::skip)ped.
    pub(crate) fn abandon(&mut self) {
        self.parts = Assembler::default();
    }

    /// The next bytes in one piece of the current frame's payload; empty at its end or that of the input.
    fn next_run<'a>(&self, input: &Input<'a>) -> &'a [u8] {
        let first = input.first();
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        &first[..first.len().min(left)]
    }

    /// Unmasks `run` straight into the sink. False when there is no room.
    fn hand_over_run(
        &mut self,
        run: &[u8],
        last: bool,
        sink: &mut dyn Sink,
    ) -> Result<bool, Fault> {
        let Some(payload) = sink.reserve(run.len()) else {
            return Ok(false);
        };
        let phase = copy_unmasked(run, self.key, usize::from(self.phase), payload);
        let ascii = self.kind == Some(MessageKind::Text) && self.utf8.check(payload)?;
        self.phase = phase as u8;
        self.left -= run.len() as u64;
        self.commit(last, ascii, sink)?;
        Ok(true)
    }

    /// Copies what is pending to the sink. False when there is no room.
    fn hand_over_pending(&mut self, last: bool, sink: &mut dyn Sink) -> Result<bool, Fault> {
        let Some(payload) = self.parts.give(sink) else {
            return Ok(false);
        };
        let ascii = self.kind == Some(MessageKind::Text) && payload.is_ascii();
        self.commit(last, ascii, sink)?;
        Ok(true)
    }

    /// Hands over what is pending, if anything is, before the message has come to its end. False when there is no room.
    fn hand_over_early(&mut self, sink: &mut dyn Sink) -> Result<bool, Fault> {
        Ok(self.parts.is_empty() || self.hand_over_pending(false, sink)?)
    }

    /// Commits the reserved part; when it is the last one, no message is coming in any more.
    fn commit(&mut self, last: bool, ascii: bool, sink: &mut dyn Sink) -> Result<(), Fault> {
        let kind = self.kind.expect("Bug: payload without a message");
        // RFC 6455 section 8.1: the text of a message, not of a frame, has to be valid.
        if last && !self.utf8.is_complete() {
            return Err(INVALID_TEXT);
        }
        // A WebSocket never waits between two messages.
        let _ = sink.commit(Part { kind, last, ascii });
        if last {
            *self = Self::default();
        }
        Ok(())
    }

    /// Inflates from `input` into `room`: bytes written, and whether all that there is of the frame has come out.
    fn inflate(
        &mut self,
        input: &mut Input<'_>,
        room: &mut [u8],
        compression: &mut Compression,
        config: &Config,
    ) -> Result<(usize, bool), Fault> {
        let masked = self.next_run(input);
        let piece = Piece {
            masked,
            key: self.key,
            phase: usize::from(self.phase),
            last: self.fin && masked.len() as u64 == self.left,
        };
        // One byte more than allowed is enough to see that it is too much.
        let allowed = match config.max_message_bytes {
            0 => u64::MAX,
            max => max - self.inflated + 1,
        };
        let len = room
            .len()
            .min(usize::try_from(allowed).unwrap_or(usize::MAX));
        let inflated = compression.inflate(piece, &mut room[..len])?;
        self.phase = ((piece.phase + inflated.consumed) & 3) as u8;
        self.left -= inflated.consumed as u64;
        input.consume(inflated.consumed);
        self.inflated += inflated.written as u64;
        if inflated.written as u64 >= allowed {
            return Err(MESSAGE_TOO_BIG);
        }
        let all = inflated.done && inflated.consumed == masked.len();
        Ok((inflated.written, all))
    }

    /// True when something of a compressed message may come out now.
    fn has_more(&self, input: &Input<'_>, compression: &Compression) -> bool {
        let is_complete = self.fin && self.left == 0;
        is_complete || !self.next_run(input).is_empty() || compression.has_more()
    }

    /// Inflates from `input` behind what is pending, `len` bytes at most. True when all that there is of the frame has
    /// come out, false when more room is needed.
    fn inflate_to_pending(
        &mut self,
        input: &mut Input<'_>,
        len: usize,
        compression: &mut Compression,
        config: &Config,
    ) -> Result<bool, Fault> {
        if !self.has_more(input, compression) {
            return Ok(true);
        }
        let mut parts = std::mem::take(&mut self.parts);
        let (inflated, bytes) = parts.collect(|pending| {
            let before = pending.len();
            pending.resize((before + len).min(PART_BYTES), 0);
            let inflated = self.inflate(input, &mut pending[before..], compression, config);
            pending.truncate(before + inflated.as_ref().map_or(0, |(written, _)| *written));
            inflated
        });
        let (_, done) = inflated?;
        if self.kind == Some(MessageKind::Text) {
            self.utf8.check(bytes)?;
        }
        self.parts = parts;
        // The input may have gone on behind the seam of its two runs.
        Ok(done && self.next_run(input).is_empty())
    }

    /// Unmasks `run` behind what is pending.
    fn collect(&mut self, run: &[u8]) -> Result<(), Fault> {
        let (key, phase) = (self.key, usize::from(self.phase));
        let (phase, bytes) = self
            .parts
            .collect(|pending| append_unmasked(run, key, phase, pending));
        self.phase = phase as u8;
        self.left -= run.len() as u64;
        if self.kind == Some(MessageKind::Text) {
            self.utf8.check(bytes)?;
        }
        Ok(())
    }
}

/// Hands over a message whose only frame is `payload`. False when there is no room.
#[inline]
pub(crate) fn hand_over_whole(
    kind: MessageKind,
    payload: &[u8],
    key: [u8; 4],
    sink: &mut dyn Sink,
) -> Result<bool, Fault> {
    let Some(room) = sink.reserve(payload.len()) else {
        return Ok(false);
    };
    copy_unmasked(payload, key, 0, room);
    let mut ascii = false;
    if kind == MessageKind::Text {
        let mut utf8 = Utf8::default();
        ascii = utf8.check(room)?;
        if !utf8.is_complete() {
            return Err(INVALID_TEXT);
        }
    }
    // As above.
    let _ = sink.commit(Part {
        kind,
        last: true,
        ascii,
    });
    Ok(true)
}

/// What compressed data is expected to become, at first: a guess that makes room for a message in one piece.
const LIKELY_RATIO: usize = 8;

/// Room for what is inflated is never smaller than this, unless less is left of a part.
const MIN_INFLATED: usize = 4 * 1024;

const NOTHING_TO_CONTINUE: Fault =
    Fault::protocol(CloseCode::PROTOCOL_ERROR, "continuation without a message");
const MESSAGE_UNFINISHED: Fault = Fault::protocol(
    CloseCode::PROTOCOL_ERROR,
    "new message inside a fragmented one",
);
const MESSAGE_TOO_BIG: Fault = Fault::limit(CloseCode::TOO_BIG, "message too big");
const FRAME_TOO_BIG: Fault = Fault::limit(CloseCode::TOO_BIG, "frame too big");
const TOO_MANY_FRAGMENTS: Fault = Fault::limit(CloseCode::TOO_BIG, "too many fragments");
#[cfg(test)]
mod tests;
