//! From the socket to the protocol: reading within a budget, decoding, and what the outcome of that is.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use gev_wire::{Close, Decoded, Input, PART_BYTES, ProtocolError, RingBuffer};

use super::{Connection, Known, Next, Pools, State, Surroundings};
use crate::bridge::{Bridge, Event};
use crate::close_reason::{CloseCause, CloseReason};
use crate::config::Config;
use crate::sink::LoopSink;

impl Connection {
    /// Decodes what is left, then reads and decodes until the socket is empty or the budget is spent.
    pub(crate) fn fill<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        self.has_completed = false;
        if self.state == State::Open && self.outcome.is_some() {
            return self.tell(self.end_event(), around);
        }
        if self.is_lost() {
            return self.broken();
        }
        if self.has_left() {
            let text = "connection ended before the request was answered";
            return Next::Gone(CloseReason::abnormal(CloseCause::Peer, text));
        }
        if self.is_paused() {
            return Next::Wait;
        }
        if self.undecoded {
            let next = self.decode_rest(around);
            if next != Next::Wait {
                return next;
            }
            self.count_memory();
            if self.input_ended {
                return self.end_of_input(around);
            }
        }
        let mut budget = around.config.read_budget_bytes;
        while self.readable && self.reads() {
            if budget == 0 {
                if self.last_look.is_some() {
                    break;
                }
                return Next::Again;
            }
            let most = self.ration(around);
            if most == 0 {
                return Next::Starved;
            }
            match self.socket.read(&mut around.read_buffer[..most]) {
                Ok(0) => {
                    self.readable = false;
                    self.input_ended = true;
                    if self.is_broken {
                        return self.broken();
                    }
                    return self.end_of_input(around);
                }
                Ok(n) => {
                    // Where memory is scarce, what comes of a little is awaited first.
                    let is_scarce = most < PART_BYTES.min(around.read_buffer.len());
                    budget = if is_scarce {
                        0
                    } else {
                        budget.saturating_sub(n)
                    };
                    self.watch.note_received();
                    self.readable = n == most || self.read_closed || !SHORT_READ_IS_LAST;
                    let next = self.decode_read(n, around);
                    if next != Next::Wait {
                        return next;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.failed(&error),
            }
        }
        if self.state == State::Open
            && self.is_open()
            && let Some(reason) = self.last_look.take()
        {
            self.outcome = Some(*reason);
            self.is_stopped = true;
            return self.tell(Event::Stop, around);
        }
        Next::Wait
    }

    /// How many bytes may be read.
    fn ration<B>(&self, around: &Surroundings<'_, B>) -> usize {
        let (rank, most) = (around.rank, around.read_buffer.len());
        if self.may_starve() {
            self.share.budget().ration(rank, most, || self.held())
        } else {
            most
        }
    }

    /// About how many bytes are held for what it has sent and is to be sent.
    fn held(&self) -> u64 {
        let handed_over = self.protocol.is_half_way();
        let unfinished = handed_over.then(|| self.protocol.unfinished_len());
        self.share.bytes().max(unfinished.unwrap_or(0))
    }

    /// The application can take nothing more for now: TCP tells the peer.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// The application goes on.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
    }

    /// Decodes the `n` bytes that were read, together with what was left before.
    fn decode_read<B: Bridge>(&mut self, n: usize, around: &mut Surroundings<'_, B>) -> Next {
        if self.is_over() {
            return Next::Wait;
        }
        if !self.rest.is_empty() {
            if !self.keep(&around.read_buffer[..n], around.pools) {
                return self.rest_too_long(around);
            }
            return self.decode_rest(around);
        }
        let read_buffer = std::mem::take(&mut around.read_buffer);
        let mut input = Input::from(&read_buffer[..n]);
        let decoded = self.decode(&mut input, around);
        let rest = &read_buffer[n - input.len()..n];
        let is_over = matches!(decoded, Ok(Decoded::Closed(_)) | Err(_));
        let is_kept = is_over || rest.is_empty() || self.keep(rest, around.pools);
        around.read_buffer = read_buffer;
        if is_kept {
            self.decoded(decoded, around)
        } else {
            self.rest_too_long(around)
        }
    }

    fn decode_rest<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        if self.is_over() {
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
        self.release_ring(around.pools);
        self.decoded(decoded, around)
    }

    fn decode<B: Bridge>(
        &mut self,
        input: &mut Input<'_>,
        around: &mut Surroundings<'_, B>,
    ) -> Result<Decoded, ProtocolError> {
        let (controls_left, messages_left) = self.left_for_now(around.now, around.config);
        let room_for_more = self.share.budget().growth(around.rank, || self.held());
        let may_pong = self.writable && !self.is_mid_frame();
        let mut sink = LoopSink {
            id: self.id,
            addresses: &self.addresses,
            bridge: around.bridge,
            output: &mut self.output,
            chunks: &mut around.pools.chunks,
            date: &mut around.pools.date,
            may_pong,
            held_pong: &mut self.held_pong,
            controls: &mut self.recent.controls,
            controls_left,
            messages: &mut self.recent.messages,
            messages_left,
            asked: &mut self.asking,
            reserved: 0,
            room_for_more,
            rank: around.rank,
            is_starved: false,
            has_completed: false,
        };
        let decoded = self.protocol.decode(input, &mut sink);
        self.has_completed |= sink.has_completed;
        self.lacks_memory = sink.is_starved;
        decoded
    }

