//! Frames that are in the input as a whole: verified where they lie, and handed over in one piece.

use gev_wire::Input;
use gev_wire::Sink;

use crate::bytes::Bytes;
use crate::checksum::{MAX_LEN, OnBad, Summing};
use crate::cutter::{Cutter, Rest, Step};
use crate::escape::{Escaping, Unescaping};
use crate::framing::Framing;
use crate::rule::{self, Cut, Rule};
use gev_wire::{Fate, FrameError, FrameFault};

/// The pieces of a frame that has an end.
pub(crate) struct Delimited<'a> {
    /// All that there is, of which the frame is the beginning.
    pub(crate) bytes: Bytes<'a>,
    pub(crate) start: Bytes<'a>,
    pub(crate) content: Bytes<'a>,
    pub(crate) end: Bytes<'a>,
}

/// What has been found of a frame.
pub(crate) enum Verdict {
    /// It is to be delivered.
    Good,
    /// It is wrong, and this is to be told.
    Bad(FrameError),
}

impl Rule {
    /// Least that stands behind the head of a frame whose length is known.
    pub(crate) fn shortest_tail(&self) -> usize {
        self.tail() + self.ends.shortest()
    }

    /// Least that is cut off such a frame's back.
    pub(crate) fn shortest_back(&self) -> usize {
        match self.back {
            Cut::Own => self.shortest_tail(),
            Cut::Bytes(back) => back,
        }
    }
}

impl Summing {
    /// True when the frame that begins with these pieces has the right checksum behind them.
    fn verifies(&self, pieces: &[Bytes<'_>], tail: &Bytes<'_>) -> bool {
        let (mut running, mut at) = (self.begin(), 0);
        for run in pieces.iter().flat_map(Bytes::runs) {
            self.add(&mut running, at, run);
            at += run.len() as u64;
        }
        let mut written = [0; MAX_LEN];
        let written = &mut written[..tail.len().min(MAX_LEN)];
        tail.range(0, MAX_LEN).copy_to(written);
        self.is_right(running, written)
    }

    /// What becomes of a frame with a wrong checksum.
    pub(crate) fn bad(&self, frame: &Input<'_>) -> FrameError {
        let fate = match self.checksum.on_bad {
            OnBad::Close => Fate::Closed,
            OnBad::Discard => Fate::Discarded,
            OnBad::Deliver => Fate::Delivered,
        };
        FrameError::new(FrameFault::Checksum, fate, frame)
    }
}

impl Cutter {
    /// A frame of `total` bytes whose length is known, the first `strip` of which are no part of the message.
    pub(crate) fn whole(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        (strip, total): (usize, usize),
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let frame = Bytes::of(input).range(0, total);
        let Some(end) = rule.end_of(&frame) else {
            return self.malformed(framing, &frame, input);
        };
        let tail = rule.tail();
        let back = match rule.back {
            Cut::Own => end + tail,
            Cut::Bytes(back) => back,
        };
        if strip + back > total || end + tail > total {
            return self.malformed(framing, &frame, input);
        }
        if let Some(summing) = &rule.summing {
            let seam = total - end - tail;
            let is_right =
                summing.verifies(&[frame.range(0, seam)], &frame.range(seam, total - end));
            if let Verdict::Bad(error) = self.judge(is_right, summing, &frame) {
                return self.left_out(error, total, input);
            }
        }
        let message = frame.range(strip, total - back);
        self.deliver(framing, message, total, (input, sink))
    }

    /// A frame between a start and an end.
    pub(crate) fn whole_delimited(
        &mut self,
        framing: &Framing,
        (rule, content): (&Rule, &rule::Delimited),
        whole: &Delimited<'_>,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        match &content.escaping {
            None => self.whole_plain(framing, (rule, content), whole, input, sink),
            Some(escaping) => {
                self.whole_escaped(framing, (rule, content, escaping), whole, input, sink)
            }
        }
    }

    fn whole_plain(
        &mut self,
        framing: &Framing,
        (rule, content): (&Rule, &rule::Delimited),
        whole: &Delimited<'_>,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let len = whole.content.len();
        let total = whole.start.len() + len + whole.end.len();
        if len as u64 > content.most {
            return self.long_content(framing, rule, whole, total, input);
        }
        if len < content.least {
            return self.malformed_content(framing, &whole.bytes, total, input);
        }
        if let Some(summing) = &rule.summing {
            let seam = len - rule.tail();
            let pieces = [start_of(framing, rule, whole), whole.content.range(0, seam)];
            let is_right = summing.verifies(&pieces, &whole.content.range(seam, len));
            if let Verdict::Bad(error) = self.judge(is_right, summing, &whole.bytes) {
                return self.left_out(error, total, input);
            }
        }
        let message = whole.content.range(content.strip, len - content.cut);
        if !content.keep_start && !content.keep_end {
            return self.deliver(framing, message, total, (input, sink));
        }
        let start = if content.keep_start {
            start_of(framing, rule, whole)
        } else {
            whole.content.range(0, 0)
        };
        let end = whole
            .end
            .range(0, if content.keep_end { whole.end.len() } else { 0 });
        let Some(room) = sink.reserve(start.len() + message.len() + end.len()) else {
            return Step::Blocked;
        };
        let (head, rest) = room.split_at_mut(start.len());
        let (body, foot) = rest.split_at_mut(message.len());
        start.copy_to(head);
        message.copy_to(body);
        end.copy_to(foot);
        let Ok(part) = framing.part_of(room) else {
            return self.malformed_content(framing, &whole.bytes, total, input);
        };
        let goes_on = sink.commit(part);
        input.consume(total);
        self.ended_frame(goes_on)
    }

