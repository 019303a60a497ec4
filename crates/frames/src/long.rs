//! Frames that are too long to wait for in the input: their way to the sink in parts.
//!
//! ```text
//!   input --run of 8 KiB, or the rest of the frame, where nothing is escaped or checked--> part in the sink
//!         `-any other--> pending --64 KiB, less what may be cut off, or the end of the frame--> part in the sink
//! ```
//! Invariants: a byte is either in the input, or pending, or in the sink, or passed over; what stands at the end of a frame
//! and is no part of the message, or is its checksum, stays pending until that end is known.

use gev_wire::Input;
use gev_wire::{MessageKind, PART_BYTES, Part, Sink, Utf8};

use crate::bytes::Bytes;
use crate::checksum::Running;
use crate::cutter::{Cutter, Rest, Stage, Step};
use crate::escape::Unescaping;
use crate::framing::{Framing, WHOLE};
use crate::marks::Found;
use crate::rule::{Cut, Delimited, Rule, Size};
use gev_wire::{Fate, FrameError, FrameFault};

/// The long frame that is half way, if there is one.
#[derive(Debug, Default)]
pub(crate) struct Long {
    rule: usize,
    /// Bytes of a frame whose length is known that have not left the input.
    left: u64,
    /// Bytes that are still to be passed over, as they are no part of the message.
    skip: u64,
    /// Bytes between start and end that have come, as they are without escapes.
    content: u64,
    /// Place in the frame of the first byte that is pending.
    at: u64,
    pending: Vec<u8>,
    /// Bytes of the message that are in the sink.
    given: u64,
    running: Running,
    unescaping: Unescaping,
    text: Text,
    head: [u8; FrameError::HEAD_BYTES],
    head_len: u8,
}

/// Text that goes to the sink in parts. What is none is told at the end of its frame, so that nothing depends on how that comes.
#[derive(Debug, Default, Clone, Copy)]
struct Text {
    utf8: Utf8,
    is_bad: bool,
}

impl Text {
    /// What is said of the next part.
    fn part_of(&mut self, framing: &Framing, bytes: &[u8], last: bool) -> Part {
        if !framing.text {
            return Part { last, ..WHOLE };
        }
        let checked = self.utf8.check(bytes);
        self.is_bad |= checked.is_err() || (last && !self.utf8.is_complete());
        Part {
            kind: MessageKind::Text,
            last,
            ascii: checked.unwrap_or(false),
        }
    }
}

impl Long {
    fn new(rule: usize, frame: &Bytes<'_>) -> Self {
        let mut head = [0; FrameError::HEAD_BYTES];
        let known = frame.range(0, head.len());
        known.copy_to(&mut head[..known.len()]);
        Self {
            rule,
            head,
            head_len: known.len() as u8,
            ..Self::default()
        }
    }

    /// The first bytes of the frame, as many as there were when it was found to be long.
    pub(crate) fn head(&self) -> Input<'_> {
        Input::from(&self.head[..usize::from(self.head_len)])
    }

    /// Bytes of the message that have left the input.
    pub(crate) fn taken_in(&self) -> u64 {
        self.given + self.pending.len() as u64
    }

    /// Bytes of memory that it has.
    pub(crate) fn memory(&self) -> usize {
        self.pending.capacity()
    }

    /// Adds what is no part of the message, or is pending no longer, to the checksum.
    fn sum(&mut self, rule: &Rule, bytes: &[u8]) {
        if let Some(summing) = &rule.summing {
            summing.add(&mut self.running, self.at, bytes);
        }
        self.at += bytes.len() as u64;
    }

    /// Passes over what is pending and is no part of the message.
    fn drop_front(&mut self, rule: &Rule, n: usize) {
        let mut pending = std::mem::take(&mut self.pending);
        self.sum(rule, &pending[..n]);
        pending.drain(..n);
        self.pending = pending;
    }

    /// Hands over the first `n` bytes that are pending, of a message that goes on. False when there is no room.
    fn give(&mut self, framing: &Framing, rule: &Rule, n: usize, sink: &mut dyn Sink) -> bool {
        let Some(room) = sink.reserve(n) else {
            return false;
        };
        room.copy_from_slice(&self.pending[..n]);
        let part = self.text.part_of(framing, room, false);
        // The frame goes on.
        let _ = sink.commit(part);
        self.drop_front(rule, n);
        self.given += n as u64;
        true
    }
}

