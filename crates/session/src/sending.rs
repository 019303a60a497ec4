//! From the application to the peer: framing, answers to requests, and writing.
//!
//! Invariant: control frames stand between data frames. While the payload of one is coming in pieces, a pong or a ping of
//! ours is held, and a goodbye until its message has come to its end.

use std::collections::VecDeque;
use std::time::Instant;

use gev_wire::{Close, CloseCause, Outgoing, Payload};

use crate::close_reason::CloseReason;
use crate::event::Event;
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
    /// What has begun goes through the codec on its way out.
    transforms: bool,
    /// Payload bytes of the message (or fragment) that has begun and that are still to come.
    unsent: u64,
    held: Held,
    /// A ping of the loop's waits as what is held does.
    holds_ping: bool,
    fin: Fin,
}

/// What waits for the end of the frame that is half way out.
#[derive(Debug, Default)]
struct Held {
    /// The answer to the latest ping; waits too while the socket takes nothing.
    pong: Option<Box<[u8]>>,
    close: Option<Box<(Close, CloseCause)>>,
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
            transforms: false,
            unsent: 0,
            held: Held::default(),
            holds_ping: false,
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
        self.begin_frame(outgoing, payload.len() as u64, pools);
        self.add_payload(payload, outlet, pools)
    }

    /// Queues what goes in front of a message of the application's whose `len` bytes follow.
    pub fn begin(&mut self, outgoing: Outgoing, len: u64, pools: &mut Pools) {
        self.sending.count_framed(0);
        if self.takes_messages() {
            self.begin_frame(outgoing, len, pools);
            self.sending.unsent = len;
        }
    }

    /// Queues the next bytes of the message that has begun. `deadline`: see [`close`](Self::close).
    pub fn continue_message(
        &mut self,
        payload: &[u8],
        deadline: Instant,
        outlet: &mut impl Outlet,
        pools: &mut Pools,
    ) -> Next {
        self.sending.count(payload.len());
        if !self.takes_messages() {
            self.sending.has_dropped = true;
            return Next::Wait;
        }
        self.sending.unsent = self.sending.unsent.saturating_sub(payload.len() as u64);
        let next = self.add_payload(payload, outlet, pools);
        if next == Next::Wait
            && self.sending.unsent == 0
            && let Some((close, cause)) = self.sending.take_held_close()
        {
            self.close(close, cause, deadline, pools);
        }
        next
    }

    /// Queues a ping of the application's, if the codec has such a thing.
    pub fn ping(&mut self, payload: &[u8], pools: &mut Pools) {
        self.sending.count_framed(payload.len());
        self.queue_ping(payload, pools);
    }

    fn queue_ping(&mut self, payload: &[u8], pools: &mut Pools) {
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

    fn takes_messages(&self) -> bool {
        self.life.may_send() && self.sending.fin == Fin::Open
    }

    #[inline]
    fn begin_frame(&mut self, outgoing: Outgoing, len: u64, pools: &mut Pools) {
        let tail = self
            .sending
            .output
            .tail(MAX_HEADER_BYTES, MAX_HEADER_BYTES, &mut pools.chunks);
        let before = tail.len();
        let payload = self.codec.begin(outgoing, len, tail);
        let header = tail.len() - before;
        self.sending.output.appended(header);
        self.sending.transforms = payload == Payload::Transformed;
    }

    #[inline]
    fn add_payload(&mut self, payload: &[u8], outlet: &mut impl Outlet, pools: &mut Pools) -> Next {
        let Self { codec, sending, .. } = self;
        if sending.transforms {
            codec.transform(payload, &mut |bytes| sending.append(bytes, pools));
            return Next::Wait;
        }
        if payload.len() >= DIRECT_BYTES && sending.writable {
            return self.flush_with(payload, outlet, pools);
        }
        sending.append(payload, pools);
        Next::Wait
    }

    fn flush_with(
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
            if !self.sending.writable || !self.release_controls(pools) {
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

    /// Queues the control frames that were held, if they may go now; true if there were any.
    fn release_controls(&mut self, pools: &mut Pools) -> bool {
        let may_go = !self.sending.is_mid_frame() && self.takes_messages();
        if !may_go || !self.sending.holds_controls() {
            return false;
        }
        if let Some(pong) = self.sending.held.pong.take() {
            self.sending.append(&pong, pools);
        }
        if std::mem::take(&mut self.sending.holds_ping) {
            self.queue_ping(&[], pools);
        }
        true
    }

    /// Pings as soon as no frame is half way out.
    pub(crate) fn ping_soon(&mut self, pools: &mut Pools) {
        if self.sending.is_mid_frame() {
            self.sending.holds_ping = true;
        } else {
            self.queue_ping(&[], pools);
        }
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
        self.writable && !self.is_mid_frame()
    }

    /// Keeps a pong until it may be sent, instead of an earlier one.
    pub(crate) fn hold_pong(&mut self, frame: &[u8]) {
        self.held.pong = Some(frame.into());
    }

    /// True while a message, or a fragment of one, is half way out: closing has to wait.
    pub(crate) fn is_mid_message(&self) -> bool {
        self.unsent > 0
    }

    /// Keeps a close until the message is out. The first one counts.
    pub(crate) fn hold_close(&mut self, close: Close, cause: CloseCause) {
        self.held
            .close
            .get_or_insert_with(|| Box::new((close, cause)));
    }

    pub(crate) fn holds_close(&self) -> bool {
        self.held.close.is_some()
    }

    pub(crate) fn take_held_close(&mut self) -> Option<(Close, CloseCause)> {
        self.held.close.take().map(|close| *close)
    }

    /// Something with `len` bytes of payload has been taken from the queue.
    #[inline]
    fn count_framed(&mut self, len: usize) {
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

    /// True while no other frame may be sent. What is transformed goes out in frames that are whole.
    fn is_mid_frame(&self) -> bool {
        self.unsent > 0 && !self.transforms
    }

    fn holds_controls(&self) -> bool {
        self.holds_ping || self.held.pong.is_some()
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
const DIRECT_BYTES: usize = 8 * 1024;

/// No codec writes a longer header than WebSocket's ten bytes; with room to spare.
const MAX_HEADER_BYTES: usize = 32;

/// A control frame: 4 bytes of header, 125 of payload (RFC 6455 section 5.5); with room to spare.
const MAX_CONTROL_BYTES: usize = 160;

const _: () = assert!(MAX_HEADER_BYTES <= CHUNK_BYTES && MAX_CONTROL_BYTES <= CHUNK_BYTES);
