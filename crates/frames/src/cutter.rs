//! Cuts frames out of the bytes that come: see the states in `mod.rs`.

use gev_wire::{Decoded, Fate, Fault, FrameError, FrameFault, Input, PART_BYTES, Sink};

use crate::bytes::{Bytes, Likeness};
use crate::escape::Escaping;
use crate::framing::Framing;
use crate::length::Unread;
use crate::long::Long;
use crate::marks::{Found, Marks};
use crate::rule::{Cut, Delimited, Entry, Rule, Size};
use crate::short;

/// What one connection needs to cut its frames.
#[derive(Debug)]
pub(crate) struct Cutter {
    pub(crate) stage: Stage,
    /// No frame has come to its end.
    is_first: bool,
    /// The byte that frames both begin and end with has come, and what follows belongs to a frame.
    pub(crate) behind_flag: bool,
    /// The frame that is being verified has been said to be wrong, and is delivered all the same.
    pub(crate) excused: bool,
    /// Bytes at the front of the input that are known not to end the frame.
    pub(crate) searched: usize,
    noise: Noise,
    /// What the application has to be told before anything else.
    pub(crate) failure: Option<FrameError>,
    pub(crate) long: Long,
    /// Bytes that were looked at to find marks.
    #[cfg(test)]
    pub(crate) looked_at: usize,
}

/// What the next byte of input belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A frame, from its first byte on, or what is between frames.
    Start,
    /// A long frame whose beginning has left the input.
    Long,
    /// A frame that is left out: so many bytes of it, or what comes before its end and that.
    Dropping(Rest),
    /// Nothing: the connection is going to be closed.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    Bytes(u64),
    /// Up to the end that this rule has.
    ToEnd(usize),
}

/// Bytes that begin no frame.
#[derive(Debug, Default)]
struct Noise {
    /// How many have been passed over since the last frame.
    skipped: u64,
    /// The error to tell when the next frame has been found.
    error: Option<FrameError>,
    /// They follow what was taken for a frame, of which the application has been told.
    is_told: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Go on.
    Next,
    NeedMore,
    /// The sink is full.
    Blocked,
    /// A message has been handed over, and nothing is to follow for now.
    Asked,
}

impl Default for Cutter {
    fn default() -> Self {
        Self {
            stage: Stage::Start,
            is_first: true,
            behind_flag: false,
            excused: false,
            searched: 0,
            noise: Noise::default(),
            failure: None,
            long: Long::default(),
            #[cfg(test)]
            looked_at: 0,
        }
    }
}

impl Cutter {
    /// Cuts as many frames as there are, and as the sink takes.
    pub(crate) fn cut(
        &mut self,
        framing: &Framing,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<Decoded, Fault> {
        loop {
            if !self.tell(sink)? {
                return Ok(Decoded::Blocked);
            }
            let step = match self.stage {
                Stage::Start => self.frame(framing, input, sink),
                Stage::Long => self.long_frame(framing, input, sink),
                Stage::Dropping(rest) => self.drop_rest(framing, rest, input),
                Stage::Failed => {
                    input.consume(input.len());
                    Step::NeedMore
                }
            };
            match step {
                Step::Next => {}
                Step::NeedMore => return Ok(Decoded::NeedMore),
                Step::Blocked => return Ok(Decoded::Blocked),
                Step::Asked => return Ok(Decoded::Asked),
            }
        }
    }

    /// There is no more input. False when the sink is full.
    pub(crate) fn end_of_input(
        &mut self,
        rest: &Input<'_>,
        sink: &mut dyn Sink,
    ) -> Result<bool, Fault> {
        if self.failure.is_none() && self.is_mid_frame(rest.len()) {
            self.cut_short(FrameFault::Truncated, rest);
        } else if self.failure.is_none() {
            self.failure = self.noise.error.take();
        }
        self.tell(sink)
    }

    /// A frame has begun, and is not there as a whole.
    pub(crate) fn is_mid_frame(&self, rest_len: usize) -> bool {
        match self.stage {
            Stage::Start => rest_len > 0,
            Stage::Long => true,
            // It has been told already what is wrong with these.
            Stage::Dropping(_) | Stage::Failed => false,
        }
    }

    /// All that has left the input has been dealt with.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.stage == Stage::Start && self.failure.is_none()
    }