    fn decoded<B: Bridge>(
        &mut self,
        decoded: Result<Decoded, ProtocolError>,
        around: &mut Surroundings<'_, B>,
    ) -> Next {
        self.undecoded = matches!(decoded, Ok(Decoded::Blocked));
        if self.is_open() || matches!(decoded, Ok(Decoded::Asked)) {
            self.known = Known::Connection;
        }
        // What one read is answered with comes on top, as do the control frames of our own.
        let most = around.config.max_buffered_bytes + around.config.read_buffer_bytes;
        if self.is_open() && self.output.len() > most {
            return Next::Gone(CloseReason::abnormal(
                CloseCause::Limit,
                "maxBufferedBytes exceeded by replies",
            ));
        }
        let ends = self.outcome.is_some() || self.held_end.is_some();
        if self.state == State::Open && self.is_open() && !ends {
            // The handshake is done, whatever the event queue has room for.
            self.deadline = None;
        }
        match decoded {
            Ok(Decoded::NeedMore) => Next::Wait,
            Ok(Decoded::Blocked) if self.lacks_memory => Next::Starved,
            Ok(Decoded::Blocked) => Next::Blocked,
            Ok(Decoded::Asked) => Next::Wait,
            Ok(Decoded::Closed(close)) => match self.outcome.take() {
                Some(ours) => {
                    let was_clean = true;
                    let reason = CloseReason { was_clean, ..ours };
                    self.finish(reason, around.deadline(), around.pools);
                    self.flush(around.pools)
                }
                None => {
                    let reason = CloseReason {
                        close,
                        cause: CloseCause::Peer,
                        // Not before it is answered.
                        was_clean: false,
                    };
                    if !self.is_open() {
                        self.known = Known::Answer;
                        self.finish(reason, around.deadline(), around.pools);
                        return self.flush(around.pools);
                    }
                    self.outcome = Some(reason);
                    self.deadline = Some(around.deadline());
                    self.forget_rest(around.pools);
                    self.tell(Event::End, around)
                }
            },
            Err(error) => {
                let cause = if matches!(error.code, TOO_BIG | POLICY_VIOLATION | TRY_LATER) {
                    CloseCause::Limit
                } else {
                    CloseCause::Protocol
                };
                self.fail(Close::from(error), cause, around)
            }
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

    /// What the handler is told of the end that has begun.
    fn end_event(&self) -> Event {
        if self.is_stopped {
            Event::Stop
        } else {
            Event::End
        }
    }

    /// Tells the handler that nothing more will come: the answer is [`end`](Self::end).
    pub(super) fn tell<B: Bridge>(
        &mut self,
        event: Event,
        around: &mut Surroundings<'_, B>,
    ) -> Next {
        self.undecoded = around.bridge.reserve(0).is_none();
        if self.undecoded {
            return Next::Blocked;
        }
        around.bridge.commit(self.id, event);
        self.state = State::HalfClosed;
        Next::Wait
    }

    /// The peer has sent FIN and all that came before it has been decoded.
    fn end_of_input<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        match self.state {
            State::Open if self.protocol.ends_by_fin() && self.is_open() => {
                self.tell(Event::End, around)
            }
            State::Open | State::HalfClosed => {
                let text = if self.is_open() {
                    "connection ended without a close"
                } else {
                    "connection ended during the handshake"
                };
                Next::Gone(CloseReason::abnormal(CloseCause::Peer, text))
            }
            State::Closing => {
                let cause = self.take_outcome().cause;
                Next::Gone(CloseReason::abnormal(
                    cause,
                    "connection ended without the peer's close",
                ))
            }
            State::Finishing | State::Lingering => {
                let both_said = self.protocol.ends_by_fin();
                if let Some(outcome) = self.outcome.as_mut().filter(|_| both_said) {
                    outcome.was_clean = true;
                }
                if self.has_output() {
                    return Next::Wait;
                }
                Next::Gone(self.take_outcome())
            }
        }
    }

    fn rest_too_long<B: Bridge>(&mut self, around: &mut Surroundings<'_, B>) -> Next {
        let close = Close::new(TOO_BIG, "unfinished frame too long");
        self.fail(close, CloseCause::Limit, around)
    }

    fn keep(&mut self, bytes: &[u8], pools: &mut Pools) -> bool {
        if self.rest.capacity() == 0
            && let Some(storage) = pools.rings.pop()
        {
            self.rest.give_storage(storage);
        }
        self.rest.write(bytes).is_ok()
    }

    pub(super) fn forget_rest(&mut self, pools: &mut Pools) {
        self.rest.clear();
        self.release_ring(pools);
    }

    fn release_ring(&mut self, pools: &mut Pools) {
        if !self.rest.is_empty() || self.rest.capacity() == 0 {
            return;
        }
        let storage = self.rest.take_storage();
        if storage.len() <= MAX_POOLED_RING_BYTES && pools.rings.len() < MAX_POOLED_RINGS {
            pools.rings.push(storage);
        }
    }
}

/// On epoll and kqueue a read that gives fewer bytes than asked for has emptied the socket (epoll(7), question 9), so
/// that the read that would say `WouldBlock` can be saved. Windows needs that `WouldBlock` to arm its readiness again.
const SHORT_READ_IS_LAST: bool = cfg!(unix);

/// Storage of a ring that goes to the pool and how many of them: a megabyte in all.
const MAX_POOLED_RING_BYTES: usize = 16 * 1024;
const MAX_POOLED_RINGS: usize = 64;

/// RFC 6455 section 7.4.1.
const POLICY_VIOLATION: u16 = 1008;
const TOO_BIG: u16 = 1009;
/// Registered later, for a server that is short of something.
const TRY_LATER: u16 = 1013;
