//! One connection's compressing and decompressing (RFC 7692 section 7.2).
//!
//! ```text
//!   out: payload --deflate, sync flush--> ... 00 00 FF FF      the last four bytes are left out at a message's end
//!   in:  payload ... + 00 00 FF FF --inflate--> message        and put back by the receiver
//! ```

use std::fmt;
use std::sync::Arc;

use zlib_rs::{DeflateFlush, Inflate, InflateFlush, Status};

use super::negotiation::Agreed;
use super::pool::{Deflater, INFLATER_BYTES, Pool, Reservation, new_inflater};
use crate::close::{CloseCode, Fault};
use crate::codec::{MessageKind, Outgoing};
use crate::websocket::Shared;
use crate::websocket::header::{FIN, FrameHeader, OpCode, RSV1};
use crate::websocket::mask::append_unmasked;

/// What a connection that has agreed on permessage-deflate needs for it.
pub(crate) struct Compression {
    shared: Arc<Shared>,
    agreed: Agreed,
    /// Its own, or borrowed (with its part of the budget for those) for the message that is coming in.
    inflater: Option<(Inflate, Option<Reservation>)>,
    /// Its own, or borrowed for the message that is going out.
    deflater: Option<Deflater>,
    /// Bytes of [`TAIL`] that the inflater has got for the message that is coming in.
    tail: usize,
    /// The inflater has filled all the room that it was given, and may have more.
    full: bool,
    /// Blocks of the message that is coming in that say that they are the last one.
    ended: usize,
    /// The compressed message that is going out.
    sending: Option<Sending>,
}

/// A compressed message that is half way out.
#[derive(Debug, Clone, Copy)]
struct Sending {
    kind: MessageKind,
    /// No frame of it has been written.
    first: bool,
    /// It ends with what is being sent now.
    last: bool,
    /// Payload bytes that are still to come of what is being sent now.
    left: u64,
}

/// Masked payload that is to be inflated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) masked: &'a [u8],
    pub(crate) key: [u8; 4],
    /// Place in the key of the first byte.
    pub(crate) phase: usize,
    /// The message ends with it.
    pub(crate) last: bool,
}

/// What inflating a [`Piece`] came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Inflated {
    /// Bytes of the piece that have been used up.
    pub(crate) consumed: usize,
    /// Bytes that were written.
    pub(crate) written: usize,
    /// All of the piece has come out. Otherwise there was not enough room.
    pub(crate) done: bool,
}

impl Compression {
    pub(crate) fn new(shared: Arc<Shared>, agreed: Agreed) -> Self {
        Self {
            shared,
            agreed,
            inflater: None,
            deflater: None,
            tail: 0,
            full: false,
            ended: 0,
            sending: None,
        }
    }

    /// See [`Codec::alike`](crate::Codec::alike): without a context only the window matters.
    pub(crate) fn alike(&self) -> Option<u32> {
        let bits = u32::from(self.agreed.server_window_bits);
        self.agreed.server_no_context_takeover.then_some(bits)
    }

    /// True when more may come out without anything going in.
    pub(crate) fn has_more(&self) -> bool {
        self.full
    }

    /// Inflates as much of `piece` as finds room in `out`. To be called with the rest of the piece, empty or not,
    /// until it is done.
    pub(crate) fn inflate(&mut self, piece: Piece<'_>, out: &mut [u8]) -> Result<Inflated, Fault> {
        let shared = Arc::clone(&self.shared);
        let mut pool = shared.pool();
        if self.inflater.is_none() {
            self.inflater = Some(self.new_inflater(&mut pool)?);
        }
        let (mut consumed, mut written) = (0, 0);
        let done = loop {
            let rest = &piece.masked[consumed..];
            let run = &rest[..rest.len().min(CLEAR_BYTES)];
            let clear = &mut pool.clear;
            clear.clear();
            append_unmasked(run, piece.key, piece.phase + consumed, clear);
            if piece.last && run.len() == rest.len() {
                clear.extend_from_slice(&TAIL[self.tail..]);
            }
            if clear.is_empty() && !self.full {
                break true;
            }
            if written == out.len() {
                break false;
            }
            let (used, n) = self.inflate_run(clear, &mut out[written..])?;
            let from_run = used.min(run.len());
            consumed += from_run;
            self.tail += used - from_run;
            written += n;
        };
        if done && piece.last {
            self.end_inflating(&mut pool);
        }
        Ok(Inflated {
            consumed,
            written,
            done,
        })
    }

