//! From the application to the peer: framing, answers to requests, and writing.
//!
//! Invariant: control frames stand between data frames, as each is queued as a whole.

use std::collections::VecDeque;
use std::time::Instant;

use gev_wire::{Close, CloseCause, Outgoing, Payload};

use crate::close_reason::CloseReason;
use crate::event::Event;
use crate::loan::Loan;
use crate::output::{CHUNK_BYTES, Outlet, Output};
use crate::pools::Pools;
use crate::session::{Next, Session};

/// What one connection sends.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) output: Output,
    /// The socket may take something: until it has said that it would block.
    pub(crate) writable: bool,
    /// The application wants to know when no more than so many bytes of output are left.
    drain_mark: Option<u32>,
    /// Of the bytes that the kernel takes: where the application wants to know that it has come to.
    sent_marks: VecDeque<u64>,
    /// What the application has counted for the messages and pings that were taken from the queue, modulo 2^32.
    taken: u32,
    /// What it counts for each besides its payload: see [`gev_wire::Codec::max_framing`].
    framing: u32,
    /// A message was dropped because the end had begun.
    has_dropped: bool,
    /// The answer to the latest ping, as long as the socket takes nothing.
    held_pong: Option<Box<[u8]>>,
    fin: Fin,
}

/// The end of this side's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fin {
    /// There may be more.
    Open,
    /// When the output is out. Nothing more is sent.
    WhenFlushed,
    Sent,
}

impl Sending {
    /// For a codec that adds at most so many bytes to a message.
    pub(crate) fn new(framing: usize) -> Self {
        Self {
            output: Output::default(),
            writable: true,
            drain_mark: None,
            sent_marks: VecDeque::new(),
            taken: 0,
            framing: framing as u32,
            has_dropped: false,
            held_pong: None,
            fin: Fin::Open,
        }
    }
}

impl Session {
    /// The socket may take something again. Returns true when that makes a difference.
    pub fn note_writable(&mut self) -> bool {
        let unblocked = !std::mem::replace(&mut self.sending.writable, true);
        unblocked && (self.has_output() || self.life.is_finishing())
    }

