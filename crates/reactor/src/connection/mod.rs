//! One socket with its protocol, from accept to the last byte.
//!
//! ```text
//!            close()                 peer's goodbye, or error            output empty             peer's FIN
//!   Open ---------------> Closing ------------------------> Finishing ---------------> Lingering ----------> gone
//!     |  peer's goodbye                  close(), end()        ^    `--- (peer's FIN seen already) -----------^
//!     `----------------> HalfClosed -------------------------'
//! ```
//! The peer's goodbye is a protocol's own or, where it has none, FIN. Its answer waits for `end()`, by which the handler
//! says that it has sent what it wants to send for the messages before. So does the answer to a peer that did wrong, and
//! our own goodbye when the loop is stopped.
//!
//! From every state a failed socket, an expired deadline or `destroy` leads to "gone" at once. Input is decoded in
//! `Open` and `Closing` and thrown away later: lingering with the socket open until the peer has closed too keeps the
//! kernel from answering late input with a reset, which could overtake our last bytes.

use std::collections::VecDeque;
use std::time::Instant;

use gev_wire::{Close, Protocol, Request, RingBuffer};
use mio::net::TcpStream;

use crate::addresses::Addresses;
use crate::admission::Admitted;
use crate::bridge::{Event, Gauges};
use crate::close_reason::{CloseCause, CloseReason};
use crate::config::Config;
use crate::event_loop::News;
use crate::http_date::HttpDate;
use crate::memory_budget::{Rank, Share};
use crate::output::{CHUNK_BYTES, ChunkPool, Output};
use crate::slots::ConnectionId;
use crate::watch::Watch;

mod ending;
mod receiving;
mod sending;
#[cfg(test)]
mod tests;

/// A connection as its event loop sees it.
pub(crate) struct Connection {
    id: ConnectionId,
    socket: TcpStream,
    addresses: Addresses,
    _admitted: Admitted,
    protocol: Box<dyn Protocol>,
    /// Input that was read and is not decoded: an unfinished frame, or what the full event queue had no room for.
    rest: RingBuffer,
    output: Output,
    /// The application wants to know when no more than so many bytes of output are left.
    drain_mark: Option<u32>,
    /// Of the bytes that the kernel takes: where the application wants to know that it has come to.
    sent_marks: VecDeque<u64>,
    /// The answer to the latest ping, while the socket takes nothing or a frame is half way out.
    held_pong: Option<Box<[u8]>>,
    /// A ping that waits for the end of a frame.
    held_ping: bool,
    /// An end that waits for the end of a frame.
    held_end: Option<Box<(Close, CloseCause)>>,
    /// The loop is stopping: how the connection is to end when what has arrived has been read.
    last_look: Option<Box<CloseReason>>,
    /// The loop's stop was what began the end.
    is_stopped: bool,
    /// The peer did wrong: nothing is expected of it.
    peer_failed: bool,
    state: State,
    /// Reading may give bytes: set by an event, cleared when the socket has been read empty.
    pub(crate) readable: bool,
    /// Writing may succeed: set by an event, cleared by `WouldBlock`.
    writable: bool,
    /// The peer has sent FIN: a short read does not mean that the socket is empty.
    read_closed: bool,
    /// `read` has returned 0.
    input_ended: bool,
    /// Decoding stopped for want of room in the event queue (or has not begun, or may go on after an answer).
    undecoded: bool,
    /// The application wants nothing more for now.
    paused: bool,
    /// What the application has been asked and has not answered; nothing is read meanwhile.
    asking: Option<Request>,
    /// The response to what it was asked has begun.
    is_answering: bool,
    /// Both directions of the socket are closed, or it has failed.
    hung_up: bool,
    /// The socket has failed, by what an event says: reset by the peer, for example.
    is_broken: bool,
    /// A message was dropped because the end had begun.
    has_dropped: bool,
    known: Known,
    /// What has begun goes through the protocol on its way out.
    transforms: bool,
    /// Payload bytes of the message (or fragment) that has begun and that are still to come.
    unsent: u64,
    /// FIN when the output is empty; reading goes on.
    shutdown_when_flushed: bool,
    /// In the loop's list of connections to read from.
    pub(crate) in_ready: bool,
    /// In the loop's list of connections to flush.
    pub(crate) in_dirty: bool,
    /// In the loop's list of connections that wait for memory.
    pub(crate) is_starved: bool,
    /// Decoding stopped for want of memory, not of room in the event queue.
    lacks_memory: bool,
    /// A message has come to its end since it was last its turn.
    has_completed: bool,
    /// What it holds, but for what the other end keeps.
    share: Share,
    /// What the application has counted for the messages and pings that were taken from the queue, modulo 2^32.
    taken: u32,
    gauges: Gauges,
    /// How the connection ends, decided when the end began.
    outcome: Option<CloseReason>,
    /// When patience ends with a handshake or a close that is under way.
    deadline: Option<Instant>,
    /// For the time between handshake and close.
    watch: Watch,
    recent: Recent,
    /// The deadline of this connection's entry in the timer wheel.
    pub(crate) armed: Option<Instant>,
}