    /// Inflates `clear` until it is used up or `out` is full: bytes used, bytes written.
    fn inflate_run(&mut self, clear: &[u8], out: &mut [u8]) -> Result<(usize, usize), Fault> {
        let (mut used, mut written) = (0, 0);
        let (inflater, _) = self.inflater.as_mut().expect("Bug: no inflater");
        loop {
            let (u, n, status) = step(inflater, &clear[used..], &mut out[written..])?;
            used += u;
            written += n;
            self.full = written == out.len();
            if status == Status::StreamEnd {
                // RFC 7692 section 7.2.3.4: a block may say that it is the last one, and yet others may follow. Each is
                // work out of proportion to its bytes.
                self.ended += 1;
                if self.ended > MAX_LAST_BLOCKS {
                    return Err(BAD_DATA);
                }
                inflater.reset(false);
            } else if u == 0 && n == 0 && used < clear.len() && !self.full {
                return Err(BAD_DATA);
            }
            if used == clear.len() || self.full {
                return Ok((used, written));
            }
        }
    }

    /// A message has come in.
    fn end_inflating(&mut self, pool: &mut Pool) {
        self.tail = 0;
        let Some((inflater, _)) = &mut self.inflater else {
            return;
        };
        if std::mem::take(&mut self.ended) > 0 {
            // What the tail has begun behind a last block belongs to no other message.
            inflater.reset(false);
        }
        if self.agreed.client_no_context_takeover
            && let Some((inflater, _)) = self.inflater.take()
        {
            pool.put_inflater(inflater);
        }
    }

    /// An inflater of the connection's own, or one that is borrowed for a message, within the loops' budget.
    fn new_inflater(&self, pool: &mut Pool) -> Result<(Inflate, Option<Reservation>), Fault> {
        if !self.agreed.client_no_context_takeover {
            return Ok((new_inflater(self.agreed.client_window_bits), None));
        }
        let budget = &self.shared.deflate().borrowed;
        let reservation = budget.reserve(INFLATER_BYTES).ok_or(TOO_MANY)?;
        Ok((pool.take_inflater(), Some(reservation)))
    }

    /// Begins an outgoing message or fragment of `len` bytes; true when its payload has to go through
    /// [`deflate`](Self::deflate).
    pub(crate) fn begin(&mut self, outgoing: Outgoing, len: u64) -> bool {
        if outgoing.first {
            let long = len >= self.shared.deflate().threshold;
            self.sending = outgoing.compress.unwrap_or(long).then_some(Sending {
                kind: outgoing.kind,
                first: true,
                last: false,
                left: 0,
            });
        }
        let Some(sending) = &mut self.sending else {
            return false;
        };
        sending.last = outgoing.last;
        sending.left = len;
        true
    }