    /// A frame has come to its end, which leads to this.
    pub(crate) fn ended_frame(&mut self, goes_on: bool) -> Step {
        self.end_frame();
        if goes_on { Step::Next } else { Step::Asked }
    }

    /// The frame that is half way will not come to its end.
    pub(crate) fn cut_short(&mut self, reason: FrameFault, rest: &Input<'_>) {
        if self.failure.is_some() {
            return;
        }
        let frame = match self.stage {
            Stage::Long => self.long.head(),
            _ => *rest,
        };
        self.failure = Some(FrameError::new(reason, Fate::Closed, &frame));
    }

    /// Tells of a failure, if there is one. False when there is no room for that.
    fn tell(&mut self, sink: &mut dyn Sink) -> Result<bool, Fault> {
        let Some(error) = &self.failure else {
            return Ok(true);
        };
        if !sink.frame_failed(error) {
            return Ok(false);
        }
        let fault = (error.fate == Fate::Closed).then(|| error.fault());
        self.failure = None;
        match fault {
            Some(fault) => {
                self.stage = Stage::Failed;
                self.long = Long::default();
                Err(fault)
            }
            None => Ok(true),
        }
    }

    pub(crate) fn fail(&mut self, error: FrameError) -> Step {
        self.failure = Some(error);
        Step::Next
    }

    /// A frame has come to its end, of which nothing is left in the input.
    pub(crate) fn end_frame(&mut self) {
        self.stage = Stage::Start;
        self.is_first = false;
        self.searched = 0;
        self.excused = false;
        self.long = Long::default();
    }

    /// From the first byte of a frame on.
    fn frame(&mut self, framing: &Framing, input: &mut Input<'_>, sink: &mut dyn Sink) -> Step {
        if let Some(simple) = framing.simple {
            let step = self.simple(framing, simple, input, sink);
            if step != Step::Next {
                return step;
            }
        }
        if self.failure.is_some() {
            return Step::Next;
        }
        if input.is_empty() {
            return Step::NeedMore;
        }
        let entry = match &framing.first {
            Some(first) if self.is_first => first,
            _ => &framing.entry,
        };
        let start = match self.find_start(framing, entry, input) {
            Ok(start) => start,
            Err(step) => return step,
        };
        let bytes = Bytes::of(input);
        let Some(number) = entry.rule_of(&bytes) else {
            return Step::NeedMore;
        };
        let rule = &framing.rules[number];
        let (head, total) = match &rule.size {
            Size::End(content) => {
                return self.delimited(framing, (number, start), content, input, sink);
            }
            Size::Fixed(total) => (start, *total),
            Size::Length(length) => match length.read(&bytes, start) {
                Ok(announced) => (announced.head, announced.total),
                Err(Unread::NeedMore) => return Step::NeedMore,
                Err(Unread::Malformed) => return self.malformed(framing, &bytes, input),
            },
        };
        let strip = match rule.front {
            Cut::Own => head + rule.inside().0,
            Cut::Bytes(strip) => strip,
        };
        let own = strip + rule.shortest_back();
        if total < (own.max(head.max(rule.inside().1) + rule.shortest_tail())) as u64 {
            return self.malformed(framing, &bytes, input);
        }
        let len = total - own as u64;
        if len > rule.max {
            return self.too_long(framing, rule, &bytes, Some(len), Rest::Bytes(total));
        }
        if total > PART_BYTES as u64 {
            self.begin_long(framing, number, (strip, total), input);
            return Step::Next;
        }
        if bytes.len() < total as usize {
            return Step::NeedMore;
        }
        self.whole(framing, rule, (strip, total as usize), input, sink)
    }