impl Rule {
    /// Bytes at the end of what is pending that may be no part of the message, or its checksum.
    fn held_back(&self) -> usize {
        match (&self.size, self.back) {
            (Size::End(content), _) => content.cut.max(self.tail()),
            (_, Cut::Own) => self.tail() + self.ends.longest(),
            (_, Cut::Bytes(back)) => back.max(self.tail() + self.ends.longest()),
        }
    }

    /// Runs of the input are parts of the message as they are.
    fn is_direct(&self) -> bool {
        let ends_plainly = match &self.size {
            Size::End(content) => content.escaping.is_none() && !content.keep_end,
            _ => self.ends.is_empty(),
        };
        ends_plainly && self.held_back() == 0 && self.summing.is_none()
    }
}

impl Cutter {
    /// A long frame begins, the length of which is known.
    pub(crate) fn begin_long(
        &mut self,
        framing: &Framing,
        number: usize,
        (strip, total): (usize, u64),
        input: &Input<'_>,
    ) {
        let mut long = Long::new(number, &Bytes::of(input));
        long.skip = strip as u64;
        long.left = total;
        if let Some(summing) = &framing.rules[number].summing {
            long.running = summing.begin();
        }
        self.long = long;
        self.stage = Stage::Long;
    }

    /// A long frame begins that goes up to its end. The first `start` bytes of the input mark its start.
    pub(crate) fn begin_long_content(
        &mut self,
        framing: &Framing,
        number: usize,
        content: &Delimited,
        start: usize,
        input: &mut Input<'_>,
    ) {
        let rule = &framing.rules[number];
        let mut long = Long::new(number, &Bytes::of(input));
        long.skip = content.strip as u64;
        if let Some(summing) = &rule.summing {
            long.running = summing.begin();
        }
        // The start may have been the end of the frame before.
        long.pending = if framing.shares_marks(rule) {
            rule.ends.written().to_vec()
        } else {
            let mut mark = vec![0; start];
            Bytes::of(input).range(0, start).copy_to(&mut mark);
            mark
        };
        if !content.keep_start {
            long.drop_front(rule, long.pending.len());
        }
        input.consume(start);
        self.searched -= start;
        self.long = long;
        self.stage = Stage::Long;
    }

    /// Takes a long frame in, as far as it is there.
    pub(crate) fn long_frame(
        &mut self,
        framing: &Framing,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let rule = &framing.rules[self.long.rule];
        loop {
            let (there, end) = match &rule.size {
                Size::End(_) => match self.find_end(rule, &Bytes::of(input)) {
                    Found::Mark { at, len } => (at, Some(len)),
                    Found::NotBefore(at) => (at, None),
                },
                _ => {
                    let there = self.long.left.min(input.len() as u64);
                    let is_end = there == self.long.left;
                    (there as usize, is_end.then_some(0))
                }
            };
            let first = input.first();
            let run = &first[..there.min(first.len())];
            let step = match end {
                Some(end) if run.is_empty() && !self.long.unescaping.holds() => {
                    return self.end_long(framing, rule, end, input, sink);
                }
                None if run.is_empty() && !self.long.unescaping.holds() => return Step::NeedMore,
                end => {
                    let end = end.filter(|_| run.len() == there);
                    self.take_run(framing, rule, run, end, input, sink)
                }
            };
            if step != Step::Next || self.stage != Stage::Long || self.failure.is_some() {
                return step;
            }
        }
    }

