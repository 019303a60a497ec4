//! The parts of a message that is too long, or comes in too small pieces, to be handed over in one.
//!
//! ```text
//!   input --run of 8 KiB, or the end of the message---------------> part in the sink
//!         `-shorter run--> pending --64 KiB, the end of the message,
//!                                    or a long run behind it------> part in the sink
//! ```
//! Codecs take their messages through it run by run, each in its own way (unmasked, inflated, checked), and ask it what is to
//! be done with the next one.
//!
//! Invariants: a byte is either in the input, or pending, or in the sink; between messages nothing is pending and
//! nothing held.

use crate::codec::{PART_BYTES, Sink};

/// What is pending of the message that is half way.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    /// Bytes taken in but not yet handed over: fewer than [`PART_BYTES`] unless the sink is full.
    pending: Vec<u8>,
}

/// What is to be done with the next run of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Hand over so many bytes of it at once. The message ends with them or not.
    HandOver { len: usize, last: bool },
    /// Hand over what is pending. The message ends with that or not.
    HandOverPending { last: bool },
    /// Take so many bytes of it in, behind what is pending.
    Collect(usize),
    /// There is none.
    Wait,
}

impl Assembler {
    /// What to do with a run of `run_len` bytes. `completes`: the message ends with it.
    pub(crate) fn step(&self, run_len: usize, completes: bool) -> Step {
        let is_long = completes || run_len >= DIRECT_BYTES;
        if self.pending.is_empty() && is_long {
            let len = run_len.min(PART_BYTES);
            let last = completes && len == run_len;
            Step::HandOver { len, last }
        } else if self.is_due(run_len, completes) {
            let last = completes && run_len == 0;
            Step::HandOverPending { last }
        } else if run_len == 0 {
            Step::Wait
        } else {
            Step::Collect(run_len.min(PART_BYTES - self.pending.len()))
        }
    }

    /// Has `append` put bytes behind what is pending, [`PART_BYTES`] of them in all at most; returns them.
    pub(crate) fn collect<R>(&mut self, append: impl FnOnce(&mut Vec<u8>) -> R) -> (R, &[u8]) {
        let before = self.pending.len();
        let result = append(&mut self.pending);
        debug_assert!(self.pending.len() <= PART_BYTES, "Bug: too much collected");
        (result, &self.pending[before..])
    }

    /// Copies what is pending to the room for a part; `None` when there is none. [`Sink::commit`] has to follow.
    pub(crate) fn give<'a>(&mut self, sink: &'a mut dyn Sink) -> Option<&'a [u8]> {
        let room = sink.reserve(self.pending.len())?;
        room.copy_from_slice(&self.pending);
        self.pending.clear();
        Some(room)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// True when no more fits before something is handed over.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.len() == PART_BYTES
    }

    /// Bytes of memory that it has.
    pub(crate) fn memory(&self) -> usize {
        self.pending.capacity()
    }

    /// True when what is pending has to be handed over before the run is taken in.
    fn is_due(&self, run_len: usize, completes: bool) -> bool {
        match self.pending.len() {
            0 => false,
            PART_BYTES => true,
            _ => run_len >= DIRECT_BYTES || completes && run_len == 0,
        }
    }
}

/// From this length on a run is worth a part of its own, which saves the copy to what is pending.
const DIRECT_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pending: usize) -> Assembler {
        let mut assembler = Assembler::default();
        let ((), collected) = assembler.collect(|bytes| bytes.resize(pending, 7));
        assert_eq!(collected.len(), pending);
        assembler
    }

    #[test]
    fn long_runs_and_ends_go_straight_through() {
        let step = |len, completes| with(0).step(len, completes);
        assert_eq!(step(5, true), Step::HandOver { len: 5, last: true });
        assert_eq!(step(0, true), Step::HandOver { len: 0, last: true });
        let (len, last) = (DIRECT_BYTES, false);
        assert_eq!(step(DIRECT_BYTES, false), Step::HandOver { len, last });
        let len = PART_BYTES;
        assert_eq!(step(PART_BYTES + 1, true), Step::HandOver { len, last });
    }

    #[test]
    fn short_runs_are_collected_until_there_are_enough_or_a_long_one_comes() {
        assert_eq!(with(0).step(5, false), Step::Collect(5));
        assert_eq!(with(5).step(0, false), Step::Wait);
        assert_eq!(with(PART_BYTES - 3).step(5, false), Step::Collect(3));
        let last = false;
        assert_eq!(
            with(PART_BYTES).step(5, true),
            Step::HandOverPending { last }
        );
        assert_eq!(
            with(5).step(DIRECT_BYTES, true),
            Step::HandOverPending { last }
        );
        let last = true;
        assert_eq!(with(5).step(0, true), Step::HandOverPending { last });
        assert_eq!(with(5).step(9, true), Step::Collect(9));
    }
}