    fn whole_escaped(
        &mut self,
        framing: &Framing,
        (rule, content, escaping): (&Rule, &rule::Delimited, &Escaping),
        whole: &Delimited<'_>,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let total = whole.start.len() + whole.content.len() + whole.end.len();
        // Without escapes it has no more bytes than with them.
        let Some(body) = sink.reserve(whole.content.len()) else {
            return Step::Blocked;
        };
        let most = usize::try_from(content.most).unwrap_or(usize::MAX);
        let most = most.min(body.len());
        let (mut state, mut len) = (Unescaping::default(), 0);
        for (run, is_last) in whole.content.runs().into_iter().zip([false, true]) {
            let Ok((read, written)) =
                escaping.read(&mut state, (run, is_last), &mut body[len..most])
            else {
                return self.malformed_content(framing, &whole.bytes, total, input);
            };
            len += written;
            if read < run.len() || (is_last && state.holds()) {
                return self.long_content(framing, rule, whole, total, input);
            }
        }
        if !state.is_complete() || len < content.least {
            return self.malformed_content(framing, &whole.bytes, total, input);
        }
        if let Some(summing) = &rule.summing {
            let (before, tail) = body[..len].split_at(len - rule.tail());
            let start = start_of(framing, rule, whole);
            let [before, tail] = [before, tail].map(|bytes| Bytes::of(&Input::from(bytes)));
            let is_right = summing.verifies(&[start, before], &tail);
            if let Verdict::Bad(error) = self.judge(is_right, summing, &whole.bytes) {
                return self.left_out(error, total, input);
            }
        }
        let len = len - content.strip - content.cut;
        if len == 0 && framing.ignore_empty {
            input.consume(total);
            self.end_frame();
            return Step::Next;
        }
        body.copy_within(content.strip..content.strip + len, 0);
        let Ok(part) = framing.part_of(&body[..len]) else {
            return self.malformed_content(framing, &whole.bytes, total, input);
        };
        sink.shorten(len);
        let goes_on = sink.commit(part);
        input.consume(total);
        self.ended_frame(goes_on)
    }

    fn judge(&mut self, is_right: bool, summing: &Summing, frame: &Bytes<'_>) -> Verdict {
        if is_right || self.excused {
            Verdict::Good
        } else {
            Verdict::Bad(summing.bad(&frame.input()))
        }
    }

    /// A frame is wrong: it is passed over, unless it is to be delivered all the same.
    fn left_out(&mut self, error: FrameError, total: usize, input: &mut Input<'_>) -> Step {
        if error.fate == Fate::Delivered {
            self.excused = true;
        } else {
            input.consume(total);
            self.end_frame();
        }
        self.fail(error)
    }

    fn long_content(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        whole: &Delimited<'_>,
        total: usize,
        input: &mut Input<'_>,
    ) -> Step {
        let step = self.too_long(framing, rule, &whole.bytes, None, Rest::Bytes(0));
        input.consume(total);
        step
    }

    /// What a frame holds is not as it should be. `bytes`: all that there is, of which it is the first `total` ones.
    pub(crate) fn malformed_content(
        &mut self,
        framing: &Framing,
        bytes: &Bytes<'_>,
        total: usize,
        input: &mut Input<'_>,
    ) -> Step {
        let fate = if framing.drop_noise {
            Fate::Discarded
        } else {
            Fate::Closed
        };
        let error = FrameError::new(FrameFault::Malformed, fate, &bytes.input());
        self.left_out(error, total, input)
    }

    /// Hands over a message, the frame of which has `total` bytes.
    fn deliver(
        &mut self,
        framing: &Framing,
        message: Bytes<'_>,
        total: usize,
        (input, sink): (&mut Input<'_>, &mut dyn Sink),
    ) -> Step {
        let mut goes_on = true;
        if message.len() > 0 || !framing.ignore_empty {
            let Some(room) = sink.reserve(message.len()) else {
                return Step::Blocked;
            };
            message.copy_to(room);
            let Ok(part) = framing.part_of(room) else {
                return self.malformed_content(framing, &Bytes::of(input), total, input);
            };
            goes_on = sink.commit(part);
        }
        input.consume(total);
        self.ended_frame(goes_on)
    }
}

impl Rule {
    /// Length of the end that a frame has whose length was known before; `None` if it has another one.
    pub(crate) fn end_of(&self, frame: &Bytes<'_>) -> Option<usize> {
        if self.ends.is_empty() {
            return Some(0);
        }
        self.ends.at_end(frame)
    }
}

/// The start of a frame, which may have been the end of the one before.
fn start_of<'a>(framing: &Framing, rule: &'a Rule, whole: &Delimited<'a>) -> Bytes<'a> {
    if framing.shares_marks(rule) {
        Bytes::of(&Input::from(rule.ends.written()))
    } else {
        whole.start
    }
}