    /// Takes some of a run in. `end`: length of the end behind it, if the frame ends with it.
    fn take_run(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        run: &[u8],
        end: Option<usize>,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let Size::End(content) = &rule.size else {
            return self.take_plain(framing, rule, run, end, input, sink);
        };
        if content.escaping.is_some() {
            return self.unescape(framing, rule, content, input, sink);
        }
        let allowed = content.most - self.long.content;
        let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
        if allowed == 0 {
            return self.long_frame_too_long(framing, rule);
        }
        let end = end.filter(|_| run.len() <= allowed);
        let run = &run[..run.len().min(allowed)];
        self.take_plain(framing, rule, run, end, input, sink)
    }

    fn take_plain(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        run: &[u8],
        end: Option<usize>,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let long = &mut self.long;
        if long.skip > 0 {
            let n = run
                .len()
                .min(usize::try_from(long.skip).unwrap_or(usize::MAX));
            long.sum(rule, &run[..n]);
            long.skip -= n as u64;
            self.took(n, input);
            return Step::Next;
        }
        let is_direct = long.pending.is_empty() && rule.is_direct();
        if is_direct && (run.len() >= DIRECT_BYTES || end.is_some()) {
            let n = run.len().min(PART_BYTES);
            let end = end.filter(|_| n == run.len());
            let Some(room) = sink.reserve(n) else {
                return Step::Blocked;
            };
            room.copy_from_slice(&run[..n]);
            let part = long.text.part_of(framing, room, end.is_some());
            if let Some(end) = end
                && long.text.is_bad
            {
                self.took(n, input);
                return self.long_frame_ends_malformed(framing, end, input);
            }
            let goes_on = sink.commit(part);
            long.given += n as u64;
            self.took(n, input);
            if let Some(end) = end {
                input.consume(end);
                return self.ended_frame(goes_on);
            }
            return Step::Next;
        }
        if long.pending.len() == PART_BYTES || is_direct_behind(long, rule, run) {
            let n = long.pending.len() - rule.held_back();
            return if long.give(framing, rule, n, sink) {
                Step::Next
            } else {
                Step::Blocked
            };
        }
        let n = run.len().min(PART_BYTES - long.pending.len());
        long.pending.extend_from_slice(&run[..n]);
        self.took(n, input);
        Step::Next
    }

    /// So many bytes of the frame have left the input.
    fn took(&mut self, n: usize, input: &mut Input<'_>) {
        input.consume(n);
        self.long.content += n as u64;
        self.long.left = self.long.left.saturating_sub(n as u64);
        self.searched = self.searched.saturating_sub(n);
    }

    /// Takes some of what is in the input in, and undoes its escapes.
    fn unescape(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        content: &Delimited,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let long = &mut self.long;
        if long.pending.len() == PART_BYTES {
            let n = long.pending.len() - rule.held_back();
            return if long.give(framing, rule, n, sink) {
                Step::Next
            } else {
                Step::Blocked
            };
        }
        let Some(escaping) = &content.escaping else {
            return Step::Next;
        };
        let first = input.first();
        let run = &first[..self.searched.min(first.len())];
        // No escape is half in what has been searched.
        let is_last = run.len() == self.searched;
        let allowed = usize::try_from(content.most - long.content).unwrap_or(usize::MAX);
        let before = long.pending.len();
        let room = (PART_BYTES - before).min(run.len() + long.unescaping.held());
        long.pending.resize(before + room.min(allowed), 0);
        let out = &mut long.pending[before..];
        let read = escaping.read(&mut long.unescaping, (run, is_last), out);
        let (read, written) = read.unwrap_or_default();
        let is_bad = read == 0 && written == 0;
        long.pending.truncate(before + written);
        long.content += written as u64;
        let skip = long.skip.min(long.pending.len() as u64);
        long.drop_front(rule, skip as usize);
        long.skip -= skip;
        input.consume(read);
        self.searched -= read;
        if is_bad && allowed > 0 {
            return self.long_frame_malformed(framing);
        }
        if (read < run.len() || long.unescaping.holds() && is_last) && written == allowed {
            return self.long_frame_too_long(framing, rule);
        }
        Step::Next
    }