    /// Where the frame at the front of the input has its first byte behind the start. What comes before the start is left
    /// out, or is an error.
    fn find_start(
        &mut self,
        framing: &Framing,
        entry: &Entry,
        input: &mut Input<'_>,
    ) -> Result<usize, Step> {
        if entry.starts.is_empty() {
            return Ok(0);
        }
        if let Some(flag) = entry.flag
            && self.behind_flag
        {
            while self.searched == 0 && input.first().first() == Some(&flag) {
                input.consume(1);
            }
            return if input.is_empty() {
                Err(Step::NeedMore)
            } else {
                Ok(0)
            };
        }
        let bytes = Bytes::of(input);
        match entry.starts.at(&bytes, 0) {
            (Likeness::Partial, _) => Err(Step::NeedMore),
            (Likeness::None, _) => Err(self.skip_noise(framing, &bytes, input)),
            (Likeness::Full, len) => {
                self.noise.skipped = 0;
                self.noise.is_told = false;
                if let Some(error) = self.noise.error.take() {
                    return Err(self.fail(error));
                }
                if entry.flag.is_none() {
                    return Ok(len);
                }
                input.consume(1);
                self.behind_flag = true;
                Err(Step::Next)
            }
        }
    }

    /// Leaves out what begins no frame, up to where one may begin.
    fn skip_noise(&mut self, framing: &Framing, bytes: &Bytes<'_>, input: &mut Input<'_>) -> Step {
        let error = |fate| FrameError::new(FrameFault::Noise, fate, input);
        if !framing.drop_noise {
            return self.fail(error(Fate::Closed));
        }
        let (Found::Mark { at, .. } | Found::NotBefore(at)) = framing.entry.starts.find(bytes, 1);
        let noise = &mut self.noise;
        noise.skipped += at as u64;
        let limit = framing.max_skip;
        if noise.skipped > limit {
            let error = noise.error.take().unwrap_or_else(|| error(Fate::Closed));
            let error = error.with_fate(Fate::Closed);
            let skipped = noise.skipped;
            return self.fail(error.beyond(limit, Some(skipped)));
        }
        if !noise.is_told {
            let told = noise.error.take().unwrap_or_else(|| error(Fate::Discarded));
            noise.error = Some(told.of_len(noise.skipped));
        }
        input.consume(at);
        Step::Next
    }

    /// What is at the front of the input has the start of a frame, and is none.
    pub(crate) fn malformed(
        &mut self,
        framing: &Framing,
        bytes: &Bytes<'_>,
        input: &mut Input<'_>,
    ) -> Step {
        let can_find = framing.drop_noise && !framing.entry.starts.is_empty();
        let is_ordinary = !self.is_first || framing.first.is_none();
        if !can_find || !is_ordinary {
            return self.fail(FrameError::new(
                FrameFault::Malformed,
                Fate::Closed,
                &bytes.input(),
            ));
        }
        let error = FrameError::new(FrameFault::Malformed, Fate::Discarded, &bytes.input());
        // The next start may be in what was taken for the frame.
        input.consume(1);
        self.noise.skipped = 1;
        self.noise.is_told = true;
        self.searched = 0;
        self.fail(error)
    }

    /// A frame is longer than it may be: what is left of it is passed over, if that is wanted.
    pub(crate) fn too_long(
        &mut self,
        framing: &Framing,
        rule: &Rule,
        bytes: &Bytes<'_>,
        len: Option<u64>,
        rest: Rest,
    ) -> Step {
        let fate = if framing.drop_too_long {
            Fate::Discarded
        } else {
            Fate::Closed
        };
        self.stage = Stage::Dropping(rest);
        self.fail(FrameError::new(FrameFault::TooLong, fate, &bytes.input()).beyond(rule.max, len))
    }

