//! TCP without framing.

use crate::close::{Close, Fault};
use crate::codec::{
    Codec, Decoded, MessageKind, Opening, Outgoing, PART_BYTES, Part, Payload, Sink,
};
use crate::input::Input;

/// Every run of bytes that can be read at once is one binary message.
///
/// TCP has no message borders, so where one message ends and the next begins says nothing: a run is cut at
/// [`PART_BYTES`], and wherever the network or the read buffer cut it before. Nothing is ever left in the input unless
/// the sink is full.
#[derive(Debug, Default)]
pub struct Raw {
    /// True from the moment that the sink has accepted the opening.
    open: bool,
}

impl Raw {
    /// What [`Codec::max_framing`] says: what is sent goes out as it is.
    pub const MAX_FRAMING: usize = 0;
}

impl Codec for Raw {
    fn decode(&mut self, input: &mut Input<'_>, sink: &mut dyn Sink) -> Result<Decoded, Fault> {
        if !self.open {
            if !sink.open(Opening::default()) {
                return Ok(Decoded::Blocked);
            }
            self.open = true;
        }
        while !input.is_empty() {
            let first = input.first();
            let n = first.len().min(PART_BYTES);
            let Some(payload) = sink.reserve(n) else {
                return Ok(Decoded::Blocked);
            };
            payload.copy_from_slice(&first[..n]);
            let goes_on = sink.commit(Part {
                kind: MessageKind::Binary,
                last: true,
                ascii: false,
            });
            input.consume(n);
            if !goes_on {
                return Ok(Decoded::Asked);
            }
        }
        Ok(Decoded::NeedMore)
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
        0
    }
}
