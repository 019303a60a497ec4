//! How the bytes of a client come to a protocol: in what pieces, and with how much room in the sink.

use std::iter::Cycle;
use std::slice::Iter;

use arbitrary::Arbitrary;
use gev_wire::{Codec, Decoded, Fault, Input, PART_BYTES, Request, RingBuffer};

use crate::kit::{Collector, End, Entry, finish};

/// Pieces and room, over and over: a few bytes of the fuzzer decide about any number of pieces.
#[derive(Debug, Clone, Arbitrary)]
pub(crate) struct Arrival {
    /// How long the pieces are, see [`piece_len`].
    pieces: [u8; 6],
    /// When the sink is full, see [`block_every`].
    full: [u8; 6],
    /// Index in the ring that the first byte is written to, which decides where the ring wraps.
    at: u8,
}

/// Feeds a protocol as a connection of the reactor does: from the read buffer as long as nothing is left of what was
/// read before, else through a ring.
pub(crate) struct Feeder<'a> {
    pub(crate) protocol: &'a mut dyn Codec,
    pub(crate) sink: &'a mut Collector,
    rest: RingBuffer,
    pieces: Cycle<Iter<'a, u8>>,
    full: Cycle<Iter<'a, u8>>,
    /// Calls in a row that found no room.
    refusals: usize,
    /// What the application says when it is asked to upgrade.
    pub(crate) accepts: bool,
}

impl Arrival {
    pub(crate) fn feeder<'a>(
        &'a self,
        protocol: &'a mut dyn Codec,
        sink: &'a mut Collector,
    ) -> Feeder<'a> {
        Feeder {
            protocol,
            sink,
            rest: self.ring(),
            pieces: self.pieces.iter().cycle(),
            full: self.full.iter().cycle(),
            refusals: 0,
            accepts: true,
        }
    }

    /// An empty ring that will wrap somewhere.
    pub(crate) fn ring(&self) -> RingBuffer {
        let mut ring = RingBuffer::new(REST_BYTES);
        let at = usize::from(self.at);
        ring.write(&vec![0; at]).expect("room");
        ring.consume(at);
        ring
    }

    /// Lengths of pieces, without end.
    pub(crate) fn piece_lens(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().cycle().map(|&byte| piece_len(byte))
    }
}

impl Feeder<'_> {
    /// Feeds all of `bytes`, or up to the end of the connection.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> End {
        loop {
            let len = self.pieces.next().map_or(1, |&byte| piece_len(byte));
            let (piece, behind) = bytes.split_at(len.min(bytes.len()));
            bytes = behind;
            let mut decoded = self.decode_piece(piece);
            while matches!(decoded, Ok(Decoded::Blocked | Decoded::Asked)) {
                if decoded == Ok(Decoded::Asked) {
                    self.answer();
                }
                decoded = self.decode_rest();
            }
            let end = match decoded {
                Ok(Decoded::Closed(close)) => End::Closed(close),
                Ok(_) if bytes.is_empty() => return End::NeedMore,
                Ok(_) => continue,
                Err(error) => End::Failed(error),
            };
            return finish(self.protocol, end, self.sink);
        }
    }

    /// Bytes that were fed and belong to an unfinished frame or request.
    pub(crate) fn rest_len(&self) -> usize {
        self.rest.len()
    }

    fn decode_piece(&mut self, piece: &[u8]) -> Result<Decoded, Fault> {
        if !self.rest.is_empty() {
            self.rest.write(piece).expect("room for a piece");
            return self.decode_rest();
        }
        self.fill_or_empty_sink();
        let mut input = Input::from(piece);
        let decoded = self.protocol.decode(&mut input, self.sink);
        self.rest.write(input.first()).expect("room for a piece");
        self.decoded(decoded)
    }

    fn decode_rest(&mut self) -> Result<Decoded, Fault> {
        self.fill_or_empty_sink();
        let mut input = self.rest.input();
        let decoded = self.protocol.decode(&mut input, self.sink);
        let used = self.rest.len() - input.len();
        self.rest.consume(used);
        self.decoded(decoded)
    }

    /// Nothing is decoded before the answer.
    fn answer(&mut self) {
        let before = self.rest.len();
        assert_eq!(self.decode_rest(), Ok(Decoded::Asked));
        assert_eq!(self.rest.len(), before);
        answer(self.accepts, self.protocol, self.sink);
    }

    /// Decides how much room the next call finds: after a few calls without, enough.
    fn fill_or_empty_sink(&mut self) {
        let block_every = self.full.next().map_or(0, |&byte| block_every(byte));
        self.sink.block_every = if self.refusals == MAX_REFUSALS {
            0
        } else {
            block_every
        };
    }

    fn decoded(&mut self, decoded: Result<Decoded, Fault>) -> Result<Decoded, Fault> {
        if decoded == Ok(Decoded::Blocked) {
            assert_ne!(self.sink.block_every, 0, "blocked by a sink with room");
            self.refusals += 1;
        } else {
            self.refusals = 0;
        }
        if decoded == Ok(Decoded::NeedMore) {
            let rest = self.rest.len();
            assert!(rest <= MAX_UNFINISHED_BYTES, "{rest} bytes have to be kept");
        }
        decoded
    }
}

/// Answers what the application was asked.
pub(crate) fn answer(accepts: bool, protocol: &mut dyn Codec, sink: &Collector) {
    let upgrade = protocol.upgrade().expect("who asks can be answered");
    match sink.log.last() {
        Some(Entry::Ask(Request::Upgrade, _)) if accepts => upgrade.accept(b"\nX-Asked: yes\r\n"),
        Some(Entry::Ask(..)) => upgrade.refuse(),
        other => panic!("nothing was asked: {other:?}"),
    }
}

/// Short pieces of all lengths, and some that are longer than what the codec takes for long (8 and 64 KiB).
fn piece_len(byte: u8) -> usize {
    match byte {
        0..200 => usize::from(byte) + 1,
        200.. => usize::from(byte - 199) * 1500,
    }
}

/// No room for every so many requests during one call; 0, which half of the bytes mean, for room for all.
fn block_every(byte: u8) -> usize {
    match byte {
        0..128 => 0,
        128.. => usize::from(byte % 4) + 1,
    }
}

const MAX_REFUSALS: usize = 5;
/// What the reactor takes for granted: see `MAX_UNFINISHED_BYTES` of its connections.
const MAX_UNFINISHED_BYTES: usize = PART_BYTES;
/// As much as that, and the longest piece.
const REST_BYTES: usize = 256 * 1024;