    /// True when something waits for the socket.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.sending.output.is_empty()
    }

    /// Bytes that the kernel has taken since the beginning.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.sending.output.taken()
    }

    /// True when flushing would do something: there is output, or a step to take once there is none.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        if self.has_output() {
            self.sending.writable
        } else {
            self.life.is_finishing()
        }
    }

    /// Writes what is waiting, and takes the next step towards the end when all of it is out.
    pub fn flush(&mut self, outlet: &mut impl Outlet, pools: &mut Pools) -> Next {
        self.flush_with(&[], outlet, pools)
    }

    /// Queues one message of the application's. A long one is tried at once: returns what the socket said.
    pub fn send(
        &mut self,
        outgoing: Outgoing,
        payload: &[u8],
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        self.sending.count_framed(payload.len());
        if !self.takes_messages() {
            self.sending.has_dropped = true;
            return Next::Wait;
        }
        if self.begin_frame(outgoing, payload.len(), pools) == Payload::Transformed {
            self.transform(payload, pools);
        } else if payload.len() >= DIRECT_BYTES && self.sending.writable {
            return self.flush_with(payload, outlet, pools);
        } else {
            self.sending.output.keep(payload, &mut pools.chunks);
        }
        Next::Wait
    }

    /// Queues one message of the application's that is lent, and tries it at once: returns what the socket said.
    pub fn send_loan(
        &mut self,
        outgoing: Outgoing,
        loan: Loan,
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        let len = loan.bytes().len();
        self.sending.count_framed(len);
        if !self.takes_messages() {
            self.sending.has_dropped = true;
            return Next::Wait;
        }
        if self.begin_frame(outgoing, len, pools) == Payload::Transformed {
            self.transform(loan.bytes(), pools);
            return Next::Wait;
        }
        self.sending.output.append_loan(loan);
        self.flush_with(&[], outlet, pools)
    }

    /// Queues a ping of the application's, if the codec has such a thing.
    pub fn ping(&mut self, payload: &[u8], pools: &mut Pools) {
        self.sending.count_framed(payload.len());
        self.queue_ping(payload, pools);
    }

    pub(crate) fn queue_ping(&mut self, payload: &[u8], pools: &mut Pools) {
        if self.takes_messages()
            && let Some(keep_alive) = self.codec.keep_alive()
        {
            self.sending
                .write_control(pools, |out| keep_alive.ping(payload, out));
        }
    }

    /// The application wants to know, once, when no more than `mark` bytes wait for the socket.
    pub fn tell_drained(&mut self, mark: u32) {
        self.sending.drain_mark = Some(mark);
    }

    /// The application wants to know when everything that has been queued so far has been taken by the kernel.
    pub fn tell_sent(&mut self) {
        self.sending.mark();
    }

    /// The application accepts the upgrade that it was asked about. `details`: see [`gev_wire::Upgrade::accept`].
    pub fn accept(&mut self, details: &[u8]) {
        if self.life.accept() {
            if let Some(upgrade) = self.codec.upgrade() {
                upgrade.accept(details);
            }
            self.undecoded = true;
        }
    }

    /// The application answers the request that it was asked about; without `more` to come that is the end, which
    /// has to come before the `deadline`.
    pub fn respond(&mut self, bytes: &[u8], more: bool, deadline: Instant, pools: &mut Pools) {
        if !self.life.respond() {
            return;
        }
        self.sending.append(bytes, pools);
        // The time for the handshake is over, also when this has more parts.
        self.deadline = Some(deadline);
        if !more {
            if let Some(upgrade) = self.codec.upgrade() {
                upgrade.refuse();
            }
            let reason = CloseReason::abnormal(CloseCause::Local, "request answered");
            self.finish(reason, deadline, pools);
        }
    }

    /// Closes the sending side when the output is out; reading goes on.
    pub fn shut_down_write(&mut self) {
        self.sending.end();
    }

    pub(crate) fn takes_messages(&self) -> bool {
        self.life.may_send() && self.sending.fin == Fin::Open
    }

    /// Queues what goes in front of a payload; returns what becomes of that.
    #[inline]
    fn begin_frame(&mut self, outgoing: Outgoing, len: usize, pools: &mut Pools) -> Payload {
        let Self { codec, sending, .. } = self;
        let tail = sending
            .output
            .tail(MAX_HEADER_BYTES, MAX_HEADER_BYTES, &mut pools.chunks);
        let before = tail.len();
        let payload = codec.begin(outgoing, len as u64, tail);
        let header = tail.len() - before;
        sending.output.appended(header);
        payload
    }

    fn transform(&mut self, payload: &[u8], pools: &mut Pools) {
        let Self { codec, sending, .. } = self;
        codec.transform(payload, &mut |bytes| sending.append(bytes, pools));
    }

    pub(crate) fn flush_with(
        &mut self,
        mut payload: &[u8],
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        while self.sending.writable {
            let before = self.sending.output.len() + payload.len();
            match self
                .sending
                .output
                .flush(outlet, payload, &mut pools.chunks)
            {
                Ok(flushed) => self.sending.writable = flushed,
                Err(error) => return self.failed(&error),
            }
            if self.sending.output.len() < before {
                self.watch.note_sent();
            }
            payload = &[];
            if !self.sending.writable || !self.release_pong(pools) {
                break;
            }
        }
        if self.has_output() {
            return Next::Wait;
        }
        if self.life.is_finishing() {
            if self.input_ended {
                return Next::Gone(self.take_outcome());
            }
            self.life.linger();
            self.undecoded = false;
            self.sending.end();
        }
        if self.sending.fin == Fin::WhenFlushed {
            self.sending.fin = Fin::Sent;
            outlet.shut_down();
        }
        Next::Wait
    }

    /// Queues the pong that was held, if it may go now; true if there was one.
    fn release_pong(&mut self, pools: &mut Pools) -> bool {
        if !self.takes_messages() {
            return false;
        }
        let Some(pong) = self.sending.held_pong.take() else {
            return false;
        };
        self.sending.append(&pong, pools);
        true
    }

    /// Appends the codec's goodbye to the output; true when the peer is to answer.
    pub(crate) fn goodbye(&mut self, close: &Close, pools: &mut Pools) -> bool {
        let Self { codec, sending, .. } = self;
        sending.write_control(pools, |out| codec.close(close, out))
    }
}