    /// All of a long frame has been taken in, but for its end, of so many bytes in the input.
    fn end_long(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        end: usize,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let long = &mut self.long;
        let pending = Input::from(&long.pending[..]);
        let pending = Bytes::of(&pending);
        let tail = rule.tail();
        let (own_end, cut, is_whole) = match &rule.size {
            Size::End(content) => {
                let is_whole =
                    long.unescaping.is_complete() && long.content >= content.least as u64;
                (0, content.cut, is_whole)
            }
            _ => match (rule.end_of(&pending), rule.back) {
                (None, _) => (0, 0, false),
                (Some(end), Cut::Own) => (end, end + tail, true),
                (Some(end), Cut::Bytes(back)) => (end, back, true),
            },
        };
        if !is_whole || pending.len() < cut.max(own_end + tail) {
            return self.long_frame_ends_malformed(framing, end, input);
        }
        if let Some(summing) = &rule.summing
            && !self.excused
        {
            let seam = long.pending.len() - own_end - tail;
            let (before, behind) = long.pending.split_at(seam);
            let mut running = long.running;
            summing.add(&mut running, long.at, before);
            if !summing.is_right(running, behind) {
                let error = summing.bad(&long.head());
                if error.fate == Fate::Delivered {
                    self.excused = true;
                } else {
                    input.consume(end);
                    self.stage = Stage::Dropping(Rest::Bytes(0));
                    self.long = Long::default();
                }
                return self.fail(error);
            }
        }
        let keeps_end = matches!(&rule.size, Size::End(content) if content.keep_end);
        let kept_end = if keeps_end { end } else { 0 };
        let body = long.pending.len() - cut;
        if body + kept_end > PART_BYTES {
            return if long.give(framing, rule, body, sink) {
                Step::Next
            } else {
                Step::Blocked
            };
        }
        let Some(room) = sink.reserve(body + kept_end) else {
            return Step::Blocked;
        };
        let (head, foot) = room.split_at_mut(body);
        head.copy_from_slice(&long.pending[..body]);
        Bytes::of(input).range(0, kept_end).copy_to(foot);
        let part = long.text.part_of(framing, room, true);
        if long.text.is_bad {
            return self.long_frame_ends_malformed(framing, end, input);
        }
        let goes_on = sink.commit(part);
        input.consume(end);
        self.ended_frame(goes_on)
    }

    fn long_frame_too_long(&mut self, framing: &Framing, rule: &Rule) -> Step {
        let long = std::mem::take(&mut self.long);
        let rest = Rest::ToEnd(long.rule);
        self.too_long(framing, rule, &Bytes::of(&long.head()), None, rest)
    }

    /// Nothing of a frame is left but its end, of so many bytes, and it is not as it should be.
    fn long_frame_ends_malformed(
        &mut self,
        framing: &Framing,
        end: usize,
        input: &mut Input<'_>,
    ) -> Step {
        input.consume(end);
        let step = self.long_frame_malformed(framing);
        self.stage = Stage::Dropping(Rest::Bytes(0));
        step
    }

    fn long_frame_malformed(&mut self, framing: &Framing) -> Step {
        let long = std::mem::take(&mut self.long);
        let fate = if framing.drop_noise {
            Fate::Discarded
        } else {
            Fate::Closed
        };
        self.stage = Stage::Dropping(Rest::ToEnd(long.rule));
        self.fail(FrameError::new(FrameFault::Malformed, fate, &long.head()))
    }
}

/// A run is worth a part of its own, and what is pending has to go before it.
fn is_direct_behind(long: &Long, rule: &Rule, run: &[u8]) -> bool {
    rule.is_direct() && !long.pending.is_empty() && run.len() >= DIRECT_BYTES
}

/// From this length on a run is worth a part of its own, which saves the copy to what is pending.
const DIRECT_BYTES: usize = 8 * 1024;