/// What a connection needs of its loop.
pub(crate) struct Surroundings<'a, B> {
    pub(crate) bridge: &'a mut B,
    pub(crate) read_buffer: &'a mut [u8],
    pub(crate) pools: &'a mut Pools,
    pub(crate) config: &'a Config,
    pub(crate) now: Instant,
    /// How much of the memory for all connections this one may use.
    pub(crate) rank: Rank,
}

/// What connections of one loop borrow: memory, and the time that their responses tell.
pub(crate) struct Pools {
    pub(crate) date: HttpDate,
    pub(crate) chunks: ChunkPool,
    pub(crate) rings: Vec<Box<[u8]>>,
}

/// What the loop has to do for a connection next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait for an event.
    Wait,
    /// Come back in the next turn: there is more to read.
    Again,
    /// Come back when the event queue has room.
    Blocked,
    /// Come back when there is memory.
    Starved,
    /// Remove it.
    Gone(CloseReason),
}

/// What the peer has sent within a second.
struct Recent {
    since: Instant,
    /// Pings and pongs.
    controls: u32,
    messages: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    HalfClosed,
    Closing,
    Finishing,
    Lingering,
}

/// What the application knows of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing. If it stays so, a handshake has failed; with the status of the response that the peer has got, 0 for none.
    Nothing { status: u16 },
    /// How the protocol has answered the request; and that was all.
    Answer,
    /// That it is there, or what it asks for.
    Connection,
}

/// A socket that has been accepted, and may come in.
pub(crate) type Accepted = (TcpStream, Addresses, Admitted);

impl<B> Surroundings<'_, B> {
    /// When patience ends with a close that begins now.
    fn deadline(&self) -> Instant {
        self.now + self.config.close_timeout
    }
}

impl Connection {
    pub(crate) fn new(
        id: ConnectionId,
        (socket, addresses, admitted): Accepted,
        protocol: Box<dyn Protocol>,
        config: &Config,
        share: Share,
        now: Instant,
    ) -> Self {
        Self {
            id,
            socket,
            addresses,
            _admitted: admitted,
            protocol,
            rest: RingBuffer::new(config.read_buffer_bytes + MAX_UNFINISHED_BYTES),
            output: Output::default(),
            drain_mark: None,
            sent_marks: VecDeque::new(),
            held_pong: None,
            held_ping: false,
            held_end: None,
            last_look: None,
            is_stopped: false,
            peer_failed: false,
            state: State::Open,
            readable: false,
            writable: true,
            read_closed: false,
            input_ended: false,
            undecoded: true,
            paused: false,
            asking: None,
            is_answering: false,
            hung_up: false,
            is_broken: false,
            has_dropped: false,
            known: Known::Nothing { status: 0 },
            transforms: false,
            unsent: 0,
            shutdown_when_flushed: false,
            in_ready: false,
            in_dirty: false,
            is_starved: false,
            lacks_memory: false,
            has_completed: false,
            share,
            taken: 0,
            gauges: Gauges::default(),
            outcome: None,
            deadline: Some(now + config.handshake_timeout),
            watch: Watch::new(now),
            recent: Recent {
                since: now,
                controls: 0,
                messages: 0,
            },
            armed: None,
        }
    }

    /// True once its handshake is done.
    pub(crate) fn is_open(&self) -> bool {
        self.protocol.is_open()
    }

    /// What the application has to be told when this connection is gone.
    pub(crate) fn last_news(&self, reason: CloseReason) -> Option<News> {
        match self.known {
            Known::Nothing { status } => Some(News::Refused {
                addresses: self.addresses,
                status,
                reason: reason.close.reason,
            }),
            Known::Answer => None,
            Known::Connection => Some(News::Close(reason)),
        }
    }

