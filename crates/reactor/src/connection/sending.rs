//! From commands to the socket: framing, answers to requests, and writing.
//!
//! Invariant: control frames stand between data frames. While the payload of one is coming in pieces, a pong or a ping of
//! ours is held, and a goodbye until its message has come to its end.

use std::net::Shutdown;
use std::time::Instant;

use gev_wire::{Outgoing, Payload};

use super::{Connection, MAX_CONTROL_BYTES, Next, Pools, State};
use crate::close_reason::{CloseCause, CloseReason};
use crate::output::CHUNK_BYTES;

impl Connection {
    /// Writes what is waiting, and takes the next step towards the end when all of it is out.
    pub(crate) fn flush(&mut self, pools: &mut Pools) -> Next {
        self.flush_with(&[], pools)
    }

    /// The loop has taken so many of the bytes that the application has counted for what it sends.
    pub(crate) fn count_taken(&mut self, bytes: usize) {
        self.taken = self.taken.wrapping_add(bytes as u32);
    }

    /// Queues one message. Returns what the socket said if it was tried at once.
    pub(crate) fn send(&mut self, outgoing: Outgoing, payload: &[u8], pools: &mut Pools) -> Next {
        if !self.takes_messages() {
            self.has_dropped = true;
            return Next::Wait;
        }
        self.begin_frame(outgoing, payload.len() as u64, pools);
        self.add_payload(payload, pools)
    }

    /// Queues the frame header of a message whose `len` bytes follow.
    pub(crate) fn begin(&mut self, outgoing: Outgoing, len: u64, pools: &mut Pools) {
        if self.takes_messages() {
            self.begin_frame(outgoing, len, pools);
            self.unsent = len;
        }
    }

    /// Queues the next bytes of the message that has begun.
    pub(crate) fn continue_message(
        &mut self,
        payload: &[u8],
        deadline: Instant,
        pools: &mut Pools,
    ) -> Next {
        if !self.takes_messages() {
            self.has_dropped = true;
            return Next::Wait;
        }
        self.unsent = self.unsent.saturating_sub(payload.len() as u64);
        let next = self.add_payload(payload, pools);
        if next == Next::Wait
            && self.unsent == 0
            && let Some((close, cause)) = self.held_end.take().map(|end| *end)
        {
            self.close(close, cause, deadline, pools);
        }
        next
    }

    /// Queues a ping.
    pub(crate) fn ping(&mut self, payload: &[u8], pools: &mut Pools) {
        if self.takes_messages() {
            let tail = self.output.tail(MAX_CONTROL_BYTES, &mut pools.chunks);
            let before = tail.len();
            self.protocol.ping(payload, tail);
            let ping = tail.len() - before;
            self.output.appended(ping);
        }
    }

    /// The application wants to know when no more than `mark` bytes wait for the socket.
    pub(crate) fn tell_drained(&mut self, mark: u32) {
        self.drain_mark = Some(mark);
    }

    /// The application wants to know when everything that has been queued so far has been taken by the kernel.
    pub(crate) fn tell_sent(&mut self) {
        // Of what has been dropped nobody can say that it was sent: the end of the connection answers for it.
        if !self.has_dropped {
            let mark = self.output.taken() + self.output.len() as u64;
            self.sent_marks.push_back(mark);
        }
    }

    /// The application accepts the upgrade that it was asked about.
    pub(crate) fn accept(&mut self, details: &[u8]) {
        if self.asking.take().is_some() {
            self.protocol.accept(details);
            self.undecoded = true;
        }
    }

    /// The application answers the request that it was asked about; without `more` to come that is the end.
    pub(crate) fn respond(
        &mut self,
        bytes: &[u8],
        more: bool,
        deadline: Instant,
        pools: &mut Pools,
    ) {
        if self.asking.is_none() {
            return;
        }
        self.output.append(bytes, &mut pools.chunks);
        self.is_answering = true;
        // The time for the handshake is over, also when this has more parts.
        self.deadline = Some(deadline);
        if !more {
            self.asking = None;
            self.protocol.refuse();
            self.state = State::Finishing;
            self.outcome = Some(CloseReason::abnormal(CloseCause::Local, "request answered"));
            self.forget_rest(pools);
        }
    }

    /// Closes the sending side when the output is out.
    pub(crate) fn shutdown_write(&mut self) {
        self.shutdown_when_flushed = true;
    }

    /// True while no other frame may be sent. What is transformed goes out in frames that are whole.
    pub(super) fn is_mid_frame(&self) -> bool {
        self.unsent > 0 && !self.transforms
    }

    fn takes_messages(&self) -> bool {
        matches!(self.state, State::Open | State::HalfClosed)
            && self.is_open()
            && !self.shutdown_when_flushed
    }

    #[inline]
    fn begin_frame(&mut self, outgoing: Outgoing, len: u64, pools: &mut Pools) {
        let tail = self.output.tail(MAX_HEADER_BYTES, &mut pools.chunks);
        let before = tail.len();
        self.transforms = self.protocol.begin(outgoing, len, tail) == Payload::Transformed;
        let header = tail.len() - before;
        self.output.appended(header);
    }

    #[inline]
    fn add_payload(&mut self, payload: &[u8], pools: &mut Pools) -> Next {
        if self.transforms {
            let Self {
                protocol, output, ..
            } = self;
            protocol.transform(payload, &mut |bytes| {
                output.append(bytes, &mut pools.chunks)
            });
            return Next::Wait;
        }
        if payload.len() >= DIRECT_BYTES && self.writable {
            return self.flush_with(payload, pools);
        }
        self.output.append(payload, &mut pools.chunks);
        Next::Wait
    }

    fn flush_with(&mut self, mut payload: &[u8], pools: &mut Pools) -> Next {
        while self.writable {
            let before = self.output.len() + payload.len();
            match self
                .output
                .flush(&mut self.socket, payload, &mut pools.chunks)
            {
                Ok(flushed) => self.writable = flushed,
                Err(error) => return self.failed(&error),
            }
            if self.output.len() < before {
                self.watch.note_sent();
            }
            payload = &[];
            if !self.writable || !self.release_controls(pools) {
                break;
            }
        }
        if self.has_output() {
            return Next::Wait;
        }
        if self.state == State::Finishing {
            if self.input_ended {
                return Next::Gone(self.take_outcome());
            }
            self.state = State::Lingering;
            self.undecoded = false;
            self.shutdown_when_flushed = true;
        }
        if self.shutdown_when_flushed {
            // Fails only when the peer has reset the connection, which reading will tell.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        Next::Wait
    }

    /// Queues the control frames that were held, if they may go now; true if there were any.
    fn release_controls(&mut self, pools: &mut Pools) -> bool {
        let may_go = !self.is_mid_frame() && self.takes_messages();
        if !may_go || !(self.held_ping || self.held_pong.is_some()) {
            return false;
        }
        if let Some(pong) = self.held_pong.take() {
            self.output.append(&pong, &mut pools.chunks);
        }
        if std::mem::take(&mut self.held_ping) {
            self.ping(&[], pools);
        }
        true
    }
}

/// From this size on a payload is handed to the kernel from the command queue, without a copy to the output.
const DIRECT_BYTES: usize = 8 * 1024;

/// No protocol writes a longer frame header than WebSocket's ten bytes; with room to spare.
const MAX_HEADER_BYTES: usize = 32;

const _: () = assert!(MAX_HEADER_BYTES <= CHUNK_BYTES);