impl Sending {
    /// Copies `bytes` behind what is there.
    pub(crate) fn append(&mut self, bytes: &[u8], pools: &mut Pools) {
        self.output.append(bytes, &mut pools.chunks);
    }

    /// True when a pong may be sent at once.
    pub(crate) fn may_pong(&self) -> bool {
        self.writable
    }

    /// Keeps a pong until it may be sent, instead of an earlier one.
    pub(crate) fn hold_pong(&mut self, frame: &[u8]) {
        self.held_pong = Some(frame.into());
    }

    /// Something with `len` bytes of payload has been taken from the queue.
    #[inline]
    pub(crate) fn count_framed(&mut self, len: usize) {
        self.count(len + self.framing as usize);
    }

    /// So much of what the application has counted has been taken from the queue.
    #[inline]
    fn count(&mut self, bytes: usize) {
        self.taken = self.taken.wrapping_add(bytes as u32);
    }

    /// What the application has counted, less what waits for the socket: see [`Gauges`](crate::Gauges).
    pub(crate) fn done(&self) -> u32 {
        self.taken.wrapping_sub(self.output.len() as u32)
    }

    /// Bytes of memory that it has.
    pub(crate) fn memory(&self) -> usize {
        self.output.memory() + self.sent_marks.capacity() * size_of::<u64>()
    }

    /// Gives all borrowed memory back.
    pub(crate) fn discard(&mut self, pools: &mut Pools) {
        self.output.discard(&mut pools.chunks);
    }

    pub(crate) fn next_news(&mut self) -> Option<Event> {
        let taken = self.output.taken();
        if self.sent_marks.front().is_some_and(|&mark| mark <= taken) {
            self.sent_marks.pop_front();
            if self.sent_marks.is_empty() {
                // Keeps an idle connection at zero heap bytes.
                self.sent_marks = VecDeque::new();
            }
            return Some(Event::Sent);
        }
        let drained = |mark: &mut u32| self.output.len() <= *mark as usize;
        self.drain_mark.take_if(drained).map(|_| Event::Drained)
    }

    fn mark(&mut self) {
        // Of what has been dropped nobody can say that it was sent: the end of the connection answers for it.
        if !self.has_dropped {
            let mark = self.output.taken() + self.output.len() as u64;
            self.sent_marks.push_back(mark);
        }
    }

    /// FIN when the output is out.
    fn end(&mut self) {
        if self.fin == Fin::Open {
            self.fin = Fin::WhenFlushed;
        }
    }

    fn write_control<R>(&mut self, pools: &mut Pools, write: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let tail = self
            .output
            .tail(MAX_CONTROL_BYTES, MAX_CONTROL_BYTES, &mut pools.chunks);
        let before = tail.len();
        let result = write(tail);
        let written = tail.len() - before;
        self.output.appended(written);
        result
    }
}

/// From this size on a payload is handed to the kernel from the command queue, without a copy to the output.
pub(crate) const DIRECT_BYTES: usize = 8 * 1024;

/// No codec writes a longer header than WebSocket's ten bytes; with room to spare.
const MAX_HEADER_BYTES: usize = 32;

/// A control frame: 4 bytes of header, 125 of payload (RFC 6455 section 5.5); with room to spare.
const MAX_CONTROL_BYTES: usize = 160;

const _: () = assert!(MAX_HEADER_BYTES <= CHUNK_BYTES && MAX_CONTROL_BYTES <= CHUNK_BYTES);