    /// When the loop has to look after this connection.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        self.deadline.or_else(|| match self.state {
            State::Open | State::HalfClosed => self.watch.next_deadline(&config.timeouts),
            _ => None,
        })
    }

    /// Notes the time of what has happened to this connection.
    pub(crate) fn stamp(&mut self, config: &Config) {
        let is_stuck = self.has_output() && !self.writable;
        self.watch.stamp(&config.timeouts, is_stuck, Instant::now);
    }

    /// What the application has asked to be told of and has come about, one at a time.
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

    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// True when flushing would do something: there is output, or a step to take once there is none.
    pub(crate) fn wants_flush(&self) -> bool {
        (self.has_output() && self.writable)
            || (self.state == State::Finishing && !self.has_output())
    }

    /// True when there is something to decode, or to read and throw away.
    pub(crate) fn wants_turn(&self) -> bool {
        let has_input = self.undecoded || (self.reads() && self.readable);
        let waits = self.is_paused() || (self.is_starved && self.may_starve());
        (has_input && !waits) || self.has_left() || self.is_lost()
    }

    /// True when what it sends takes memory, as long as its message is not complete or the event queue is full.
    pub(crate) fn may_starve(&self) -> bool {
        self.state == State::Open && self.outcome.is_none() && !self.hung_up
    }

    /// True when the peer has sent all that it will ever send.
    pub(crate) fn has_peer_ended(&self) -> bool {
        self.read_closed
    }

    /// True when it is in the middle of a message.
    pub(crate) fn is_half_way(&self) -> bool {
        self.protocol.is_half_way()
    }

    /// True when it is in the middle of the message that it was in before its turn.
    pub(crate) fn is_continuing(&self) -> bool {
        !self.has_completed && self.is_half_way()
    }

    /// The peer does not wait for the answer to its request any more. For a response half a connection is enough.
    fn has_left(&self) -> bool {
        match self.asking {
            Some(Request::Upgrade) => self.read_closed || self.hung_up,
            Some(Request::Plain) => self.hung_up,
            None => false,
        }
    }

    /// Nothing is read any more, so that only an event tells that there is nobody to answer.
    fn is_lost(&self) -> bool {
        self.state == State::HalfClosed && self.is_broken
    }

    fn reads(&self) -> bool {
        self.state != State::HalfClosed && self.asking.is_none()
    }

    /// The peer has sent something that has not been looked at, so that it is not silent.
    fn is_unread(&self) -> bool {
        self.undecoded || (self.readable && self.reads())
    }

    /// A close from this side needs to see what the peer says to it, and a last look is a look.
    pub(crate) fn is_paused(&self) -> bool {
        let goes_on = self.outcome.is_none() && self.last_look.is_none();
        self.paused && self.state == State::Open && goes_on
    }

    /// Notes what an event of the poll says. Returns true when output can be written that could not before.
    pub(crate) fn note(&mut self, event: &mio::event::Event) -> bool {
        self.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
        self.read_closed |= event.is_read_closed();
        self.hung_up |= event.is_error() || event.is_write_closed();
        self.is_broken |= tells_of_failure(event);
        let unblocked = !self.writable && event.is_writable();
        self.writable |= event.is_writable();
        unblocked && (self.has_output() || self.state == State::Finishing)
    }

    /// Counts what it holds. Returns the gauges, if they are not what was returned last.
    pub(crate) fn changed_gauges(&mut self) -> Option<Gauges> {
        let input = self.count_memory();
        let gauges = Gauges {
            done: self.taken.wrapping_sub(self.output.len() as u32),
            input: u32::try_from(input).unwrap_or(u32::MAX),
        };
        (gauges != self.gauges).then(|| {
            self.gauges = gauges;
            gauges
        })
    }

    /// Counts what it holds. Returns how many bytes of input wait for the rest of their message.
    fn count_memory(&mut self) -> u64 {
        let input = self.protocol.unfinished_len() + self.rest.len() as u64;
        let mut bytes = self.output.memory() + self.sent_marks.capacity() * size_of::<u64>();
        if input > 0 {
            bytes += self.rest.capacity() + self.protocol.kept_len();
        }
        self.share.set(bytes as u64);
        input
    }

    /// Gives all borrowed memory back.
    pub(crate) fn release(mut self, pools: &mut Pools) {
        self.output.discard(&mut pools.chunks);
        self.forget_rest(pools);
    }
}

/// A reset, for example. What Windows calls an abort is for mio the end of both directions, and no error; elsewhere both
/// directions may have ended as they should.
fn tells_of_failure(event: &mio::event::Event) -> bool {
    event.is_error() || cfg!(windows) && event.is_write_closed()
}

/// No protocol leaves more than this of a frame in its input: WebSocket up to 64 KiB, a request that is not complete.
const MAX_UNFINISHED_BYTES: usize = 64 * 1024;

/// A control frame: 4 bytes of header, 125 of payload (RFC 6455 section 5.5); with room to spare.
const MAX_CONTROL_BYTES: usize = 512;

const _: () = assert!(MAX_CONTROL_BYTES <= CHUNK_BYTES);
