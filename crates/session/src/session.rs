//! One connection, as far as it is no socket.

use std::fmt;
use std::time::Instant;

use gev_wire::{Codec, ProxyMode, RingBuffer};

use crate::close_reason::CloseReason;
use crate::config::Config;
use crate::event::{Event, Gauges};
use crate::life::Life;
use crate::memory_budget::Share;
use crate::pools::Pools;
use crate::sending::Sending;
use crate::watch::Watch;

/// A connection from accept to its end. Its methods are called by one thread, that of its event loop.
pub struct Session {
    pub(crate) codec: Box<dyn Codec>,
    /// A header of the PROXY protocol comes before what is the codec's, or may come.
    pub(crate) preamble: Option<ProxyMode>,
    pub(crate) life: Life,
    pub(crate) known: Known,
    /// When patience ends with what is under way: the handshake, a close, a stop.
    pub(crate) deadline: Option<Instant>,
    /// Input that was received and is not decoded: an unfinished frame, or what the event queue had no room for.
    pub(crate) rest: RingBuffer,
    /// Decoding has not begun, or stopped for want of room in the event queue, or may go on after an answer.
    pub(crate) undecoded: bool,
    /// It stopped for want of memory, not of room in the event queue.
    pub(crate) lacks_memory: bool,
    /// A message has come to its end since it was last its turn.
    pub(crate) has_completed: bool,
    /// As above, since the time of that was noted last.
    pub(crate) has_ended_frame: bool,
    /// The application wants nothing more for now.
    pub(crate) paused: bool,
    /// Nothing more is decoded before the application has said how to go on.
    pub(crate) awaits_step: bool,
    /// Changes of the protocol that the application has not been told of.
    pub(crate) switches: u32,
    /// The peer has ended its side.
    pub(crate) input_ended: bool,
    pub(crate) sending: Sending,
    /// What it holds, but for what the other end keeps.
    pub(crate) share: Share,
    gauges: Gauges,
    /// For the time between handshake and close.
    pub(crate) watch: Watch,
    pub(crate) recent: Recent,
}

/// What is to be done for a connection next.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Wait for an event.
    Wait,
    /// Come back in the next turn: there is more to read.
    Again,
    /// Come back when the event queue has room.
    Blocked,
    /// Come back when there is memory.
    Starved,
    /// It is over.
    Gone(CloseReason),
}

/// What the application is told of a connection that is over.
#[derive(Debug, PartialEq, Eq)]
pub enum LastWord {
    /// Its end: [`Event::Close`].
    Close(CloseReason),
    /// That a handshake has come to nothing: [`Event::Refused`].
    Refused {
        /// Of the response that the peer has got; 0 for none.
        status: u16,
        /// Why.
        reason: String,
    },
}

/// What the application knows of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing. If it stays so, a handshake has failed; with the status of the response that the peer has got, 0 for none.
    Nothing { status: u16 },
    /// How the codec has answered the request; and that was all.
    Answer,
    /// That it is there, or what it asks for.
    Connection,
}

/// What the peer has sent within a second.
#[derive(Debug)]
pub(crate) struct Recent {
    pub(crate) since: Instant,
    /// Pings and pongs.
    pub(crate) controls: u32,
    pub(crate) messages: u32,
}

impl Session {
    /// A connection that has just been accepted.
    #[must_use]
    pub fn new(codec: Box<dyn Codec>, config: &Config, share: Share, now: Instant) -> Self {
        let sending = Sending::new(codec.max_framing());
        Self {
            codec,
            preamble: None,
            life: Life::new(),
            known: Known::Nothing { status: 0 },
            deadline: Some(now + config.handshake_timeout),
            rest: RingBuffer::new(config.max_read_bytes + MAX_UNFINISHED_BYTES),
            undecoded: true,
            lacks_memory: false,
            has_completed: false,
            has_ended_frame: false,
            paused: false,
            awaits_step: false,
            switches: 0,
            input_ended: false,
            sending,
            share,
            gauges: Gauges::default(),
            watch: Watch::new(now),
            recent: Recent {
                since: now,
                controls: 0,
                messages: 0,
            },
        }
    }

    /// As [`new`](Self::new), with a header of the PROXY protocol in front of everything, or perhaps.
    #[must_use]
    pub fn behind_proxy(self, mode: ProxyMode) -> Self {
        Self {
            preamble: Some(mode),
            ..self
        }
    }

