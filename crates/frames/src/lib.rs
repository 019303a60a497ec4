//! Frames by configuration: starts, lengths, ends, escapes, checksums, and rules for some frames only.
//!
//! ```text
//!          .--a frame that fits into one part: verified where it lies, then copied once to the sink--.
//!          v                                                                                         |
//!   --> Start --a longer one--> Long --its end--> Start                                              |
//!          |                     |                                                                   |
//!          `--too long-----------^--> Dropping --its end--> Start          any --closed for--> Failed
//! ```
//! Invariants: a short frame stays in the input until all of it is there, and nothing of it is handed over before it has been
//! verified; a long one goes to the sink in parts, and if it turns out to be wrong, the error that tells of it takes them
//! back. What is announced is never allocated. A search goes on where it stopped. No connection has heap memory of its own
//! unless a long frame is half way, or one is being written with COBS or with its checksum in front.
//!
//! A crate of its own, as it is built to be small: see `Cargo.toml`.
#![forbid(unsafe_code)]

use std::sync::Arc;

use gev_wire::{Close, Codec, Decoded, Fault, FrameFault, Input, Opening, Outgoing, Payload, Sink};

use cutter::Cutter;
use sending::Sending;

mod bytes;
#[cfg(feature = "check")]
mod check;
mod checksum;
mod config;
mod cutter;
mod escape;
mod framing;
mod length;
mod long;
mod marks;
mod record;
mod rule;
mod sending;
mod sequences;
mod short;
mod simple;

#[cfg(feature = "check")]
pub use check::Sendable;
pub use checksum::{Checksum, Crc, Digits, OnBad, Sum};
pub use config::{Case, Config, Deliver, Extent, Rule as RuleConfig, Wrong};
pub use escape::Escape;
pub use framing::Framing;
pub use length::{Counts, Field, Form, Length, Place};

/// One connection's codec of frames.
#[derive(Debug)]
pub struct Frames {
    framing: Arc<Framing>,
    /// The sink has accepted the opening.
    open: bool,
    cutter: Cutter,
    sending: Sending,
}

impl Frames {
    /// A codec that cuts frames so.
    #[must_use]
    pub fn new(framing: Arc<Framing>) -> Self {
        Self {
            framing,
            open: false,
            cutter: Cutter::default(),
            sending: Sending::default(),
        }
    }
}

impl Codec for Frames {
    fn decode(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        if !self.open {
            if !sink.open(Opening::default()) {
                return Ok(Decoded::Blocked);
            }
            self.open = true;
        }
        self.cutter.cut(&self.framing, input, sink)
    }

    fn begin(&mut self, _outgoing: Outgoing, len: u64, out: &mut Vec<u8>) -> Payload {
        self.sending.begin(&self.framing, len, out)
    }

    fn transform(&mut self, payload: &[u8], out: &mut dyn FnMut(&[u8])) {
        self.sending.payload(&self.framing, payload, out);
    }

    fn max_framing(&self) -> usize {
        self.framing.max_framing
    }

    fn close(&mut self, _close: &Close, _out: &mut Vec<u8>) -> bool {
        false
    }

    fn ends_by_fin(&self) -> bool {
        true
    }

    fn end_of_input(&mut self, rest: &Input<'_>, sink: &mut dyn Sink) -> Result<bool, Fault> {
        self.cutter.end_of_input(rest, sink)
    }

    fn is_mid_frame(&self, rest_len: usize) -> bool {
        self.cutter.is_mid_frame(rest_len)
    }

    fn frame_is_late(&mut self, rest: &Input<'_>) {
        self.cutter.cut_short(FrameFault::Timeout, rest);
    }

    fn unfinished_len(&self) -> u64 {
        self.cutter.long.taken_in()
    }

    fn is_half_way(&self) -> bool {
        self.unfinished_len() > 0
    }

    fn is_between_messages(&self) -> bool {
        self.cutter.is_between_frames()
    }

    fn kept_len(&self) -> usize {
        self.cutter.long.memory()
    }
}

#[cfg(test)]
mod tests;
