//! From the peer to the application: what is decoded, what waits, and how the peer's goodbyes and faults begin the end.

use std::time::{Duration, Instant};

use gev_wire::{
    Close, CloseCause, CloseCode, Codec, Decoded, Fault, Input, Preamble, Proxied, ProxyMode,
    RingBuffer,
};

use crate::close_reason::CloseReason;
use crate::config::Config;
use crate::event::{Event, Events};
use crate::life::By;
use crate::memory_budget::Rank;
use crate::output::Outlet;
use crate::pools::Pools;
use crate::session::{Known, Next, Session};
use crate::sink::SessionSink;

/// What a connection needs around it to receive something.
#[derive(Debug)]
pub struct Around<'a, E, O> {
    /// What the application is told.
    pub events: &'a mut E,
    /// Where output goes.
    pub outlet: &'a mut O,
    /// Of the loop.
    pub pools: &'a mut Pools,
    /// Of the connection.
    pub config: &'a Config,
    /// The time.
    pub now: Instant,
    /// How much of the memory for all connections this one may use.
    pub rank: Rank,
}

impl<E, O> Around<'_, E, O> {
    /// When patience ends with a close that begins now.
    fn deadline(&self) -> Instant {
        self.now + self.config.close_timeout
    }
}

impl Session {
    /// Its turn begins: decodes what is left of earlier ones. When this says [`Next::Wait`], what has arrived may be
    /// [received](Self::receive), if it [wants](Self::wants_input) input and is not [paused](Self::is_paused).
    pub fn go_on<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        self.has_completed = false;
        if self.untold().is_some() {
            return self.tell(around);
        }
        if self.is_paused() || !self.undecoded {
            return Next::Wait;
        }
        let next = self.decode_rest(around);
        if next != Next::Wait {
            return next;
        }
        self.count_memory();
        if self.input_ended && !self.is_held() {
            return self.end_of_input(around);
        }
        Next::Wait
    }

    /// How many of `most` bytes may be received now, as it [may starve](Self::may_starve); 0 when it has to wait for memory.
    #[must_use]
    pub fn ration(&self, rank: Rank, most: usize) -> usize {
        self.share.budget().ration(rank, most, || self.held())
    }

    /// The peer has sent this, together with what was left before.
    pub fn receive<E: Events, O: Outlet>(
        &mut self,
        bytes: &[u8],
        around: &mut Around<'_, E, O>,
    ) -> Next {
        self.watch.note_received();
        if self.life.is_over() {
            return Next::Wait;
        }
        if !self.rest.is_empty() {
            if !self.keep(bytes, around.pools) {
                return self.rest_too_long(around);
            }
            return self.decode_rest(around);
        }
        let mut input = Input::from(bytes);
        let decoded = self.decode(&mut input, around);
        let rest = &bytes[bytes.len() - input.len()..];
        let is_over = matches!(decoded, Ok(Decoded::Closed(_)) | Err(_));
        if is_over || rest.is_empty() || self.keep(rest, around.pools) {
            self.decoded(decoded, around)
        } else {
            self.rest_too_long(around)
        }
    }

    /// The peer has ended its side, and all that came before has been received.
    pub fn receive_end<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        self.input_ended = true;
        self.end_of_input(around)
    }

    /// All that has arrived has been received, and nothing more is waited for if the loop is stopping.
    pub fn look_last<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        if !self.is_held() && self.life.part_for_stop() {
            return self.tell(around);
        }
        Next::Wait
    }

    /// True when the loop is stopping, and this is the last look at what has arrived.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.life.is_stopping()
    }

    /// The peer does not wait for the answer to its request any more.
    pub fn left(&self) -> Next {
        let text = "connection ended before the request was answered";
        Next::Gone(CloseReason::abnormal(CloseCause::Peer, text))
    }

    /// The application can take nothing more for now: TCP tells the peer.
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// The application goes on.
    pub fn resume(&mut self) {
        self.paused = false;
    }

    /// About how many bytes are held for what it has sent and is to be sent.
    fn held(&self) -> u64 {
        let handed_over = self.codec.is_half_way();
        let unfinished = handed_over.then(|| self.codec.unfinished_len());
        self.share.bytes().max(unfinished.unwrap_or(0))
    }

    fn decode_rest<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        if self.life.is_over() {
            self.undecoded = false;
            return Next::Wait;
        }
        let mut rest = std::mem::replace(&mut self.rest, RingBuffer::new(0));
        let mut input = rest.input();
        let before = input.len();
        let decoded = self.decode(&mut input, around);
        let used = before - input.len();
        rest.consume(used);
        self.rest = rest;
        around.pools.take_back(&mut self.rest);
        self.decoded(decoded, around)
    }

    fn decode<E: Events, O: Outlet>(
        &mut self,
        input: &mut Input<'_>,
        around: &mut Around<'_, E, O>,
    ) -> Result<Decoded, Fault> {
        if let Some(mode) = self.preamble
            && !self.read_preamble(mode, input, around.events)?
        {
            return Ok(Decoded::NeedMore);
        }
        if around.config.stepwise && self.life.is_handshaking() {
            // The first byte may be another protocol's too.
            let nothing = &mut Input::default();
            let decoded = self.with_sink(around, |codec, sink| codec.decode(nothing, sink));
            self.awaits_step |= self.life.is_open();
            return decoded;
        }
        self.with_sink(around, |codec, sink| codec.decode(input, sink))
    }

    /// Has the codec do something with a sink.
    #[inline]
    fn with_sink<E: Events, O: Outlet, R>(
        &mut self,
        around: &mut Around<'_, E, O>,
        what: impl FnOnce(&mut dyn Codec, &mut SessionSink<'_, E>) -> R,
    ) -> R {
        let (controls_left, messages_left) = self.left_for_now(around.now, around.config);
        let room_for_more = self.share.budget().growth(around.rank, || self.held());
        let mut sink = SessionSink {
            events: around.events,
            may_pong: self.sending.may_pong(),
            sending: &mut self.sending,
            pools: around.pools,
            recent: &mut self.recent,
            controls_left,
            messages_left,
            life: &mut self.life,
            reserved: 0,
            room_for_more,
            rank: around.rank,
            is_starved: false,
            has_completed: false,
            stepwise: around.config.stepwise,
            has_stepped: false,
        };
        let result = what(&mut *self.codec, &mut sink);
        self.has_completed |= sink.has_completed;
        self.has_ended_frame |= sink.has_completed;
        self.lacks_memory = sink.is_starved;
        self.awaits_step |= sink.has_stepped;
        result
    }

    /// Reads what a proxy says, if it does. False when the next byte has to say whether that is all.
    fn read_preamble(
        &mut self,
        mode: ProxyMode,
        input: &mut Input<'_>,
        events: &mut impl Events,
    ) -> Result<bool, Fault> {
        let (len, proxied) = match Preamble::read(input, mode)? {
            Preamble::NeedMore => return Ok(false),
            Preamble::Nothing => (0, Proxied::NOTHING),
            Preamble::Header(len, proxied) => (len, proxied),
        };
        if !events.proxied(proxied) {
            return Err(TOO_MANY_CONNECTIONS);
        }
        input.consume(len);
        self.preamble = None;
        Ok(true)
    }

    fn decoded<E: Events, O: Outlet>(
        &mut self,
        decoded: Result<Decoded, Fault>,
        around: &mut Around<'_, E, O>,
    ) -> Next {
        self.undecoded = matches!(decoded, Ok(Decoded::Blocked));
        if !self.life.is_handshaking() || self.life.asked().is_some() {
            self.known = Known::Connection;
        }
        // What one read is answered with comes on top, as do the control frames of our own.
        let most = around.config.max_buffered_bytes + around.config.max_read_bytes;
        if !self.life.is_handshaking() && self.sending.output.len() > most {
            return Next::Gone(CloseReason::abnormal(
                CloseCause::Limit,
                "flow.maxBufferedBytes exceeded by replies",
            ));
        }
        if self.life.is_open() && !self.life.is_stopping() {
            // The handshake is done, whatever the event queue has room for.
            self.deadline = None;
        }
        match decoded {
            Ok(Decoded::NeedMore | Decoded::Asked) => Next::Wait,
            Ok(Decoded::Blocked) if self.lacks_memory => Next::Starved,
            Ok(Decoded::Blocked) => Next::Blocked,
            Ok(Decoded::Closed(close)) => self.closed_by_peer(close, around),
            Err(fault) => self.fault(fault, around),
        }
    }

    /// How many pings and pongs, and how many messages, the peer may still send in this second.
    fn left_for_now(&mut self, now: Instant, config: &Config) -> (u32, u32) {
        let recent = &mut self.recent;
        if now.duration_since(recent.since) >= Duration::from_secs(1) {
            recent.since = now;
            recent.controls = 0;
            recent.messages = 0;
        }
        let left = |max: u32, count: u32| match max {
            0 => u32::MAX,
            max => max.saturating_sub(count),
        };
        (
            left(config.max_controls_per_second, recent.controls),
            left(config.max_messages_per_second, recent.messages),
        )
    }

    /// The peer has said goodbye, or has answered ours, or its request was refused.
    fn closed_by_peer<E: Events, O: Outlet>(
        &mut self,
        close: Close,
        around: &mut Around<'_, E, O>,
    ) -> Next {
        if let Some(ours) = self.life.take_outcome() {
            let was_clean = true;
            let reason = CloseReason { was_clean, ..ours };
            self.finish(reason, around.deadline(), around.pools);
            return self.flush(around.outlet, around.pools);
        }
        // Not clean before it is answered.
        let reason = CloseReason::unclean(close, CloseCause::Peer);
        if self.life.is_handshaking() {
            self.known = Known::Answer;
            self.finish(reason, around.deadline(), around.pools);
            return self.flush(around.outlet, around.pools);
        }
        self.deadline = Some(around.deadline());
        self.forget_rest(around.pools);
        self.life.part(By::Peer, Some(reason));
        self.tell(around)
    }

    /// The peer did wrong, and is told so. What the handler owes it for the messages before goes out first, as with a
    /// goodbye of the peer's.
    fn fault<E: Events, O: Outlet>(&mut self, fault: Fault, around: &mut Around<'_, E, O>) -> Next {
        let close = Close::from(fault);
        if self.life.is_open() {
            let reason = CloseReason::unclean(close, fault.cause);
            self.deadline = Some(around.deadline());
            self.forget_rest(around.pools);
            self.life.part(By::Fault, Some(reason));
            return self.tell(around);
        }
        self.goodbye(&close, around.pools);
        // Who has closed before that has said why.
        let ours = self.life.take_outcome();
        let reason = ours.unwrap_or_else(|| CloseReason::unclean(close, fault.cause));
        self.life.finish(reason, true);
        self.deadline = Some(around.deadline());
        self.forget_rest(around.pools);
        self.flush(around.outlet, around.pools)
    }

    /// Tells the handler that nothing more will come: the answer is [`end`](Self::end).
    fn tell<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        let Some(event) = self.untold() else {
            return Next::Wait;
        };
        self.undecoded = around.events.reserve(0).is_none();
        if self.undecoded {
            return Next::Blocked;
        }
        around.events.commit(event);
        self.life.told();
        Next::Wait
    }

    /// The peer has sent FIN and all that came before it has been decoded.
    fn end_of_input<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        let ends_by_fin = self.codec.ends_by_fin();
        if self.life.is_open() && ends_by_fin {
            let rest = std::mem::replace(&mut self.rest, RingBuffer::new(0));
            let told = self.with_sink(around, |codec, sink| {
                codec.end_of_input(&rest.input(), sink)
            });
            self.rest = rest;
            match told {
                Ok(true) => {}
                Ok(false) => {
                    self.undecoded = true;
                    return Next::Blocked;
                }
                Err(fault) => return self.fault(fault, around),
            }
            self.life.part(By::Peer, None);
            return self.tell(around);
        }
        if self.life.is_over() {
            if ends_by_fin {
                self.life.both_said();
            }
            if self.has_output() {
                return Next::Wait;
            }
            return Next::Gone(self.take_outcome());
        }
        let (cause, text) = if self.life.is_handshaking() {
            (CloseCause::Peer, "connection ended during the handshake")
        } else if self.life.may_send() {
            (CloseCause::Peer, "connection ended without a close")
        } else {
            let text = "connection ended without the peer's close";
            (self.take_outcome().cause, text)
        };
        Next::Gone(CloseReason::abnormal(cause, text))
    }

    /// What the handler has to be told of the end that has begun.
    fn untold(&self) -> Option<Event> {
        self.life.untold(self.codec.ends_by_fin())
    }

    fn rest_too_long<E: Events, O: Outlet>(&mut self, around: &mut Around<'_, E, O>) -> Next {
        let fault = Fault::limit(CloseCode::TOO_BIG, "unfinished frame too long");
        self.fault(fault, around)
    }

    fn keep(&mut self, bytes: &[u8], pools: &mut Pools) -> bool {
        pools.lend(&mut self.rest);
        self.rest.write(bytes).is_ok()
    }
}

const TOO_MANY_CONNECTIONS: Fault = Fault::limit(
    CloseCode::POLICY_VIOLATION,
    "too many connections of this client's address",
);