    /// What the application has to be told when this connection is over for this reason.
    #[must_use]
    pub fn last_word(&self, reason: CloseReason) -> Option<LastWord> {
        match self.known {
            Known::Nothing { status } => Some(LastWord::Refused {
                status,
                reason: reason.close.reason,
            }),
            Known::Answer => None,
            Known::Connection => Some(LastWord::Close(reason)),
        }
    }

    /// When this connection has to be looked after: see [`expire`](Self::expire).
    #[must_use]
    pub fn deadline(&self, config: &Config) -> Option<Instant> {
        let is_watched = self.life.may_send();
        let watched = || self.watch.next_deadline(&config.timeouts);
        self.deadline.or_else(|| is_watched.then(watched).flatten())
    }

    /// Notes the time of what has happened to this connection.
    pub fn stamp(&mut self, config: &Config, pools: &Pools) {
        let is_stuck = self.has_output() && !self.sending.writable;
        self.watch
            .stamp(&config.timeouts, is_stuck, || pools.clock.now());
        if !config.timeouts.frame.is_zero() {
            let is_halted = self.undecoded || self.is_paused() || !self.life.is_open();
            let is_mid_frame = !is_halted && self.codec.is_mid_frame(self.rest.len());
            let is_new = std::mem::take(&mut self.has_ended_frame);
            self.watch
                .stamp_frame(is_mid_frame, is_new, || pools.clock.now());
        }
    }

    /// What the application has asked to be told of and has come about, one at a time.
    pub fn next_news(&mut self) -> Option<Event> {
        if self.switches > 0 {
            self.switches -= 1;
            return Some(Event::Switched);
        }
        self.sending.next_news()
    }

    /// True when there is input to decode, whether or not more has arrived.
    #[must_use]
    pub fn has_undecoded(&self) -> bool {
        self.undecoded
    }

    /// True when what the peer sends is read now, be it to throw it away.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        !self.life.awaits_handler() && self.life.asked().is_none()
    }

    /// True while the application wants nothing more. A close from this side needs to see what the peer says to it, and a
    /// last look is a look, as soon as the application has said how to go on.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        let may_wait = self.life.is_handshaking() || self.life.is_open();
        self.is_held() || self.paused && may_wait && !self.life.is_stopping()
    }

    /// True while what comes next depends on what the application says.
    pub(crate) fn is_held(&self) -> bool {
        self.awaits_step && self.life.is_open()
    }

    /// True when what it sends takes memory, as long as its message is not complete or the event queue is full.
    #[must_use]
    pub fn may_starve(&self) -> bool {
        self.life.is_handshaking() || self.life.is_open()
    }

    /// True when it is in the middle of a message.
    #[must_use]
    pub fn is_half_way(&self) -> bool {
        self.codec.is_half_way()
    }

    /// True when it is in the middle of the message that it was in before its turn.
    #[must_use]
    pub fn is_continuing(&self) -> bool {
        !self.has_completed && self.is_half_way()
    }

    /// True when the handler has been told that nothing more comes, and has not answered. Nothing is read then, so that
    /// only an event of the socket tells that there is nobody to answer.
    #[must_use]
    pub fn awaits_handler(&self) -> bool {
        self.life.awaits_handler()
    }

    /// What the application has been asked and has not answered.
    #[must_use]
    pub fn asked(&self) -> Option<gev_wire::Request> {
        self.life.asked()
    }

    /// Counts what it holds. Returns the gauges, if they are not what was returned last.
    pub fn changed_gauges(&mut self) -> Option<Gauges> {
        let input = self.count_memory();
        let gauges = Gauges {
            done: self.sending.done(),
            input: u32::try_from(input).unwrap_or(u32::MAX),
        };
        (gauges != self.gauges).then(|| {
            self.gauges = gauges;
            gauges
        })
    }

    /// Counts what it holds. Returns how many bytes of input wait for the rest of their message.
    pub(crate) fn count_memory(&mut self) -> u64 {
        let input = self.codec.unfinished_len() + self.rest.len() as u64;
        let mut bytes = self.sending.memory();
        if input > 0 {
            bytes += self.rest.capacity() + self.codec.kept_len();
        }
        self.share.set(bytes as u64);
        input
    }

    /// Gives all borrowed memory back.
    pub fn release(mut self, pools: &mut Pools) {
        self.sending.discard(pools);
        self.forget_rest(pools);
    }

    pub(crate) fn forget_rest(&mut self, pools: &mut Pools) {
        self.rest.clear();
        pools.take_back(&mut self.rest);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("life", &self.life)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// No codec leaves more than this of a frame in its input: WebSocket up to 64 KiB, a request that is not complete.
pub(crate) const MAX_UNFINISHED_BYTES: usize = 64 * 1024;