    /// Passes over what is left of a frame that is left out.
    fn drop_rest(&mut self, framing: &Framing, rest: Rest, input: &mut Input<'_>) -> Step {
        match rest {
            Rest::Bytes(left) => {
                let n = left.min(input.len() as u64);
                input.consume(n as usize);
                if n < left {
                    self.stage = Stage::Dropping(Rest::Bytes(left - n));
                    return Step::NeedMore;
                }
            }
            Rest::ToEnd(rule) => {
                let found = self.find_end(&framing.rules[rule], &Bytes::of(input));
                self.searched = 0;
                match found {
                    Found::NotBefore(at) => {
                        input.consume(at);
                        return Step::NeedMore;
                    }
                    Found::Mark { at, len } => input.consume(at + len),
                }
            }
        }
        self.end_frame();
        Step::Next
    }

    /// The end of a frame whose rule this is, behind what has been searched.
    pub(crate) fn find_end(&mut self, rule: &Rule, bytes: &Bytes<'_>) -> Found {
        let from = self.searched;
        let found = match &rule.size {
            Size::End(content) => content.find_end(&rule.ends, bytes, from),
            _ => rule.ends.find(bytes, from),
        };
        let (Found::Mark { at, .. } | Found::NotBefore(at)) = found;
        #[cfg(test)]
        {
            self.looked_at += at - self.searched;
        }
        self.searched = at;
        found
    }

    /// A frame that goes up to its end, by the rule of this number. The first `start` bytes mark its start.
    fn delimited(
        &mut self,
        framing: &Framing,
        (number, start): (usize, usize),
        content: &Delimited,
        input: &mut Input<'_>,
        sink: &mut dyn Sink,
    ) -> Step {
        let bytes = Bytes::of(input);
        let rule = &framing.rules[number];
        self.searched = self.searched.max(start);
        let first = match &content.escaping {
            Some(Escaping::Sequences(them)) if self.searched == start => {
                them.find_first(&bytes, start)
            }
            _ => Ok(self.searched),
        };
        let found = match first {
            Ok(from) => {
                self.searched = from;
                self.find_end(rule, &bytes)
            }
            Err(found) => found,
        };
        let (Found::Mark { at, .. } | Found::NotBefore(at)) = found;
        // More than this may be too long; where nothing is escaped, it is, and is told at once.
        if at > LONGEST_WHOLE || (at - start) as u64 > content.most {
            self.begin_long_content(framing, number, content, start, input);
            return Step::Next;
        }
        let Found::Mark { at, len } = found else {
            return Step::NeedMore;
        };
        let whole = short::Delimited {
            bytes,
            start: bytes.range(0, start),
            content: bytes.range(start, at),
            end: bytes.range(at, at + len),
        };
        self.whole_delimited(framing, (rule, content), &whole, input, sink)
    }
}

impl Delimited {
    /// The first of its ends at or behind `from`.
    fn find_end(&self, ends: &Marks, bytes: &Bytes<'_>, from: usize) -> Found {
        match (&self.escaping, self.stuffing) {
            (Some(Escaping::Sequences(them)), _) => them.find(ends, bytes, from),
            (_, Some(byte)) => ends.find_unescaped(bytes, from, byte),
            (_, None) => ends.find(bytes, from),
        }
    }
}

impl Entry {
    /// Which rule is that of the frame that `bytes` begin with; `None` when more of it has to say so.
    fn rule_of(&self, bytes: &Bytes<'_>) -> Option<usize> {
        for case in &self.cases {
            let mut fits = Some(true);
            for (place, (mask, equals)) in case.mask.iter().zip(&case.equals).enumerate() {
                match bytes.get(case.at + place) {
                    Some(byte) if byte & mask != *equals => {
                        fits = Some(false);
                        break;
                    }
                    Some(_) => {}
                    None => fits = None,
                }
            }
            match fits {
                Some(true) => return Some(case.rule),
                Some(false) => {}
                None => return None,
            }
        }
        Some(self.rule)
    }
}

/// Longest content of a frame that is handed over in one piece, so that its start and end fit in too.
const LONGEST_WHOLE: usize = PART_BYTES - 16;