    /// Compresses the next bytes of what has begun, and gives `out` the frames that they make up, in pieces.
    pub(crate) fn deflate(&mut self, payload: &[u8], out: &mut dyn FnMut(&[u8])) {
        let Some(sending) = &mut self.sending else {
            return;
        };
        sending.left = sending.left.saturating_sub(payload.len() as u64);
        let ends = sending.left == 0 && sending.last;
        let forgets = self.agreed.server_no_context_takeover;
        let flush = match sending.left {
            // Ends as a sync flush does, and forgets what came before for less than a reset costs.
            0 if ends && forgets => DeflateFlush::FullFlush,
            0 => DeflateFlush::SyncFlush,
            _ => DeflateFlush::NoFlush,
        };
        let mut pool = self.shared.pool();
        let bits = self.agreed.server_window_bits;
        let settings = self.shared.deflate();
        let deflater = self
            .deflater
            .get_or_insert_with(|| pool.take_deflater(bits, settings));
        let len = pack(&mut deflater.stream, payload, flush, &mut pool.packed);
        let packed = match &pool.packed[..len] {
            packed if !ends => packed,
            // RFC 7692 section 7.2.3.6: where the compressor had nothing to flush.
            [] => EMPTY_BLOCK,
            packed => packed
                .strip_suffix(&TAIL)
                .expect("Bug: a flush ends with an empty block"),
        };
        if ends || !packed.is_empty() {
            let mut header = Vec::with_capacity(FrameHeader::MAX_LEN);
            FrameHeader::append_bits(sending.byte0(ends), packed.len() as u64, &mut header);
            out(&header);
            out(packed);
            sending.first = false;
        }
        if ends {
            self.sending = None;
            if forgets && let Some(deflater) = self.deflater.take() {
                pool.put_deflater(deflater);
            }
        }
    }
}

impl fmt::Debug for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compression")
            .field("agreed", &self.agreed)
            .finish_non_exhaustive()
    }
}

impl Sending {
    /// First byte of the next frame.
    fn byte0(&self, ends: bool) -> u8 {
        let opcode = match (self.first, self.kind) {
            (true, MessageKind::Text) => OpCode::Text,
            (true, MessageKind::Binary) => OpCode::Binary,
            (false, _) => OpCode::Continuation,
        };
        let rsv1 = if self.first { RSV1 } else { 0 };
        let fin = if ends { FIN } else { 0 };
        fin | rsv1 | opcode as u8
    }
}

/// One call of the inflater: bytes used, bytes written.
fn step(
    inflater: &mut Inflate,
    input: &[u8],
    out: &mut [u8],
) -> Result<(usize, usize, Status), Fault> {
    let (used, written) = (inflater.total_in(), inflater.total_out());
    let status = inflater
        .decompress(input, out, InflateFlush::SyncFlush)
        .map_err(|_| BAD_DATA)?;
    Ok((
        (inflater.total_in() - used) as usize,
        (inflater.total_out() - written) as usize,
        status,
    ))
}

/// Compresses all of `payload` to the beginning of `packed`; returns how long that is.
fn pack(
    stream: &mut zlib_rs::Deflate,
    mut payload: &[u8],
    flush: DeflateFlush,
    packed: &mut Vec<u8>,
) -> usize {
    let mut len = 0;
    // Enough for what does not get smaller, so that one call does.
    let enough = payload.len() + payload.len() / 8 + 64;
    if packed.len() < enough {
        packed.resize(enough, 0);
    }
    loop {
        let (used, written) = (stream.total_in(), stream.total_out());
        stream
            .compress(payload, &mut packed[len..], flush)
            .expect("Bug: a compressor that was set up rightly");
        payload = &payload[(stream.total_in() - used) as usize..];
        len += (stream.total_out() - written) as usize;
        // Room that is left over means that everything has been written (zlib.h, deflate).
        if len < packed.len() {
            return len;
        }
        packed.resize(packed.len() * 2, 0);
    }
}

/// RFC 7692 section 7.2.1: what a sync flush ends with.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

/// A block without content, but for its tail.
const EMPTY_BLOCK: &[u8] = &[0x00];

/// Last blocks that a message may have; compressors write none or one.
const MAX_LAST_BLOCKS: usize = 64;

/// Bytes that are unmasked for the inflater at a time.
const CLEAR_BYTES: usize = 16 * 1024;

const BAD_DATA: Fault = Fault::protocol(CloseCode::INVALID_PAYLOAD, "compressed data is not valid");

const TOO_MANY: Fault = Fault::limit(
    CloseCode::TRY_LATER,
    "too many compressed messages are half way",
);
